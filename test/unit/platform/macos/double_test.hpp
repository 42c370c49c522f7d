// What every test with the double of macOS' frameworks ends with.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/doubles/macos/double.hpp"

namespace ostrust::platform::macos {

/// Begins with scripts that say nothing, and fails when the test leaves an object or a registration
/// behind.
class MacosTest : public testing::Test {
 protected:
  MacosTest() { macos_double::Reset(); }
  void TearDown() override {
    EXPECT_EQ(macos_double::LiveObjects(), std::vector<std::string>());
    EXPECT_EQ(macos_double::ScriptedNotify().Registered(), std::vector<std::string>());
    macos_double::Reset();
  }
};

}  // namespace ostrust::platform::macos
