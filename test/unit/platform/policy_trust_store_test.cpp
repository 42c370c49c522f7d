// What a trust policy says about certificates it lists, and about those it does not.
#include "platform/policy_trust_store.hpp"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "certificates.hpp"
#include "platform/der.hpp"

namespace ostrust::platform {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kServerAuth = "\x2b\x06\x01\x05\x05\x07\x03\x01"sv;
constexpr std::string_view kEmailProtection = "\x2b\x06\x01\x05\x05\x07\x03\x04"sv;
constexpr std::string_view kUnknownPurpose = "\x2a\x03\x04"sv;
constexpr std::string_view kExtendedKeyUsage = "\x55\x1d\x25"sv;
constexpr std::string_view kReject = "\x2b\x06\x01\x04\x01\x99\x77\x06\x0a\x01"sv;
constexpr std::string_view kBasicConstraints = "\x55\x1d\x13"sv;
constexpr std::string_view kKeyUsage = "\x55\x1d\x0f"sv;
constexpr std::string_view kNameConstraints = "\x55\x1d\x1e"sv;
constexpr std::string_view kPolicyConstraints = "\x55\x1d\x24"sv;

const PurposeSet kServer = PurposeSet().With(Purpose::kServerAuth);
constexpr std::int64_t kNoon2020 = 1577880000;  // 2020-01-01 12:00:00 UTC

Bytes Sequence(std::initializer_list<Bytes> items) {
  Bytes content;
  for (const Bytes& item : items) content.insert(content.end(), item.begin(), item.end());
  Bytes out;
  AppendDer(der::kSequence, content, out);
  return out;
}

Bytes Element(std::uint8_t tag, std::string_view content) {
  Bytes out;
  AppendDer(tag, AsBytes(content), out);
  return out;
}

Bytes Identifier(std::string_view content) {
  return Element(der::kObjectIdentifier, content);
}

Bytes ExtensionDer(std::string_view identifier, const Bytes& value, bool critical = true) {
  const Bytes flag = critical ? Element(der::kBoolean, "\xff") : Bytes();
  return Sequence({Identifier(identifier), flag, Element(der::kOctetString, AsText(value))});
}

struct PublicKeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using PublicKeyPtr = std::unique_ptr<EVP_PKEY, PublicKeyDeleter>;

Bytes InfoOf(const EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  const auto* const begin = reinterpret_cast<const std::byte*>(der);
  Bytes info(begin, begin + std::max(size, 0));
  OPENSSL_free(der);
  return info;
}

/// An EC key has y's last bit 0, so that this bit can be said not to be used.
PublicKeyPtr MakeKey(std::string_view kind) {
  for (;;) {
    PublicKeyPtr key(kind == "EC" ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048));
    if (kind != "EC" || (InfoOf(key.get()).back() & std::byte{1}) == std::byte{0}) return key;
  }
}

/// An element whose length takes a byte more than it has to.
Bytes LongElement(std::uint8_t tag, ByteView content) {
  Bytes element;
  AppendDer(tag, content, element);
  const auto octets = std::to_integer<std::size_t>(element[1]);
  element[1] = static_cast<std::byte>(octets < 0x80 ? 0x82 : octets + 1);
  if (octets < 0x80) element.insert(element.begin() + 2, static_cast<std::byte>(octets));
  element.insert(element.begin() + 2, std::byte{0});
  return element;
}

