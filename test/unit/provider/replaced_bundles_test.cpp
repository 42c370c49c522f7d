#include "provider/hooks/replaced_bundles.hpp"

#include <gtest/gtest.h>

namespace ostrust::hooks {
namespace {

TEST(IsPublicBundle, HasFiftyCertificatesOrMore) {
  EXPECT_FALSE(IsPublicBundle(0, 0));
  EXPECT_FALSE(IsPublicBundle(1, 1));
  EXPECT_FALSE(IsPublicBundle(49, 49));
  EXPECT_TRUE(IsPublicBundle(50, 50));
  EXPECT_TRUE(IsPublicBundle(144, 144));
}

TEST(IsPublicBundle, NineInTenAreTheSystems) {
  EXPECT_TRUE(IsPublicBundle(50, 45));
  EXPECT_FALSE(IsPublicBundle(50, 44));
  EXPECT_TRUE(IsPublicBundle(100, 90));
  EXPECT_FALSE(IsPublicBundle(100, 89));
  EXPECT_FALSE(IsPublicBundle(59, 53));  // 53.1 would be enough
  EXPECT_FALSE(IsPublicBundle(200, 0));
}

}  // namespace
}  // namespace ostrust::hooks
