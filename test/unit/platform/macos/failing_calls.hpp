// Functions of the double's frameworks that fail at a call that a test names: the program is linked
// with --wrap for each of them (CMakeLists.txt), which Apple's linker does not have.
#pragma once

#include <string>

namespace ostrust::platform::macos {

/// Whether any can be made to fail.
#ifdef __APPLE__
inline constexpr bool kCallsCanFail = false;
#else
inline constexpr bool kCallsCanFail = true;
#endif

/// From now on the call with this number fails, counting from 0 all calls of all these functions:
/// it returns null, errSecAllocate or false, and makes nothing. A negative number: none does.
void FailAt(int number);

/// Which function has failed since FailAt(); empty when none has.
std::string Failed();

}  // namespace ostrust::platform::macos