/// Other SubjectPublicKeyInfos of the same key.
std::vector<Bytes> FormsOf(const Bytes& info) {
  DerReader reader(DerReader(info).Next()->content);
  const ByteView algorithm = reader.Next()->whole;
  const ByteView key = PublicKeyOf(info);
  std::vector<Bytes> forms;
  const auto add = [&](const Bytes& bits, char unused = 0) {
    forms.push_back(
        Sequence({Bytes(algorithm.begin(), algorithm.end()),
                  Element(der::kBitString, AsText(Concatenate(AsBytes({&unused, 1}), bits)))}));
  };
  Bytes changed(key.begin(), key.end());
  if (changed[0] == std::byte{4}) {
    add(changed, 1);
    changed.back() |= std::byte{1};
    add(changed, 1);
    changed.back() &= std::byte{0xfe};
    changed[0] = std::byte{6};  // hybrid: y is even
    add(changed);
    changed.resize(33);
    changed[0] = std::byte{2};
    add(changed);
    return forms;
  }
  add(Concatenate(key, AsBytes("more")));
  const ByteView content = DerReader(key).Next()->content;
  add(LongElement(der::kSequence, content));
  constexpr std::string_view kIndefinite = "\x30\x80"sv;
  add(Concatenate(Concatenate(AsBytes(kIndefinite), content), AsBytes("\0\0"sv)));
  constexpr std::string_view kLongTag = "\x3f\x80\x10"sv;
  add(Concatenate(AsBytes(kLongTag), key.subspan(1)));
  DerReader numbers(content);
  const ByteView modulus = numbers.Next()->content;
  add(Sequence(
      {LongElement(der::kInteger, modulus), Bytes(numbers.Rest().begin(), numbers.Rest().end())}));
  add(Sequence({Element(der::kInteger, AsText(Concatenate(AsBytes("\0"sv), modulus))),
                Bytes(numbers.Rest().begin(), numbers.Rest().end())}));
  return forms;
}

// Which element of TBSCertificate it is, behind the version and the serial number.
constexpr int kIssuer = 3;
constexpr int kSubjectPublicKeyInfo = 6;

/// The certificate with another element in this place; nobody looks at the signature.
Bytes With(ByteView certificate, int place, const Bytes& element) {
  DerReader outer(DerReader(certificate).Next()->content);
  DerReader reader(outer.Next()->content);
  Bytes content;
  for (int i = 0; !reader.AtEnd(); ++i) {
    const ByteView whole = reader.Next()->whole;
    const ByteView item = i == place ? ByteView(element) : whole;
    content.insert(content.end(), item.begin(), item.end());
  }
  return Sequence(
      {Element(der::kSequence, AsText(content)), Bytes(outer.Rest().begin(), outer.Rest().end())});
}

X509Ptr Parsed(ByteView certificate) {
  const auto* data = reinterpret_cast<const unsigned char*>(certificate.data());
  return X509Ptr(d2i_X509(nullptr, &data, static_cast<long>(certificate.size())));
}

/// As far as PolicyTrustStore::MayLimit() looks, and as the provider has them of libcrypto.
CertificateFields FieldsOf(const X509* certificate) {
  const auto view = [](const ASN1_STRING* text) {
    return std::as_bytes(
        std::span(ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text))));
  };
  CertificateFields fields;
  fields.serial_number = view(X509_get0_serialNumber(certificate));
  fields.public_key = view(X509_get0_pubkey_bitstr(certificate));
  return fields;
}

class PolicyTest : public testing::Test {
 protected:
  TrustPolicy::Certificate& List(const Bytes& certificate) {
    policy_.certificates.push_back({});
    policy_.certificates.back().certificate = certificate;
    policy_.certificates.back().authority = true;
    return policy_.certificates.back();
  }
  TrustPolicy::Certificate& Trust(const Bytes& certificate) {
    auto& item = List(certificate);
    item.trusted = true;
    return item;
  }
  TrustPolicy::Certificate& Distrust(const Bytes& certificate) {
    auto& item = List(certificate);
    item.distrusted = true;
    item.origin = 1;
    return item;
  }
  void Staple(const Bytes& certificate, Bytes extension) {
    policy_.extensions.push_back({std::move(extension), PublicKeyInfoOf(certificate), 2});
  }
  void StapleUsages(const Bytes& certificate, std::initializer_list<Bytes> purposes) {
    Staple(certificate, ExtensionDer(kExtendedKeyUsage, Sequence(purposes)));
  }

