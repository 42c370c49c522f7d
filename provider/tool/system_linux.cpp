#include <array>
#include <climits>

#include <unistd.h>

#include "provider/tool/system.hpp"

namespace ostrust::tool {

const char* const kModuleName = "ostrust.so";

std::string OwnPath() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  return size <= 0 ? std::string() : std::string(path.data(), static_cast<std::size_t>(size));
}

}  // namespace ostrust::tool
