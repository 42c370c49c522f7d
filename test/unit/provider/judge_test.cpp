#include "provider/verify/judge.hpp"

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include <utility>

#include "platform/memory_trust_store.hpp"
#include "test/unit/platform/certificates.hpp"

namespace ostrust::verify {
namespace {

using namespace ostrust::platform;

const PurposeSet kServer = PurposeSet().With(Purpose::kServerAuth);

/// Finds `error` in the certificate at `depth`, for every constraint.
class NamesDouble final : public NameConstraintsChecker {
 public:
  int Check(std::size_t at, ByteView) const override { return at == depth ? error : X509_V_OK; }
  std::size_t depth = 0;
  int error = X509_V_OK;
};

class JudgeTest : public testing::Test {
 protected:
  void Trust(ByteView certificate, CertificateTrust trust) {
    entries_.push_back(*MakeTrustedCertificate(certificate, trust));
  }

  /// The verdict on leaf, intermediate and root; the root is from the trust store.
  std::vector<Refusal> Verdict(const ChainVerifier* verifier = nullptr) {
    BuiltChain chain = chain_;
    chain.certificates = {leaf_, intermediate_, root_};
    const MemoryTrustStore store(entries_, "the test's store", {});
    return Judge(chain, store, names_, verifier);
  }

  static void ExpectOne(const std::vector<Refusal>& refusals, std::size_t depth,
                        const std::string& reason) {
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_EQ(refusals[0].depth, depth);
    EXPECT_EQ(refusals[0].error, X509_V_ERR_CERT_REJECTED);
    EXPECT_EQ(refusals[0].reason, reason + " by the test's store");
  }

