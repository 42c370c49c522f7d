// write(2) until all is written. Not on Windows.
#pragma once

#include <string_view>

namespace ostrust::tool {

/// False, with errno, when not all of it could be.
bool WriteAll(int fd, std::string_view content);

}  // namespace ostrust::tool
