// The trust source of macOS, with a double of Apple's frameworks.
#include "platform/macos/trust_settings_source.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "../certificates.hpp"
#include "../children.hpp"
#include "double_test.hpp"
#include "platform/live_trust_store.hpp"
#include "platform/macos/fork_detection.hpp"
#include "platform/sha1.hpp"
#include "platform/system_bundle.hpp"

namespace ostrust::platform::macos {
namespace {

using namespace macos_double;
using namespace std::chrono_literals;

constexpr const char* kNotification = "com.apple.security.certificatetrust";

Value Settings(std::int64_t result) {
  return Array({Dictionary({{kTrustSettingsResultKey, Number(result)}})});
}
const Value kTrustRoot = Settings(1);
const Value kTrustAsRoot = Settings(2);
const Value kDeny = Settings(3);
const Value kUnspecified = Settings(4);
const Value kDenyServers = Array({Dictionary({{kTrustSettingsPolicyKey, SslPolicy()},
                                              {kTrustSettingsPolicyNameKey, Text("sslServer")},
                                              {kTrustSettingsResultKey, Number(3)}})});
const Value kTrustServers = Array({Dictionary(
    {{kTrustSettingsPolicyKey, SslPolicy()}, {kTrustSettingsPolicyNameKey, Text("sslServer")}})});

class TrustSettingsSourceTest : public MacosTest {
 protected:
  TrustSettingsSourceTest() {
    source_ = std::make_unique<TrustSettingsSource>([this] { return now_; });
  }
  void TearDown() override {
    source_.reset();
    MacosTest::TearDown();
  }

  TrustSettingsDomain& Admin() { return script_.admin; }
  TrustSettingsDomain& User() { return script_.user; }
  TrustSettingsDomain& System() { return script_.system; }
  void AddToSystem(const Bytes& der) { System().AddElement(Certificate(der)); }

  // Of what is read now.
  CertificateTrust Trust(const Bytes& der) {
    const LoadResult result = source_->Load();
    if (result.store != nullptr) return result.store->TrustOf(der);
    return {};
  }

  const Bytes root_ = MakeRoot("Root");
  const Bytes other_ = MakeRoot("Other");
  const Bytes issued_ = MakeIssued("Issued", "Root");
  const PurposeSet server_ = PurposeSet().With(Purpose::kServerAuth);
  TrustSettingsScript& script_ = ScriptedTrustSettings();
  std::chrono::steady_clock::time_point now_{1h};
  std::unique_ptr<TrustSettingsSource> source_;
};

TEST_F(TrustSettingsSourceTest, WhatTheSystemListsIsAnAnchorAndIsNotAskedAboutOneByOne) {
  AddToSystem(root_);
  AddToSystem(other_);
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.store->AnchorCount(), 2U);
  EXPECT_EQ(result.store->TrustOf(root_), CertificateTrust::Anchor());
  EXPECT_EQ(result.store->TrustOf(issued_), CertificateTrust::Unspecified());
  EXPECT_EQ(result.store->Problems(), std::vector<std::string>());
  EXPECT_EQ(script_.copied_certificates, 3);
  EXPECT_EQ(script_.copied_settings, 0);
}

TEST_F(TrustSettingsSourceTest, WithoutAnyCertificateThereIsNoStore) {
  const LoadResult result = source_->Load();
  EXPECT_EQ(result.store, nullptr);
  EXPECT_EQ(result.error, "no root certificate was found in the trust settings of macOS");
}

TEST_F(TrustSettingsSourceTest, WhatTheAdministratorOrTheUserTrustsIsAnAnchor) {
  Admin().Add(root_, kTrustRoot);
  User().Add(other_, Array({}));
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->TrustOf(root_), CertificateTrust::Anchor());
  EXPECT_EQ(result.store->TrustOf(other_), CertificateTrust::Anchor());
}

TEST_F(TrustSettingsSourceTest, TrustAsRootEndsAChainWithoutBeingSelfSigned) {
  Admin().Add(issued_, kTrustAsRoot);
  Admin().Add(root_, kTrustAsRoot);
  EXPECT_EQ(Trust(issued_), CertificateTrust::LimitedAnchor({}, true));
  EXPECT_EQ(Trust(root_), CertificateTrust::Unspecified());
}

