#include "platform/certificate_fields.hpp"

#include <gtest/gtest.h>

#include "certificates.hpp"
#include "platform/trusted_certificate.hpp"

namespace ostrust::platform {
namespace {

TEST(CertificateFields, NamesAreFound) {
  const Bytes certificate = MakeIssued("The subject", "The issuer");
  const auto fields = ReadCertificateFields(certificate);
  ASSERT_TRUE(fields);
  EXPECT_EQ(AsText(fields->subject), AsText(NameDer("The subject")));
  EXPECT_EQ(AsText(fields->issuer), AsText(NameDer("The issuer")));
  EXPECT_EQ(fields->certificate.size(), certificate.size());
}

TEST(CertificateFields, WhatStandsBehindTheCertificateIsNoPartOfIt) {
  const Bytes certificate = MakeRoot("Root");
  const Bytes with_settings = TrustedDer(certificate, "serverAuth", nullptr);
  ASSERT_GT(with_settings.size(), certificate.size());
  const auto fields = ReadCertificateFields(with_settings);
  ASSERT_TRUE(fields);
  EXPECT_EQ(AsText(fields->certificate), AsText(certificate));
}

TEST(CertificateFields, ACertificateCutAnywhereIsRefused) {
  const Bytes certificate = MakeRoot("Root");
  for (std::size_t size = 0; size < certificate.size(); ++size) {
    // A copy of exactly this size, so that AddressSanitizer sees a read behind it.
    const Bytes cut(certificate.begin(), certificate.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(ReadCertificateFields(cut)) << size;
    EXPECT_FALSE(ReadTrustedCertificate(cut)) << size;
  }
}

TEST(CertificateFields, NoChangedByteMakesItReadOutside) {
  const Bytes certificate = MakeRoot("Root");
  for (std::size_t i = 0; i < certificate.size(); ++i) {
    for (const unsigned flip : {0x01U, 0x80U, 0xffU, 0x20U}) {
      Bytes changed = certificate;
      changed[i] ^= static_cast<std::byte>(flip);
      const auto fields = ReadCertificateFields(changed);
      if (fields) {
        EXPECT_LE(fields->certificate.size(), changed.size());
      }
    }
  }
}

TEST(CertificateFields, WhatIsNoCertificateIsRefused) {
  EXPECT_FALSE(ReadCertificateFields({}));
  EXPECT_FALSE(ReadCertificateFields(AsBytes("hello")));
  EXPECT_FALSE(ReadCertificateFields(NameDer("A name")));
  const Bytes certificate = MakeRoot("Root");
  EXPECT_FALSE(ReadCertificateFields(ByteView(certificate).subspan(4)));
}

TEST(CertificateFields, BerIsRefused) {
  // The same certificate with an indefinite length outside.
  Bytes ber = MakeRoot("Root");
  ber.erase(ber.begin(), ber.begin() + 4);
  const Bytes indefinite =
      Concatenate(Concatenate(ToBytes("\x30\x80"), ber), Bytes(2, std::byte{0}));
  EXPECT_FALSE(ReadCertificateFields(indefinite));
}

TEST(CertificateFields, TheValidityIsReadInBothFormsOfTime) {
  const Bytes certificate = MakeIssuedBetween("Leaf", "Root", "240229120000Z", "20500101000000Z");
  const auto validity = ValidityOf(certificate);
  ASSERT_TRUE(validity);
  EXPECT_EQ(validity->not_before, 1'709'208'000);
  EXPECT_EQ(validity->not_after, 2'524'608'000);
  for (std::size_t size = 0; size < certificate.size(); ++size) {
    const Bytes cut(certificate.begin(), certificate.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(ValidityOf(cut)) << size;
  }
}

TEST(CertificateFields, ATimeThatRfc5280DoesNotHaveIsNoValidity) {
  EXPECT_FALSE(ValidityOf(MakeIssuedBetween("Leaf", "Root", "2402291200Z", "20500101000000Z")));
  EXPECT_FALSE(
      ValidityOf(MakeIssuedBetween("Leaf", "Root", "240229120000Z", "20500101000000+0100")));
  EXPECT_FALSE(ValidityOf(NameDer("A name")));
}

TEST(TrustedCertificate, AnythingButTrustSettingsBehindItIsRefused) {
  const Bytes certificate = MakeRoot("Root");
  EXPECT_TRUE(ReadTrustedCertificate(certificate));
  EXPECT_TRUE(ReadTrustedCertificate(TrustedDer(certificate, "serverAuth", nullptr)));
  EXPECT_FALSE(ReadTrustedCertificate(Concatenate(certificate, Bytes(1))));
  EXPECT_FALSE(ReadTrustedCertificate(Concatenate(certificate, certificate)));
}

TEST(TrustedCertificate, SelfIssuedIsDecidedAsOpenSslComparesNames) {
  const auto make = [](std::string_view subject, std::string_view issuer) {
    return MakeTrustedCertificate(MakeIssued(subject, issuer), CertificateTrust::Anchor());
  };
  EXPECT_TRUE(make("Root", "Root")->self_issued);
  EXPECT_TRUE(make("Root CA", " ROOT  ca ")->self_issued);
  EXPECT_FALSE(make("Root", "Another")->self_issued);
}

}  // namespace
}  // namespace ostrust::platform
