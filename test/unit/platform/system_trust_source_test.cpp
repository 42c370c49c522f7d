// Which source `trust-source` means, and when `auto` takes p11-kit.
#include "platform/linux/system_trust_source.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "certificates.hpp"
#include "first_location.hpp"
#include "p11_kit_system.hpp"
#include "platform/linux/locations.hpp"
#include "platform/live_trust_store.hpp"

namespace ostrust::platform {
namespace {

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

class SystemTrustSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_BUNDLE();
    system_.root.Write(FirstBundle(), Pem(MakeRoot("File")));
  }

  SystemTrustOptions Options() const {
    SystemTrustOptions options;
    options.files.root = system_.root.Path();
    options.files.racy_window = std::chrono::seconds(0);
    options.p11_kit = system_.Options();
    return options;
  }
  std::unique_ptr<TrustSource> Make(std::string_view trust_source) {
    return MakeSystemTrustSource(trust_source, Options(), error_);
  }
  void KeepPolicy() const { system_.root.Write("source/anchors/one", AsText(MakeRoot("Policy"))); }
  static bool Trusts(const LoadResult& result, std::string_view name) {
    return result.store != nullptr && !result.store->FindBySubject(NameDer(name)).empty();
  }
  static std::string ProblemsOf(const LoadResult& result) {
    std::string all;
    if (result.store != nullptr) {
      for (const std::string& problem : result.store->Problems()) all += problem + "\n";
    }
    return all;
  }

  P11KitSystem system_;
  std::string error_;
};

// --- auto

TEST_F(SystemTrustSourceTest, AutoTakesFilesWhereThereIsNoPolicyDirectory) {
  for (const char* const name : {"", "auto"}) {
    const auto source = Make(name);
    EXPECT_FALSE(source->Changed());
    const LoadResult result = source->Load();
    EXPECT_TRUE(Trusts(result, "File")) << result.error;
    EXPECT_EQ(ProblemsOf(result), "");
    EXPECT_FALSE(source->Changed());
  }
  EXPECT_EQ(system_.reads, 0);
}

TEST_F(SystemTrustSourceTest, AutoTakesFilesWherePolicyDirectoriesHoldNone) {
  system_.root.MakeDirectory("source/anchors/sub");
  system_.root.MakeDirectory("source/blocklist");
  system_.root.Write("source/README", "This is where policy goes.");
  system_.root.Write("source/anchors/README", "This is where anchors go.");
  const LoadResult result = Make("auto")->Load();
  EXPECT_TRUE(Trusts(result, "File")) << result.error;
  EXPECT_EQ(ProblemsOf(result), "");
  EXPECT_EQ(system_.reads, 0);
}

TEST_F(SystemTrustSourceTest, AutoTakesP11KitWhereThereIsPolicy) {
  KeepPolicy();
  const auto source = Make("auto");
  const LoadResult result = source->Load();
  EXPECT_TRUE(Trusts(result, "Policy")) << result.error;
  EXPECT_FALSE(Trusts(result, "File"));
  EXPECT_EQ(system_.reads, 1);
  EXPECT_FALSE(source->Changed());
  WaitForFileClock();
  system_.root.Write(FirstBundle(), "changed");
  EXPECT_FALSE(source->Changed());  // not read
}

TEST_F(SystemTrustSourceTest, EachPlaceForPolicyCounts) {
  const auto source = Make("auto");
  source->Load();
  for (const char* const name :
       {"source/one.p11-kit", "source/anchors/one", "source/blocklist/one"}) {
    ASSERT_EQ(system_.reads, 0);
    ASSERT_FALSE(source->Changed());
    system_.root.Write(name, "x");
    EXPECT_TRUE(source->Changed()) << name;
    source->Load();
    EXPECT_EQ(system_.reads, 1) << name;
    system_.root.Remove("source");
    source->Load();
    system_.root.Remove("cache");
    system_.reads = 0;
  }
}

