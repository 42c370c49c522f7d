// What tests of files mount in a child process (children.hpp), on Linux.
#pragma once

#include <string>

namespace ostrust::platform {

/// Status of a child that could not mount what it needs.
inline constexpr int kNoMount = 77;

/// In a child: what is mounted from now on nobody else sees, and goes with it.
bool HasOwnMounts();
/// In a child: a disk of 64 KiB.
bool MountSmall(const std::string& directory);

}  // namespace ostrust::platform
