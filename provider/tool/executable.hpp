// Program files: how they are found, and what of OpenSSL is in them. None is run.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ostrust::tool {

/// The path of `name` on PATH, or `name` itself if it names a directory; empty when there is no
/// such executable file. On Windows with the extensions of PATHEXT, and never in the working
/// directory, where cmd.exe would look first.
std::string FindExecutable(std::string_view name);

/// What a program is known by: its file's name, on Windows in lower case and without ".exe".
std::string CommandName(const std::string& path);

/// Set-user-ID or set-group-ID: such a program reads no OPENSSL_CONF.
bool IsSetUserId(const std::string& path);

/// What the file, a script or the like, is started with; nullopt for a program.
std::optional<std::string> InterpreterOf(const std::string& file);

/// What follows "#!" in a script; nullopt for other files, and on Windows absent.
std::optional<std::string> FirstLineOfScript(const std::string& path);

/// Whether the file is a program or library for this machine's kind of process.
bool IsForThisMachine(const std::string& file);

/// Whether the program has OpenSSL inside and exports it.
bool ExportsOpenSsl(const std::string& file);

/// The version of an OpenSSL inside that is not exported, where the file gives it away; empty where
/// it does not, or has none.
std::string HiddenOpenSslVersion(const std::string& file);

struct Library {
  std::string path;   // empty when none is linked
  std::string error;  // why that cannot be told
};

/// The libcrypto that `file` gets, a program or a library that `program` loads.
Library LinkedLibcrypto(const std::string& file, const std::string& program);

/// A libcrypto to read configuration files with when the program's own cannot be used: the one of
/// the openssl command, else what the dynamic loader finds by name.
std::string AnyLibcrypto();

}  // namespace ostrust::tool