TEST_F(TrustSettingsSourceTest, TrustRootOfWhatIsNotSelfSignedIsNoTrust) {
  AddToSystem(root_);
  for (const Value& settings : {kTrustRoot, Array({})}) {
    User().Add(issued_, settings);
    EXPECT_EQ(Trust(issued_), CertificateTrust::Unspecified());
  }
  EXPECT_EQ(Trust(root_), CertificateTrust::Anchor());
}

TEST_F(TrustSettingsSourceTest, ADenialOfEitherDomainIsStrongerThanAnyTrust) {
  AddToSystem(root_);
  EXPECT_EQ(Trust(root_), CertificateTrust::Anchor());
  Admin().Add(root_, kDeny);
  User().Add(root_, kTrustRoot);
  EXPECT_EQ(Trust(root_), CertificateTrust::Distrusted());
  Admin().Add(root_, kTrustRoot);
  EXPECT_EQ(Trust(root_), CertificateTrust::Anchor());
  User().Add(root_, kDeny);
  EXPECT_EQ(Trust(root_), CertificateTrust::Distrusted());
}

TEST_F(TrustSettingsSourceTest, ADenialForServersIsKeptForServers) {
  AddToSystem(root_);
  AddToSystem(other_);
  User().Add(root_, kDenyServers);
  EXPECT_EQ(Trust(root_), CertificateTrust::LimitedAnchor(server_, false, server_));
  EXPECT_EQ(Trust(other_), CertificateTrust::Anchor());
}

TEST_F(TrustSettingsSourceTest, WhatIsDeniedForSomePurposeAndTrustedForNoneIsDistrusted) {
  AddToSystem(other_);
  Admin().Add(root_, kDenyServers);
  EXPECT_EQ(Trust(root_), CertificateTrust::Distrusted());
}

TEST_F(TrustSettingsSourceTest, TrustForServersIsForNothingElse) {
  Admin().Add(root_, kTrustServers);
  EXPECT_EQ(Trust(root_), CertificateTrust::LimitedAnchor(server_.Complement(), false));
  AddToSystem(root_);
  EXPECT_EQ(Trust(root_), CertificateTrust::Anchor());
}

TEST_F(TrustSettingsSourceTest, TheUserIsNotAskedWhereTheAdministratorHasSettings) {
  AddToSystem(other_);
  User().Add(root_, kTrustRoot);
  EXPECT_EQ(Trust(root_), CertificateTrust::Anchor());
  Admin().Add(root_, kUnspecified);
  EXPECT_EQ(Trust(root_), CertificateTrust::Unspecified());
  Admin().Add(root_, kTrustServers);
  EXPECT_EQ(Trust(root_), CertificateTrust::LimitedAnchor(server_.Complement(), false));
}

TEST_F(TrustSettingsSourceTest, NoOpinionLeavesItToTheSystem) {
  AddToSystem(root_);
  Admin().Add(root_, kUnspecified);
  User().Add(root_, kUnspecified);
  User().Add(other_, kUnspecified);
  EXPECT_EQ(Trust(root_), CertificateTrust::Anchor());
  EXPECT_EQ(Trust(other_), CertificateTrust::Unspecified());
}

TEST_F(TrustSettingsSourceTest, WhatIsListedAndHasNoSettingsIsLeftToTheNextDomain) {
  Admin().AddElement(Certificate(root_));  // errSecItemNotFound
  Admin().AddElement(Certificate(other_));
  User().Add(root_, kTrustRoot);
  EXPECT_EQ(Trust(root_), CertificateTrust::Anchor());
  EXPECT_EQ(Trust(other_), CertificateTrust::Unspecified());
}

TEST_F(TrustSettingsSourceTest, DenialsWithoutAnAnchorAreAnErrorAndAreKept) {
  User().Add(root_, kDeny);
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr);
  EXPECT_EQ(result.store->TrustOf(root_), CertificateTrust::Distrusted());
  EXPECT_EQ(result.error, "no root certificate was found in the trust settings of macOS");
}

TEST_F(TrustSettingsSourceTest, AnEmptyDomainIsNoError) {
  AddToSystem(root_);
  Admin().Fail(errSecNoTrustSettings);
  User().Fail(errSecNoTrustSettings);
  EXPECT_EQ(source_->Load().error, "");
  EXPECT_EQ(Trust(root_), CertificateTrust::Anchor());
}

