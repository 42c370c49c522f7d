#include <cstdint>
#include <string_view>

#include <mach-o/dyld.h>

#include "provider/tool/library.hpp"

namespace ostrust::tool {

std::string LoadedFile(const std::string& name) {
  for (std::uint32_t i = 0; i < ::_dyld_image_count(); ++i) {
    const char* const image = ::_dyld_get_image_name(i);
    const std::string_view path = image == nullptr ? "" : image;
    if (path.substr(path.rfind('/') + 1) == name) return std::string(path);
  }
  return {};
}

}  // namespace ostrust::tool