TEST_F(SystemTrustSourceTest, APolicyDirectoryThatCannotBeListedMayHoldPolicy) {
  system_.root.MakeDirectory("source/anchors");
  ASSERT_EQ(chmod(system_.Path("source/anchors").c_str(), 0), 0);
  const Unprivileged unprivileged;
  Make("auto")->Load();
  EXPECT_EQ(system_.reads, 1);
}

TEST_F(SystemTrustSourceTest, ThePolicyDirectoriesAreThoseOfTheTable) {
  for (const char* const directory : PolicyDirectories()) {
    SystemTrustOptions options = Options();
    options.p11_kit.policy_directories.clear();
    system_.paths = {system_.root.Path() + directory};
    system_.root.Write(std::string(directory).substr(1) + "/anchors/one",
                       AsText(MakeRoot("Policy")));
    AutoTrustSource source(options);
    EXPECT_TRUE(Trusts(source.Load(), "Policy")) << directory;
    system_.root.Remove(std::string(directory).substr(1));
  }
}

TEST_F(SystemTrustSourceTest, AutoSaysWhyPolicyThatIsThereIsNotTaken) {
  KeepPolicy();
  system_.failure = "out of order";
  const LoadResult result = Make("auto")->Load();
  EXPECT_TRUE(Trusts(result, "File")) << result.error;
  EXPECT_TRUE(Has(ProblemsOf(result), "p11-kit cannot be used: out of order"))
      << ProblemsOf(result);
  system_.root.Remove(FirstBundle());
  const LoadResult nothing = Make("auto")->Load();
  EXPECT_EQ(nothing.store, nullptr);
  EXPECT_TRUE(Has(nothing.error, "out of order")) << nothing.error;
  EXPECT_TRUE(Has(nothing.error, FirstBundle())) << nothing.error;
}

TEST_F(SystemTrustSourceTest, AutoTakesNoFilesWhereThereWasNoMeansToReadPolicy) {
  KeepPolicy();
  system_.failure = "no memory";
  system_.lacking = true;
  const auto source = Make("auto");
  const LoadResult result = source->Load();
  EXPECT_EQ(result.store, nullptr);
  EXPECT_EQ(result.error, "p11-kit cannot be used: no memory");
  EXPECT_TRUE(source->Changed());
}

TEST_F(SystemTrustSourceTest, AutoTakesFilesWhereTheModuleLooksElsewhere) {
  // As Debian's does: it would know nothing that the bundle does not.
  KeepPolicy();
  system_.root.Write("elsewhere/anchors/one", AsText(MakeRoot("Elsewhere")));
  system_.paths = {system_.Path("elsewhere")};
  for (const char* const how : {"read", "kept"}) {
    const LoadResult result = Make("auto")->Load();
    EXPECT_TRUE(Trusts(result, "File")) << how << result.error;
    EXPECT_FALSE(Trusts(result, "Elsewhere")) << how;
    EXPECT_TRUE(Has(ProblemsOf(result), "does not look through the policy directories")) << how;
  }
  EXPECT_EQ(system_.reads, 1);
}

TEST_F(SystemTrustSourceTest, AutoTakesFilesWherePolicyHoldsNoAnchor) {
  system_.root.Write("source/blocklist/two", AsText(MakeRoot("Two")));
  const LoadResult result = Make("auto")->Load();
  EXPECT_TRUE(Trusts(result, "File")) << result.error;
  EXPECT_TRUE(Has(ProblemsOf(result), "holds no certificate that is trusted"))
      << ProblemsOf(result);
}

