#include "provider/tool/layers.hpp"

namespace ostrust::tool {

std::optional<Layers> LookAtLayers(const std::map<std::string, std::string>&) {
  return std::nullopt;
}

}  // namespace ostrust::tool
