#include "platform/extended_trust_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "certificates.hpp"
#include "platform/memory_trust_store.hpp"
#include "platform/trusted_certificate.hpp"

namespace ostrust::platform {
namespace {

std::shared_ptr<const TrustStore> StoreOf(const Bytes& certificate, CertificateTrust trust) {
  std::vector<TrustedCertificate> certificates;
  certificates.push_back(*MakeTrustedCertificate(certificate, trust));
  return std::make_shared<MemoryTrustStore>(std::move(certificates), "the system",
                                            std::vector<std::string>());
}

TEST(ExtendedTrustStore, HasWhatTheStoreHasAndOneAnchorForServers) {
  const Bytes listed = MakeRoot("listed");
  const Bytes added = MakeRoot("added");
  const auto base = StoreOf(listed, CertificateTrust::Anchor());
  const auto extended = WithAnchor(base, added);
  ASSERT_NE(extended, nullptr);
  EXPECT_EQ(base->TrustOf(added), CertificateTrust::Unspecified());
  EXPECT_EQ(extended->TrustOf(listed), CertificateTrust::Anchor());
  const CertificateTrust trust = extended->TrustOf(added);
  EXPECT_TRUE(trust.IsAnchor());
  EXPECT_FALSE(trust.Rejected().Contains(Purpose::kServerAuth));
  EXPECT_TRUE(trust.Rejected().Contains(Purpose::kClientAuth));
  EXPECT_TRUE(trust.Denied().Empty());
  EXPECT_EQ(extended->FindBySubject(NameDer("listed")).size(), 1U);
  ASSERT_EQ(extended->FindBySubject(NameDer("added")).size(), 1U);
  EXPECT_EQ(AsText(extended->FindBySubject(NameDer("added")).front()->der), AsText(added));
  EXPECT_EQ(extended->Entries().size(), 2U);
  EXPECT_EQ(extended->AnchorCount(), 2U);
  EXPECT_EQ(extended->RuleFor(listed), "the system");
  EXPECT_EQ(extended->RuleFor(added), "the operating system's verifier");
}

TEST(ExtendedTrustStore, HasTheNumberOfTheStoreWhichNoOtherHas) {
  const Bytes root = MakeRoot("root");
  const auto one = StoreOf(root, CertificateTrust::Anchor());
  const auto other = StoreOf(root, CertificateTrust::Anchor());
  EXPECT_NE(one->Id(), other->Id());
  EXPECT_EQ(WithAnchor(one, MakeRoot("added"))->Id(), one->Id());
}

TEST(ExtendedTrustStore, TakesNoDistrustAway) {
  const Bytes root = MakeRoot("root");
  const auto extended = WithAnchor(StoreOf(root, CertificateTrust::Distrusted()), root);
  ASSERT_NE(extended, nullptr);
  EXPECT_TRUE(extended->TrustOf(root).IsDistrusted());
}

TEST(ExtendedTrustStore, WhatIsNoCertificateIsNoAnchor) {
  const Bytes root = MakeRoot("root");
  const auto base = StoreOf(root, CertificateTrust::Anchor());
  EXPECT_EQ(WithAnchor(base, ByteView()), nullptr);
  EXPECT_EQ(WithAnchor(base, ByteView(root).first(root.size() - 1)), nullptr);
}

}  // namespace
}  // namespace ostrust::platform