TEST_F(SystemTrustSourceTest, PolicyThatAppearsLaterIsTaken) {
  const auto source = Make("auto");
  EXPECT_TRUE(Trusts(source->Load(), "File"));
  EXPECT_FALSE(source->Changed());
  system_.root.MakeDirectory("source");
  EXPECT_TRUE(source->Changed());
  EXPECT_TRUE(Trusts(source->Load(), "File"));
  EXPECT_FALSE(source->Changed());
  KeepPolicy();
  EXPECT_TRUE(source->Changed());
  EXPECT_TRUE(Trusts(source->Load(), "Policy"));
  system_.root.Remove(FirstBundle());  // not read any more
  EXPECT_FALSE(source->Changed());
}

TEST_F(SystemTrustSourceTest, AModuleThatIsInstalledLaterIsTaken) {
  KeepPolicy();
  system_.root.Remove("modules");
  const auto source = Make("auto");
  const LoadResult result = source->Load();
  EXPECT_TRUE(Trusts(result, "File")) << result.error;
  EXPECT_TRUE(Has(ProblemsOf(result), "is not installed")) << ProblemsOf(result);
  EXPECT_FALSE(source->Changed());
  system_.root.Write("modules/p11-kit-trust.module", "module: p11-kit-trust.so\ntrust-policy: yes");
  EXPECT_TRUE(source->Changed());
  EXPECT_TRUE(Trusts(source->Load(), "Policy"));
}

TEST_F(SystemTrustSourceTest, OncePolicyWasReadFilesDoNotTakeItsPlace) {
  KeepPolicy();
  const auto source = Make("auto");
  ASSERT_TRUE(Trusts(source->Load(), "Policy"));
  system_.failure = "out of order";
  WaitForFileClock();
  system_.root.Write("source/anchors/two", AsText(MakeRoot("Two")));
  ASSERT_TRUE(source->Changed());
  const LoadResult failed = source->Load();
  EXPECT_EQ(failed.store, nullptr);
  EXPECT_TRUE(Has(failed.error, "out of order")) << failed.error;
  // Not even when it is all gone.
  system_.root.Remove("source");
  system_.failure.clear();
  EXPECT_TRUE(source->Changed());
  EXPECT_FALSE(Trusts(source->Load(), "File"));
  EXPECT_FALSE(source->Changed());
  KeepPolicy();
  EXPECT_TRUE(source->Changed());
  EXPECT_TRUE(Trusts(source->Load(), "Policy"));
}

TEST_F(SystemTrustSourceTest, TheLastGoodPolicyIsKeptWhenTheModuleFailsLater) {
  KeepPolicy();
  LiveTrustStore live(Make("auto"), std::chrono::seconds(0));
  const auto good = live.Current();
  ASSERT_NE(good, nullptr);
  EXPECT_FALSE(good->FindBySubject(NameDer("Policy")).empty());
  system_.failure = "out of order";
  system_.root.Remove("source/anchors/one");
  EXPECT_EQ(live.Current(), good);
  EXPECT_TRUE(Has(live.GetStatus().error, "out of order")) << live.GetStatus().error;
  system_.failure.clear();
  KeepPolicy();
  EXPECT_NE(live.Current(), good);
  EXPECT_EQ(live.GetStatus().error, "");
}

TEST_F(SystemTrustSourceTest, WhatIsNotAskedAnyMoreIsNotWatchedAnyMore) {
  KeepPolicy();
  system_.root.Write("elsewhere/anchors/one", AsText(MakeRoot("Elsewhere")));
  system_.paths = {system_.Path("elsewhere")};
  SystemTrustOptions options = Options();
  options.p11_kit.retry = std::chrono::seconds(0);
  for (const char* const failure : {"", "out of order"}) {
    KeepPolicy();
    system_.failure = failure;
    AutoTrustSource source(options);
    EXPECT_TRUE(Trusts(source.Load(), "File"));
    system_.root.Remove("source");
    EXPECT_TRUE(source.Changed());
    system_.root.Write("elsewhere/anchors/one", failure);
    EXPECT_TRUE(Trusts(source.Load(), "File"));
    EXPECT_FALSE(source.Changed()) << failure;
  }
}

// --- p11-kit

