#include "provider/hooks/package_record.hpp"

#include <cerrno>

#include <openssl/x509_vfy.h>

#include <gtest/gtest.h>

#include "provider/host/image.hpp"
#include "test/unit/platform/temporary_directory.hpp"

namespace ostrust::hooks {
namespace {

using platform::TemporaryDirectory;

// printf hello | openssl dgst -sha256 -binary | base64, in the URL's alphabet and without padding.
constexpr const char* kHello = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";

std::string Record(const std::string& line) {
  return "certifi/__init__.py,sha256=AAAA,94\n" + line + "\ncertifi-1.dist-info/RECORD,,\n";
}

TEST(FindInRecord, TakesTheLineOfThatName) {
  const auto found =
      FindInRecord(Record("certifi/cacert.pem,sha256=abc-_,291366"), "certifi/cacert.pem");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->sha256, "abc-_");
  EXPECT_EQ(found->size, 291366U);
}

TEST(FindInRecord, ReadsEveryLineEndAndTheLastLineWithoutOne) {
  for (const char* record : {"a.pem,sha256=x,7\r\nb.pem,sha256=y,8\r\n",
                             "a.pem,sha256=x,7\nb.pem,,1", "b.pem,,1\na.pem,sha256=x,7"}) {
    const auto found = FindInRecord(record, "a.pem");
    ASSERT_TRUE(found) << record;
    EXPECT_EQ(found->sha256, "x");
    EXPECT_EQ(found->size, 7U);
  }
}

TEST(FindInRecord, ANameThatOnlyBeginsOrEndsAlikeIsAnother) {
  for (const char* line : {"certifi/cacert.pem.bak,sha256=x,7", "pip/certifi/cacert.pem,sha256=x,7",
                           "certifi/cacert.pe,sha256=x,7"}) {
    EXPECT_FALSE(FindInRecord(Record(line), "certifi/cacert.pem")) << line;
  }
}

TEST(FindInRecord, AnotherHashIsNoHash) {
  const auto found = FindInRecord("a.pem,sha512=x,7\n", "a.pem");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->sha256, "");
  EXPECT_EQ(found->size, 7U);
}

TEST(FindInRecord, WhatIsNoSizeIsNoLine) {
  for (const char* record :
       {"", "\n", "a.pem", "a.pem,", "a.pem,sha256=x", "a.pem,sha256=x,", "a.pem,sha256=x,-1",
        "a.pem,sha256=x,7 ", "a.pem,sha256=x,seven", "a.pem,sha256=x,99999999999999999999999999"}) {
    EXPECT_FALSE(FindInRecord(record, "a.pem")) << record;
  }
}

class DiffersFromPackageTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    const auto image = host::Image::Containing(reinterpret_cast<const void*>(&X509_STORE_new), why);
    ASSERT_TRUE(image) << why;
    ASSERT_EQ(host::ResolveSymbols(*image, symbols_), "");
  }

  bool Differs(const std::string& name, const char* content) const {
    return DiffersFromPackage(symbols_, directory_.Path(name), content);
  }

  host::Symbols symbols_;
  TemporaryDirectory directory_;
};

TEST_F(DiffersFromPackageTest, ComparesSizeAndHash) {
  directory_.Write("certifi-1.2.dist-info/RECORD",
                   Record(std::string("certifi/cacert.pem,sha256=") + kHello + ",5"));
  EXPECT_FALSE(Differs("certifi/cacert.pem", "hello"));
  EXPECT_TRUE(Differs("certifi/cacert.pem", "hellO"));
  EXPECT_TRUE(Differs("certifi/cacert.pem", "hello, added by hand"));
}

TEST_F(DiffersFromPackageTest, FindsTheRecordOfAVendoredCopy) {
  directory_.Write("pip-24.0.dist-info/RECORD",
                   Record(std::string("pip/_vendor/certifi/cacert.pem,sha256=") + kHello + ",5"));
  EXPECT_FALSE(Differs("pip/_vendor/certifi/cacert.pem", "hello"));
  EXPECT_TRUE(Differs("pip/_vendor/certifi/cacert.pem", "hellO"));
}

TEST_F(DiffersFromPackageTest, WithoutARecordThereIsNothingToDifferFrom) {
  EXPECT_FALSE(Differs("certifi/cacert.pem", "hello"));
  directory_.Write("certifi-1.2.dist-info/RECORD", Record("certifi/other.pem,sha256=x,5"));
  directory_.Write("certifi_other-1.dist-info/RECORD", Record("certifi/cacert.pem,sha256=x,5"));
  EXPECT_FALSE(Differs("certifi/cacert.pem", "hello"));
}

TEST_F(DiffersFromPackageTest, ADirectoryNameIsNoPattern) {
  directory_.Write("a*b/certifi-1.dist-info/RECORD",
                   Record(std::string("certifi/cacert.pem,sha256=") + kHello + ",5"));
  directory_.Write("aXb/certifi-1.dist-info/RECORD", Record("certifi/cacert.pem,sha256=x,1"));
  EXPECT_FALSE(Differs("a*b/certifi/cacert.pem", "hello"));
}

TEST_F(DiffersFromPackageTest, NoPathIsTooShort) {
  for (const char* path : {"", "cacert.pem", "/cacert.pem", "/", "//", "certifi/cacert.pem"}) {
    EXPECT_FALSE(DiffersFromPackage(symbols_, path, "hello")) << path;
  }
}

}  // namespace
}  // namespace ostrust::hooks
