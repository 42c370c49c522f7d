#include <chrono>
#include <cstdlib>
#include <sstream>

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/tool/child_process.hpp"
#include "provider/tool/elf_file.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

constexpr std::chrono::seconds kLimit{10};

bool IsExecutableFile(const std::string& path) {
  return KindOf(path) == FileKind::kRegular && ::access(path.c_str(), X_OK) == 0;
}

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::string FindExecutable(std::string_view name) {
  if (name.empty()) return {};
  if (name.find('/') != std::string_view::npos) {
    return IsExecutableFile(std::string(name)) ? std::string(name) : std::string();
  }
  const char* const path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    std::string candidate = directory.empty() ? "./" : directory + "/";
    candidate += name;
    if (IsExecutableFile(candidate)) return candidate;
  }
  return {};
}

std::string CommandName(const std::string& path) {
  return FileNameOf(path);
}

bool IsSetUserId(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID)) != 0;
}

/// "#!/usr/bin/env python3" -> "python3"; "#!/usr/bin/python3 -E" -> "/usr/bin/python3".
std::optional<std::string> InterpreterOf(const std::string& file) {
  const auto line = FirstLineOfScript(file);
  if (!line) return std::nullopt;
  std::istringstream words(*line);
  std::string word;
  words >> word;
  if (FileNameOf(word) == "env") {
    while (words >> word && (word.front() == '-' || word.find('=') != std::string::npos)) {
    }
  }
  return word;
}

bool IsForThisMachine(const std::string& file) {
  return ElfFile(file).IsOurs();
}

bool ExportsOpenSsl(const std::string& file) {
  return ElfFile(file).Exports("OPENSSL_init_crypto");
}

std::string HiddenOpenSslVersion(const std::string&) {
  return {};  // a file that has the words may link OpenSSL, mention it, or load it later
}

/// What the dynamic loader gives an ELF file for libcrypto, asked with --list: it maps what the
/// file needs and runs none of it.
Library LinkedLibcrypto(const std::string& file, const std::string&) {
  const std::string loader = OwnLoader();
  if (loader.empty()) return {{}, "this tool has no dynamic loader to ask"};
  const ChildOutcome listed = RunCommand({loader, "--list", file}, kLimit);
  std::istringstream lines(listed.out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t name = line.find_first_not_of(" \t");
    if (name == std::string::npos || line.compare(name, 13, "libcrypto.so.") != 0) continue;
    const std::size_t arrow = line.find(" => ");
    if (arrow == std::string::npos) continue;
    const std::string path = line.substr(arrow + 4, line.rfind(" (") - arrow - 4);
    if (path.empty() || path.front() != '/') return {{}, FirstLine(line.substr(name))};
    return {path, {}};
  }
  if (listed.Succeeded()) return {};
  const std::string error = FirstLine(listed.err);
  return {{}, error.empty() ? "the dynamic loader " + listed.Describe() : error};
}

std::string AnyLibcrypto() {
  const std::string openssl = FindExecutable("openssl");
  if (!openssl.empty()) {
    const Library library = LinkedLibcrypto(openssl, openssl);
    if (!library.path.empty()) return library.path;
  }
  for (const char* const name : {"libcrypto.so.4", "libcrypto.so.3"}) {
    const ChildOutcome loaded =
        RunForked([&] { return ::dlopen(name, RTLD_NOW) == nullptr ? "" : "yes"; }, kLimit);
    if (!loaded.out.empty()) return name;
  }
  return "libcrypto.so.3";  // whoever loads it says that there is none
}

}  // namespace ostrust::tool