  const Bytes root_ = MakeRoot("Root");
  const Bytes intermediate_ = MakeIssued("Intermediate", "Root");
  const Bytes leaf_ = MakeIssued("Leaf", "Intermediate");
  BuiltChain chain_{
      {},
      2,
      {false, false, true},
      {Purpose::kServerAuth, 0},
      Purpose::kServerAuth,
      "name",
      42,
      {platform::Intermediates::kFetch, platform::Revocation::kSoft, std::chrono::seconds(7)},
      {}};
  NamesDouble names_;
  std::vector<TrustedCertificate> entries_;
};

TEST_F(JudgeTest, NothingSpeaksAgainstAPlainAnchor) {
  Trust(root_, CertificateTrust::Anchor());
  EXPECT_TRUE(Verdict().empty());
}

TEST_F(JudgeTest, NothingSpeaksAgainstWhatTheSystemDoesNotKnow) {
  EXPECT_TRUE(Verdict().empty());
}

TEST_F(JudgeTest, ADistrustedCertificateIsRefusedWhereverItStandsAndForWhatever) {
  const Bytes* const certificates[] = {&leaf_, &intermediate_, &root_};
  for (std::size_t depth = 0; depth < 3; ++depth) {
    for (const std::optional<Purpose> purpose :
         {std::optional<Purpose>(), std::optional(Purpose::kServerAuth),
          std::optional(Purpose::kTimeStamping)}) {
      entries_.clear();
      Trust(*certificates[depth], CertificateTrust::Distrusted());
      chain_.use.purpose = purpose;
      ExpectOne(Verdict(), depth, "distrusted");
    }
  }
}

TEST_F(JudgeTest, ADistrustedCertificateIsRefusedUnderAnotherSignature) {
  // Who can make an ECDSA signature valid in a second way must not lift a blocklist.
  Trust(MakeIssued("Intermediate", "Root"), CertificateTrust::Distrusted());
  ExpectOne(Verdict(), 1, "distrusted");
}

TEST_F(JudgeTest, TheAnchorsReasonComesFirst) {
  Trust(leaf_, CertificateTrust::Distrusted());
  Trust(root_, CertificateTrust::Distrusted());
  const auto refusals = Verdict();
  ASSERT_EQ(refusals.size(), 2U);
  EXPECT_EQ(refusals[0].depth, 2U);
  EXPECT_EQ(refusals[1].depth, 0U);
}

TEST_F(JudgeTest, AnAnchorIsTrustedForItsPurposesOnly) {
  Trust(root_, CertificateTrust::LimitedAnchor(kServer, false));
  ExpectOne(Verdict(), 2, "not trusted for TLS servers");
  for (const Purpose other : {Purpose::kClientAuth, Purpose::kCodeSigning,
                              Purpose::kEmailProtection, Purpose::kTimeStamping}) {
    chain_.use.purpose = other;
    EXPECT_TRUE(Verdict().empty());
  }
  chain_.use.purpose = std::nullopt;
  EXPECT_TRUE(Verdict().empty());
}

TEST_F(JudgeTest, AnAnchorForNothingIsRefusedForAnything) {
  Trust(root_, CertificateTrust::LimitedAnchor(PurposeSet::All(), true));
  ExpectOne(Verdict(), 2, "not trusted for TLS servers");
  chain_.use.purpose = std::nullopt;
  ExpectOne(Verdict(), 2, "not trusted for any purpose");
}

TEST_F(JudgeTest, WhatAnAnchorIsNotListedForMattersOnlyWhereOpenSslTookItFromTheStore) {
  Trust(intermediate_, CertificateTrust::LimitedAnchor(kServer, true));
  EXPECT_TRUE(Verdict().empty());
  chain_.first_trusted = 1;
  ExpectOne(Verdict(), 1, "not trusted for TLS servers");
  // DANE-TA: nothing is from the store, so no anchor of the system's is in question.
  entries_.clear();
  Trust(root_, CertificateTrust::LimitedAnchor(kServer, false));
  chain_.first_trusted = 3;
  EXPECT_TRUE(Verdict().empty());
}

TEST_F(JudgeTest, ARejectionCountsWhereverTheCertificateStands) {
  Trust(intermediate_, CertificateTrust::LimitedAnchor({}, false, kServer));
  ExpectOne(Verdict(), 1, "rejected for TLS servers");
  chain_.use.purpose = Purpose::kClientAuth;
  EXPECT_TRUE(Verdict().empty());
}

// --- What p11-kit's policy adds

constexpr std::int64_t kDate = 1732924800;  // 2024-11-30 00:00:00 UTC

TEST_F(JudgeTest, TheDateOfTheAnchorIsComparedWithTheLeafs) {
  Trust(root_, CertificateTrust::Anchor().WithDistrustAfter(Purpose::kServerAuth, kDate));
  for (const std::int64_t issued : {kDate - 1, kDate}) {
    chain_.use.issued = issued;
    EXPECT_TRUE(Verdict().empty());
  }
  for (const std::int64_t issued : {kDate + 1, CertificateTrust::kNever}) {
    chain_.use.issued = issued;
    ExpectOne(
        Verdict(), 2,
        "not trusted for TLS servers with a certificate issued after 2024-11-30 00:00:00 UTC");
  }
  // For nobody else.
  for (const std::optional<Purpose> other :
       {std::optional<Purpose>(), std::optional(Purpose::kClientAuth),
        std::optional(Purpose::kEmailProtection)}) {
    chain_.use.purpose = other;
    EXPECT_TRUE(Verdict().empty());
  }
}

TEST_F(JudgeTest, ADateForMailIsForMail) {
  Trust(root_, CertificateTrust::Anchor().WithDistrustAfter(Purpose::kEmailProtection, kDate));
  chain_.use.issued = kDate + 1;
  EXPECT_TRUE(Verdict().empty());
  chain_.use.purpose = Purpose::kEmailProtection;
  EXPECT_EQ(Verdict().size(), 1U);
}

TEST_F(JudgeTest, ADateMattersOnlyWhereTheChainEnds) {
  Trust(intermediate_, CertificateTrust::Anchor().WithDistrustAfter(Purpose::kServerAuth, kDate));
  chain_.use.issued = kDate + 1;
  EXPECT_TRUE(Verdict().empty());  // the peer sent it
  chain_.first_trusted = 1;
  EXPECT_EQ(Verdict().size(), 1U);
}

TEST_F(JudgeTest, AnUnreadableTimeOfIssueIsTooLateForEveryDateAndForNoOther) {
  chain_.use.issued = CertificateTrust::kNever;
  Trust(root_, CertificateTrust::Anchor());
  EXPECT_TRUE(Verdict().empty());
}

TEST_F(JudgeTest, WhatTheSystemCallsNoCaStandsAtTheEndOnly) {
  Trust(leaf_, CertificateTrust::Anchor().AsNoIssuer());
  EXPECT_TRUE(Verdict().empty());
  Trust(intermediate_, CertificateTrust::Anchor().AsNoIssuer());
  const auto refusals = Verdict();
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].depth, 1U);
  EXPECT_EQ(refusals[0].error, X509_V_ERR_INVALID_CA);
  EXPECT_EQ(refusals[0].reason, "declared to be no CA by the test's store");
}

