// What the standard library has not for texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ostrust::tool {

bool Has(const std::vector<std::string>& all, std::string_view one);

}  // namespace ostrust::tool
