// What the tool asks the operating system for, beside the files that host/file.hpp reads. Texts are
// UTF-8 on Windows and bytes elsewhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ostrust::tool {

/// The module's file name.
extern const char* const kModuleName;

/// What follows the program's name on the command line that main() got.
std::vector<std::string> Arguments(int argc, char** argv);

/// Before anything else: where one of the three standard streams is closed, something that cannot
/// be used takes its number until another program is executed, so that no file of ours does.
/// Nothing on Windows, which has no numbers of that kind.
void OpenStandardStreams();

/// To standard output and standard error; on Windows also to a console, whatever its code page is.
/// Print() throws std::runtime_error when not all of it can be written; whoever reads standard
/// error gets what there is.
void Print(const std::string& text);
void PrintError(const std::string& text);

/// getenv(3), setenv(3) and unsetenv(3). On Windows the C runtimes of other libraries, which have
/// copies of the environment, see no change: only programs started afterwards do.
std::optional<std::string> GetVariable(const char* name);
void SetVariable(const char* name, const std::string& value);
void UnsetVariable(const char* name);

/// How a person sets or removes a variable in a shell: a clause that begins with a verb.
std::string HowToSet(const std::string& name, const std::string& value);
std::string HowToUnset(const std::string& names);

enum class FileKind { kNone, kRegular, kDirectory, kOther };

/// Of what `path` leads to, links followed.
FileKind KindOf(const std::string& path);

/// Whether there is anything of this name, a link that leads nowhere too.
bool IsThere(const std::string& path);

/// Whether the file can be read. If not, `why` says it in a clause and `exists` whether there is
/// one at all.
bool CanRead(const std::string& path, bool& exists, std::string& why);

/// The parts of a path: up to its last separator, that included, and what follows.
std::string DirectoryOf(const std::string& path);
std::string FileNameOf(const std::string& path);

/// `path` seen from the working directory of now.
std::string Absolute(const std::string& path);

/// `path` as it is written in a configuration file, before escapes: with slashes, as a backslash is
/// an escape there.
std::string InConfiguration(std::string path);

/// Whether a backslash in a path is a separator.
extern const bool kBackslashSeparates;

/// Where an installation keeps the configuration file and the marker file.
std::string CustomaryFile(const char* name);

/// This program's file, links followed.
std::string OwnPath();

}  // namespace ostrust::tool