  /// The store, from now on.
  const PolicyTrustStore& Store() {
    policy_.origins = {"/anchors", "/blocklist", "/stapled"};
    store_ = std::make_unique<PolicyTrustStore>(policy_, "the policy");
    return *store_;
  }

  const Bytes root_ = MakeIssuedWithKey("Root", "Root", 1);
  const Bytes same_key_ = MakeIssuedWithKey("Cross", "Other", 1, 7);
  const Bytes stranger_ = MakeIssuedWithKey("Stranger", "Other", 2, 8);
  TrustPolicy policy_;
  std::unique_ptr<PolicyTrustStore> store_;
};

TEST_F(PolicyTest, WhatIsTrustedEndsChainsForEverything) {
  Trust(stranger_);  // not self-signed
  const auto& store = Store();
  EXPECT_EQ(store.TrustOf(stranger_), CertificateTrust::LimitedAnchor({}, true));
  EXPECT_EQ(store.AnchorCount(), 1U);
  EXPECT_EQ(store.FindBySubject(NameDer("Stranger")).size(), 1U);
  EXPECT_EQ(store.TrustOf(root_), CertificateTrust::Unspecified());
  EXPECT_TRUE(store.Problems().empty());
}

TEST_F(PolicyTest, WhatIsNeitherTrustedNorDistrustedIsNotListed) {
  List(root_);
  EXPECT_TRUE(Store().Empty());
}

TEST_F(PolicyTest, WhatIsNoAuthorityEndsOnlyItsOwnChain) {
  Trust(root_).authority = false;
  EXPECT_TRUE(Store().TrustOf(root_).IsAnchor());
  EXPECT_FALSE(Store().TrustOf(root_).MayIssue());
  EXPECT_TRUE(Store().MayLimit(*ReadCertificateFields(root_)));
  EXPECT_FALSE(Store().MayLimit(*ReadCertificateFields(stranger_)));
}

// --- The blocklist

TEST_F(PolicyTest, ADistrustedCertificateIsDistrustedAlsoIfItIsTrusted) {
  for (const bool one_object : {false, true}) {
    policy_ = {};
    if (one_object) {
      Distrust(root_).trusted = true;
    } else {
      Trust(root_);
      Distrust(root_);
    }
    EXPECT_TRUE(Store().TrustOf(root_).IsDistrusted());
    EXPECT_EQ(Store().AnchorCount(), 0U);
    // It is still found, so that it can be refused by name (rule 4).
    EXPECT_EQ(Store().FindBySubject(NameDer("Root")).size(), 1U);
    EXPECT_EQ(Store().RuleFor(root_), "/blocklist");
  }
}

TEST_F(PolicyTest, ADistrustedCertificateTakesItsKeyWithIt) {
  Trust(root_);
  Distrust(same_key_);
  EXPECT_TRUE(Store().TrustOf(root_).IsDistrusted());
  EXPECT_EQ(Store().AnchorCount(), 0U);
  EXPECT_EQ(Store().RuleFor(root_), "/blocklist (by its public key)");
  EXPECT_FALSE(Store().TrustOf(stranger_).IsDistrusted());
}

TEST_F(PolicyTest, AKeyIsDistrustedInCertificatesNobodyListed) {
  Distrust({}).public_key_info = PublicKeyInfoOf(root_);
  EXPECT_TRUE(Store().TrustOf(root_).IsDistrusted());
  EXPECT_TRUE(Store().TrustOf(same_key_).IsDistrusted());
  EXPECT_FALSE(Store().TrustOf(stranger_).IsDistrusted());
  EXPECT_TRUE(Store().MayLimit(*ReadCertificateFields(same_key_)));
  EXPECT_FALSE(Store().MayLimit(*ReadCertificateFields(stranger_)));
  EXPECT_TRUE(Store().Entries().empty());
  EXPECT_FALSE(Store().Empty());
}