TEST_F(SystemTrustSourceTest, P11KitIsTheModuleAndNothingElse) {
  if (!P11KitSupported()) GTEST_SKIP() << "this build has no p11-kit support";
  KeepPolicy();
  const auto source = Make("p11-kit");
  ASSERT_NE(source, nullptr) << error_;
  EXPECT_TRUE(Trusts(source->Load(), "Policy"));
  system_.failure = "out of order";
  system_.root.Remove("source/anchors/one");
  const LoadResult result = Make("p11-kit")->Load();
  EXPECT_EQ(result.store, nullptr);
  EXPECT_EQ(result.error, "p11-kit cannot be used: out of order");
}

TEST_F(SystemTrustSourceTest, ADirectoryForP11KitIsAllItLooksThrough) {
  if (!P11KitSupported()) GTEST_SKIP() << "this build has no p11-kit support";
  KeepPolicy();
  system_.root.Write("my dir/anchors/one", AsText(MakeRoot("Mine")));
  for (const char* const slashes : {"", "/", "///"}) {
    const auto source = Make("p11-kit:" + system_.Path("my dir") + slashes);
    ASSERT_NE(source, nullptr) << error_;
    const LoadResult result = source->Load();
    EXPECT_TRUE(Trusts(result, "Mine")) << result.error;
    EXPECT_FALSE(Trusts(result, "Policy"));
    EXPECT_EQ(result.store->Source(), "p11-kit: " + system_.Path("my dir"));
  }
  EXPECT_EQ(system_.reads, 1);  // it is one setting
  EXPECT_NE(Make("p11-kit:/"), nullptr) << error_;
}

TEST_F(SystemTrustSourceTest, WhatP11KitCannotBeGivenIsRefused) {
  if (!P11KitSupported()) GTEST_SKIP() << "this build has no p11-kit support";
  for (const char* const value : {"p11-kit:", "p11-kit:relative", "p11-kit:./a", "p11-kit: /a",
                                  "p11-kit:/a:/b", "p11-kit:/a'b", "p11-kit:/a\"b", "p11-kit:/a\\b",
                                  "p11-kitty", "p11-kit/a", "p11-kit ", "p11-kit::"}) {
    error_.clear();
    EXPECT_EQ(Make(value), nullptr) << value;
    EXPECT_EQ(error_.rfind("trust-source: ", 0), 0U) << value << ": " << error_;
  }
  error_ = "old";
  EXPECT_NE(Make("p11-kit:/a"), nullptr);
  EXPECT_EQ(error_, "");
}

TEST_F(SystemTrustSourceTest, ABuildWithoutP11KitRefusesItAndSaysSo) {
  if (P11KitSupported()) GTEST_SKIP() << "this build has p11-kit support";
  for (const char* const value : {"p11-kit", "p11-kit:/a", "p11-kit:"}) {
    EXPECT_EQ(Make(value), nullptr) << value;
    EXPECT_EQ(error_, "trust-source: this build has no p11-kit support") << value;
  }
  SystemTrustOptions options = Options();
  options.p11_kit.read = ReadP11KitPolicy;
  KeepPolicy();
  AutoTrustSource source(options);
  const LoadResult result = source.Load();
  EXPECT_TRUE(Trusts(result, "File")) << result.error;
  EXPECT_TRUE(Has(ProblemsOf(result), "this build has no p11-kit support")) << ProblemsOf(result);
}

TEST_F(SystemTrustSourceTest, AnyOtherPathIsAFileOrDirectory) {
  const auto source = Make(system_.Path(FirstBundle()));
  ASSERT_NE(source, nullptr) << error_;
  EXPECT_TRUE(Trusts(source->Load(), "File"));
  EXPECT_EQ(Make("P11-KIT"), nullptr);
  EXPECT_TRUE(Has(error_, "allowed are auto, p11-kit")) << error_;
}

}  // namespace
}  // namespace ostrust::platform
