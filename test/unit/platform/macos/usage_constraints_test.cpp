// How trust settings are understood, with arrays as SecTrustSettingsCopyTrustSettings() gives them
// and as it never should.
#include "platform/macos/usage_constraints.hpp"

#include <limits>

#include "double_test.hpp"
#include "platform/macos/core_foundation.hpp"

namespace ostrust::platform::macos {
namespace {

using namespace macos_double;

constexpr PurposeSet kAll = PurposeSet::All();
constexpr PurposeSet kNone;
constexpr PurposeSet kServer = PurposeSet().With(Purpose::kServerAuth);
constexpr PurposeSet kClient = PurposeSet().With(Purpose::kClientAuth);

using Members = std::vector<std::pair<std::string, Value>>;

const std::pair<std::string, Value> kDeny = {kTrustSettingsResultKey, Number(3)};
const std::pair<std::string, Value> kTrustRoot = {kTrustSettingsResultKey, Number(1)};
const std::pair<std::string, Value> kTrustAsRoot = {kTrustSettingsResultKey, Number(2)};
const std::pair<std::string, Value> kUnspecified = {kTrustSettingsResultKey, Number(4)};
const std::pair<std::string, Value> kSsl = {kTrustSettingsPolicyKey, SslPolicy()};

Value PolicyOf(CFStringRef identifier) {
  return Policy([identifier] { return CFRetain(identifier); });
}

class UsageConstraintsTest : public MacosTest {
 protected:
  static UsageConstraints Read(const std::vector<Value>& entries, bool self_signed = true) {
    const auto array = Own(static_cast<CFArrayRef>(Array(entries)()));
    return ReadUsageConstraints(array.get(), self_signed);
  }
  static UsageConstraints ReadOne(Members members, bool self_signed = true) {
    return Read({Dictionary(std::move(members))}, self_signed);
  }
  static void ExpectTrusted(const UsageConstraints& constraints, PurposeSet purposes) {
    EXPECT_TRUE(constraints.trusted == purposes);
    EXPECT_TRUE(constraints.denied == kNone);
    EXPECT_EQ(constraints.problem, "");
  }
  static void ExpectDenied(const UsageConstraints& constraints, PurposeSet purposes) {
    EXPECT_TRUE(constraints.trusted == kNone);
    EXPECT_TRUE(constraints.denied == purposes);
    EXPECT_EQ(constraints.problem, "");
  }
  static void ExpectRefused(const UsageConstraints& constraints, const std::string& problem) {
    EXPECT_TRUE(constraints.trusted == kNone);
    EXPECT_TRUE(constraints.denied == kAll);
    EXPECT_EQ(constraints.problem, problem);
  }
};

TEST_F(UsageConstraintsTest, AnEmptyArrayTrustsWhatIsSelfSignedAndNothingElse) {
  ExpectTrusted(Read({}, true), kAll);
  ExpectTrusted(Read({}, false), kNone);
}

TEST_F(UsageConstraintsTest, AMissingResultMeansTrustRoot) {
  ExpectTrusted(ReadOne({}), kAll);
  ExpectTrusted(ReadOne({}, false), kNone);
}

TEST_F(UsageConstraintsTest, TrustRootCountsOnlyForWhatIsSelfSigned) {
  ExpectTrusted(ReadOne({kTrustRoot}, true), kAll);
  ExpectTrusted(ReadOne({kTrustRoot}, false), kNone);
}

TEST_F(UsageConstraintsTest, TrustAsRootCountsOnlyForWhatIsNotSelfSigned) {
  ExpectTrusted(ReadOne({kTrustAsRoot}, false), kAll);
  ExpectTrusted(ReadOne({kTrustAsRoot}, true), kNone);
}

TEST_F(UsageConstraintsTest, DenyDeniesWhoeverSignedIt) {
  ExpectDenied(ReadOne({kDeny}, true), kAll);
  ExpectDenied(ReadOne({kDeny}, false), kAll);
}

TEST_F(UsageConstraintsTest, UnspecifiedAndInvalidAreNoOpinion) {
  for (const bool self_signed : {true, false}) {
    ExpectTrusted(ReadOne({kUnspecified}, self_signed), kNone);
    ExpectTrusted(ReadOne({{kTrustSettingsResultKey, Number(0)}}, self_signed), kNone);
  }
}

TEST_F(UsageConstraintsTest, TheFirstDictionaryThatAppliesDecides) {
  ExpectDenied(Read({Dictionary({kDeny}), Dictionary({kTrustRoot})}), kAll);
  ExpectTrusted(Read({Dictionary({kTrustRoot}), Dictionary({kDeny})}), kAll);
  ExpectTrusted(Read({Dictionary({kUnspecified}), Dictionary({kDeny})}), kNone);
}

TEST_F(UsageConstraintsTest, EachPurposeIsDecidedByTheFirstThatAppliesToIt) {
  const UsageConstraints constraints =
      Read({Dictionary({kSsl, {kTrustSettingsPolicyNameKey, Text("sslServer")}, kDeny}),
            Dictionary({kTrustRoot})});
  EXPECT_TRUE(constraints.denied == kServer);
  EXPECT_TRUE(constraints.trusted == kServer.Complement());
}

TEST_F(UsageConstraintsTest, TheSslPolicyIsForTls) {
  ExpectTrusted(ReadOne({kSsl}), kServer.Union(kClient));
  ExpectDenied(ReadOne({kSsl, kDeny}), kServer.Union(kClient));
}

TEST_F(UsageConstraintsTest, ThePolicysNameTellsServersFromClients) {
  ExpectTrusted(ReadOne({kSsl, {kTrustSettingsPolicyNameKey, Text("sslServer")}}), kServer);
  ExpectTrusted(ReadOne({kSsl, {kTrustSettingsPolicyNameKey, Text("sslClient")}}), kClient);
  ExpectTrusted(ReadOne({kSsl, {kTrustSettingsPolicyNameKey, Text("somebody's")}}), kNone);
  ExpectTrusted(ReadOne({{kTrustSettingsPolicyNameKey, Text("sslServer")}}), kServer);
  ExpectTrusted(ReadOne({{kTrustSettingsPolicyNameKey, Text("somebody's")}}), kNone);
}

TEST_F(UsageConstraintsTest, AClientPolicyIsNotForServers) {
  ExpectTrusted(ReadOne({{kTrustSettingsPolicyKey, SslPolicy(false)}}), kClient);
  ExpectDenied(ReadOne({{kTrustSettingsPolicyKey, SslPolicy(false)}, kDeny}), kClient);
}

TEST_F(UsageConstraintsTest, OtherPoliciesAreForTheirPurposes) {
  const struct {
    CFStringRef identifier;
    Purpose purpose;
  } policies[] = {
      {kSecPolicyAppleSMIME, Purpose::kEmailProtection},
      {kSecPolicyAppleCodeSigning, Purpose::kCodeSigning},
      {kSecPolicyAppleTimeStamping, Purpose::kTimeStamping},
  };
  for (const auto& policy : policies) {
    const PurposeSet purposes = PurposeSet().With(policy.purpose);
    ExpectTrusted(ReadOne({{kTrustSettingsPolicyKey, PolicyOf(policy.identifier)}}), purposes);
    ExpectDenied(ReadOne({{kTrustSettingsPolicyKey, PolicyOf(policy.identifier)},
                          {kTrustSettingsPolicyNameKey, Text("of it")},
                          kDeny}),
                 purposes);
  }
}

TEST_F(UsageConstraintsTest, APolicyThatIsNotKnownIsSkipped) {
  const std::pair<std::string, Value> other = {kTrustSettingsPolicyKey, Policy(Text("1.2.3"))};
  ExpectTrusted(ReadOne({other}), kNone);
  ExpectTrusted(ReadOne({other, kDeny}), kNone);
  ExpectDenied(Read({Dictionary({other}), Dictionary({kDeny})}), kAll);
}

TEST_F(UsageConstraintsTest, WhatIsForOneHostApplicationOrUseOfTheKeyIsSkipped) {
  const std::vector<Members> scopes = {
      {{kTrustSettingsPolicyStringKey, Text("host.example")}},
      {kSsl, {kTrustSettingsPolicyStringKey, Text("host.example")}},
      {{kTrustSettingsPolicyKey, SslPolicy(true, "host.example")}},
      {{kTrustSettingsApplicationKey, Data({})}},
      {{kTrustSettingsPolicyOptionsKey, Dictionary({})}},
      {{kTrustSettingsKeyUsageKey, Number(8)}},
      {{kTrustSettingsKeyUsageKey, Fraction(0.5)}},
  };
  for (const Members& scope : scopes) {
    SCOPED_TRACE(scope.back().first);
    Members deny = scope;
    deny.push_back(kDeny);
    ExpectTrusted(ReadOne(scope), kNone);
    ExpectTrusted(ReadOne(deny), kNone);
    ExpectDenied(Read({Dictionary(scope), Dictionary({kDeny})}), kAll);
    ExpectTrusted(Read({Dictionary(deny), Dictionary({kTrustRoot})}), kAll);
  }
}

TEST_F(UsageConstraintsTest, AnyUseOfTheKeyIsNoLimit) {
  ExpectTrusted(ReadOne({{kTrustSettingsKeyUsageKey, Number(0xffffffff)}}), kAll);
  ExpectTrusted(ReadOne({{kTrustSettingsKeyUsageKey, Number(-1)}}), kAll);
}

TEST_F(UsageConstraintsTest, AnAllowedErrorChangesNothing) {
  const std::pair<std::string, Value> error = {"kSecTrustSettingsAllowedError",
                                               Number(-2147409654)};
  ExpectTrusted(ReadOne({error}), kAll);
  ExpectTrusted(ReadOne({error, kUnspecified}), kNone);
  ExpectDenied(ReadOne({error, kDeny}), kAll);
}

TEST_F(UsageConstraintsTest, WhatIsOfAnotherTypeIsRefused) {
  const auto result = [](Value value) {
    return Members{{kTrustSettingsResultKey, std::move(value)}};
  };
  const std::string no_number = "the result is no number";
  ExpectRefused(ReadOne(result(Text("1"))), no_number);
  ExpectRefused(ReadOne(result(Truth(true))), no_number);
  ExpectRefused(ReadOne(result(Array({Number(1)}))), no_number);
  const std::string not_known = "the result is none that is known";
  ExpectRefused(ReadOne(result(Fraction(1.5))), not_known);
  ExpectRefused(ReadOne(result(Number(5))), not_known);
  ExpectRefused(ReadOne(result(Number(-1))), not_known);
  ExpectRefused(ReadOne(result(Number(std::numeric_limits<std::int64_t>::max()))), not_known);

  const auto policy = [](Value value) {
    return Members{{kTrustSettingsPolicyKey, std::move(value)}};
  };
  ExpectRefused(ReadOne(policy(Text("1.2.840.113635.100.1.3"))), "the policy is no SecPolicy");
  ExpectRefused(ReadOne(policy(PolicyWithoutProperties())), "the policy has no properties");
  ExpectRefused(ReadOne(policy(Policy(Number(3)))), "the policy's identifier is no string");
  ExpectRefused(ReadOne(policy(Policy(Nothing()))), "the policy's identifier is no string");
  ExpectRefused(ReadOne({kSsl, {kTrustSettingsPolicyNameKey, Number(1)}}),
                "the policy's name is no string");
  ExpectRefused(ReadOne({{kTrustSettingsKeyUsageKey, Text("any")}}), "the key usage is no number");
}

TEST_F(UsageConstraintsTest, AnEntryThatIsNoDictionaryIsRefusedWhereverItStands) {
  const std::string problem = "an entry is no dictionary";
  for (const Value& garbage :
       {Text("garbage"), Number(3), Array({}), Certificate({}), Truth(true)}) {
    ExpectRefused(Read({garbage}), problem);
    ExpectRefused(Read({garbage, Dictionary({kTrustRoot})}), problem);
    ExpectRefused(Read({Dictionary({kTrustRoot}), garbage}), problem);
  }
}

TEST_F(UsageConstraintsTest, AMalformedDictionaryBehindOneThatDecidesIsRefused) {
  ExpectRefused(
      Read({Dictionary({kTrustRoot}), Dictionary({{kTrustSettingsResultKey, Text("3")}})}),
      "the result is no number");
}

}  // namespace
}  // namespace ostrust::platform::macos