TEST_F(PolicyTest, TheParametersBesideAKeyDoNotHideIt) {
  // The same key as another algorithm's: SEQUENCE { SEQUENCE { OID }, BIT STRING }
  const Bytes info = PublicKeyInfoOf(root_);
  DerReader reader(DerReader(info).Next()->content);
  reader.Next();
  const ByteView key = reader.Next(der::kBitString)->whole;
  Distrust({}).public_key_info =
      Sequence({Sequence({Identifier(kServerAuth)}), Bytes(key.begin(), key.end())});
  EXPECT_TRUE(Store().TrustOf(root_).IsDistrusted());
}

TEST_F(PolicyTest, AnotherFormOfAKeyDoesNotHideIt) {
  for (const char* const kind : {"EC", "RSA"}) {
    const PublicKeyPtr key = MakeKey(kind);
    const Bytes info = InfoOf(key.get());
    const std::vector<Bytes> forms = FormsOf(info);
    ASSERT_GE(forms.size(), 4U);
    for (std::size_t i = 0; i < forms.size(); ++i) {
      SCOPED_TRACE(std::string(kind) + " " + std::to_string(i));
      // OpenSSL takes it for the same key.
      const auto* data = reinterpret_cast<const unsigned char*>(forms[i].data());
      const PublicKeyPtr read(d2i_PUBKEY(nullptr, &data, static_cast<long>(forms[i].size())));
      ASSERT_EQ(EVP_PKEY_eq(key.get(), read.get()), 1);
      const Bytes listed = With(root_, kSubjectPublicKeyInfo, info);
      const Bytes other = With(stranger_, kSubjectPublicKeyInfo, forms[i]);
      for (const bool odd_one_is_listed : {false, true}) {
        policy_ = {};
        Distrust({}).public_key_info = odd_one_is_listed ? forms[i] : info;
        const Bytes& found = odd_one_is_listed ? listed : other;
        // What is no DER is distrusted in any case, and so is skipped in a list.
        if (!Store().Problems().empty()) continue;
        EXPECT_TRUE(Store().TrustOf(found).IsDistrusted());
        EXPECT_FALSE(Store().TrustOf(stranger_).IsDistrusted());
        const X509Ptr parsed = Parsed(found);
        EXPECT_TRUE(Store().MayLimit(FieldsOf(parsed.get())));
      }
    }
  }
}

TEST_F(PolicyTest, IssuerAndSerialNumberAreEnough) {
  auto& item = Distrust({});
  item.issuer = IssuerOf(same_key_);
  item.serial_number = SerialNumberOf(same_key_);
  EXPECT_TRUE(Store().TrustOf(same_key_).IsDistrusted());
  EXPECT_EQ(Store().RuleFor(same_key_), "/blocklist (by issuer and serial number)");
  EXPECT_FALSE(Store().TrustOf(stranger_).IsDistrusted());  // the issuer alone
  EXPECT_FALSE(Store().TrustOf(root_).IsDistrusted());      // the key
  EXPECT_TRUE(Store().MayLimit(*ReadCertificateFields(same_key_)));
  EXPECT_FALSE(Store().MayLimit(*ReadCertificateFields(stranger_)));
}

TEST_F(PolicyTest, AnIssuerThatIsNoDerIsRefusedWhereTheSerialNumberIsDistrusted) {
  const Bytes issuer = IssuerOf(stranger_);
  const ByteView name = DerReader(issuer).Next()->content;
  const ByteView attribute = DerReader(name).Next()->content;
  const Bytes odd_issuer = Sequence({LongElement(der::kSet, attribute)});
  const Bytes odd = With(stranger_, kIssuer, odd_issuer);
  ASSERT_EQ(X509_NAME_cmp(X509_get_issuer_name(Parsed(odd).get()),
                          X509_get_issuer_name(Parsed(stranger_).get())),
            0);
  auto& item = Distrust({});
  item.issuer = issuer;
  item.serial_number = SerialNumberOf(stranger_);
  EXPECT_TRUE(Store().TrustOf(stranger_).IsDistrusted());
  EXPECT_TRUE(Store().TrustOf(odd).IsDistrusted());
  EXPECT_FALSE(Store().TrustOf(With(root_, kIssuer, odd_issuer)).IsDistrusted());
}

