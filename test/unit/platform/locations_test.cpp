#include "platform/linux/locations.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ostrust::platform {
namespace {

TEST(Locations, AreAbsoluteAndDistinct) {
  std::set<std::string> seen;
  for (const BundleLocation& location : SystemBundles()) {
    EXPECT_EQ(location.bundle[0], '/');
    EXPECT_TRUE(seen.insert(location.bundle).second) << location.bundle;
    if (location.hashed_directory != nullptr) {
      EXPECT_EQ(location.hashed_directory[0], '/');
    }
  }
  for (const char* directory : SystemDirectories()) {
    EXPECT_EQ(directory[0], '/');
    EXPECT_TRUE(seen.insert(directory).second) << directory;
  }
}

}  // namespace
}  // namespace ostrust::platform
