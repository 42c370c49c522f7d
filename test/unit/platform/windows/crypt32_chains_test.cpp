// The verifier with the system's own crypt32. Run under Wine only, in a prefix of the test's own:
// it adds a root to the current user's store, which Windows would ask the user about. Nothing here
// was run on Windows itself.
#include "platform/windows/crypt32_chains.hpp"

#include <gtest/gtest.h>

#include <windows.h>

#include <wincrypt.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "platform/chain_verifier.hpp"
#include "stored_certificate.hpp"

namespace ostrust::platform::windows {
namespace {

constexpr std::time_t kIn2030 = 1'900'000'000;

Bytes ReadCertificate(const std::string& name) {
  std::ifstream file(std::string(PKI_DIRECTORY) + "/" + name + ".der", std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_FALSE(text.empty()) << "cannot read " << name << ".der in " << PKI_DIRECTORY;
  const ByteView bytes = AsBytes(text);
  return Bytes(bytes.begin(), bytes.end());
}

class Crypt32ChainsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!MayChangeStores()) {
      GTEST_SKIP()
          << "this is not Wine with a WINEPREFIX of its own: the user's roots stay as they are";
    }
    question_.time = kIn2030;
    question_.network.revocation = Revocation::kOff;
    // Each test sees the stores as it has filled them.
    static std::uint64_t last_store_id = 0;
    question_.store_id = ++last_store_id;
    verifier_ = MakeSystemChainVerifier(MakeCrypt32Chains());
  }

  // Of these certificates, the peer's first.
  ChainVerdict Verify(const std::vector<std::string>& names) {
    std::vector<Bytes> certificates;
    for (const std::string& name : names) certificates.push_back(ReadCertificate(name));
    return VerifyBytes(certificates);
  }
  ChainVerdict VerifyBytes(const std::vector<Bytes>& certificates) {
    const std::vector<ByteView> views(certificates.begin(), certificates.end());
    question_.chain = views;
    ChainVerdict verdict = verifier_->Verify(question_);
    question_.chain = {};
    return verdict;
  }

  ChainQuestion question_;
  std::unique_ptr<ChainVerifier> verifier_;
};

class Crypt32ChainsWithRootTest : public Crypt32ChainsTest {
 protected:
  void SetUp() override {
    Crypt32ChainsTest::SetUp();
    if (!IsSkipped()) root_ = std::make_unique<StoredCertificate>(L"Root", ReadCertificate("root"));
  }
  std::unique_ptr<StoredCertificate> root_;
};

TEST_F(Crypt32ChainsWithRootTest, AGoodChainIsAccepted) {
  const ChainVerdict verdict = Verify({"good", "intermediate"});
  ASSERT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
  const std::vector<Bytes> chain = {ReadCertificate("good"), ReadCertificate("intermediate"),
                                    ReadCertificate("root")};
  EXPECT_EQ(verdict.chain, chain);
}

TEST_F(Crypt32ChainsTest, TheSameChainIsRefusedWithoutTheRoot) {
  const ChainVerdict sent = Verify({"good", "intermediate", "root"});
  EXPECT_EQ(sent.error, ChainError::kUntrustedRoot) << sent.detail;
  EXPECT_EQ(sent.depth, 2U);
  EXPECT_NE(sent.detail.find("CERT_E_UNTRUSTEDROOT, 0x800B0109"), std::string::npos) << sent.detail;
  const ChainVerdict not_sent = Verify({"good", "intermediate"});
  EXPECT_EQ(not_sent.error, ChainError::kNoIssuer) << not_sent.detail;
  EXPECT_EQ(not_sent.depth, 1U);
}

TEST_F(Crypt32ChainsTest, ARootThatIsAddedOrRemovedCountsFromTheNextSnapshotOn) {
  EXPECT_EQ(Verify({"good", "intermediate"}).error, ChainError::kNoIssuer);
  {
    const StoredCertificate root(L"Root", ReadCertificate("root"));
    ++question_.store_id;
    const ChainVerdict verdict = Verify({"good", "intermediate"});
    EXPECT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
  }
  ++question_.store_id;
  const ChainVerdict verdict = Verify({"good", "intermediate"});
  EXPECT_EQ(verdict.error, ChainError::kNoIssuer) << verdict.detail;
}

