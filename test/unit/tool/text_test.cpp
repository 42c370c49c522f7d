// The small functions that many parts of the tool share.
#include "provider/tool/text.hpp"

#include <gtest/gtest.h>

#include <array>

namespace ostrust::tool {
namespace {

TEST(TextTest, BlanksAroundAreNoPartOfIt) {
  EXPECT_EQ(Trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(Trimmed(" \t\r\n"), "");
  EXPECT_EQ(Trimmed(""), "");
  EXPECT_EQ(Trimmed("a"), "a");
}

TEST(TextTest, TheFirstLine) {
  EXPECT_EQ(FirstLine("a\nb\n"), "a");
  EXPECT_EQ(FirstLine("a"), "a");
  EXPECT_EQ(FirstLine("\na"), "");
}

TEST(TextTest, OnlyLettersOfAsciiChange) {
  EXPECT_EQ(Lower("A-Z[\xc4\xd6@9"), "a-z[\xc4\xd6@9");
}

TEST(TextTest, TwoDigitsForEachByte) {
  const std::array bytes{std::byte{0x00}, std::byte{0x0f}, std::byte{0xa0}, std::byte{0xff}};
  EXPECT_EQ(Hex(bytes), "000fa0ff");
  EXPECT_EQ(CapitalHex(bytes), "000FA0FF");
  EXPECT_EQ(Hex({}), "");
}

}  // namespace
}  // namespace ostrust::tool
