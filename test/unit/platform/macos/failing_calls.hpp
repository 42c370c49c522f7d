// Functions of the double's frameworks that fail at a call that a test names: the program is linked
// with --wrap for each of them (CMakeLists.txt).
#pragma once

#include <string>

namespace ostrust::platform::macos {

/// From now on the call with this number fails, counting from 0 all calls of all these functions:
/// it returns null, errSecAllocate or false, and makes nothing. A negative number: none does.
void FailAt(int number);

/// Which function has failed since FailAt(); empty when none has.
std::string Failed();

}  // namespace ostrust::platform::macos
