// What image_posix.cpp asks of the file for ELF or Mach-O.
#pragma once

#include <vector>

namespace ostrust::host {

/// An address in the program and in each loaded image that has "ssl" in its file's name.
std::vector<const void*> SslAddresses();

}  // namespace ostrust::host
