#include "platform/linux/hashed_directory.hpp"

#include <gtest/gtest.h>

namespace ostrust::platform {
namespace {

TEST(HashedDirectory, CertificateNamesAreRecognised) {
  EXPECT_EQ(HashOfCertificateName("0123abcd.0"), 0x0123abcdU);
  EXPECT_EQ(HashOfCertificateName("ffffffff.12"), 0xffffffffU);
}

TEST(HashedDirectory, OtherNamesAreNot) {
  for (const char* name :
       {"", "0123abcd", "0123abcd.", "0123abcd.r0", "0123ABCD.0", "0123abc.0", "00123abcd.0",
        "0123abcd.0x", "0123abcd.-1", "0123abcd.0000000000", "ca-certificates.crt", "0123abcg.0"}) {
    EXPECT_FALSE(HashOfCertificateName(name)) << name;
  }
}

TEST(HashedDirectory, CrlNamesAreRecognised) {
  EXPECT_TRUE(IsHashedCrlName("0123abcd.r0"));
  EXPECT_FALSE(IsHashedCrlName("0123abcd.r"));
  EXPECT_FALSE(IsHashedCrlName("0123abcd.0"));
  EXPECT_FALSE(IsHashedCrlName("root.r0"));
}

TEST(HashedDirectory, NamesAreGroupedByHash) {
  const auto groups =
      GroupByHash({"00000001.0", "00000002.0", "00000002.1", "00000003.r0", "a.pem"});
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].hash, 1U);
  EXPECT_EQ(groups[1].names, (std::vector<std::string>{"00000002.0", "00000002.1"}));
}

}  // namespace
}  // namespace ostrust::platform
