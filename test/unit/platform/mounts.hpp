// What tests of files mount in a child process (children.hpp): what is mounted there nobody else
// sees, and it goes with the child. On Linux, as root; elsewhere it fails, and the test is skipped.
#pragma once

#include <string>

namespace ostrust::platform {

/// Status of a child that could not mount what it needs.
inline constexpr int kNoMount = 77;

/// An empty disk of 64 KiB.
bool MountSmall(const std::string& directory);
/// An empty disk.
bool MountEmpty(const std::string& directory);
/// A file or a directory in the place of another.
bool MountOn(const std::string& place, const std::string& what);

}  // namespace ostrust::platform