TEST_F(TrustSettingsSourceTest, ADomainThatCannotBeReadFailsTheWhole) {
  const struct {
    SecTrustSettingsDomain domain;
    std::string name;
  } domains[] = {{kSecTrustSettingsDomainAdmin, "admin"},
                 {kSecTrustSettingsDomainUser, "user"},
                 {kSecTrustSettingsDomainSystem, "system"}};
  for (const auto& domain : domains) {
    for (const auto& [status, code] :
         {std::pair(errSecIO, "errSecIO, -36"), std::pair(errSecInternal, "errSecInternal, -26276"),
          std::pair(OSStatus{-99999}, "OSStatus -99999")}) {
      Reset();
      AddToSystem(root_);
      script_.Domain(domain.domain).Fail(status);
      const LoadResult result = source_->Load();
      EXPECT_EQ(result.store, nullptr);
      EXPECT_EQ(result.error, "the trust settings of the domain " + domain.name +
                                  " cannot be read: the system's words for " +
                                  std::to_string(status) + " (" + code + ")");
      script_.Domain(domain.domain).Fail(errSecSuccess);
      EXPECT_NE(source_->Load().store, nullptr);
    }
  }
}

TEST_F(TrustSettingsSourceTest, SettingsThatCannotBeReadFailTheWhole) {
  AddToSystem(other_);
  Admin().AddFailing(root_, errSecIO);
  const LoadResult result = source_->Load();
  EXPECT_EQ(result.store, nullptr);
  EXPECT_NE(result.error.find("the domain admin cannot be read"), std::string::npos)
      << result.error;
}

TEST_F(TrustSettingsSourceTest, ADomainThatIsNoArrayFailsTheWhole) {
  AddToSystem(root_);
  for (const Value& garbage : {Nothing(), Text("garbage"), Dictionary({})}) {
    User().ReturnInstead(garbage);
    const LoadResult result = source_->Load();
    EXPECT_EQ(result.store, nullptr);
    EXPECT_EQ(result.error,
              "the trust settings of the domain user cannot be read: "
              "SecTrustSettingsCopyCertificates gave no array");
  }
}

TEST_F(TrustSettingsSourceTest, AnElementThatIsNoCertificateIsReportedAndHidesNoOther) {
  System().AddElement(Text("garbage"));
  AddToSystem(root_);
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->TrustOf(root_), CertificateTrust::Anchor());
  EXPECT_EQ(result.store->Problems(),
            std::vector<std::string>{"the trust settings of the domain system list something that "
                                     "is no certificate"});
}

TEST_F(TrustSettingsSourceTest, ACertificateThatDoesNotParseIsReportedAndHidesNoOther) {
  Bytes behind = root_;
  behind.push_back(std::byte{0});
  for (const Bytes& broken : {Bytes(), ToBytes("garbage"), behind}) {
    Reset();
    Admin().Add(broken, kTrustRoot);
    AddToSystem(other_);
    const LoadResult result = source_->Load();
    ASSERT_NE(result.store, nullptr) << result.error;
    EXPECT_EQ(result.store->AnchorCount(), 1U);
    EXPECT_EQ(result.store->Problems(),
              std::vector<std::string>{"macOS: the certificate with the SHA-1 fingerprint " +
                                       Sha1Fingerprint(broken) + " cannot be read and is skipped"});
  }
}

TEST_F(TrustSettingsSourceTest, SettingsThatCannotBeUnderstoodRefuseTheirCertificateOnly) {
  const struct {
    Value settings;
    std::string problem;
  } cases[] = {
      {Array({Text("garbage")}), "an entry is no dictionary"},
      {Dictionary({}), "SecTrustSettingsCopyTrustSettings gave no array"},
      {Nothing(), "SecTrustSettingsCopyTrustSettings gave no array"},
  };
  for (const auto& one : cases) {
    Reset();
    AddToSystem(root_);
    AddToSystem(other_);
    User().Add(root_, one.settings);
    const LoadResult result = source_->Load();
    ASSERT_NE(result.store, nullptr) << result.error;
    EXPECT_EQ(result.store->TrustOf(root_), CertificateTrust::Distrusted());
    EXPECT_EQ(result.store->TrustOf(other_), CertificateTrust::Anchor());
    EXPECT_EQ(result.store->Problems(),
              std::vector<std::string>{
                  "macOS: the certificate with the SHA-1 fingerprint " + Sha1Fingerprint(root_) +
                  " is refused: the trust settings of the domain user for it cannot be "
                  "understood: " +
                  one.problem});
  }
}