TEST_F(PolicyTest, AnIssuerIsComparedAsOpenSslComparesNames) {
  auto& item = Distrust({});
  item.issuer = NameDer("OTHER  ");
  item.serial_number = Element(der::kInteger, "\x00\x00\x07"sv);
  EXPECT_TRUE(Store().TrustOf(same_key_).IsDistrusted());
}

TEST_F(PolicyTest, ADistrustThatCannotBeReadIsReported) {
  Distrust(ToBytes("no certificate"));
  ASSERT_EQ(Store().Problems().size(), 2U);  // as a rule and as an entry
  EXPECT_EQ(Store().Problems()[0].substr(0, 10), "/blocklist");
}

TEST_F(PolicyTest, OneCertificateThatCannotBeReadHidesNoOther) {
  Trust(ToBytes("no certificate"));
  Trust(root_);
  EXPECT_EQ(Store().AnchorCount(), 1U);
  EXPECT_EQ(Store().Problems().size(), 1U);
}

TEST_F(PolicyTest, WhatIsNoDerIsRefusedWhereThereAreRules) {
  Bytes not_minimal = root_;
  not_minimal.insert(not_minimal.begin() + 1, std::byte{0x83});
  not_minimal[2] = std::byte{0};
  EXPECT_FALSE(Store().TrustOf(not_minimal).IsDistrusted());
  Distrust({}).public_key_info = PublicKeyInfoOf(root_);
  EXPECT_TRUE(Store().TrustOf(not_minimal).IsDistrusted());
}

// --- Stapled extensions

TEST_F(PolicyTest, AStapledUsageLimitsTheKeyWhereverItStands) {
  Trust(root_);
  StapleUsages(root_, {Identifier(kEmailProtection), Identifier(kUnknownPurpose)});
  const auto limited =
      kServer.With(Purpose::kClientAuth).With(Purpose::kCodeSigning).With(Purpose::kTimeStamping);
  for (const Bytes& certificate : {root_, same_key_}) {
    const CertificateTrust trust = Store().TrustOf(certificate);
    EXPECT_EQ(trust.IsAnchor(), certificate == root_);
    EXPECT_EQ(trust.Denied(), limited.With(Purpose::kOcspSigning).With(Purpose::kOcspRequest));
    EXPECT_EQ(Store().RuleFor(certificate), "/stapled (by its public key)");
  }
  // What lookups see is limited, too.
  EXPECT_TRUE(Store().Entries()[0]->trust.Rejected().Contains(Purpose::kServerAuth));
  EXPECT_FALSE(Store().TrustOf(stranger_).IsLimited());
}

TEST_F(PolicyTest, AStapledUsageThatListsNothingKnownAllowsNothing) {
  Trust(root_);
  StapleUsages(root_, {Identifier(kUnknownPurpose)});
  EXPECT_EQ(Store().TrustOf(root_).Rejected(), PurposeSet::All());
  EXPECT_TRUE(Store().TrustOf(root_).IsAnchor());
}

TEST_F(PolicyTest, AStapledUsageThatCannotBeReadAllowsNothing) {
  Trust(root_);
  Staple(root_, ExtensionDer(kExtendedKeyUsage, ToBytes("garbage")));
  EXPECT_EQ(Store().TrustOf(root_).Rejected(), PurposeSet::All());
  EXPECT_EQ(Store().Problems().size(), 1U);
}

