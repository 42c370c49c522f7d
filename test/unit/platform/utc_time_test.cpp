#include "platform/utc_time.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <limits>

namespace ostrust::platform {
namespace {

std::tm At(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  std::tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  return parts;
}

// What `date -u -d ... +%s` says.
TEST(UtcTime, SecondsAreThoseOfTheCalendar) {
  EXPECT_EQ(SecondsOf(At(1970, 1, 1)), 0);
  EXPECT_EQ(SecondsOf(At(1969, 12, 31, 23, 59, 59)), -1);
  EXPECT_EQ(SecondsOf(At(2000, 2, 29, 12)), 951825600);
  EXPECT_EQ(SecondsOf(At(2038, 1, 19, 3, 14, 8)), 2147483648);
  EXPECT_EQ(SecondsOf(At(9999, 12, 31, 23, 59, 59)), 253402300799);
  EXPECT_EQ(SecondsOf(At(0, 1, 1)), -62167219200);
}

TEST(UtcTime, WhatIsNoDateHasNone) {
  for (const std::tm& parts :
       {At(2023, 2, 29), At(1900, 2, 29), At(2024, 6, 31), At(2024, 0, 1), At(2024, 13, 1),
        At(2024, 1, 0), At(2024, 1, 32), At(2024, 1, 1, 24), At(2024, 1, 1, 0, 60),
        At(2024, 1, 1, 0, 0, 60), At(2024, 1, 1, -1), At(10000, 1, 1), At(-1, 12, 31),
        At(2024, 257, 1), At(2024, 1, 257), At(2024, 1, 1, 0, 0, 256)}) {
    EXPECT_EQ(SecondsOf(parts), std::nullopt)
        << parts.tm_year + 1900 << "-" << parts.tm_mon + 1 << "-" << parts.tm_mday;
  }
}

TEST(UtcTime, PartsAreTheOtherWayRound) {
  for (std::int64_t seconds : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{951825600},
                               std::int64_t{253402300799}, std::int64_t{-62167219200}}) {
    const auto parts = PartsOf(seconds);
    ASSERT_TRUE(parts) << seconds;
    EXPECT_EQ(SecondsOf(*parts), seconds);
  }
  EXPECT_FALSE(PartsOf(253402300800));
  EXPECT_FALSE(PartsOf(-62167219201));
  EXPECT_FALSE(PartsOf(std::numeric_limits<std::int64_t>::max()));
}

}  // namespace
}  // namespace ostrust::platform
