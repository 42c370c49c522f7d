// What is made of Windows' answers, with answers that the test makes up: most of them Wine never
// gives.
#include <gtest/gtest.h>

#include <windows.h>

#include <wincrypt.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "platform/chain_verifier.hpp"
#include "platform/windows/chain_status.hpp"
#include "platform/windows/crypt32_chains.hpp"

namespace ostrust::platform::windows {
namespace {

using namespace std::chrono_literals;

// Answers in the order of the questions; the last one again and again.
class ScriptedChains final : public SystemChains {
 public:
  struct Script {
    std::vector<ChainAnswer> answers;
    std::chrono::milliseconds delay{0};
    std::vector<ChainRequest> requests;
  };
  explicit ScriptedChains(Script& script) : script_(script) {}

  ChainAnswer Build(const ChainRequest& request) const override {
    script_.requests.push_back(request);
    std::this_thread::sleep_for(script_.delay);
    const std::size_t number = script_.requests.size() - 1;
    return script_.answers[std::min(number, script_.answers.size() - 1)];
  }

 private:
  Script& script_;
};

ChainElement Element(std::string_view certificate, std::uint32_t status = 0) {
  const ByteView bytes = AsBytes(certificate);
  ChainElement element;
  element.certificate = Bytes(bytes.begin(), bytes.end());
  element.error_status = status;
  return element;
}

// leaf, intermediate, root: as the question has them.
SystemChain GoodChain() {
  SystemChain chain;
  chain.elements = {Element("leaf"), Element("intermediate"), Element("root")};
  return chain;
}

SystemChain WithStatus(std::size_t index, std::uint32_t status) {
  SystemChain chain = GoodChain();
  chain.elements[index].error_status = status;
  chain.error_status = status;
  return chain;
}

SystemChain WithPolicy(HRESULT error, std::int64_t element) {
  SystemChain chain = GoodChain();
  chain.policy_error = static_cast<std::uint32_t>(error);
  chain.policy_element = element;
  return chain;
}

class WindowsChainVerifierTest : public testing::Test {
 protected:
  void SetUp() override {
    question_.chain = chain_;
    question_.time = 1'900'000'000;
  }

  ChainVerdict Ask(std::vector<ChainAnswer> answers) {
    script_.requests.clear();
    script_.answers = std::move(answers);
    return MakeSystemChainVerifier(std::make_unique<ScriptedChains>(script_))->Verify(question_);
  }

  // About these chains, the best first, however often it is asked.
  ChainVerdict Verdict(std::vector<SystemChain> chains) {
    ChainAnswer answer;
    answer.chains = std::move(chains);
    return Ask({answer});
  }
  ChainVerdict Verdict(const SystemChain& chain) {
    return Verdict(std::vector<SystemChain>{chain});
  }

  std::uint32_t FirstFlags() {
    Verdict(GoodChain());
    return script_.requests.at(0).chain_flags;
  }

