#include "provider/tool/command_line.hpp"

#include <gtest/gtest.h>

namespace ostrust::tool {
namespace {

// The examples of "Parsing C command-line arguments" in Microsoft's documentation, the other way
// round.
TEST(CommandLine, QuotesWhatWouldBeTakenApart) {
  const auto quoted = [](const std::string& argument) {
    return CommandLine({"a.exe", argument}).substr(8);
  };
  EXPECT_EQ(quoted("plain"), "plain");
  EXPECT_EQ(quoted("--key=C:\\dir\\"), "--key=C:\\dir\\");
  EXPECT_EQ(quoted(""), "\"\"");
  EXPECT_EQ(quoted("a b"), "\"a b\"");
  EXPECT_EQ(quoted("a\tb"), "\"a\tb\"");
  EXPECT_EQ(quoted("a\"b"), "\"a\\\"b\"");
  EXPECT_EQ(quoted("a\\\"b"), "\"a\\\\\\\"b\"");
  EXPECT_EQ(quoted("a b\\"), "\"a b\\\\\"");
  EXPECT_EQ(quoted("a\\\\b c"), "\"a\\\\b c\"");
}

TEST(CommandLine, QuotesTheProgramWithoutEscapes) {
  EXPECT_EQ(CommandLine({"C:\\Program Files\\"}), "\"C:\\Program Files\\\"");
  EXPECT_EQ(CommandLine({"a", "b", "c"}), "\"a\" b c");
}

}  // namespace
}  // namespace ostrust::tool
