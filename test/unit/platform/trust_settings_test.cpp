#include "platform/trust_settings.hpp"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <string>
#include <utility>

#include "certificates.hpp"
#include "platform/certificate_fields.hpp"

namespace ostrust::platform {
namespace {

using namespace std::string_view_literals;

Bytes Settings(const char* trust, const char* reject) {
  const Bytes certificate = MakeRoot("Root");
  const Bytes all = TrustedDer(certificate, trust, reject);
  return {all.begin() + static_cast<std::ptrdiff_t>(certificate.size()), all.end()};
}

CertificateTrust Parse(const char* trust, const char* reject) {
  const auto parsed = ParseTrustSettings(Settings(trust, reject));
  EXPECT_TRUE(parsed);
  return parsed.value_or(CertificateTrust());
}

PurposeSet Only(Purpose purpose) {
  return PurposeSet().With(purpose);
}

TEST(TrustSettings, ATrustedPurposeRefusesAllOthers) {
  const CertificateTrust trust = Parse("serverAuth", nullptr);
  EXPECT_EQ(trust, CertificateTrust::LimitedAnchor(Only(Purpose::kServerAuth).Complement(), true));
}

TEST(TrustSettings, ARejectedPurposeIsDeniedAndOnlyThat) {
  const auto mail = Only(Purpose::kEmailProtection);
  EXPECT_EQ(Parse(nullptr, "emailProtection"), CertificateTrust::LimitedAnchor(mail, false, mail));
}

TEST(TrustSettings, WhatIsNotListedIsNotDenied) {
  const CertificateTrust trust = Parse("serverAuth clientAuth", "codeSigning");
  EXPECT_EQ(trust.Denied(), Only(Purpose::kCodeSigning));
  EXPECT_TRUE(trust.Rejected().Contains(Purpose::kEmailProtection));
}

TEST(TrustSettings, EveryPurposeIsKnownUnderOpenSslsName) {
  const std::pair<const char*, Purpose> names[] = {
      {"serverAuth", Purpose::kServerAuth},     {"clientAuth", Purpose::kClientAuth},
      {"codeSigning", Purpose::kCodeSigning},   {"emailProtection", Purpose::kEmailProtection},
      {"timeStamping", Purpose::kTimeStamping}, {"OCSPSigning", Purpose::kOcspSigning},
      {"OCSP", Purpose::kOcspRequest}};
  for (const auto& [name, purpose] : names) {
    EXPECT_EQ(Parse(nullptr, name).Rejected(), Only(purpose)) << name;
  }
}

TEST(TrustSettings, TrustInAnyPurposeRefusesNone) {
  EXPECT_EQ(Parse("anyExtendedKeyUsage", nullptr),
            CertificateTrust::LimitedAnchor(PurposeSet(), true));
  EXPECT_EQ(Parse("anyExtendedKeyUsage", "serverAuth"),
            CertificateTrust::LimitedAnchor({}, true, Only(Purpose::kServerAuth)));
}

TEST(TrustSettings, RejectionOfEverythingIsDistrust) {
  EXPECT_TRUE(Parse(nullptr, "anyExtendedKeyUsage").IsDistrusted());
  EXPECT_TRUE(Parse("serverAuth", "anyExtendedKeyUsage").IsDistrusted());
}

TEST(TrustSettings, TrustInUnknownPurposesOnlyIsAnAnchorForNone) {
  const auto for_none = CertificateTrust::LimitedAnchor(PurposeSet::All(), true);
  EXPECT_EQ(Parse("1.3.6.1.4.1.99999.1", nullptr), for_none);
  EXPECT_EQ(ParseTrustSettings(AsBytes("\x30\x02\x30\x00"sv)), for_none);
  EXPECT_EQ(Parse("serverAuth", "serverAuth").Rejected(), PurposeSet::All());
  EXPECT_FALSE(for_none.IsDistrusted());
}

TEST(TrustSettings, RejectionOfUnknownPurposesLimitsNothing) {
  EXPECT_EQ(Parse(nullptr, "1.3.6.1.4.1.99999.1"), CertificateTrust::Anchor());
}

TEST(TrustSettings, EmptySettingsSayNothing) {
  EXPECT_EQ(ParseTrustSettings(AsBytes("\x30\x00"sv)), CertificateTrust::Anchor());
}

TEST(TrustSettings, AliasKeyIdAndOtherSayNothing) {
  // alias "a", keyid 01, other { { OID } }
  const std::string_view settings =
      "\x30\x0e\x0c\x01\x61\x04\x01\x01\xa1\x06\x30\x04\x06\x02\x2a\x03"sv;
  EXPECT_EQ(ParseTrustSettings(AsBytes(settings)), CertificateTrust::Anchor());
}

TEST(TrustSettings, AnythingElseIsRefused) {
  EXPECT_FALSE(ParseTrustSettings({}));
  EXPECT_FALSE(ParseTrustSettings(AsBytes("\x31\x00"sv)));
  EXPECT_FALSE(ParseTrustSettings(AsBytes("\x30\x00\x00"sv)));
  // Out of order: keyid before alias, reject before trust.
  EXPECT_FALSE(ParseTrustSettings(AsBytes("\x30\x06\x04\x01\x01\x0c\x01\x61"sv)));
  EXPECT_FALSE(ParseTrustSettings(AsBytes("\x30\x04\xa0\x00\x30\x00"sv)));
  // No OBJECT IDENTIFIER in a list; an invalid one.
  EXPECT_FALSE(ParseTrustSettings(AsBytes("\x30\x05\x30\x03\x02\x01\x01"sv)));
  EXPECT_FALSE(ParseTrustSettings(AsBytes("\x30\x05\x30\x03\x06\x01\x80"sv)));
  EXPECT_FALSE(ParseTrustSettings(AsBytes("\x30\x05\xa0\x03\x06\x01\x80"sv)));
  EXPECT_FALSE(ParseTrustSettings(AsBytes("\x30\x05\xa1\x03\x06\x01\x2a"sv)));
}

TEST(TrustSettings, SettingsCutAnywhereAreRefused) {
  const Bytes settings = Settings("serverAuth clientAuth", "emailProtection codeSigning");
  for (std::size_t size = 0; size < settings.size(); ++size) {
    const Bytes cut(settings.begin(), settings.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(ParseTrustSettings(cut)) << size;
  }
}

TEST(TrustSettings, ABareCertificateIsEncodedAsNothing) {
  EXPECT_TRUE(EncodeTrustSettings(CertificateTrust::Anchor(), true).empty());
  EXPECT_TRUE(EncodeTrustSettings(CertificateTrust::Anchor(), false).empty());
  EXPECT_TRUE(EncodeTrustSettings(CertificateTrust::LimitedAnchor({}, true), true).empty());
  EXPECT_TRUE(EncodeTrustSettings(CertificateTrust::Unspecified(), false).empty());
}

TEST(TrustSettings, WhatIsEncodedIsReadBack) {
  for (unsigned bits = 0; bits < 1U << kPurposeCount; ++bits) {
    PurposeSet rejected;
    for (int i = 0; i < kPurposeCount; ++i) {
      if ((bits >> i & 1U) != 0) rejected = rejected.With(static_cast<Purpose>(i));
    }
    for (const bool ends_chain : {false, true}) {
      const auto trust = CertificateTrust::LimitedAnchor(rejected, ends_chain);
      const Bytes encoded = EncodeTrustSettings(trust, false);
      if (encoded.empty()) {
        EXPECT_EQ(trust, CertificateTrust::Anchor());
      } else if (rejected == PurposeSet::All()) {
        EXPECT_EQ(ParseTrustSettings(encoded), CertificateTrust::Distrusted());
      } else {
        // Rule 5: limits are encoded as reject settings, whatever they were.
        EXPECT_EQ(ParseTrustSettings(encoded),
                  CertificateTrust::LimitedAnchor(rejected, ends_chain, rejected));
      }
    }
  }
  EXPECT_EQ(ParseTrustSettings(EncodeTrustSettings(CertificateTrust::Distrusted(), true)),
            CertificateTrust::Distrusted());
}

// X509_check_trust() must decide as the settings say, for a self-signed anchor.
TEST(TrustSettings, OpenSslAppliesWhatIsEncoded) {
  const std::pair<int, Purpose> trust_ids[] = {{X509_TRUST_SSL_SERVER, Purpose::kServerAuth},
                                               {X509_TRUST_SSL_CLIENT, Purpose::kClientAuth},
                                               {X509_TRUST_EMAIL, Purpose::kEmailProtection},
                                               {X509_TRUST_OBJECT_SIGN, Purpose::kCodeSigning},
                                               {X509_TRUST_TSA, Purpose::kTimeStamping}};
  const auto with = [](const Bytes& certificate, CertificateTrust trust, bool self_signed) {
    const Bytes all = Concatenate(certificate, EncodeTrustSettings(trust, self_signed));
    const auto* data = reinterpret_cast<const unsigned char*>(all.data());
    X509Ptr parsed(d2i_X509_AUX(nullptr, &data, static_cast<long>(all.size())));
    EXPECT_NE(parsed, nullptr);
    return parsed;
  };
  const Bytes root = MakeRoot("Root");
  const Bytes issued = MakeIssued("Issued", "Root");
  for (const auto& [id, purpose] : trust_ids) {
    for (const auto& [other_id, other] : trust_ids) {
      const auto trust = CertificateTrust::LimitedAnchor(Only(other), true);
      const int expected = id == other_id ? X509_TRUST_REJECTED : X509_TRUST_TRUSTED;
      EXPECT_EQ(X509_check_trust(with(root, trust, true).get(), id, 0), expected);
      EXPECT_EQ(X509_check_trust(with(issued, trust, false).get(), id, 0), expected);
    }
    EXPECT_EQ(X509_check_trust(with(root, CertificateTrust::Distrusted(), true).get(), id, 0),
              X509_TRUST_REJECTED);
    EXPECT_EQ(X509_check_trust(with(root, CertificateTrust::Anchor(), true).get(), id, 0),
              X509_TRUST_TRUSTED);
  }
  for (const int id : {X509_TRUST_OCSP_SIGN, X509_TRUST_OCSP_REQUEST}) {
    EXPECT_EQ(X509_check_trust(with(root, CertificateTrust::Distrusted(), true).get(), id, 0),
              X509_TRUST_REJECTED);
  }
}

TEST(CertificateTrust, DistrustWinsWhenSourcesAreMerged) {
  const auto anchor = CertificateTrust::Anchor();
  const auto limited = CertificateTrust::LimitedAnchor(Only(Purpose::kServerAuth), true);
  const auto other = CertificateTrust::LimitedAnchor(Only(Purpose::kClientAuth), false);
  const auto distrusted = CertificateTrust::Distrusted();
  EXPECT_EQ(anchor.MergedWith(distrusted), distrusted);
  EXPECT_EQ(distrusted.MergedWith(anchor), distrusted);
  EXPECT_EQ(anchor.MergedWith(limited), limited);
  EXPECT_EQ(CertificateTrust::Unspecified().MergedWith(limited), limited);
  EXPECT_EQ(
      limited.MergedWith(other),
      CertificateTrust::LimitedAnchor(Only(Purpose::kServerAuth).With(Purpose::kClientAuth), true));
  const auto denied = CertificateTrust::LimitedAnchor({}, false, Only(Purpose::kCodeSigning));
  EXPECT_EQ(limited.MergedWith(denied).Denied(), denied.Denied());
}

}  // namespace
}  // namespace ostrust::platform
