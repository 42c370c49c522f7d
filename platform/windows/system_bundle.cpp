#include "platform/system_bundle.hpp"

namespace ostrust::platform {

// Windows keeps its certificates in stores, not in files.
bool IsSystemBundle(const std::string& /*path*/) {
  return false;
}

bool IsSystemDirectory(const std::string& /*path*/) {
  return false;
}

}  // namespace ostrust::platform