TEST_F(TrustSettingsSourceTest, ACorruptedRecordRefusesItsCertificateOnly) {
  AddToSystem(root_);
  AddToSystem(other_);
  Admin().AddFailing(root_, errSecInvalidTrustSettings);
  EXPECT_EQ(Trust(root_), CertificateTrust::Distrusted());
  EXPECT_EQ(Trust(other_), CertificateTrust::Anchor());
}

TEST_F(TrustSettingsSourceTest, AFailureKeepsTheLastGoodStateAndIsReported) {
  AddToSystem(root_);
  auto owned = std::make_unique<TrustSettingsSource>([this] { return now_; });
  LiveTrustStore live(std::move(owned), 0s);
  const auto first = live.Current();
  ASSERT_NE(first, nullptr);

  System().Fail(errSecIO);
  ScriptedNotify().Post(kNotification);
  EXPECT_EQ(live.Current(), first);
  EXPECT_NE(live.GetStatus().error.find("(errSecIO, -36)"), std::string::npos)
      << live.GetStatus().error;

  System().Fail(errSecSuccess);
  AddToSystem(other_);
  EXPECT_EQ(live.Current(), first);  // not at once
  now_ += TrustSettingsSource::kRetry;
  const auto second = live.Current();
  EXPECT_NE(second, first);
  EXPECT_EQ(second->AnchorCount(), 2U);
  EXPECT_EQ(live.GetStatus().error, "");
}

TEST_F(TrustSettingsSourceTest, NothingChangedUntilItIsAnnounced) {
  AddToSystem(root_);
  EXPECT_FALSE(source_->Changed());
  source_->Load();
  EXPECT_EQ(ScriptedNotify().Registered(), std::vector<std::string>{kNotification});
  EXPECT_FALSE(source_->Changed());
  ScriptedNotify().Post("com.apple.security.keychainchanged");
  EXPECT_FALSE(source_->Changed());
  ScriptedNotify().Post(kNotification);
  EXPECT_TRUE(source_->Changed());
  source_->Load();
  EXPECT_FALSE(source_->Changed());
  EXPECT_EQ(ScriptedNotify().Registered().size(), 1U);
}

TEST_F(TrustSettingsSourceTest, WhatIsAnnouncedWhileItIsReadCounts) {
  AddToSystem(root_);
  script_.during = [] { ScriptedNotify().Post(kNotification); };
  source_->Load();
  script_.during = nullptr;
  EXPECT_TRUE(source_->Changed());
}

TEST_F(TrustSettingsSourceTest, ItIsReadAgainWhenTheTimeIsUp) {
  AddToSystem(root_);
  source_->Load();
  now_ += TrustSettingsSource::kTimeLimit - 1ns;
  EXPECT_FALSE(source_->Changed());
  now_ += 1ns;
  EXPECT_TRUE(source_->Changed());
  source_->Load();
  EXPECT_FALSE(source_->Changed());
}

TEST_F(TrustSettingsSourceTest, WithoutAnnouncementsTheTimeLimitHoldsAndItIsReported) {
  AddToSystem(root_);
  ScriptedNotify().register_status = 9;
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->Problems(),
            std::vector<std::string>{
                "macOS does not announce changes of its trust settings (notify_register_check: "
                "9); they are read again every 5 minutes"});
  EXPECT_FALSE(source_->Changed());
  now_ += TrustSettingsSource::kTimeLimit;
  EXPECT_TRUE(source_->Changed());
  ScriptedNotify().register_status = kNotifyStatusOk;
  EXPECT_EQ(source_->Load().store->Problems(), std::vector<std::string>());
  ScriptedNotify().Post(kNotification);
  EXPECT_TRUE(source_->Changed());
}

TEST_F(TrustSettingsSourceTest, AnAnnouncementThatCannotBeHeardAnyMoreIsAChangeOnceAndReported) {
  AddToSystem(root_);
  source_->Load();
  ScriptedNotify().check_status = 2;
  EXPECT_TRUE(source_->Changed());
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  ASSERT_EQ(result.store->Problems().size(), 1U);
  EXPECT_NE(result.store->Problems()[0].find("notify_check: 2"), std::string::npos);
  EXPECT_EQ(ScriptedNotify().Registered(), std::vector<std::string>());
  EXPECT_FALSE(source_->Changed());
}