TEST_F(Crypt32ChainsWithRootTest, AnotherRootIsNotTrusted) {
  const ChainVerdict verdict = Verify({"stranger", "other-root"});
  EXPECT_EQ(verdict.error, ChainError::kUntrustedRoot) << verdict.detail;
  EXPECT_EQ(verdict.depth, 1U);
}

TEST_F(Crypt32ChainsWithRootTest, ExpiredAndNotYetValidGoByTheTimeOfTheQuestion) {
  ChainVerdict verdict = Verify({"expired", "intermediate"});
  EXPECT_EQ(verdict.error, ChainError::kExpired) << verdict.detail;
  EXPECT_EQ(verdict.depth, 0U);
  EXPECT_NE(verdict.detail.find("CERT_E_EXPIRED, 0x800B0101"), std::string::npos) << verdict.detail;
  verdict = Verify({"future", "intermediate"});
  EXPECT_EQ(verdict.error, ChainError::kNotYetValid) << verdict.detail;
  EXPECT_EQ(verdict.depth, 0U);

  question_.time = 1'590'000'000;  // 2020
  EXPECT_EQ(Verify({"expired", "intermediate"}).error, ChainError::kNone);
  question_.time = 2'540'000'000;  // 2050
  EXPECT_EQ(Verify({"future", "intermediate"}).error, ChainError::kNone);
}

TEST_F(Crypt32ChainsWithRootTest, AClientIsNoServerAndAServerNoClient) {
  ChainVerdict verdict = Verify({"client", "intermediate"});
  EXPECT_EQ(verdict.error, ChainError::kWrongPurpose) << verdict.detail;
  EXPECT_EQ(verdict.depth, 0U);
  question_.purpose = Purpose::kClientAuth;
  verdict = Verify({"client", "intermediate"});
  EXPECT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
  verdict = Verify({"good", "intermediate"});
  EXPECT_EQ(verdict.error, ChainError::kWrongPurpose) << verdict.detail;
}

TEST_F(Crypt32ChainsWithRootTest, ABadSignatureIsRefused) {
  const ChainVerdict verdict = Verify({"bad-signature", "intermediate"});
  EXPECT_EQ(verdict.error, ChainError::kBadSignature) << verdict.detail;
  EXPECT_EQ(verdict.depth, 0U);
}

TEST_F(Crypt32ChainsWithRootTest, AnUnknownCriticalExtensionIsRefused) {
  const ChainVerdict verdict = Verify({"critical", "intermediate"});
  EXPECT_EQ(verdict.error, ChainError::kUnhandledCriticalExtension) << verdict.detail;
  EXPECT_EQ(verdict.depth, 0U);
}

TEST_F(Crypt32ChainsWithRootTest, AnIntermediateIsFoundInTheSystemsStore) {
  const ChainVerdict missing = Verify({"good"});
  EXPECT_EQ(missing.error, ChainError::kNoIssuer) << missing.detail;
  EXPECT_EQ(missing.depth, 0U);
  const StoredCertificate intermediate(L"CA", ReadCertificate("intermediate"));
  ++question_.store_id;
  const ChainVerdict found = Verify({"good"});
  EXPECT_EQ(found.error, ChainError::kNone) << found.detail;
  EXPECT_EQ(found.chain.size(), 3U);
}

TEST_F(Crypt32ChainsWithRootTest, OfTwoChainsTheGoodOneIsTakenWhateverTheOrder) {
  for (const auto& names :
       {std::vector<std::string>{"crossed", "cross-old", "other-root", "cross-new"},
        std::vector<std::string>{"crossed", "cross-new", "cross-old", "other-root"}}) {
    const ChainVerdict verdict = Verify(names);
    ASSERT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
    ASSERT_EQ(verdict.chain.size(), 3U);
    EXPECT_EQ(verdict.chain[1], ReadCertificate("cross-new"));
    EXPECT_EQ(verdict.chain[2], ReadCertificate("root"));
  }
  const ChainVerdict old = Verify({"crossed", "cross-old", "other-root"});
  EXPECT_EQ(old.error, ChainError::kUntrustedRoot) << old.detail;
}

