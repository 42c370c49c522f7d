// What macOS is asked about a chain, and what is made of its answers, which the test makes up.
#include "platform/macos/chain_verifier.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../certificates.hpp"
#include "../children.hpp"
#include "double_test.hpp"
#include "failing_calls.hpp"
#include "platform/macos/frameworks.hpp"
#include "platform/macos/trust_status.hpp"

namespace ostrust::platform::macos {
namespace {

namespace fake = macos_double;

constexpr std::time_t kNow = 1'900'000'000;
constexpr const char* kSsl = "1.2.840.113635.100.1.3";
constexpr const char* kBasic = "1.2.840.113635.100.1.2";
constexpr const char* kRevocationPolicy = "1.2.840.113635.100.1.21";

fake::Value Chain(const std::vector<Bytes>& ders) {
  std::vector<fake::Value> certificates;
  for (const Bytes& der : ders) certificates.push_back(fake::Certificate(der));
  return fake::Array(std::move(certificates));
}

fake::TrustAnswer Accept(const std::vector<Bytes>& chain) {
  return {true, {}, Chain(chain), {}};
}

fake::TrustAnswer Refuse(OSStatus status, std::string words = "The system's words") {
  fake::TrustAnswer answer;
  answer.accepted = false;
  answer.error = fake::Error(status, std::move(words));
  return answer;
}

// SecTrustCopyResult() with so many status codes for each certificate.
fake::Value Details(const std::vector<int>& codes) {
  std::vector<fake::Value> details;
  for (const int count : codes) {
    if (count == 0) {
      details.push_back(fake::Dictionary({}));
      continue;
    }
    const std::vector<fake::Value> numbers(static_cast<std::size_t>(count), fake::Number(-1));
    details.push_back(fake::Dictionary({{"StatusCodes", fake::Array(numbers)}}));
  }
  return fake::Dictionary({{"TrustResultDetails", fake::Array(std::move(details))}});
}

class MacosChainVerifierTest : public MacosTest {
 protected:
  MacosChainVerifierTest() {
    views_.assign(chain_.begin(), chain_.end());
    question_.chain = views_;
    question_.name = "www.example";
    question_.time = kNow;
    question_.network.intermediates = Intermediates::kLocal;
    question_.network.revocation = Revocation::kLocal;
  }
  ~MacosChainVerifierTest() override { FailAt(-1); }

  ChainVerdict Ask(std::vector<fake::TrustAnswer> answers) {
    fake::ScriptedTrust().questions.clear();
    fake::ScriptedTrust().answers = std::move(answers);
    return verifier_->Verify(question_);
  }
  const std::vector<fake::TrustQuestion>& Asked() { return fake::ScriptedTrust().questions; }
  // The only question that was asked.
  const fake::TrustQuestion& AskedOnce() {
    EXPECT_EQ(Asked().size(), 1U);
    return Asked().at(0);
  }

