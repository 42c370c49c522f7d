#include "provider/uri.hpp"

#include <gtest/gtest.h>

namespace ostrust {
namespace {

TEST(Uri, OsAndOsSlashSlashNameTheStore) {
  EXPECT_EQ(ClassifyUri("os:"), UriKind::kOsStore);
  EXPECT_EQ(ClassifyUri("os://"), UriKind::kOsStore);
  EXPECT_EQ(ClassifyUri("OS://"), UriKind::kOsStore);
}

TEST(Uri, AnythingElseAfterTheColonIsMalformed) {
  for (const char* uri : {"os:/", "os:///", "os:root", "os://root", "os: ", "oS:x"}) {
    EXPECT_EQ(ClassifyUri(uri), UriKind::kMalformed) << uri;
  }
}

TEST(Uri, OtherNamesAreNotOurs) {
  for (const char* uri :
       {"", "o", "os", "os.pem", "/etc/ssl/os:", "./os:", "oss:", "file:os:", "cos:", "OS/x"}) {
    EXPECT_EQ(ClassifyUri(uri), UriKind::kForeign) << uri;
  }
}

}  // namespace
}  // namespace ostrust
