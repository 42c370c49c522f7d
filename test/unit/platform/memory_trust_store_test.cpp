#include "platform/memory_trust_store.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "certificates.hpp"

namespace ostrust::platform {
namespace {

TrustedCertificate Entry(const Bytes& der, CertificateTrust trust = CertificateTrust::Anchor()) {
  return MakeTrustedCertificate(der, trust).value();
}

MemoryTrustStore Store(std::vector<TrustedCertificate> certificates) {
  return MemoryTrustStore(std::move(certificates), "the test", {"a problem"});
}

TEST(MemoryTrustStore, FindsBySubjectAsOpenSslCompares) {
  const MemoryTrustStore store = Store({Entry(MakeRoot("Example CA")), Entry(MakeRoot("Another"))});
  ASSERT_EQ(store.FindBySubject(NameDer("  EXAMPLE   ca ")).size(), 1U);
  EXPECT_TRUE(store.FindBySubject(NameDer("Example")).empty());
  EXPECT_TRUE(store.FindBySubject({}).empty());
  EXPECT_TRUE(store.FindBySubject(AsBytes("no name")).empty());
}

TEST(MemoryTrustStore, AllCertificatesOfASubjectAreFoundInOrder) {
  const Bytes first = MakeRoot("Root", 1);
  const Bytes second = MakeRoot("ROOT", 2);
  const MemoryTrustStore store = Store({Entry(first), Entry(MakeRoot("Another")), Entry(second)});
  const auto found = store.FindBySubject(NameDer("root"));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(AsText(found[0]->der), AsText(first));
  EXPECT_EQ(AsText(found[1]->der), AsText(second));
}

TEST(MemoryTrustStore, DuplicatesAreOneEntryWithTheMergedTrust) {
  const Bytes root = MakeRoot("Root");
  const auto limited =
      CertificateTrust::LimitedAnchor(PurposeSet().With(Purpose::kServerAuth), false);
  const MemoryTrustStore store =
      Store({Entry(root), Entry(MakeRoot("Another")), Entry(root, limited)});
  ASSERT_EQ(store.Entries().size(), 2U);
  EXPECT_EQ(store.AnchorCount(), 2U);
  EXPECT_EQ(store.TrustOf(root), limited);
  EXPECT_EQ(AsText(store.Entries()[0]->der), AsText(root));
  EXPECT_EQ(store.FindBySubject(NameDer("Root")).front()->trust, limited);
}

TEST(MemoryTrustStore, ADistrustedCertificateIsFoundAndNotCounted) {
  const Bytes root = MakeRoot("Root");
  const MemoryTrustStore store = Store({Entry(root), Entry(root, CertificateTrust::Distrusted())});
  EXPECT_EQ(store.AnchorCount(), 0U);
  EXPECT_TRUE(store.TrustOf(root).IsDistrusted());
  ASSERT_EQ(store.FindBySubject(NameDer("Root")).size(), 1U);
  EXPECT_TRUE(store.FindBySubject(NameDer("Root")).front()->trust.IsDistrusted());
}

TEST(MemoryTrustStore, UnspecifiedCertificatesAreLeftOut) {
  const Bytes root = MakeRoot("Root");
  const MemoryTrustStore store = Store({Entry(root, CertificateTrust::Unspecified())});
  EXPECT_TRUE(store.Entries().empty());
  EXPECT_EQ(store.TrustOf(root), CertificateTrust::Unspecified());
}

TEST(MemoryTrustStore, TrustIsOfTheExactCertificate) {
  const Bytes root = MakeRoot("Root", 1);
  const MemoryTrustStore store = Store({Entry(root)});
  EXPECT_TRUE(store.TrustOf(root).IsAnchor());
  EXPECT_EQ(store.TrustOf(MakeRoot("Root", 2)), CertificateTrust::Unspecified());
  EXPECT_EQ(store.TrustOf({}), CertificateTrust::Unspecified());
}

TEST(MemoryTrustStore, TrustIsOfWhatWasSignedWhateverTheSignature) {
  const Bytes root = MakeRoot("Root");
  const Bytes again = MakeRoot("Root");
  ASSERT_NE(root, again);
  EXPECT_TRUE(Store({Entry(root)}).TrustOf(again).IsAnchor());
  const MemoryTrustStore both = Store({Entry(root), Entry(again, CertificateTrust::Distrusted())});
  EXPECT_EQ(both.Entries().size(), 2U);
  EXPECT_TRUE(both.TrustOf(root).IsDistrusted());
}

TEST(MemoryTrustStore, SubjectsThatNothingSpeaksAgainstAreTold) {
  const auto server = PurposeSet().With(Purpose::kServerAuth);
  const MemoryTrustStore plain = Store({Entry(MakeRoot("Root"))});
  EXPECT_FALSE(plain.MayLimit(Named(NameDer("Root"))));
  EXPECT_FALSE(plain.MayLimit(Named(NameDer("Nobody"))));
  for (const CertificateTrust trust :
       {CertificateTrust::Distrusted(), CertificateTrust::LimitedAnchor(server, true),
        CertificateTrust::LimitedAnchor({}, false, server)}) {
    const MemoryTrustStore store = Store({Entry(MakeRoot("Root")), Entry(MakeRoot("Limited")),
                                          Entry(MakeRoot("LIMITED", 2), trust)});
    EXPECT_TRUE(store.MayLimit(Named(NameDer("limited"))));
    EXPECT_TRUE(store.MayLimit(Named(AsBytes("no name"))));
    EXPECT_FALSE(store.MayLimit(Named(NameDer("Root"))));
  }
}

TEST(MemoryTrustStore, NameConstraintsOfEveryCopyHoldForWhatWasSigned) {
  const Bytes root = MakeRoot("Root");
  const auto constrained = [&](const Bytes& der, std::string_view constraints) {
    TrustedCertificate certificate = Entry(der);
    const ByteView bytes = AsBytes(constraints);
    certificate.name_constraints.emplace_back(bytes.begin(), bytes.end());
    return certificate;
  };
  const MemoryTrustStore store =
      Store({Entry(root), constrained(root, "one"), constrained(MakeRoot("Root"), "two"),
             Entry(MakeRoot("Another")), constrained(root, "three")});
  std::vector<std::string> found;
  for (const ByteView constraints : store.ConstraintsOf(root).name_constraints) {
    found.emplace_back(AsText(constraints));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"one", "three", "two"}));
  EXPECT_TRUE(store.TrustOf(root).IsAnchor());
  EXPECT_TRUE(store.MayLimit(Named(NameDer("root"))));
  EXPECT_FALSE(store.MayLimit(Named(NameDer("Another"))));
  EXPECT_TRUE(store.ConstraintsOf(MakeRoot("Another")).name_constraints.empty());
  EXPECT_TRUE(Store({Entry(root)}).ConstraintsOf(root).name_constraints.empty());
}