  const std::vector<ByteView> chain_ = {AsBytes("leaf"), AsBytes("intermediate"), AsBytes("root")};
  ChainQuestion question_;
  ScriptedChains::Script script_;
};

TEST_F(WindowsChainVerifierTest, AGoodChainIsAcceptedAndReturnedLeafFirst) {
  SystemChain chain = GoodChain();
  chain.elements[2] = Element("another root");  // the one that Windows has found
  const ChainVerdict verdict = Verdict(chain);
  EXPECT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
  ASSERT_EQ(verdict.chain.size(), 3U);
  EXPECT_EQ(AsText(verdict.chain[0]), "leaf");
  EXPECT_EQ(AsText(verdict.chain[1]), "intermediate");
  EXPECT_EQ(AsText(verdict.chain[2]), "another root");
}

struct ExpectedBit {
  std::uint32_t bit;
  ChainError error;
};
const ExpectedBit kExpectedBits[] = {
    {0x00000001, ChainError::kExpired},
    {0x00000002, ChainError::kUndecided},
    {0x00000004, ChainError::kRevoked},
    {0x00000008, ChainError::kBadSignature},
    {0x00000010, ChainError::kWrongPurpose},
    {0x00000020, ChainError::kUntrustedRoot},
    {0x00000080, ChainError::kPathLoop},
    {0x00000100, ChainError::kInvalidExtension},
    {0x00000200, ChainError::kInvalidPolicy},
    {0x00000400, ChainError::kInvalidCa},
    {0x00000800, ChainError::kInvalidExtension},
    {0x00001000, ChainError::kNotPermittedName},
    {0x00002000, ChainError::kNotPermittedName},
    {0x00004000, ChainError::kNotPermittedName},
    {0x00008000, ChainError::kExcludedName},
    {0x00010000, ChainError::kNoIssuer},
    {0x00020000, ChainError::kUntrustedRoot},
    {0x00040000, ChainError::kUntrustedRoot},
    {0x00080000, ChainError::kUntrustedRoot},
    {0x00100000, ChainError::kWeakDigest},
    {0x02000000, ChainError::kInvalidPolicy},
    {0x04000000, ChainError::kDistrusted},
    {0x08000000, ChainError::kUnhandledCriticalExtension},
};

TEST_F(WindowsChainVerifierTest, EveryBitOfTheTrustStatusRefusesWhereverItStands) {
  std::map<std::uint32_t, ChainError> expected;
  for (const ExpectedBit& known : kExpectedBits) expected[known.bit] = known.error;
  for (int shift = 0; shift < 32; ++shift) {
    const std::uint32_t bit = std::uint32_t{1} << shift;
    if ((bit & kRevocationUnknownBits) != 0) continue;  // tests of their own
    const auto known = expected.find(bit);
    const ChainError error = known != expected.end() ? known->second : ChainError::kUndecided;
    for (std::size_t index = 0; index < 3; ++index) {
      SystemChain chain = WithStatus(index, bit);
      chain.error_status = 0;
      const ChainVerdict verdict = Verdict(chain);
      EXPECT_EQ(verdict.error, error) << std::hex << bit << " of " << index << verdict.detail;
      if (known != expected.end()) {
        EXPECT_EQ(verdict.depth, index) << std::hex << bit;
      }
      EXPECT_FALSE(verdict.detail.empty()) << std::hex << bit;
      EXPECT_TRUE(verdict.chain.empty()) << std::hex << bit;
    }
    // Of the whole chain only.
    SystemChain chain = GoodChain();
    chain.error_status = bit;
    EXPECT_EQ(Verdict(chain).error, error) << std::hex << bit;
  }
}

TEST_F(WindowsChainVerifierTest, ABitThatIsNotKnownIsNamedByItsNumber) {
  const ChainVerdict verdict = Verdict(WithStatus(1, 0x00600000));
  EXPECT_EQ(verdict.error, ChainError::kUndecided);
  EXPECT_EQ(verdict.detail, "CERT_TRUST_STATUS 0x00600000");
}

TEST_F(WindowsChainVerifierTest, EveryCodeOfThePolicyHasItsError) {
  const std::pair<std::uint32_t, ChainError> codes[] = {
      {0x800B0101, ChainError::kExpired},
      {0x800B0102, ChainError::kUndecided},
      {0x800B0103, ChainError::kWrongPurpose},
      {0x800B0104, ChainError::kPathTooLong},
      {0x800B0105, ChainError::kUnhandledCriticalExtension},
      {0x800B0106, ChainError::kWrongPurpose},
      {0x800B0109, ChainError::kUntrustedRoot},
      {0x800B010A, ChainError::kNoIssuer},
      {0x800B010C, ChainError::kRevoked},
      {0x800B010D, ChainError::kUntrustedCa},
      {0x800B010E, ChainError::kRevocationUnknown},
      {0x800B010F, ChainError::kHostnameMismatch},
      {0x800B0110, ChainError::kWrongPurpose},
      {0x800B0111, ChainError::kDistrusted},
      {0x800B0112, ChainError::kUntrustedCa},
      {0x800B0113, ChainError::kInvalidPolicy},
      {0x800B0114, ChainError::kNotPermittedName},
      {0x80092010, ChainError::kRevoked},
      {0x80092012, ChainError::kRevocationUnknown},
      {0x80092013, ChainError::kRevocationUnknown},
      {0x80096004, ChainError::kBadSignature},
      {0x80096019, ChainError::kInvalidCa},
      {0x80092026, ChainError::kUndecided},  // CRYPT_E_SECURITY_SETTINGS: none of the table
      {1, ChainError::kUndecided},
  };
  for (const auto& [code, error] : codes) {
    question_.network.revocation = Revocation::kHard;
    const ChainVerdict verdict = Verdict(WithPolicy(static_cast<HRESULT>(code), 1));
    EXPECT_EQ(verdict.error, error) << std::hex << code << verdict.detail;
    EXPECT_EQ(verdict.depth, 1U) << std::hex << code;
    EXPECT_TRUE(verdict.chain.empty());
    // What nobody knows is forgiven when not hard, and nothing else.
    question_.network.revocation = Revocation::kSoft;
    EXPECT_EQ(Verdict(WithPolicy(static_cast<HRESULT>(code), 1)).error,
              error == ChainError::kRevocationUnknown ? ChainError::kNone : error)
        << std::hex << code;
  }
  EXPECT_EQ(Verdict(WithPolicy(0, 1)).error, ChainError::kNone);
}

TEST_F(WindowsChainVerifierTest, DetailHasTheCodeAndItsName) {
  const std::string detail = Verdict(WithPolicy(CRYPT_E_REVOKED, 0)).detail;
  EXPECT_NE(detail.find("CRYPT_E_REVOKED, 0x80092010"), std::string::npos) << detail;
  EXPECT_EQ(detail.find('\n'), std::string::npos) << detail;
  EXPECT_EQ(detail.find('\r'), std::string::npos) << detail;
  // One that every Windows, and Wine, has words for.
  const std::string words = DescribeCode(ERROR_FILE_NOT_FOUND);
  EXPECT_NE(words.find(" (0x00000002)"), std::string::npos) << words;
  // None has words for this one.
  EXPECT_EQ(DescribeCode(0xE0FFFFFF), "0xE0FFFFFF");
}

TEST_F(WindowsChainVerifierTest, RevokedAtDepthOneIsSaidBeforeAnythingElse) {
  SystemChain chain = WithStatus(1, CERT_TRUST_IS_REVOKED);
  chain.elements[0].error_status = CERT_TRUST_IS_NOT_TIME_VALID;
  chain.policy_error = static_cast<std::uint32_t>(CERT_E_EXPIRED);
  chain.policy_element = 0;
  const ChainVerdict verdict = Verdict(chain);
  EXPECT_EQ(verdict.error, ChainError::kRevoked) << verdict.detail;
  EXPECT_EQ(verdict.depth, 1U);
}

std::string At(ChainError error, std::size_t depth) {
  return std::to_string(static_cast<int>(error)) + "@" + std::to_string(depth);
}

// As "error@depth", the first one included.
std::vector<std::string> FindingsOf(const ChainVerdict& verdict) {
  std::vector<std::string> findings = {At(verdict.error, verdict.depth)};
  for (const ChainFinding& other : verdict.others) {
    EXPECT_NE(other.detail, "");
    findings.push_back(At(other.error, other.depth));
  }
  return findings;
}

TEST_F(WindowsChainVerifierTest, WhoForgivesOneFindingHasNotForgivenTheOthers) {
  using Findings = std::vector<std::string>;
  SystemChain chain = WithStatus(1, CERT_TRUST_IS_REVOKED);
  EXPECT_EQ(FindingsOf(Verdict(chain)), Findings({At(ChainError::kRevoked, 1)}));
  chain.elements[0].error_status = CERT_TRUST_IS_NOT_TIME_VALID | CERT_TRUST_IS_REVOKED;
  chain.policy_error = static_cast<std::uint32_t>(CERT_E_EXPIRED);
  const Findings three = {At(ChainError::kRevoked, 0), At(ChainError::kRevoked, 1),
                          At(ChainError::kExpired, 0)};
  EXPECT_EQ(FindingsOf(Verdict(chain)), three);
  // What the policy alone has, a bit that is not known, and a trust list.
  chain.policy_error = static_cast<std::uint32_t>(CERT_E_ROLE);
  chain.policy_element = 1;
  chain.error_status |= 0x00200000;
  chain.simple_chains = 2;
  Findings six = three;
  for (const auto& more : {At(ChainError::kWrongPurpose, 1), At(ChainError::kUndecided, 3),
                           At(ChainError::kUndecided, 3)}) {
    six.push_back(more);
  }
  EXPECT_EQ(FindingsOf(Verdict(chain)), six);
}

TEST_F(WindowsChainVerifierTest, OneFindingIsToldOnce) {
  using Findings = std::vector<std::string>;
  EXPECT_EQ(FindingsOf(Verdict(
                WithStatus(1, CERT_TRUST_HAS_WEAK_SIGNATURE | CERT_TRUST_IS_NOT_SIGNATURE_VALID))),
            Findings({At(ChainError::kWeakDigest, 1)}));
  question_.network.revocation = Revocation::kHard;
  EXPECT_EQ(FindingsOf(Verdict(WithStatus(1, kRevocationUnknownBits))),
            Findings({At(ChainError::kRevocationUnknown, 1)}));
  // Nor what nobody looks for.
  question_.network.revocation = Revocation::kSoft;
  EXPECT_EQ(
      FindingsOf(Verdict(WithStatus(1, kRevocationUnknownBits | CERT_TRUST_IS_NOT_TIME_VALID))),
      Findings({At(ChainError::kExpired, 1)}));
}

TEST_F(WindowsChainVerifierTest, DepthIsThatOfTheQuestionsChain) {
  SystemChain chain = GoodChain();
  chain.elements = {Element("leaf"), Element("root", CERT_TRUST_IS_UNTRUSTED_ROOT)};
  EXPECT_EQ(Verdict(chain).depth, 2U);
  chain.elements[1] = Element("another root", CERT_TRUST_IS_UNTRUSTED_ROOT);
  EXPECT_EQ(Verdict(chain).depth, 3U);
}

TEST_F(WindowsChainVerifierTest, ExpiredAndNotYetValidAreToldApart) {
  SystemChain chain = WithStatus(1, CERT_TRUST_IS_NOT_TIME_VALID);
  chain.elements[1].validity = 1;
  chain.elements[0].validity = -1;  // of another one
  EXPECT_EQ(Verdict(chain).error, ChainError::kExpired);
  chain.elements[1].validity = -1;
  chain.elements[0].validity = 1;
  EXPECT_EQ(Verdict(chain).error, ChainError::kNotYetValid);

  SystemChain policy = WithPolicy(CERT_E_EXPIRED, 1);
  policy.elements[1].validity = -1;
  EXPECT_EQ(Verdict(policy).error, ChainError::kNotYetValid);
  policy.policy_element = -1;
  EXPECT_EQ(Verdict(policy).error, ChainError::kNotYetValid);
  policy.elements[1].validity = 1;
  EXPECT_EQ(Verdict(policy).error, ChainError::kExpired);
}

TEST_F(WindowsChainVerifierTest, TheBitThatSaysMoreIsReported) {
  const auto both = CERT_TRUST_HAS_NOT_SUPPORTED_CRITICAL_EXT | CERT_TRUST_INVALID_EXTENSION;
  EXPECT_EQ(Verdict(WithStatus(1, both)).error, ChainError::kUnhandledCriticalExtension);
}

TEST_F(WindowsChainVerifierTest, AWeakSignatureIsToldFromAWrongOne) {
  const auto both = CERT_TRUST_HAS_WEAK_SIGNATURE | CERT_TRUST_IS_NOT_SIGNATURE_VALID;
  EXPECT_EQ(Verdict(WithStatus(1, both)).error, ChainError::kWeakDigest);
  EXPECT_EQ(Verdict(WithStatus(1, CERT_TRUST_IS_NOT_SIGNATURE_VALID)).error,
            ChainError::kBadSignature);
}

TEST_F(WindowsChainVerifierTest, WhatNobodyKnowsIsRefusedOnlyWhenHard) {
  for (const std::uint32_t bits :
       {0x00000040U, 0x01000000U, 0x01000040U}) {  // unknown, offline, both
    for (const Revocation revocation :
         {Revocation::kOff, Revocation::kLocal, Revocation::kSoft, Revocation::kHard}) {
      question_.network.revocation = revocation;
      const ChainVerdict verdict = Verdict(WithStatus(1, bits));
      const bool hard = revocation == Revocation::kHard;
      EXPECT_EQ(verdict.error, hard ? ChainError::kRevocationUnknown : ChainError::kNone)
          << verdict.detail;
      if (hard) {
        EXPECT_EQ(verdict.depth, 1U);
      }
      const std::uint32_t flags = script_.requests.at(0).policy_flags;
      EXPECT_EQ(flags, hard ? 0U : CERT_CHAIN_POLICY_IGNORE_ALL_REV_UNKNOWN_FLAGS);
      // It excuses nothing else.
      EXPECT_EQ(Verdict(WithStatus(1, bits | CERT_TRUST_IS_REVOKED)).error, ChainError::kRevoked);
      EXPECT_EQ(Verdict(WithStatus(1, bits | 0x00200000)).error,
                hard ? ChainError::kRevocationUnknown : ChainError::kUndecided);
    }
  }
}

TEST_F(WindowsChainVerifierTest, ThePolicyIsBelievedWhereNoBitIsSet) {
  EXPECT_EQ(Verdict(WithPolicy(CERT_E_ROLE, 0)).error, ChainError::kWrongPurpose);
  SystemChain chain = GoodChain();
  chain.policy_failure = "the script says so";
  const ChainVerdict verdict = Verdict(chain);
  EXPECT_EQ(verdict.error, ChainError::kUndecided);
  EXPECT_EQ(verdict.detail, "the script says so");
}

TEST_F(WindowsChainVerifierTest, AFailureIsUndecidedAndSaysWhy) {
  ChainAnswer answer;
  answer.failure = "CertGetCertificateChain: 0x80070057";
  const ChainVerdict verdict = Ask({answer});
  EXPECT_EQ(verdict.error, ChainError::kUndecided);
  EXPECT_EQ(verdict.detail, answer.failure);
  EXPECT_EQ(Ask({ChainAnswer()}).error, ChainError::kUndecided);
  EXPECT_EQ(Verdict(SystemChain()).error, ChainError::kUndecided);
}

TEST_F(WindowsChainVerifierTest, AChainOfAnotherCertificateIsRefused) {
  SystemChain chain = GoodChain();
  chain.elements[0] = Element("another leaf");
  EXPECT_EQ(Verdict(chain).error, ChainError::kUndecided);
}

TEST_F(WindowsChainVerifierTest, AChainThroughATrustListIsRefused) {
  SystemChain chain = GoodChain();
  chain.simple_chains = 2;
  EXPECT_EQ(Verdict(chain).error, ChainError::kUndecided);
}

TEST_F(WindowsChainVerifierTest, WhatCannotBeAskedIsUndecidedWithoutAsking) {
  const auto refused = [this] {
    const ChainVerdict verdict = Verdict(GoodChain());
    return verdict.error == ChainError::kUndecided && !verdict.detail.empty() &&
           script_.requests.empty();
  };
  EXPECT_FALSE(refused());
  question_.chain = {};
  EXPECT_TRUE(refused());
  SetUp();
  question_.purpose = Purpose::kCodeSigning;
  EXPECT_TRUE(refused());
  question_.purpose = Purpose::kServerAuth;
  question_.time = -11'644'473'601;
  EXPECT_TRUE(refused());
  question_.time = std::numeric_limits<std::time_t>::max();
  EXPECT_TRUE(refused());
  question_.time = std::numeric_limits<std::time_t>::min();
  EXPECT_TRUE(refused());
}

TEST_F(WindowsChainVerifierTest, TheTimeIsThatOfTheQuestion) {
  question_.time = 0;
  Verdict(GoodChain());
  EXPECT_EQ(script_.requests.at(0).time, 116'444'736'000'000'000U);
  question_.time = -11'644'473'600;
  Verdict(GoodChain());
  EXPECT_EQ(script_.requests.at(0).time, 0U);
}

// Several chains.

TEST_F(WindowsChainVerifierTest, TheSecondChainWillDo) {
  question_.network.revocation = Revocation::kOff;
  SystemChain second = GoodChain();
  second.elements[2] = Element("another root");
  const SystemChain first = WithStatus(2, CERT_TRUST_IS_NOT_TIME_VALID);
  const ChainVerdict verdict = Verdict({first, second});
  EXPECT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
  ASSERT_EQ(verdict.chain.size(), 3U);
  EXPECT_EQ(AsText(verdict.chain[2]), "another root");
  EXPECT_EQ(Verdict(first).error, ChainError::kExpired);
}

TEST_F(WindowsChainVerifierTest, WhenNoneWillDoTheBestOneIsReported) {
  const ChainVerdict verdict = Verdict(
      {WithStatus(2, CERT_TRUST_IS_NOT_TIME_VALID), WithStatus(1, CERT_TRUST_IS_UNTRUSTED_ROOT)});
  EXPECT_EQ(verdict.error, ChainError::kExpired);
  EXPECT_EQ(verdict.depth, 2U);
}

TEST_F(WindowsChainVerifierTest, ADistrustedIntermediateMayBeAvoided) {
  question_.network.revocation = Revocation::kOff;
  SystemChain second = GoodChain();
  second.elements[1] = Element("another intermediate");
  const SystemChain first = WithStatus(1, CERT_TRUST_IS_EXPLICIT_DISTRUST);
  EXPECT_EQ(Verdict({first, second}).error, ChainError::kNone);
  EXPECT_EQ(Verdict(first).error, ChainError::kDistrusted);
}

TEST_F(WindowsChainVerifierTest, WhatOneChainSaysOfACertificateHoldsInAll) {
  question_.network.revocation = Revocation::kOff;
  SystemChain second = GoodChain();
  second.elements[2] = Element("another root");
  for (const std::size_t index : {std::size_t{0}, std::size_t{1}}) {
    EXPECT_EQ(Verdict({WithStatus(index, CERT_TRUST_IS_REVOKED), second}).error,
              ChainError::kRevoked);
    EXPECT_EQ(Verdict({WithStatus(index, CERT_TRUST_IS_EXPLICIT_DISTRUST), second}).error,
              ChainError::kDistrusted);
    // Whichever of them says it.
    EXPECT_EQ(Verdict({second, WithStatus(index, CERT_TRUST_IS_REVOKED)}).error,
              ChainError::kRevoked);
  }
  EXPECT_EQ(Verdict({WithStatus(0, CERT_TRUST_IS_NOT_VALID_FOR_USAGE), second}).error,
            ChainError::kWrongPurpose);
  // The other way round it may be because of the root of the chain that is not as good.
  EXPECT_EQ(Verdict({GoodChain(), WithStatus(0, CERT_TRUST_IS_NOT_VALID_FOR_USAGE)}).error,
            ChainError::kNone);
}

TEST_F(WindowsChainVerifierTest, AChainNobodyCheckedForRevocationWillNotDo) {
  SystemChain first = WithStatus(2, CERT_TRUST_IS_UNTRUSTED_ROOT);
  SystemChain second = GoodChain();
  second.elements[1] = Element("another intermediate");
  for (const Revocation revocation : {Revocation::kLocal, Revocation::kSoft, Revocation::kHard}) {
    question_.network.revocation = revocation;
    EXPECT_EQ(Verdict({first, second}).error, ChainError::kUntrustedRoot);
    second.elements[1].revocation_checked = true;
    EXPECT_EQ(Verdict({first, second}).error, ChainError::kNone);
    second.elements[1].revocation_checked = false;
  }
  // Nobody knows about the leaf, says the first chain: so it is in the second.
  question_.network.revocation = Revocation::kHard;
  second.elements[1].revocation_checked = true;
  first.elements[0].error_status = CERT_TRUST_REVOCATION_STATUS_UNKNOWN;
  const ChainVerdict verdict =
      Verdict({WithStatus(0, CERT_TRUST_REVOCATION_STATUS_UNKNOWN), second});
  EXPECT_EQ(verdict.error, ChainError::kRevocationUnknown);
  EXPECT_EQ(Verdict({first, second}).error, ChainError::kUntrustedRoot);
  question_.network.revocation = Revocation::kSoft;
  EXPECT_EQ(Verdict({first, second}).error, ChainError::kNone);
}

// What may be fetched.

constexpr std::uint32_t kAlways =
    CERT_CHAIN_CACHE_END_CERT | CERT_CHAIN_RETURN_LOWER_QUALITY_CONTEXTS;

TEST_F(WindowsChainVerifierTest, RevocationIsAskedForAsConfigured) {
  question_.network.intermediates = Intermediates::kFetch;
  const std::uint32_t chain = CERT_CHAIN_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT;
  const std::pair<Revocation, std::uint32_t> rows[] = {
      {Revocation::kOff, kAlways},
      {Revocation::kLocal, kAlways | chain | CERT_CHAIN_REVOCATION_CHECK_CACHE_ONLY},
      {Revocation::kSoft, kAlways | chain | CERT_CHAIN_REVOCATION_ACCUMULATIVE_TIMEOUT},
      {Revocation::kHard, kAlways | chain | CERT_CHAIN_REVOCATION_ACCUMULATIVE_TIMEOUT},
  };
  for (const auto& [revocation, flags] : rows) {
    question_.network.revocation = revocation;
    EXPECT_EQ(FirstFlags(), flags) << "revocation " << static_cast<int>(revocation);
  }
}

TEST_F(WindowsChainVerifierTest, IntermediatesAreLookedForAsConfigured) {
  question_.network.revocation = Revocation::kOff;
  question_.network.intermediates = Intermediates::kOff;
  EXPECT_EQ(FirstFlags(), kAlways | CERT_CHAIN_DISABLE_AIA);
  question_.network.intermediates = Intermediates::kLocal;
  EXPECT_EQ(FirstFlags(), kAlways | CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL);
  question_.network.intermediates = Intermediates::kFetch;
  EXPECT_EQ(FirstFlags(), kAlways);
}

TEST_F(WindowsChainVerifierTest, NothingIsEverFetchedForAClientOrWhereItMayNot) {
  for (const bool client : {true, false}) {
    question_.purpose = client ? Purpose::kClientAuth : Purpose::kServerAuth;
    question_.network.may_fetch = client;
    for (const Intermediates intermediates :
         {Intermediates::kOff, Intermediates::kLocal, Intermediates::kFetch}) {
      for (const Revocation revocation :
           {Revocation::kOff, Revocation::kLocal, Revocation::kSoft, Revocation::kHard}) {
        question_.network.intermediates = intermediates;
        question_.network.revocation = revocation;
        for (const std::uint32_t bit :
             {0, CERT_TRUST_IS_UNTRUSTED_ROOT, CERT_TRUST_IS_PARTIAL_CHAIN}) {
          Verdict(WithStatus(2, bit));
          ASSERT_EQ(script_.requests.size(), 1U);
          const ChainRequest& request = script_.requests[0];
          EXPECT_EQ(request.purpose, question_.purpose);
          EXPECT_NE(request.chain_flags & CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL, 0U);
          EXPECT_NE(request.chain_flags & CERT_CHAIN_DISABLE_AUTH_ROOT_AUTO_UPDATE, 0U);
          EXPECT_NE(request.chain_flags & CERT_CHAIN_DISABLE_AIA, 0U);
          const bool checks =
              (request.chain_flags & CERT_CHAIN_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT) != 0;
          EXPECT_EQ(checks, revocation != Revocation::kOff);
          EXPECT_EQ((request.chain_flags & CERT_CHAIN_REVOCATION_CHECK_CACHE_ONLY) != 0, checks);
          EXPECT_EQ(request.policy_flags == 0, revocation == Revocation::kHard);
        }
      }
    }
  }
}

TEST_F(WindowsChainVerifierTest, LocallyARootMayStillBeDownloadedButNoIntermediate) {
  question_.network.intermediates = Intermediates::kLocal;
  ChainAnswer good;
  good.chains = {GoodChain()};
  for (const std::uint32_t bit : {CERT_TRUST_IS_UNTRUSTED_ROOT, CERT_TRUST_IS_PARTIAL_CHAIN}) {
    ChainAnswer without_root;
    without_root.chains = {WithStatus(2, bit)};
    const ChainVerdict verdict = Ask({without_root, good});
    EXPECT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
    ASSERT_EQ(script_.requests.size(), 2U);
    const std::uint32_t flags = script_.requests[1].chain_flags;
    EXPECT_EQ(flags & CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL, 0U);
    EXPECT_NE(flags & CERT_CHAIN_DISABLE_AIA, 0U);
    EXPECT_NE(flags & CERT_CHAIN_REVOCATION_CHECK_CACHE_ONLY, 0U);

    // A failure is no answer.
    ChainAnswer failure;
    failure.failure = "the script says so";
    EXPECT_NE(Ask({without_root, failure}).error, ChainError::kUndecided);

    for (const Intermediates other : {Intermediates::kOff, Intermediates::kFetch}) {
      question_.network.intermediates = other;
      EXPECT_NE(Ask({without_root, good}).error, ChainError::kNone);
      EXPECT_EQ(script_.requests.size(), 1U);
    }
    question_.network.intermediates = Intermediates::kLocal;
  }
  ChainAnswer expired;
  expired.chains = {WithStatus(0, CERT_TRUST_IS_NOT_TIME_VALID)};
  EXPECT_EQ(Ask({expired, good}).error, ChainError::kExpired);
  EXPECT_EQ(script_.requests.size(), 1U);
}

TEST_F(WindowsChainVerifierTest, RootsMayBeDownloadedForServersAlways) {
  for (const Intermediates intermediates :
       {Intermediates::kOff, Intermediates::kLocal, Intermediates::kFetch}) {
    question_.network.intermediates = intermediates;
    EXPECT_EQ(FirstFlags() & CERT_CHAIN_DISABLE_AUTH_ROOT_AUTO_UPDATE, 0U);
  }
}

TEST_F(WindowsChainVerifierTest, BothQuestionsShareOneDeadline) {
  question_.network.timeout = 30s;
  script_.delay = 50ms;
  Verdict(WithStatus(2, CERT_TRUST_IS_UNTRUSTED_ROOT));
  ASSERT_EQ(script_.requests.size(), 2U);
  EXPECT_LE(script_.requests[0].timeout, 30s);
  EXPECT_GT(script_.requests[0].timeout, 0s);
  EXPECT_LE(script_.requests[1].timeout, 30s - 50ms);

  question_.network.timeout = 20ms;
  EXPECT_EQ(Verdict(WithStatus(2, CERT_TRUST_IS_UNTRUSTED_ROOT)).error, ChainError::kUntrustedRoot);
  EXPECT_EQ(script_.requests.size(), 1U);

  // 0 would be the system's own.
  question_.network.timeout = 0ms;
  Verdict(GoodChain());
  EXPECT_EQ(script_.requests.at(0).timeout, 1ms);
  question_.network.timeout = std::chrono::hours(24 * 365);
  Verdict(GoodChain());
  EXPECT_GT(script_.requests.at(0).timeout, std::chrono::hours(24 * 30));
}

TEST_F(WindowsChainVerifierTest, TheRestOfTheQuestionIsPassedOn) {
  const std::string response = "a response";
  question_.stapled_response = AsBytes(response);
  question_.store_id = 12;
  Verdict(GoodChain());
  const ChainRequest& request = script_.requests.at(0);
  EXPECT_EQ(request.certificates.data(), chain_.data());
  EXPECT_EQ(request.certificates.size(), chain_.size());
  EXPECT_EQ(AsText(request.stapled_response), response);
  EXPECT_EQ(request.store_id, 12U);
  EXPECT_EQ(request.purpose, Purpose::kServerAuth);
}

TEST(ChainStatus, NoBitIsListedTwice) {
  std::set<std::uint32_t> bits;
  for (const StatusBit& known : StatusBits())
    EXPECT_TRUE(bits.insert(known.bit).second) << known.name;
}

}  // namespace
}  // namespace ostrust::platform::windows