  const std::vector<Bytes> chain_ = {MakeIssued("Leaf", "CA"), MakeIssued("CA", "Root"),
                                     MakeRoot("Root")};
  std::vector<ByteView> views_;
  ChainQuestion question_;
  const std::unique_ptr<ChainVerifier> verifier_ = MakeSecTrustVerifier();
};

TEST_F(MacosChainVerifierTest, AGoodChainIsAcceptedAndReturnedLeafFirst) {
  const Bytes other_root = MakeRoot("Another root");
  const ChainVerdict verdict = Ask({Accept({chain_[0], chain_[1], other_root})});
  EXPECT_EQ(verdict.error, ChainError::kNone) << verdict.detail;
  EXPECT_EQ(verdict.chain, (std::vector<Bytes>{chain_[0], chain_[1], other_root}));
  EXPECT_EQ(verdict.detail, "");
  EXPECT_EQ(AskedOnce().certificates, chain_);
}

TEST_F(MacosChainVerifierTest, AServerIsAskedForByNameAndAtTheTime) {
  Ask({Accept(chain_)});
  const auto& asked = AskedOnce();
  ASSERT_EQ(asked.policies.size(), 2U);
  EXPECT_EQ(asked.policies[0].oid, kSsl);
  EXPECT_FALSE(asked.policies[0].client);
  EXPECT_EQ(asked.policies[0].name, "www.example");
  EXPECT_EQ(asked.date, static_cast<double>(kNow) - 978'307'200.0);
}

TEST_F(MacosChainVerifierTest, AnAddressIsAskedForAsText) {
  for (const char* const address : {"192.0.2.1", "2001:DB8:0:0:0:0:0:1"}) {
    question_.name = address;
    Ask({Accept(chain_)});
    EXPECT_EQ(AskedOnce().policies[0].name, address);
  }
}

TEST_F(MacosChainVerifierTest, WithoutANameAndForEveryNameBelowOneNoneIsAskedFor) {
  for (const char* const name : {"", ".example"}) {
    question_.name = name;
    Ask({Accept(chain_)});
    EXPECT_EQ(AskedOnce().policies[0].name, "");
  }
}

TEST_F(MacosChainVerifierTest, AClientIsAskedForWithoutANameAndWithoutTheNetwork) {
  question_.purpose = Purpose::kClientAuth;
  question_.network.intermediates = Intermediates::kFetch;
  for (const Revocation revocation : {Revocation::kSoft, Revocation::kHard}) {
    question_.network.revocation = revocation;
    EXPECT_EQ(Ask({Accept(chain_)}).error, ChainError::kNone);
    const auto& asked = AskedOnce();
    EXPECT_EQ(asked.policies[0].oid, kSsl);
    EXPECT_TRUE(asked.policies[0].client);
    EXPECT_EQ(asked.policies[0].name, "");
    EXPECT_EQ(asked.network_allowed, false);
  }
}

TEST_F(MacosChainVerifierTest, ATimeBefore1970IsATime) {
  question_.time = -1;
  Ask({Accept(chain_)});
  EXPECT_EQ(AskedOnce().date, -978'307'201.0);
}

TEST_F(MacosChainVerifierTest, OtherPurposesAndNoCertificateAreNotAskedAbout) {
  const auto calls = fake::Calls();
  question_.purpose = Purpose::kEmailProtection;
  EXPECT_EQ(Ask({Accept(chain_)}).error, ChainError::kUndecided);
  question_.purpose = Purpose::kServerAuth;
  question_.chain = {};
  EXPECT_EQ(Ask({Accept(chain_)}).error, ChainError::kUndecided);
  EXPECT_EQ(fake::Calls(), calls);
}

TEST_F(MacosChainVerifierTest, ANameThatIsNoUtf8IsRefused) {
  question_.name = "\xff.example";
  const ChainVerdict verdict = Ask({Accept(chain_)});
  EXPECT_EQ(verdict.error, ChainError::kUndecided);
  EXPECT_TRUE(Asked().empty());
}

TEST_F(MacosChainVerifierTest, ThePeersOwnCertificateMustParseAndOthersAreLeftOut) {
  const Bytes garbage = ToBytes("no certificate");
  views_ = {chain_[0], garbage, chain_[2]};
  question_.chain = views_;
  EXPECT_EQ(Ask({Accept(chain_)}).error, ChainError::kNone);
  EXPECT_EQ(AskedOnce().certificates, (std::vector<Bytes>{chain_[0], chain_[2]}));

  views_ = {garbage, chain_[0]};
  question_.chain = views_;
  EXPECT_EQ(Ask({Accept(chain_)}).error, ChainError::kUndecided);
  EXPECT_TRUE(Asked().empty());
}

TEST_F(MacosChainVerifierTest, OfManyCertificatesThePeersAndThirtyTwoAreUsed) {
  for (const std::size_t count : {33, 34, 1000}) {
    views_.assign(count, chain_[1]);
    views_[0] = chain_[0];
    question_.chain = views_;
    Ask({Accept(chain_)});
    EXPECT_EQ(AskedOnce().certificates.size(), 33U) << count;
    EXPECT_EQ(AskedOnce().certificates[0], chain_[0]);
  }
}

TEST_F(MacosChainVerifierTest, AChainOfAnotherPeerIsRefused) {
  EXPECT_EQ(Ask({Accept({chain_[1], chain_[2]})}).error, ChainError::kUndecided);
  EXPECT_EQ(Ask({Accept({MakeIssued("Leaf", "CA"), chain_[1]})}).error, ChainError::kUndecided);
}

TEST_F(MacosChainVerifierTest, AnAcceptedChainThatIsNotNamedIsRefused) {
  fake::TrustAnswer answer;
  for (const fake::Value& chain :
       {fake::Nothing(), fake::Array({}),
        fake::Array({fake::Certificate(chain_[0]), fake::Text("no certificate")})}) {
    answer.chain = chain;
    const ChainVerdict verdict = Ask({answer});
    EXPECT_EQ(verdict.error, ChainError::kUndecided);
    EXPECT_TRUE(verdict.chain.empty());
  }
}

// Every status.

TEST_F(MacosChainVerifierTest, EveryStatusRefusesWithItsErrorAndTheSystemsWords) {
  for (const TrustStatus& status : TrustStatuses()) {
    const ChainVerdict verdict = Ask({Refuse(status.status, "Not\n good.")});
    EXPECT_EQ(verdict.error, status.error) << status.name;
    EXPECT_EQ(verdict.detail, std::string("Not good. (") + status.name + ", " +
                                  std::to_string(status.status) + ")");
    EXPECT_TRUE(verdict.chain.empty());
  }
}

TEST_F(MacosChainVerifierTest, ARefusalThatCannotBeReadIsUndecided) {
  fake::TrustAnswer answer;
  answer.accepted = false;
  constexpr CFIndex kTooLarge = CFIndex{1} << 33U;
  for (const fake::Value& error :
       {fake::Nothing(), fake::Error(0, "success"), fake::Error(-99999, "a new status"),
        fake::Error("NSOSStatusErrorDomain", kTooLarge + errSecNotTrusted, "too large"),
        fake::Error("another domain", errSecNotTrusted, "not of SecTrust")}) {
    answer.error = error;
    const ChainVerdict verdict = Ask({answer});
    EXPECT_EQ(verdict.error, ChainError::kUndecided);
    EXPECT_NE(verdict.detail, "");
  }
}

TEST_F(MacosChainVerifierTest, AnErrorBesideAnAcceptedChainIsReleased) {
  fake::TrustAnswer answer = Accept(chain_);
  answer.error = fake::Error(errSecNotTrusted, "none");
  EXPECT_EQ(Ask({answer}).error, ChainError::kNone);
}

TEST_F(MacosChainVerifierTest, WhereTrustdCannotBeReachedNothingIsAccepted) {
  EXPECT_EQ(Ask({Refuse(errSecInternal, "An internal error occurred.")}).detail,
            "An internal error occurred. (errSecInternal, -26276)");
}

TEST_F(MacosChainVerifierTest, AnotherNameOfAnAddressIsAnotherAddress) {
  EXPECT_EQ(Ask({Refuse(errSecHostNameMismatch)}).error, ChainError::kHostnameMismatch);
  for (const char* const address : {"192.0.2.1", "2001:db8::1", "2001:DB8:0:0:0:0:0:1"}) {
    question_.name = address;
    EXPECT_EQ(Ask({Refuse(errSecHostNameMismatch)}).error, ChainError::kIpAddressMismatch);
  }
}

TEST_F(MacosChainVerifierTest, TheOnlyCertificateWithAStatusIsTheOneThatItIsAbout) {
  fake::TrustAnswer answer = Refuse(errSecUnsupportedKeySize);
  answer.chain = Chain(chain_);
  const std::pair<std::vector<int>, std::size_t> cases[] = {
      {{1, 0, 0}, 0}, {{0, 2, 0}, 1}, {{0, 0, 1}, 2},      {{0, 1, 1}, 3},
      {{0, 0, 0}, 3}, {{}, 3},        {{0, 0, 0, 0, 1}, 3}};
  for (const auto& [codes, depth] : cases) {
    answer.result = Details(codes);
    EXPECT_EQ(Ask({answer}).depth, depth);
  }
  // In a chain of the system's, another certificate stands there.
  answer.result = Details({0, 1, 0});
  answer.chain = Chain({chain_[0], chain_[2]});
  EXPECT_EQ(Ask({answer}).depth, 2U);
  answer.chain = Chain({chain_[0], MakeIssued("Other", "Root")});
  EXPECT_EQ(Ask({answer}).depth, 3U);
}

TEST_F(MacosChainVerifierTest, DetailsThatAreNotWhatTheyShouldBeAreLeftAside) {
  fake::TrustAnswer answer = Refuse(errSecUnsupportedKeySize);
  answer.chain = Chain(chain_);
  for (const fake::Value& result :
       {fake::Nothing(), fake::Dictionary({}),
        fake::Dictionary({{"TrustResultDetails", fake::Text("none")}}),
        fake::Dictionary({{"TrustResultDetails", fake::Array({fake::Number(1)})}}),
        fake::Dictionary({{"TrustResultDetails", fake::Array({fake::Dictionary(
                                                     {{"StatusCodes", fake::Number(1)}})})}})}) {
    answer.result = result;
    const ChainVerdict verdict = Ask({answer});
    EXPECT_EQ(verdict.error, ChainError::kWeakKey);
    EXPECT_EQ(verdict.depth, 3U);
  }
}

TEST_F(MacosChainVerifierTest, WhoForgivesOneFindingHasForgivenTheOthersOnlyWhereThereAreNone) {
  const auto numbers = [](const std::vector<int>& codes) {
    std::vector<fake::Value> values;
    for (const int code : codes) values.push_back(fake::Number(code));
    return fake::Array(std::move(values));
  };
  const auto result = [](std::vector<fake::Value> codes) {
    std::vector<fake::Value> details;
    for (fake::Value& value : codes) {
      details.push_back(fake::Dictionary({{"StatusCodes", std::move(value)}}));
    }
    return fake::Dictionary({{"TrustResultDetails", fake::Array(std::move(details))}});
  };
  struct Case {
    fake::Value result;
    std::string more;
  };
  const std::string unknown = "macOS does not say whether it has more against the chain";
  const auto known = [](int count) {
    return "macOS has " + std::to_string(count) +
           " more against the chain, and names the gravest only";
  };
  // CSSM's codes of SecPolicyChecks.list, as SInt32.
  const auto revoked = static_cast<int>(0x8001210c);
  const auto expired = static_cast<int>(0x8001210a);
  const auto invalid = static_cast<int>(0x80012115);    // the key's size, names, policies
  const auto untrusted = static_cast<int>(0x8001212a);  // the root, the issuer, Apple's lists
  const Case cases[] = {
      {result({numbers({revoked})}), ""},
      {result({numbers({revoked, revoked})}), ""},
      {result({numbers({expired, revoked, expired})}), known(1)},
      {result({numbers({invalid})}), ""},
      {result({numbers({invalid, invalid})}), known(1)},
      {result({numbers({untrusted, untrusted, untrusted})}), known(2)},
      {result({numbers({-1, -1})}), known(1)},  // a code that is not known here
      {result({numbers({}), numbers({revoked})}), ""},
      {result({numbers({revoked, expired})}), known(1)},
      {result({numbers({revoked}), numbers({revoked})}), known(1)},
      {result({fake::Array({fake::Number(revoked), fake::Text("revoked")})}), known(1)},
      {result({fake::Array({fake::Number(revoked), fake::Text("a"), fake::Text("b")})}), known(2)},
      {result({numbers({})}), unknown},
      {result({fake::Number(revoked)}), unknown},
      {result({}), unknown},
      {fake::Dictionary({}), unknown},
      {fake::Nothing(), unknown},
  };
  for (const Case& one : cases) {
    fake::TrustAnswer answer = Refuse(errSecCertificateRevoked);
    answer.chain = Chain(chain_);
    answer.result = one.result;
    const ChainVerdict verdict = Ask({answer});
    EXPECT_EQ(verdict.error, ChainError::kRevoked);
    ASSERT_EQ(verdict.others.size(), one.more.empty() ? 0U : 1U) << one.more;
    if (one.more.empty()) continue;
    EXPECT_EQ(verdict.others[0].error, ChainError::kUndecided);
    EXPECT_EQ(verdict.others[0].depth, 3U);
    EXPECT_EQ(verdict.others[0].detail, one.more);
  }
  EXPECT_TRUE(Ask({Accept(chain_)}).others.empty());
}

TEST_F(MacosChainVerifierTest, NotYetValidIsToldFromExpiredByTheCertificatesDates) {
  const Bytes good = MakeIssuedBetween("CA", "Root", "20200101000000Z", "20991231235959Z");
  const Bytes past = MakeIssuedBetween("Leaf", "CA", "20200101000000Z", "20210101000000Z");
  const Bytes future = MakeIssuedBetween("Leaf", "CA", "20980101000000Z", "20991231235959Z");
  struct Case {
    std::vector<Bytes> chain;
    std::vector<int> codes;
    ChainError error;
  };
  const Case cases[] = {
      {{past, good}, {}, ChainError::kExpired},
      {{future, good}, {}, ChainError::kNotYetValid},
      {{good, future}, {}, ChainError::kNotYetValid},
      {{future, past}, {}, ChainError::kExpired},  // nobody says which
      {{future, past}, {1, 0}, ChainError::kNotYetValid},
      {{future, past}, {0, 1}, ChainError::kExpired},
      {{future, past}, {1, 1}, ChainError::kExpired},
      {{good, good}, {}, ChainError::kExpired},  // says macOS
      {{}, {}, ChainError::kExpired},
  };
  for (const Case& one : cases) {
    fake::TrustAnswer answer = Refuse(errSecCertificateExpired);
    answer.chain = Chain(one.chain);
    answer.result = Details(one.codes);
    EXPECT_EQ(Ask({answer}).error, one.error);
  }
}

TEST_F(MacosChainVerifierTest, ACertificateIsValidInItsFirstAndItsLastSecond) {
  fake::TrustAnswer answer = Refuse(errSecCertificateExpired);
  // 1'900'000'000 is 2030-03-17 17:46:40.
  answer.chain = Chain({MakeIssuedBetween("Leaf", "CA", "20300317174640Z", "20300317174640Z")});
  question_.time = kNow - 1;
  EXPECT_EQ(Ask({answer}).error, ChainError::kNotYetValid);
  for (const std::time_t time : {kNow, kNow + 1}) {
    question_.time = time;
    EXPECT_EQ(Ask({answer}).error, ChainError::kExpired);
  }
}

// The network and revocation.

struct NetworkCase {
  Intermediates intermediates;
  Revocation revocation;
};

class MacosNetworkTest : public MacosChainVerifierTest,
                         public testing::WithParamInterface<NetworkCase> {
 protected:
  // That this was asked on these terms.
  void ExpectTerms(const fake::TrustQuestion& asked, bool network, Revocation revocation) {
    EXPECT_EQ(asked.network_allowed, network);
    for (const auto& policy : asked.policies) EXPECT_EQ(policy.network_allowed, network);
    if (revocation == Revocation::kOff) {
      EXPECT_EQ(asked.policies.size(), 1U);
      EXPECT_TRUE(asked.response.empty());
      return;
    }
    CFOptionFlags flags = 0x3;                          // OCSP and lists
    if (revocation == Revocation::kHard) flags |= 0x8;  // a positive response is required
    if (!network) flags |= 0x10;                        // no network
    ASSERT_EQ(asked.policies.size(), 2U);
    EXPECT_EQ(asked.policies[1].oid, kRevocationPolicy);
    EXPECT_EQ(asked.policies[1].revocation_flags, flags);
    EXPECT_EQ(asked.response, ToBytes("stapled"));
  }
};

TEST_P(MacosNetworkTest, TheNetworkIsUsedForWhatTheConfigurationAllowsAndNoMore) {
  const auto [intermediates, revocation] = GetParam();
  question_.network.intermediates = intermediates;
  question_.network.revocation = revocation;
  question_.stapled_response = AsBytes("stapled");
  for (const Purpose purpose : {Purpose::kServerAuth, Purpose::kClientAuth}) {
    for (const bool may_fetch : {true, false}) {
      question_.purpose = purpose;
      question_.network.may_fetch = may_fetch;
      const bool fetch = may_fetch && purpose == Purpose::kServerAuth;
      const bool issuers = fetch && intermediates == Intermediates::kFetch;
      const bool revocations =
          fetch && (revocation == Revocation::kSoft || revocation == Revocation::kHard);
      EXPECT_EQ(Ask({Accept(chain_)}).error, ChainError::kNone);
      if (issuers == revocations) {
        ASSERT_EQ(Asked().size(), 1U);
        ExpectTerms(Asked()[0], issuers, revocation);
      } else if (issuers) {
        ASSERT_EQ(Asked().size(), 1U);  // it is known here
        ExpectTerms(Asked()[0], false, revocation);
      } else {
        ASSERT_EQ(Asked().size(), 2U);
        ExpectTerms(Asked()[0], false, Revocation::kOff);
        ExpectTerms(Asked()[1], true, revocation);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EverySetting, MacosNetworkTest,
                         testing::Values(NetworkCase{Intermediates::kOff, Revocation::kOff},
                                         NetworkCase{Intermediates::kOff, Revocation::kLocal},
                                         NetworkCase{Intermediates::kOff, Revocation::kSoft},
                                         NetworkCase{Intermediates::kOff, Revocation::kHard},
                                         NetworkCase{Intermediates::kLocal, Revocation::kOff},
                                         NetworkCase{Intermediates::kLocal, Revocation::kLocal},
                                         NetworkCase{Intermediates::kLocal, Revocation::kSoft},
                                         NetworkCase{Intermediates::kLocal, Revocation::kHard},
                                         NetworkCase{Intermediates::kFetch, Revocation::kOff},
                                         NetworkCase{Intermediates::kFetch, Revocation::kLocal},
                                         NetworkCase{Intermediates::kFetch, Revocation::kSoft},
                                         NetworkCase{Intermediates::kFetch, Revocation::kHard}));

TEST_F(MacosChainVerifierTest, RevocationOnlyIsFetchedForTheChainThatIsKnownHere) {
  question_.network.revocation = Revocation::kSoft;
  views_.resize(1);
  question_.chain = views_;
  const ChainVerdict verdict = Ask({Accept(chain_), Refuse(errSecCertificateRevoked)});
  EXPECT_EQ(verdict.error, ChainError::kRevoked);
  ASSERT_EQ(Asked().size(), 2U);
  EXPECT_EQ(Asked()[0].certificates, std::vector<Bytes>{chain_[0]});
  EXPECT_EQ(Asked()[1].certificates, chain_);
}

TEST_F(MacosChainVerifierTest, WithoutAChainThatIsKnownHereRevocationIsNotFetched) {
  question_.network.revocation = Revocation::kHard;
  EXPECT_EQ(Ask({Refuse(errSecCreateChainFailed)}).error, ChainError::kNoIssuer);
  EXPECT_EQ(AskedOnce().network_allowed, false);
}

TEST_F(MacosChainVerifierTest, WhoForgivesARefusalWithoutRevocationHasNotForgivenThat) {
  // One finding, but of a question that was not about revocation.
  fake::TrustAnswer refusal = Refuse(errSecCertificateValidityPeriodTooLong);
  refusal.chain = Chain(chain_);
  refusal.result = Details({1, 0, 0});
  const std::string why = "macOS was not asked about revocation, after that";
  const auto others = [&](std::vector<fake::TrustAnswer> answers) {
    std::vector<std::string> details;
    const ChainVerdict verdict = Ask(std::move(answers));
    for (const ChainFinding& other : verdict.others) {
      EXPECT_EQ(other.error, ChainError::kUndecided);
      EXPECT_EQ(other.depth, 3U);
      details.push_back(other.detail);
    }
    return details;
  };
  for (const Revocation revocation : {Revocation::kSoft, Revocation::kHard}) {
    question_.network.revocation = revocation;
    EXPECT_EQ(others({refusal}), std::vector<std::string>{why});
  }
  question_.network.intermediates = Intermediates::kFetch;
  EXPECT_EQ(others({refusal}), std::vector<std::string>());  // asked for both at once
  question_.network.revocation = Revocation::kLocal;
  EXPECT_EQ(others({refusal}), std::vector<std::string>());
  EXPECT_EQ(others({Refuse(errSecCreateChainFailed), refusal}), std::vector<std::string>{why});
  question_.network.revocation = Revocation::kOff;
  EXPECT_EQ(others({Refuse(errSecCreateChainFailed), refusal}), std::vector<std::string>());
}

TEST_F(MacosChainVerifierTest, IssuersOnlyAreFetchedAndTheirChainIsJudgedWithoutTheNetwork) {
  question_.network.intermediates = Intermediates::kFetch;
  views_.resize(1);
  question_.chain = views_;
  for (const OSStatus status : {errSecCreateChainFailed, errSecNotTrusted}) {
    const ChainVerdict verdict =
        Ask({Refuse(status), Accept(chain_), Refuse(errSecCertificateRevoked)});
    EXPECT_EQ(verdict.error, ChainError::kRevoked);
    ASSERT_EQ(Asked().size(), 3U);
    EXPECT_EQ(Asked()[0].network_allowed, false);
    EXPECT_EQ(Asked()[1].network_allowed, true);
    EXPECT_EQ(Asked()[1].policies.size(), 1U);  // nothing is fetched about revocation
    EXPECT_EQ(Asked()[2].network_allowed, false);
    EXPECT_EQ(Asked()[2].policies.size(), 2U);
    EXPECT_EQ(Asked()[2].certificates, chain_);
  }
  EXPECT_EQ(Ask({Refuse(errSecNotTrusted), Accept(chain_)}).error, ChainError::kNone);
}

TEST_F(MacosChainVerifierTest, IssuersAreFetchedOnlyWhereOneMayBeMissing) {
  question_.network.intermediates = Intermediates::kFetch;
  for (const TrustStatus& status : TrustStatuses()) {
    const bool missing =
        status.error == ChainError::kNoIssuer || status.error == ChainError::kUntrustedRoot;
    Ask({Refuse(status.status)});
    EXPECT_EQ(Asked().size(), missing ? 2U : 1U) << status.name;
  }
}

TEST_F(MacosChainVerifierTest, WhereFetchingDecidesNothingTheFirstAnswerStands) {
  question_.network.intermediates = Intermediates::kFetch;
  EXPECT_EQ(Ask({Refuse(errSecCreateChainFailed), Refuse(errSecInternal)}).error,
            ChainError::kNoIssuer);
  EXPECT_EQ(Ask({Refuse(errSecCreateChainFailed), Refuse(errSecNotTrusted)}).error,
            ChainError::kUntrustedRoot);
}

// SecPolicyCreateSSL() returns null.

TEST_F(MacosChainVerifierTest, WithoutTheSslPolicyBasicX509IsAskedForAndReported) {
  fake::CanCreateSslPolicies() = false;
  question_.network.revocation = Revocation::kSoft;
  question_.network.intermediates = Intermediates::kFetch;
  const ChainVerdict verdict = Ask({Accept(chain_)});
  EXPECT_EQ(verdict.error, ChainError::kNone);
  EXPECT_NE(verdict.detail.find("basic X.509"), std::string::npos);
  ASSERT_EQ(AskedOnce().policies.size(), 2U);
  EXPECT_EQ(AskedOnce().policies[0].oid, kBasic);
  EXPECT_EQ(AskedOnce().network_allowed, true);  // which the policy by itself forbids

  const ChainVerdict refusal = Ask({Refuse(errSecNotTrusted, "No.")});
  EXPECT_EQ(refusal.error, ChainError::kUntrustedRoot);
  EXPECT_EQ(refusal.detail,
            "No. (errSecNotTrusted, -67843); SecPolicyCreateSSL returned nothing, so basic X.509 "
            "was asked for");
}

// What fails.

TEST_F(MacosChainVerifierTest, AFunctionThatFailsIsNamedWithItsStatus) {
  question_.stapled_response = AsBytes("stapled");
  for (const char* const function : {"SecTrustCreateWithCertificates", "SecTrustSetVerifyDate",
                                     "SecTrustSetOCSPResponse", "SecTrustSetNetworkFetchAllowed"}) {
    fake::ScriptedTrust().failures = {{function, errSecIO}};
    const ChainVerdict verdict = Ask({Accept(chain_)});
    EXPECT_EQ(verdict.error, ChainError::kUndecided) << function;
    EXPECT_EQ(verdict.detail,
              std::string(function) + ": the system's words for -36 (errSecIO, -36)");
    EXPECT_TRUE(Asked().empty()) << function;
  }
}

// Lets every call fail once, and returns the functions whose failure did not refuse the chain.
class MacosFailingCallsTest : public MacosChainVerifierTest {
 protected:
  void SetUp() override {
    if (!kCallsCanFail) GTEST_SKIP() << "Apple's linker has no --wrap";
  }
  std::set<std::string> Forgiven(const std::vector<fake::TrustAnswer>& answers) {
    std::set<std::string> forgiven;
    for (int number = 0;; ++number) {
      FailAt(number);
      ChainVerdict verdict;
      try {
        verdict = Ask(answers);
      } catch (const std::bad_alloc&) {
        verdict.error = ChainError::kUndecided;  // refuses the chain
      }
      const std::string failed = Failed();
      FailAt(-1);
      EXPECT_EQ(fake::LiveObjects(), std::vector<std::string>()) << failed << number;
      if (failed.empty()) {
        EXPECT_GT(number, 10);
        return forgiven;
      }
      tried_.insert(failed);
      if (verdict.error == ChainError::kNone) {
        forgiven.insert(failed);
      } else {
        EXPECT_TRUE(verdict.chain.empty()) << failed;
        EXPECT_FALSE(verdict.detail.empty() && failed != "CFStringCreateWithBytes") << failed;
      }
    }
  }
  std::set<std::string> tried_;
};

TEST_F(MacosFailingCallsTest, AGoodChainIsRefusedWhicheverCallFails) {
  question_.stapled_response = AsBytes("stapled");
  // Without an intermediate, and with another policy, macOS is still asked.
  const std::set<std::string> harmless = {"CFDataCreate", "SecCertificateCreateWithData",
                                          "SecPolicyCreateSSL"};
  EXPECT_EQ(Forgiven({Accept(chain_)}), harmless);
  question_.network.revocation = Revocation::kSoft;  // two questions
  EXPECT_EQ(Forgiven({Accept(chain_)}), harmless);
  const std::set<std::string> expected = {"CFArrayCreate",
                                          "CFDataCreate",
                                          "CFDateCreate",
                                          "CFStringCreateWithBytes",
                                          "SecCertificateCopyData",
                                          "SecCertificateCreateWithData",
                                          "SecPolicyCreateRevocation",
                                          "SecPolicyCreateSSL",
                                          "SecTrustCopyCertificateChain",
                                          "SecTrustCreateWithCertificates",
                                          "SecTrustEvaluateWithError",
                                          "SecTrustSetNetworkFetchAllowed",
                                          "SecTrustSetOCSPResponse",
                                          "SecTrustSetVerifyDate"};
  EXPECT_EQ(tried_, expected);
}

TEST_F(MacosFailingCallsTest, ABadChainIsRefusedWhicheverCallFails) {
  fake::TrustAnswer answer = Refuse(errSecCertificateExpired);
  answer.chain = Chain(chain_);
  answer.result = Details({1, 0, 0});
  EXPECT_EQ(Forgiven({answer}), std::set<std::string>());
  EXPECT_TRUE(tried_.count("CFErrorCopyDescription") != 0 &&
              tried_.count("SecTrustCopyResult") != 0 &&
              tried_.count("CFStringCreateExternalRepresentation") != 0);
}

TEST_F(MacosFailingCallsTest, WithNeitherPolicyNothingIsAsked) {
  fake::CanCreateSslPolicies() = false;
  const auto forgiven = Forgiven({Accept(chain_)});
  EXPECT_EQ(forgiven.count("SecPolicyCreateBasicX509"), 0U);
  EXPECT_EQ(tried_.count("SecPolicyCreateBasicX509"), 1U);
}

// Threads and processes.

TEST_F(MacosChainVerifierTest, ManyThreadsAskAtOnceAndNobodyWaitsForAnother) {
  constexpr int kThreads = 4;
  std::atomic<int> inside{0};
  std::atomic<bool> all_met{true};
  fake::ScriptedTrust().answers = {Accept(chain_)};
  fake::ScriptedTrust().during = [&] {  // returns when every thread is in an evaluation
    ++inside;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (inside < kThreads && std::chrono::steady_clock::now() < limit) {
      std::this_thread::yield();
    }
    if (inside < kThreads) all_met = false;
  };
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) good += verifier_->Verify(question_).error == ChainError::kNone;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(all_met);
  EXPECT_EQ(good, kThreads * 20);
}

TEST_F(MacosChainVerifierTest, AForkedChildRefusesAndCallsNothing) {
  fake::ScriptedTrust().answers = {Accept(chain_)};
  const int status = InChild([this] {
    const auto calls = fake::Calls();
    const ChainVerdict verdict = verifier_->Verify(question_);  // a call would end the process
    return verdict.error == ChainError::kUndecided &&
                   verdict.detail.find("forked") != std::string::npos && fake::Calls() == calls
               ? 0
               : 1;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(verifier_->Verify(question_).error, ChainError::kNone);  // the parent goes on
}

TEST_F(MacosChainVerifierTest, TheSystemsVerifierRemembersWhatItWasTold) {
  const auto verifier = MakeChainVerifier();
  fake::ScriptedTrust().answers = {Accept(chain_), Refuse(errSecNotTrusted)};
  EXPECT_EQ(verifier->Verify(question_).error, ChainError::kNone);
  EXPECT_EQ(verifier->Verify(question_).error, ChainError::kNone);
  EXPECT_EQ(Asked().size(), 1U);
  ++question_.store_id;
  EXPECT_EQ(verifier->Verify(question_).error, ChainError::kUntrustedRoot);
}

}  // namespace
}  // namespace ostrust::platform::macos
