#include "provider/verify/revocation_memo.hpp"

#include <gtest/gtest.h>

namespace ostrust::verify {
namespace {

using std::chrono::hours;

constexpr RevocationMemo::Key kKey{1};
constexpr std::int64_t kNow = 1'700'000'000;

RevocationMemo::Entry Good(std::optional<std::int64_t> until) {
  return {.finding = {RevocationStatus::kGood, "a CRL", until}};
}

TEST(RevocationMemoTest, WhatWasFoundIsRememberedForAsLongAsIsWanted) {
  RevocationMemo memo;
  memo.Put(kKey, Good(std::nullopt));
  EXPECT_TRUE(memo.Find(kKey, hours(24), kNow));
  EXPECT_FALSE(memo.Find(kKey, hours(0), kNow));
  EXPECT_FALSE(memo.Find({2}, hours(24), kNow));
}

TEST(RevocationMemoTest, WhatIsOverIsNotRemembered) {
  RevocationMemo memo;
  memo.Put(kKey, Good(kNow + 60));
  EXPECT_TRUE(memo.Find(kKey, hours(24), kNow + 60));
  EXPECT_FALSE(memo.Find(kKey, hours(24), kNow + 61));
}

}  // namespace
}  // namespace ostrust::verify