/// Constrains what stands below one certificate.
class ConstrainingStore final : public TrustStore {
 public:
  ConstrainingStore(ByteView certificate, StapledConstraints constraints)
      : certificate_(certificate), constraints_(std::move(constraints)) {}
  std::vector<const StoreEntry*> FindBySubject(ByteView) const override { return {}; }
  CertificateTrust TrustOf(ByteView) const override { return {}; }
  StapledConstraints ConstraintsOf(ByteView certificate) const override {
    return AsText(certificate) == AsText(certificate_) ? constraints_ : StapledConstraints();
  }
  bool MayLimit(const CertificateFields&) const override { return true; }
  std::vector<const StoreEntry*> Entries() const override { return {}; }
  std::size_t AnchorCount() const override { return 0; }
  const std::string& Source() const override { return source_; }
  const std::vector<std::string>& Problems() const override { return problems_; }

 private:
  ByteView certificate_;
  StapledConstraints constraints_;
  std::string source_ = "the rule";
  std::vector<std::string> problems_;
};

class ConstraintsTest : public JudgeTest {
 protected:
  std::vector<Refusal> VerdictWith(ByteView constrained, StapledConstraints constraints) {
    BuiltChain chain = chain_;
    chain.certificates = {leaf_, intermediate_, root_};
    return Judge(chain, ConstrainingStore(constrained, std::move(constraints)), names_, nullptr);
  }
};

TEST_F(ConstraintsTest, NameConstraintsHoldForEveryCertificateBelow) {
  const Bytes constraints = ToBytes("constraints");
  names_.error = X509_V_ERR_PERMITTED_VIOLATION;
  for (const std::size_t depth : {0U, 1U}) {
    names_.depth = depth;
    const auto refusals = VerdictWith(root_, {{constraints}, std::nullopt});
    ASSERT_EQ(refusals.size(), 1U) << depth;
    EXPECT_EQ(refusals[0].depth, depth);
    EXPECT_EQ(refusals[0].error, X509_V_ERR_PERMITTED_VIOLATION);
    EXPECT_EQ(refusals[0].reason, "outside the name constraints put on its CA by the rule");
  }
  // Not for itself and what is above it.
  EXPECT_TRUE(VerdictWith(intermediate_, {{constraints}, std::nullopt}).empty());
  EXPECT_TRUE(VerdictWith(leaf_, {{constraints}, std::nullopt}).empty());
  chain_.use.purpose = std::nullopt;
  EXPECT_EQ(VerdictWith(root_, {{constraints}, std::nullopt}).size(), 1U);
}

TEST_F(ConstraintsTest, NameConstraintsExemptTheSelfIssuedButNotTheEnd) {
  const Bytes constraints = ToBytes("constraints");
  names_.error = X509_V_ERR_EXCLUDED_VIOLATION;
  chain_.self_issued = {true, true, true};
  names_.depth = 1;
  EXPECT_TRUE(VerdictWith(root_, {{constraints}, std::nullopt}).empty());
  names_.depth = 0;
  EXPECT_EQ(VerdictWith(root_, {{constraints}, std::nullopt}).size(), 1U);
}

TEST_F(ConstraintsTest, APathLengthCountsTheIntermediatesThatAreNotSelfIssued) {
  const auto refusals = VerdictWith(root_, {{}, 0});
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].depth, 2U);
  EXPECT_EQ(refusals[0].error, X509_V_ERR_PATH_LENGTH_EXCEEDED);
  EXPECT_TRUE(VerdictWith(root_, {{}, 1}).empty());
  EXPECT_TRUE(VerdictWith(intermediate_, {{}, 0}).empty());
  chain_.self_issued = {false, true, true};
  EXPECT_TRUE(VerdictWith(root_, {{}, 0}).empty());
}

/// Answers as it was told, and keeps what it was asked.
class ScriptedVerifier final : public ChainVerifier {
 public:
  explicit ScriptedVerifier(ChainVerdict verdict) : verdict_(std::move(verdict)) {}
  ChainVerdict Verify(const ChainQuestion& question) const override {
    ++asked;
    last = question;
    return verdict_;
  }
  mutable int asked = 0;
  mutable ChainQuestion last;