TEST_F(PolicyTest, AStapledRejectRefusesItsPurposesOnly) {
  Trust(root_);
  Staple(root_, ExtensionDer(kReject, Sequence({Identifier(kServerAuth)}), false));
  EXPECT_EQ(Store().TrustOf(root_).Denied(), kServer);
  EXPECT_EQ(Store().TrustOf(same_key_).Denied(), kServer);
}

TEST_F(PolicyTest, AStapledRejectOfEverythingOrNonsenseDistrusts) {
  for (const Bytes& value : {Sequence({Identifier("\x55\x1d\x25\x00"sv)}), ToBytes("garbage")}) {
    policy_ = {};
    Trust(root_);
    Staple(root_, ExtensionDer(kReject, value, false));
    EXPECT_TRUE(Store().TrustOf(root_).IsDistrusted());
  }
}

TEST_F(PolicyTest, StapledBasicConstraintsCanSayThatItIsNoCa) {
  Trust(root_);
  Staple(root_, ExtensionDer(kBasicConstraints, Sequence({})));
  EXPECT_FALSE(Store().TrustOf(root_).MayIssue());
  EXPECT_FALSE(Store().TrustOf(same_key_).MayIssue());
}

TEST_F(PolicyTest, StapledBasicConstraintsThatCannotBeReadSayThatItIsNoCa) {
  const Bytes ca = Element(der::kBoolean, "\xff");
  for (const Bytes& value :
       {ToBytes("garbage"), Sequence({Element(der::kBoolean, "\xff\xff")}),
        Sequence({ca, Element(der::kInteger, "\x80")}),
        Sequence({ca, Element(der::kInteger, "\x01\x02")}),
        Sequence({ca, Element(der::kInteger, ""sv)}),
        Sequence({ca, Element(der::kInteger, "\x01"), Element(der::kInteger, "\x01")})}) {
    policy_ = {};
    Trust(root_);
    Staple(root_, ExtensionDer(kBasicConstraints, value));
    EXPECT_FALSE(Store().TrustOf(root_).MayIssue());
    EXPECT_EQ(Store().Problems().size(), 1U);
  }
}

TEST_F(PolicyTest, StapledBasicConstraintsCanLimitThePath) {
  Trust(root_);
  for (const auto length : {"\x03"sv, "\x01"sv}) {
    Staple(root_, ExtensionDer(kBasicConstraints, Sequence({Element(der::kBoolean, "\xff"),
                                                            Element(der::kInteger, length)})));
  }
  EXPECT_TRUE(Store().TrustOf(root_).MayIssue());
  EXPECT_EQ(Store().ConstraintsOf(same_key_).path_length, std::optional<std::size_t>(1));
  EXPECT_EQ(Store().ConstraintsOf(stranger_).path_length, std::nullopt);
}

TEST_F(PolicyTest, AStapledKeyUsageCanSayThatItSignsNoCertificates) {
  for (const auto& [bits, may_sign] :
       {std::pair("\x02\x04"sv, true), std::pair("\x01\x02"sv, false), std::pair("\x00"sv, false),
        std::pair(""sv, false)}) {
    policy_ = {};
    Trust(root_);
    Staple(root_, ExtensionDer(kKeyUsage, Element(der::kBitString, bits)));
    EXPECT_EQ(Store().TrustOf(root_).MayIssue(), may_sign);
  }
}

TEST_F(PolicyTest, StapledNameConstraintsAreKeptAsTheyAre) {
  Trust(root_);
  Staple(root_, ExtensionDer(kNameConstraints, ToBytes("first")));
  Staple(root_, ExtensionDer(kNameConstraints, ToBytes("second")));
  const auto constraints = Store().ConstraintsOf(same_key_).name_constraints;
  ASSERT_EQ(constraints.size(), 2U);
  EXPECT_EQ(AsText(constraints[0]), "first");
  EXPECT_EQ(AsText(constraints[1]), "second");
  EXPECT_TRUE(Store().MayLimit(*ReadCertificateFields(same_key_)));
  EXPECT_FALSE(Store().MayLimit(*ReadCertificateFields(stranger_)));
}