TEST_F(TrustSettingsSourceTest, OneThreadAtATimeIsInTrustSettings) {
  AddToSystem(root_);
  User().Add(other_, kTrustRoot);
  // The double ends the process when two are.
  script_.during = [] { std::this_thread::sleep_for(1ms); };
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&good] {
      TrustSettingsSource source(std::chrono::steady_clock::now);
      if (source.Load().store != nullptr) ++good;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 4);
}

// In the child, the double ends the process if it is called.
TEST_F(TrustSettingsSourceTest, AForkedChildServesWhatWasReadAndSaysSo) {
  AddToSystem(root_);
  LiveTrustStore live(std::make_unique<TrustSettingsSource>([this] { return now_; }), 0s);
  const auto before = live.Current();
  ASSERT_NE(before, nullptr);
  now_ += 2 * TrustSettingsSource::kTimeLimit;
  ScriptedNotify().Post(kNotification);
  EXPECT_EQ(InChild([&] {
              const std::uint64_t calls = Calls();
              if (!IsForkedChild()) return 1;
              if (live.Current() != before) return 2;
              if (live.GetStatus().error.find("forked") == std::string::npos) return 3;
              if (live.Current() != before) return 4;
              return Calls() == calls ? 0 : 5;
            }),
            0);
  EXPECT_FALSE(IsForkedChild());
  EXPECT_NE(live.Current(), before);
}

TEST_F(TrustSettingsSourceTest, AForkedChildThatHasNothingRefusesWithTheReason) {
  AddToSystem(root_);
  LiveTrustStore live(std::make_unique<TrustSettingsSource>([this] { return now_; }), 0s);
  EXPECT_EQ(InChild([&] {
              const std::uint64_t calls = Calls();
              if (live.Current() != nullptr) return 1;
              if (live.GetStatus().error.find("forked") == std::string::npos) return 2;
              if (live.Current() != nullptr) return 3;
              return Calls() == calls ? 0 : 4;
            }),
            0);
  EXPECT_NE(live.Current(), nullptr);
}

TEST_F(TrustSettingsSourceTest, AForkedChildLooksOnceAndNoMore) {
  AddToSystem(root_);
  source_->Load();
  EXPECT_EQ(InChild([&] {
              if (!source_->Changed()) return 1;
              if (source_->Load().store != nullptr) return 2;
              now_ += 2 * TrustSettingsSource::kTimeLimit;
              return source_->Changed() ? 3 : 0;
            }),
            0);
}

TEST_F(TrustSettingsSourceTest, AForkedChildDestroysItsSourceWithoutACall) {
  AddToSystem(root_);
  source_->Load();
  EXPECT_EQ(InChild([&] {
              source_.reset();
              return 0;
            }),
            0);
}

TEST_F(TrustSettingsSourceTest, AChildOfAForkedChildIsOneToo) {
  EXPECT_EQ(InChild([] { return InChild([] { return IsForkedChild() ? 0 : 1; }); }), 0);
}

class MacosTrustSourceTest : public MacosTest {};

TEST_F(MacosTrustSourceTest, AutoIsTheOnlyValueAndNothingIsReadYet) {
  const std::uint64_t calls = Calls();
  for (const char* const value : {"", "auto"}) {
    std::string error = "before";
    EXPECT_NE(MakeTrustSource(value, "/cache", error), nullptr);
    EXPECT_EQ(error, "");
  }
  std::string error;
  EXPECT_EQ(MakeTrustSource("/etc/ssl/cert.pem", "", error), nullptr);
  EXPECT_EQ(error,
            "trust-source: \"/etc/ssl/cert.pem\" is not possible; on macOS there are only the "
            "system's trust settings, and auto is the only value");
  EXPECT_EQ(Calls(), calls);
}

TEST_F(MacosTrustSourceTest, AutoReadsTheTrustSettings) {
  const Bytes root = MakeRoot("Root");
  ScriptedTrustSettings().system.AddElement(Certificate(root));
  std::string error;
  const auto source = MakeTrustSource("auto", "", error);
  ASSERT_NE(source, nullptr) << error;
  const LoadResult result = source->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->TrustOf(root), CertificateTrust::Anchor());
  EXPECT_EQ(result.store->Source(), "macOS trust settings (admin, user, system)");
}

TEST_F(MacosTrustSourceTest, NoFileIsTheSystemsBundle) {
  EXPECT_FALSE(IsSystemBundle("/etc/ssl/cert.pem"));
  EXPECT_FALSE(IsSystemDirectory("/etc/ssl/certs"));
}

}  // namespace
}  // namespace ostrust::platform::macos