 private:
  ChainVerdict verdict_;
};

TEST_F(JudgeTest, TheSystemsVerifierIsAskedAboutTlsPeersBelowAnchorsOfTheSystem) {
  const ScriptedVerifier verifier({ChainError::kRevoked, 1, "0x80092010", {}});
  EXPECT_TRUE(Verdict(&verifier).empty());  // the application's own root
  Trust(root_, CertificateTrust::Anchor());
  chain_.peer = std::nullopt;
  EXPECT_TRUE(Verdict(&verifier).empty());
  chain_.peer = Purpose::kServerAuth;
  chain_.first_trusted = 3;
  EXPECT_TRUE(Verdict(&verifier).empty());
  EXPECT_EQ(verifier.asked, 0);

  chain_.first_trusted = 2;
  const auto refusals = Verdict(&verifier);
  EXPECT_EQ(verifier.asked, 1);
  EXPECT_EQ(verifier.last.chain.size(), 3U);
  EXPECT_EQ(verifier.last.purpose, Purpose::kServerAuth);
  EXPECT_EQ(verifier.last.name, "name");
  EXPECT_EQ(verifier.last.time, 42);
  EXPECT_EQ(verifier.last.network.intermediates, platform::Intermediates::kFetch);
  EXPECT_EQ(verifier.last.network.revocation, platform::Revocation::kSoft);
  EXPECT_EQ(verifier.last.network.timeout, std::chrono::seconds(7));
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].error, X509_V_ERR_CERT_REVOKED);
  EXPECT_EQ(refusals[0].depth, 1U);
  EXPECT_EQ(refusals[0].reason, "refused by the operating system: 0x80092010");
}

TEST_F(JudgeTest, TheSystemsVerifierTakesNoRefusalBack) {
  const ScriptedVerifier verifier({ChainError::kNone, 0, "", {}});
  Trust(root_, CertificateTrust::LimitedAnchor(kServer, false));
  ExpectOne(Verdict(&verifier), 2, "not trusted for TLS servers");
}

TEST_F(JudgeTest, ADepthOutsideTheChainIsTheLeafs) {
  const ScriptedVerifier verifier({ChainError::kUndecided, 99, "trustd did not answer", {}});
  Trust(root_, CertificateTrust::Anchor());
  const auto refusals = Verdict(&verifier);
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].depth, 0U);
  EXPECT_EQ(refusals[0].error, X509_V_ERR_UNSPECIFIED);
}

TEST_F(JudgeTest, EveryFindingOfTheSystemsIsARefusal) {
  const ScriptedVerifier verifier(
      {ChainError::kRevoked,
       0,
       "first",
       {},
       {{ChainError::kExpired, 1, "second"}, {ChainError::kUndecided, 99, "third"}}});
  Trust(root_, CertificateTrust::Anchor());
  const auto refusals = Verdict(&verifier);
  ASSERT_EQ(refusals.size(), 3U);
  EXPECT_EQ(refusals[0].error, X509_V_ERR_CERT_REVOKED);
  EXPECT_EQ(refusals[1].error, X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(refusals[1].depth, 1U);
  EXPECT_EQ(refusals[1].reason, "refused by the operating system: second");
  EXPECT_EQ(refusals[2].error, X509_V_ERR_UNSPECIFIED);
  EXPECT_EQ(refusals[2].depth, 0U);
}

TEST(OpenSslErrorTest, EveryErrorIsAnErrorToOpenSslToo) {
  EXPECT_EQ(OpenSslError(ChainError::kNone, true, true), X509_V_OK);
  for (int i = 1; i <= static_cast<int>(ChainError::kUndecided); ++i) {
    for (const bool flag : {false, true}) {
      EXPECT_NE(OpenSslError(static_cast<ChainError>(i), flag, flag), X509_V_OK) << i;
    }
  }
  EXPECT_EQ(OpenSslError(ChainError::kUntrustedRoot, true, true),
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
  EXPECT_EQ(OpenSslError(ChainError::kUntrustedRoot, false, false),
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
  EXPECT_EQ(OpenSslError(ChainError::kWeakKey, true, false), X509_V_ERR_EE_KEY_TOO_SMALL);
  EXPECT_EQ(OpenSslError(ChainError::kWeakKey, false, false), X509_V_ERR_CA_KEY_TOO_SMALL);
}

}  // namespace
}  // namespace ostrust::verify
