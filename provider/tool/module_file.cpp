#include "provider/tool/module_file.hpp"

#include <array>
#include <climits>

#include <unistd.h>

#include "provider/host/file.hpp"
#include "provider/tool/elf_file.hpp"

namespace ostrust::tool {
namespace {

/// `path` as a pattern that matches nothing else.
std::string Literally(const std::string& path) {
  std::string pattern;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace

ModuleFile FindModule(const std::string& tool) {
  ModuleFile found;
  const std::string directory = tool.substr(0, tool.rfind('/') + 1);
  const std::string prefix = directory + "../";
  std::vector<std::string> candidates = {
      directory + "ostrust.so",
      prefix + OSTRUST_LIBDIR + "/ostrust/ostrust.so",
      prefix + "lib/ostrust/ostrust.so",
  };
  found.tried = candidates;
  found.tried.push_back(prefix + "lib/*/ostrust/ostrust.so");
  for (const std::string& path :
       host::FilesMatching(Literally(prefix) + "lib/*/ostrust/ostrust.so")) {
    candidates.push_back(path);
  }
  for (const std::string& path : candidates) {
    if (!ElfFile(path).IsOurs()) continue;
    found.path = host::RealPath(path);
    break;
  }
  return found;
}

std::string OwnPath() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  return size <= 0 ? std::string() : std::string(path.data(), static_cast<std::size_t>(size));
}

}  // namespace ostrust::tool
