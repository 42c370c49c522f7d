#include "platform/bundle.hpp"

#include <gtest/gtest.h>

#include "certificates.hpp"

namespace ostrust::platform {
namespace {

Bundle Read(std::string_view file) {
  return ReadBundle(AsBytes(file), "/some/file");
}

TEST(Bundle, EveryCertificateOfAPemFileIsRead) {
  const Bundle bundle = Read("# one\n" + Pem(MakeRoot("One")) + "# two\n" + Pem(MakeRoot("Two")));
  ASSERT_EQ(bundle.certificates.size(), 2U);
  EXPECT_EQ(bundle.certificates[0].trust, CertificateTrust::Anchor());
  EXPECT_TRUE(bundle.problems.empty());
}

TEST(Bundle, ADerFileIsOneCertificate) {
  const Bytes root = MakeRoot("Root");
  const Bundle bundle = ReadBundle(root, "/some/file");
  ASSERT_EQ(bundle.certificates.size(), 1U);
  EXPECT_EQ(bundle.certificates[0].der, root);
}

TEST(Bundle, TrustSettingsBehindADerCertificateApply) {
  const Bundle bundle = ReadBundle(TrustedDer(MakeRoot("Root"), nullptr, "serverAuth"), "/file");
  ASSERT_EQ(bundle.certificates.size(), 1U);
  EXPECT_TRUE(bundle.certificates[0].trust.Rejected().Contains(Purpose::kServerAuth));
}

TEST(Bundle, TrustSettingsOfATrustedCertificateApply) {
  const Bytes root = MakeRoot("Root");
  const Bundle bundle = Read(TrustedPem(root, "serverAuth", nullptr));
  ASSERT_EQ(bundle.certificates.size(), 1U);
  EXPECT_EQ(bundle.certificates[0].der, root);
  EXPECT_TRUE(bundle.certificates[0].trust.EndsChain());
  EXPECT_FALSE(bundle.certificates[0].trust.Rejected().Contains(Purpose::kServerAuth));
  EXPECT_TRUE(bundle.certificates[0].trust.Rejected().Contains(Purpose::kClientAuth));
}

TEST(Bundle, OneBadCertificateHidesNoOtherAndIsNamed) {
  const Bundle bundle =
      Read(Pem(MakeRoot("One")) + Pem(AsBytes("no certificate")) +
           "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n" + Pem(MakeRoot("Two")));
  ASSERT_EQ(bundle.certificates.size(), 2U);
  EXPECT_EQ(bundle.certificates[1].canonical_subject,
            MakeTrustedCertificate(MakeRoot("Two"), CertificateTrust::Anchor())->canonical_subject);
  ASSERT_EQ(bundle.problems.size(), 2U);
  EXPECT_NE(bundle.problems[0].find("/some/file: certificate 2 (line "), std::string::npos)
      << bundle.problems[0];
  EXPECT_NE(bundle.problems[1].find("/some/file: certificate 3 (line "), std::string::npos)
      << bundle.problems[1];
}

TEST(Bundle, PrivateKeysAndCrlsAreIgnoredQuietly) {
  const Bundle bundle = Read(Pem(AsBytes("key"), "PRIVATE KEY") + Pem(AsBytes("crl"), "X509 CRL") +
                             Pem(MakeRoot("One")));
  EXPECT_EQ(bundle.certificates.size(), 1U);
  EXPECT_TRUE(bundle.problems.empty());
}

TEST(Bundle, AFileWithoutCertificatesGivesNone) {
  for (const char* text : {"", "\n", "hello", "0", "-----BEGIN", "-----BEGIN CERTIFICATE"}) {
    EXPECT_TRUE(Read(text).certificates.empty()) << text;
    EXPECT_TRUE(Read(text).problems.empty()) << text;
  }
}

TEST(Bundle, ProblemsOfAHostileFileAreCounted) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "-----BEGIN CERTIFICATE-----\n";
  const Bundle bundle = Read(text);
  EXPECT_LE(bundle.problems.size(), 101U);
  EXPECT_NE(bundle.problems.back().find("900 more"), std::string::npos) << bundle.problems.back();
}

TEST(Bundle, ABundleCutAnywhereIsReadWithoutHarm) {
  const std::string text =
      Pem(MakeRoot("One")) + TrustedPem(MakeRoot("Two"), "serverAuth", nullptr);
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::string cut = text.substr(0, size);
    EXPECT_LE(Read(cut).certificates.size(), 2U);
  }
}

}  // namespace
}  // namespace ostrust::platform