TEST_F(PolicyTest, ACriticalExtensionThatIsNotUnderstoodDistrusts) {
  for (const bool critical : {false, true}) {
    policy_ = {};
    Trust(root_);
    Staple(root_, ExtensionDer(kPolicyConstraints, Sequence({}), critical));
    EXPECT_EQ(Store().TrustOf(root_).IsDistrusted(), critical);
    EXPECT_EQ(Store().Problems().size(), critical ? 1U : 0U);
  }
}

TEST_F(PolicyTest, AnExtensionThatCannotBeReadDistrustsItsKey) {
  Trust(root_);
  Staple(root_, ToBytes("garbage"));
  EXPECT_TRUE(Store().TrustOf(root_).IsDistrusted());
  policy_.extensions[0].public_key_info = ToBytes("no key");
  EXPECT_FALSE(Store().TrustOf(root_).IsDistrusted());
  EXPECT_EQ(Store().Problems().size(), 1U);
}

// --- Dates

TEST_F(PolicyTest, ADateOfDistrustIsATime) {
  for (const auto& [text, time] : {
           std::pair("200101120000Z"sv, kNoon2020), std::pair("20200101120000Z"sv, kNoon2020),
           std::pair("500101000000Z"sv, std::int64_t{-631152000}),  // 1950
           std::pair("491231235959Z"sv, std::int64_t{2524607999}),  // 2049
       }) {
    policy_ = {};
    Trust(root_).server_distrust_after = ToBytes(text);
    EXPECT_EQ(Store().TrustOf(root_).DistrustAfter(Purpose::kServerAuth), time) << text;
    EXPECT_EQ(Store().TrustOf(root_).DistrustAfter(Purpose::kEmailProtection),
              CertificateTrust::kNever);
    EXPECT_TRUE(Store().MayLimit(*ReadCertificateFields(root_)));
    EXPECT_FALSE(Store().MayLimit(*ReadCertificateFields(stranger_)));
    EXPECT_TRUE(Store().Problems().empty());
  }
}

TEST_F(PolicyTest, ADateForMailIsAnother) {
  Trust(root_).email_distrust_after = ToBytes("200101120000Z");
  EXPECT_EQ(Store().TrustOf(root_).DistrustAfter(Purpose::kEmailProtection), kNoon2020);
  EXPECT_EQ(Store().TrustOf(root_).DistrustAfter(Purpose::kServerAuth), CertificateTrust::kNever);
}

TEST_F(PolicyTest, ADateThatCannotBeReadIsLongPast) {
  for (const std::string_view text :
       {"\x01"sv, "2020010112000Z"sv, "2001011200Z"sv, "200101120000+"sv, "200231120000Z"sv,
        "200101240000Z"sv, "2001011200 0Z"sv, "-10101120000Z"sv, "200001120000Z"sv}) {
    policy_ = {};
    Trust(root_).server_distrust_after = ToBytes(text);
    EXPECT_LT(Store().TrustOf(root_).DistrustAfter(Purpose::kServerAuth), -3000000000) << text;
    EXPECT_EQ(Store().Problems().size(), 1U);
  }
}

TEST_F(PolicyTest, TheEarlierOfTwoDatesCounts) {
  Trust(root_).server_distrust_after = ToBytes("200101120000Z");
  Trust(root_).server_distrust_after = ToBytes("210101120000Z");
  Trust(root_);
  EXPECT_EQ(Store().TrustOf(root_).DistrustAfter(Purpose::kServerAuth), kNoon2020);
  EXPECT_EQ(Store().AnchorCount(), 1U);
}

}  // namespace
}  // namespace ostrust::platform
