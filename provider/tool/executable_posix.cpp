#include <cstdlib>
#include <fstream>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

#include "provider/tool/executable.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

bool IsExecutableFile(const std::string& path) {
  return KindOf(path) == FileKind::kRegular && ::access(path.c_str(), X_OK) == 0;
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

std::optional<std::string> FirstLineOfScript(const std::string& path) {
  constexpr std::size_t kMost = 256;  // as much as Linux reads: execve(2)
  constexpr std::string_view kEnds("\n\0", 2);
  std::ifstream file(path, std::ios::binary);
  std::string text(kMost, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!text.starts_with("#!")) return std::nullopt;
  return text.substr(2, text.find_first_of(kEnds, 2) - 2);
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

}  // namespace ostrust::tool
