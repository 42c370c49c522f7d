#include "provider/tool/system.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/host/file.hpp"

namespace ostrust::tool {

const bool kBackslashSeparates = false;

std::vector<std::string> Arguments(int argc, char** argv) {
  return {argv + 1, argv + argc};
}

void OpenStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // It gets the lowest number that is free, this one. For the wrong direction, as glibc does it
    // for set-user-ID programs: each use fails.
    ::open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
  }
}

void Print(const std::string& text) {
  errno = 0;
  std::cout << text << std::flush;
  if (std::cout) return;
  throw std::runtime_error(std::string("standard output cannot be written: ") +
                           std::strerror(errno));
}

void PrintError(const std::string& text) {
  std::cerr << text;
}

std::optional<std::string> GetVariable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void SetVariable(const char* name, const std::string& value) {
  ::setenv(name, value.c_str(), 1);
}

void UnsetVariable(const char* name) {
  ::unsetenv(name);
}

std::string HowToSet(const std::string& name, const std::string& value) {
  return "export " + name + "=" + value;
}

std::string HowToUnset(const std::string& names) {
  return "unset " + names;
}

FileKind KindOf(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return FileKind::kNone;
  if (S_ISREG(status.st_mode)) return FileKind::kRegular;
  return S_ISDIR(status.st_mode) ? FileKind::kDirectory : FileKind::kOther;
}

bool IsThere(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

bool CanRead(const std::string& path, bool& exists, std::string& why) {
  exists = true;
  if (::access(path.c_str(), R_OK) == 0) return true;
  exists = errno != ENOENT && errno != ENOTDIR;
  why = std::strerror(errno);
  return false;
}

std::string DirectoryOf(const std::string& path) {
  return path.substr(0, path.rfind('/') + 1);
}

std::string FileNameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string Absolute(const std::string& path) {
  if (path.empty() || host::IsAbsolute(path)) return path;
  return host::RealPath(".") + "/" + path;
}

std::string InConfiguration(std::string path) {
  return path;
}

std::string CustomaryFile(const char* name) {
  return std::string(OSTRUST_CONFIG_DIR "/") + name;
}

}  // namespace ostrust::tool
