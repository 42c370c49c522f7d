#include "provider/tool/text.hpp"

#include <algorithm>

namespace ostrust::tool {

bool Has(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace ostrust::tool
