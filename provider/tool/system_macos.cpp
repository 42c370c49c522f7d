#include <cstdint>

#include <mach-o/dyld.h>

#include "provider/host/file.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {

const char* const kModuleName = "ostrust.dylib";

std::string OwnPath() {
  std::uint32_t size = 0;
  ::_NSGetExecutablePath(nullptr, &size);  // dyld(3): says how much is needed
  std::string path(size, '\0');
  if (::_NSGetExecutablePath(path.data(), &size) != 0) return {};
  return host::RealPath(path.c_str());
}

}  // namespace ostrust::tool
