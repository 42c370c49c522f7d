// Where tests put what `auto` finds first: the first line of this system's location table, as
// TemporaryDirectory names it.
#pragma once

#include <string>

#include "platform/linux/locations.hpp"

namespace ostrust::platform {

/// Empty where the table has no bundle.
inline std::string FirstBundle() {
  return SystemBundles().empty() ? "" : std::string(SystemBundles().front().bundle).substr(1);
}

/// Beside the first bundle; empty where there is none.
inline std::string FirstHashedDirectory() {
  if (SystemBundles().empty()) return "";
  const char* const directory = SystemBundles().front().hashed_directory;
  return directory == nullptr ? "" : std::string(directory).substr(1);
}

#define SKIP_WITHOUT_BUNDLE() \
  if (FirstBundle().empty()) GTEST_SKIP() << "this system's table has no bundle"

#define SKIP_WITHOUT_HASHED_DIRECTORY() \
  if (FirstHashedDirectory().empty())   \
  GTEST_SKIP() << "this system's table has no hashed directory beside its first bundle"

}  // namespace ostrust::platform
