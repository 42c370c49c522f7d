#include "platform/pem.hpp"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "certificates.hpp"

namespace ostrust::platform {
namespace {

std::vector<PemBlock> ReadAll(std::string_view text) {
  std::vector<PemBlock> blocks;
  PemReader reader(text);
  while (auto block = reader.Next()) blocks.push_back(std::move(*block));
  return blocks;
}

// The text holds one block, and it decodes to `expected`.
void ExpectOne(std::string_view text, std::string_view expected) {
  const std::vector<PemBlock> blocks = ReadAll(text);
  ASSERT_EQ(blocks.size(), 1U) << text;
  EXPECT_EQ(blocks[0].problem, nullptr) << text;
  EXPECT_EQ(AsText(blocks[0].data), expected) << text;
}

void ExpectBroken(std::string_view text) {
  const std::vector<PemBlock> blocks = ReadAll(text);
  ASSERT_EQ(blocks.size(), 1U) << text;
  EXPECT_NE(blocks[0].problem, nullptr) << text;
  EXPECT_TRUE(blocks[0].data.empty()) << text;
}

std::string Block(std::string_view body, std::string_view label = "CERTIFICATE") {
  return "-----BEGIN " + std::string(label) + "-----\n" + std::string(body) + "-----END " +
         std::string(label) + "-----\n";
}

TEST(Pem, TheThreeLabelsOfACertificateAreRead) {
  ExpectOne(Block("aGVsbG8=\n"), "hello");
  ExpectOne(Block("aGVsbG8=\n", "X509 CERTIFICATE"), "hello");
  ExpectOne(Block("aGVsbG8=\n", "TRUSTED CERTIFICATE"), "hello");
}

TEST(Pem, OtherLabelsArePassedOver) {
  EXPECT_TRUE(ReadAll(Block("aGVsbG8=\n", "PRIVATE KEY")).empty());
  EXPECT_TRUE(ReadAll(Block("aGVsbG8=\n", "X509 CRL")).empty());
  EXPECT_TRUE(ReadAll(Block("aGVsbG8=\n", "CERTIFICATE REQUEST")).empty());
  ExpectOne(Block("c2VjcmV0\n", "RSA PRIVATE KEY") + Block("aGVsbG8=\n"), "hello");
}

TEST(Pem, TextBetweenBlocksIsPassedOver) {
  const std::string text = "# The root\nCN = Root\n  -----BEGIN CERTIFICATE----- indented\n" +
                           Block("aGVsbG8=\n") + "\n\nanother\n" + Block("d29ybGQ=\n") + "end";
  const std::vector<PemBlock> blocks = ReadAll(text);
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(AsText(blocks[0].data), "hello");
  EXPECT_EQ(AsText(blocks[1].data), "world");
  EXPECT_EQ(LineAt(text, blocks[0].offset), 4U);
  EXPECT_EQ(LineAt(text, blocks[1].offset), 10U);
}

TEST(Pem, LineEndsAndSpacesDoNotCount) {
  ExpectOne("-----BEGIN CERTIFICATE-----\r\naGVs\r\nbG8=\r\n-----END CERTIFICATE-----\r\n",
            "hello");
  ExpectOne("-----BEGIN CERTIFICATE-----  \naGVs  \n\tbG8= \n-----END CERTIFICATE----- \t\n",
            "hello");
  ExpectOne("-----BEGIN CERTIFICATE-----\n\naGVs\n\nbG8=\n-----END CERTIFICATE-----", "hello");
  ExpectOne("\xef\xbb\xbf" + Block("aGVsbG8=\n"), "hello");
}

TEST(Pem, Base64LinesMayHaveAnyLength) {
  ExpectOne(Block("a\nG\nV\ns\nb\nG\n8\n=\n"), "hello");
  const std::string data(1000, 'x');
  std::string base64 = Pem(AsBytes(data));
  std::string one_line;
  for (const char c : base64.substr(28, base64.size() - 28 - 26)) {
    if (c != '\n') one_line += c;
  }
  ExpectOne(Block(one_line + "\n"), data);
}

TEST(Pem, ABrokenBlockIsReportedAndTheNextOneFound) {
  for (const std::string& broken :
       {Block("aGVs*G8=\n"), Block("aGVsbG8\n"), Block("aGVsbG8=aGVs\n"), Block("a===\n"),
        Block("=aGV\n"), Block("aGVsbA==b\n"), Block("Proc-Type: 4,ENCRYPTED\n\naGVsbG8=\n"),
        std::string("-----BEGIN CERTIFICATE-----\naGVsbG8=\n"),
        std::string("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END X509 CRL-----\n"),
        std::string("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE---\n")}) {
    ExpectBroken(broken);
    const std::vector<PemBlock> blocks = ReadAll(broken + Block("d29ybGQ=\n"));
    ASSERT_EQ(blocks.size(), 2U) << broken;
    EXPECT_NE(blocks[0].problem, nullptr) << broken;
    EXPECT_EQ(AsText(blocks[1].data), "world") << broken;
  }
}

TEST(Pem, AnEmptyBlockIsAnEmptyCertificate) {
  ExpectOne(Block(""), "");
}

TEST(Pem, ATextCutAnywhereIsReadWithoutHarm) {
  const std::string text = "x\n" + Block("aGVsbG8=\n") + Block("d29ybGQ=\n");
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const std::string cut = text.substr(0, size);
    const std::vector<PemBlock> blocks = ReadAll(std::string_view(cut.data(), cut.size()));
    EXPECT_LE(blocks.size(), 2U);
  }
}

TEST(Pem, DecodesWhatLibcryptoWrites) {
  std::mt19937 random(1);
  for (std::size_t size = 1; size < 200; ++size) {
    Bytes data(size);
    for (std::byte& byte : data) byte = static_cast<std::byte>(random());
    ExpectOne(Pem(data), AsText(data));
  }
}

TEST(Pem, CrlsAndCertificatesAreNotTakenForEachOther) {
  const std::string text = "-----BEGIN X509 CRL-----\nYQ==\n-----END X509 CRL-----\n" +
                           Block("Yg==\n") + "-----BEGIN CRL-----\nYw==\n-----END CRL-----\n";
  PemReader crls(text, PemContent::kCrls);
  const auto crl = crls.Next();
  ASSERT_TRUE(crl);
  EXPECT_EQ(AsText(crl->data), "a");
  EXPECT_FALSE(crls.Next());
  ExpectOne(text, "b");
}

// Whatever OpenSSL's own reader takes must be taken here, with the same data.
TEST(Pem, TakesEverythingThatOpenSslTakes) {
  const std::string body = "aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxkLCBoZWxsbyB3b3JsZA==";
  const std::vector<std::string> variants = {
      Block(body + "\n"),
      Block(body + "\r\n"),
      Block("\n" + body + "\n"),
      Block("  " + body + "  \n"),
      Block(body.substr(0, 10) + "\n" + body.substr(10) + "\n"),
      Block(body.substr(0, 10) + " \t" + body.substr(10) + "\n"),
      Block(body.substr(0, 10) + "\n\n" + body.substr(10) + "\n"),
      Block(body + "==\n"),
      Block(body.substr(0, body.size() - 1) + "\n"),
      Block(body.substr(0, body.size() - 2) + "\n"),
      "\xef\xbb\xbf" + Block(body + "\n"),
      "-----BEGIN CERTIFICATE-----\t \n" + body + "\n-----END CERTIFICATE-----",
      "----- BEGIN CERTIFICATE-----\n" + body + "\n-----END CERTIFICATE-----\n",
      "x-----BEGIN CERTIFICATE-----\n" + body + "\n-----END CERTIFICATE-----\n",
  };
  for (const std::string& text : variants) {
    BIO* bio = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    const bool theirs = PEM_read_bio(bio, &name, &header, &data, &size) == 1 && *header == '\0';
    if (theirs) {
      ExpectOne(text,
                std::string_view(reinterpret_cast<char*>(data), static_cast<std::size_t>(size)));
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
  }
}

}  // namespace
}  // namespace ostrust::platform