// Wine takes the good one for the best, so that the others must be looked at here.
TEST_F(Crypt32ChainsWithRootTest, TheChainsOfLowerQualityAreAnsweredToo) {
  std::vector<Bytes> certificates;
  for (const char* name : {"crossed", "cross-old", "other-root", "cross-new"}) {
    certificates.push_back(ReadCertificate(name));
  }
  const std::vector<ByteView> views(certificates.begin(), certificates.end());
  ChainRequest request;
  request.certificates = views;
  request.time = std::uint64_t{11'644'473'600 + kIn2030} * 10'000'000;
  request.chain_flags = CERT_CHAIN_RETURN_LOWER_QUALITY_CONTEXTS;
  const ChainAnswer answer = MakeCrypt32Chains()->Build(request);
  ASSERT_EQ(answer.failure, "");
  ASSERT_EQ(answer.chains.size(), 2U);
  EXPECT_EQ(answer.chains[0].error_status, 0U);
  EXPECT_EQ(answer.chains[0].elements.back().certificate, ReadCertificate("root"));
  EXPECT_NE(answer.chains[1].error_status & CERT_TRUST_IS_UNTRUSTED_ROOT, 0U);
  EXPECT_NE(answer.chains[1].policy_error, 0U);
  EXPECT_EQ(answer.chains[1].elements.back().certificate, ReadCertificate("other-root"));

  request.chain_flags = 0;
  EXPECT_EQ(MakeCrypt32Chains()->Build(request).chains.size(), 1U);
}

TEST_F(Crypt32ChainsWithRootTest, WhatDoesNotParseIsLeftOut) {
  const Bytes rubbish(10, std::byte{0x30});
  ChainVerdict verdict =
      VerifyBytes({ReadCertificate("good"), rubbish, Bytes(), ReadCertificate("intermediate")});
  EXPECT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
  for (const Bytes& peer : {rubbish, Bytes()}) {
    verdict = VerifyBytes({peer, ReadCertificate("intermediate")});
    EXPECT_EQ(verdict.error, ChainError::kUndecided) << verdict.detail;
    EXPECT_NE(verdict.detail.find("the peer's certificate"), std::string::npos) << verdict.detail;
  }
}

// There is no CRL and no responder in these certificates, so nobody knows.
TEST_F(Crypt32ChainsWithRootTest, WhatAPeerSendsIsLookedAtUpToABound) {
  std::vector<std::string> names(32, "stranger");
  names.front() = "good";
  names.push_back("intermediate");
  EXPECT_EQ(Verify(names).error, ChainError::kNone);
  names.insert(names.begin() + 1, "stranger");
  EXPECT_EQ(Verify(names).error, ChainError::kNoIssuer);
}

TEST_F(Crypt32ChainsWithRootTest, RevocationThatNobodyKnowsIsRefusedOnlyWhenHard) {
  for (const Revocation revocation : {Revocation::kOff, Revocation::kLocal, Revocation::kSoft}) {
    question_.network.revocation = revocation;
    const ChainVerdict verdict = Verify({"good", "intermediate"});
    EXPECT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
  }
  question_.network.revocation = Revocation::kHard;
  const ChainVerdict verdict = Verify({"good", "intermediate"});
  EXPECT_EQ(verdict.error, ChainError::kRevocationUnknown) << verdict.detail;
  EXPECT_EQ(verdict.depth, 0U);
}

TEST_F(Crypt32ChainsWithRootTest, AStapledResponseThatIsNoneChangesNothing) {
  question_.network.revocation = Revocation::kLocal;
  question_.stapled_response = AsBytes("no response at all");
  const ChainVerdict verdict = Verify({"good", "intermediate"});
  EXPECT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
}

TEST_F(Crypt32ChainsWithRootTest, ThreadsOnSeveralSnapshotsDoNotDisturbEachOther) {
  const std::vector<Bytes> certificates = {ReadCertificate("good"),
                                           ReadCertificate("intermediate")};
  const std::vector<ByteView> views(certificates.begin(), certificates.end());
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      ChainQuestion question = question_;
      question.chain = views;
      for (int i = 0; i < 25; ++i) {
        question.store_id = question_.store_id + static_cast<std::uint64_t>(i / 5 + t % 2);
        if (verifier_->Verify(question).error != ChainError::kNone) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
}

TEST_F(Crypt32ChainsWithRootTest, TheVerifierOfThisSystemIsThisOne) {
  verifier_ = MakeChainVerifier();
  ASSERT_NE(verifier_, nullptr);
  EXPECT_EQ(Verify({"good", "intermediate"}).error, ChainError::kNone);
  EXPECT_EQ(Verify({"stranger", "other-root"}).error, ChainError::kUntrustedRoot);
}

}  // namespace
}  // namespace ostrust::platform::windows
