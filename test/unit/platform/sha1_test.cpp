#include "platform/sha1.hpp"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <string>

namespace ostrust::platform {
namespace {

TEST(Sha1, GivesTheDigestsOfFips180) {
  const Sha1Digest abc = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                          0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
  EXPECT_EQ(Sha1(AsBytes("abc")), abc);
}

TEST(Sha1, AFingerprintIsTheDigestInCapitals) {
  EXPECT_EQ(Sha1Fingerprint(AsBytes("abc")), "A9993E364706816ABA3E25717850C26C9CD0D89D");
}

TEST(Sha1, AgreesWithLibcryptoOnEveryLengthAroundABlock) {
  std::string message;
  for (int size = 0; size < 300; ++size) {
    Sha1Digest expected;
    SHA1(reinterpret_cast<const unsigned char*>(message.data()), message.size(), expected.data());
    EXPECT_EQ(Sha1(AsBytes(message)), expected) << size;
    message += static_cast<char>(size * 7);
  }
}

}  // namespace
}  // namespace ostrust::platform