TEST(MemoryTrustStore, EqualDerHasEqualHash) {
  const Bytes root = MakeRoot("Root");
  const MemoryTrustStore a = Store({Entry(root)});
  const MemoryTrustStore b = Store({Entry(MakeRoot("Another")), Entry(root)});
  EXPECT_EQ(a.Entries()[0]->der_hash, b.Entries()[1]->der_hash);
}

TEST(MemoryTrustStore, ManyCertificatesAreAllFound) {
  std::vector<TrustedCertificate> certificates;
  for (int i = 0; i < 300; ++i)
    certificates.push_back(Entry(MakeRoot("Root " + std::to_string(i))));
  const std::vector<TrustedCertificate> copies = certificates;
  const MemoryTrustStore store = Store(std::move(certificates));
  EXPECT_EQ(store.AnchorCount(), 300U);
  for (const TrustedCertificate& copy : copies) {
    const auto found = store.FindBySubject(SubjectOf(copy.der));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(AsText(found[0]->der), AsText(copy.der));
    EXPECT_TRUE(store.TrustOf(copy.der).IsAnchor());
  }
}

TEST(MemoryTrustStore, SaysWhereItIsFrom) {
  const MemoryTrustStore store = Store({});
  EXPECT_EQ(store.Source(), "the test");
  EXPECT_EQ(store.Problems(), std::vector<std::string>{"a problem"});
}

}  // namespace
}  // namespace ostrust::platform
