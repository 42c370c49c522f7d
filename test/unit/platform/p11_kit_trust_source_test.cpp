// When p11-kit's module is asked, when what it said the last time is taken, and what fails.
#include "platform/linux/p11_kit_trust_source.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "certificates.hpp"
#include "failing_open.hpp"
#include "p11_kit_system.hpp"

namespace ostrust::platform {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;  // as Unprivileged

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool HasProblem(const LoadResult& result, const std::string& part) {
  const auto& problems = result.store->Problems();
  return std::any_of(problems.begin(), problems.end(),
                     [&](const std::string& problem) { return Has(problem, part); });
}

std::string ProblemsOf(const LoadResult& result) {
  std::string all;
  for (const std::string& problem : result.store->Problems()) all += problem + "\n";
  return all;
}

class P11KitTrustSourceTest : public testing::Test {
 protected:
  P11KitTrustSourceTest() {
    Anchor("one", one_);
    system_.root.MakeDirectory("source/blocklist");
  }

  void Anchor(const std::string& name, const Bytes& certificate) const {
    system_.root.Write("source/anchors/" + name, AsText(certificate));
  }
  void Block(const std::string& name, const Bytes& certificate) const {
    system_.root.Write("source/blocklist/" + name, AsText(certificate));
  }
  /// Whether a new source asks the module. It must load.
  bool AsksTheModule() { return AsksTheModule(system_.Options()); }
  bool AsksTheModule(P11KitOptions options) {
    const int before = system_.reads;
    P11KitTrustSource source(std::move(options));
    const LoadResult result = source.Load();
    EXPECT_EQ(result.error, "");
    return system_.reads != before;
  }

  P11KitSystem system_;
  const Bytes one_ = MakeRoot("One");
  const Bytes two_ = MakeRoot("Two");
};

TEST_F(P11KitTrustSourceTest, WhatTheModuleSaysIsTheStore) {
  Block("two", two_);
  P11KitTrustSource source(system_.Options());
  EXPECT_FALSE(source.Changed());  // never read
  const LoadResult result = source.Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.error, "");
  EXPECT_TRUE(result.store->TrustOf(one_).IsAnchor());
  EXPECT_TRUE(result.store->TrustOf(two_).IsDistrusted());
}

TEST_F(P11KitTrustSourceTest, TheSourceNamesThePaths) {
  system_.paths.push_back(system_.Path("more"));
  P11KitTrustSource source(system_.Options());
  const LoadResult result = source.Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->Source(),
            "p11-kit: " + system_.Path("source") + " + " + system_.Path("more"));
  EXPECT_EQ(ProblemsOf(result), "");
}

// --- Changes

TEST_F(P11KitTrustSourceTest, TheModuleIsNotAskedAgainWhileNothingChanged) {
  P11KitTrustSource source(system_.Options());
  ASSERT_EQ(source.Load().error, "");
  EXPECT_EQ(system_.reads, 1);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(source.Changed());
}

TEST_F(P11KitTrustSourceTest, EveryChangeOfWhatItReadsIsNoticed) {
  Anchor("kept", two_);
  Anchor(".hidden", two_);
  Block("blocked", MakeIssued("Other", "Nobody"));
  system_.root.Write("elsewhere", AsText(two_));
  system_.root.Link("source/anchors/link", system_.Path("elsewhere"));
  system_.root.Link("source/anchors/dangling", system_.Path("nothing yet"));
  system_.root.Write("source/README", "");
  const std::pair<const char*, std::function<void()>> changes[] = {
      {"an anchor is added", [&] { Anchor("two", two_); }},
      {"an anchor is edited in place", [&] { Anchor("two", MakeRoot("Another name")); }},
      {"an anchor is replaced", [&] { system_.root.Replace("source/anchors/two", AsText(two_)); }},
      {"an anchor is removed", [&] { system_.root.Remove("source/anchors/two"); }},
      {"a hidden file is edited", [&] { Anchor(".hidden", MakeRoot("Another name")); }},
      {"what a link leads to is edited", [&] { system_.root.Write("elsewhere", ""); }},
      {"what a link led to is removed", [&] { system_.root.Remove("elsewhere"); }},
      {"what a dangling link leads to appears", [&] { system_.root.Write("nothing yet", ""); }},
      {"something is distrusted", [&] { Block("two", MakeIssued("More", "Nobody")); }},
      {"something is not distrusted any more",
       [&] { system_.root.Remove("source/blocklist/two"); }},
      {"a file beside is edited", [&] { system_.root.Write("source/README", "x"); }},
      {"the blocklist goes", [&] { system_.root.Remove("source/blocklist"); }},
      {"the blocklist comes", [&] { system_.root.MakeDirectory("source/blocklist"); }},
      {"the module is updated", [&] { system_.root.Replace("lib/p11-kit-trust.so", "new"); }},
      {"the module goes", [&] { system_.root.Remove("lib/p11-kit-trust.so"); }},
      {"the configuration is edited",
       [&] {
         system_.root.Write("modules/p11-kit-trust.module",
                            "module: p11-kit-trust.so\ntrust-policy: yes\n# edited\n");
       }},
      {"the administrator overrides it",
       [&] { system_.root.Write("overrides/p11-kit-trust.module", "x-init-reserved: x"); }},
      {"rights are changed", [&] { chmod(system_.Path("source/anchors/one").c_str(), 0600); }},
  };
  P11KitTrustSource source(system_.Options());
  ASSERT_EQ(source.Load().error, "");
  for (const auto& [what, change] : changes) {
    ASSERT_FALSE(source.Changed()) << "before " << what;
    ASSERT_FALSE(AsksTheModule()) << "before " << what;
    WaitForFileClock();
    change();
    EXPECT_TRUE(source.Changed()) << what;
    EXPECT_TRUE(AsksTheModule()) << what;
    const int before = system_.reads;
    EXPECT_EQ(source.Load().error, "") << what;
    EXPECT_EQ(system_.reads, before) << what;  // the new source kept it
  }
}

TEST_F(P11KitTrustSourceTest, APathThatAppearsIsNoticed) {
  system_.paths.push_back(system_.Path("later"));
  P11KitTrustSource source(system_.Options());
  ASSERT_EQ(source.Load().error, "");
  EXPECT_FALSE(source.Changed());
  system_.root.Write("later/blocklist/two", AsText(two_));
  EXPECT_TRUE(source.Changed());
  EXPECT_TRUE(source.Load().store->TrustOf(two_).IsDistrusted());
}

TEST_F(P11KitTrustSourceTest, SubdirectoriesAreNotWatchedAsTheModuleDoesNotLookThere) {
  system_.root.Write("source/anchors/sub/two", AsText(two_));
  P11KitTrustSource source(system_.Options());
  ASSERT_EQ(source.Load().error, "");
  system_.root.Write("source/anchors/sub/three", "");
  EXPECT_FALSE(source.Changed());
}

TEST_F(P11KitTrustSourceTest, AChangeWhileTheModuleReadsIsNoticed) {
  system_.while_reading = [&] { Block("two", two_); };
  WaitForFileClock();
  P11KitTrustSource source(system_.Options());
  const LoadResult result = source.Load();
  EXPECT_FALSE(result.store->TrustOf(two_).IsDistrusted());
  EXPECT_TRUE(source.Changed());
  system_.while_reading = nullptr;
  EXPECT_TRUE(AsksTheModule());  // although it was kept
}

TEST_F(P11KitTrustSourceTest, TimesThatAreTooFreshAreNotKept) {
  P11KitOptions options = system_.Options();
  options.racy_window = std::chrono::milliseconds(300);
  EXPECT_TRUE(AsksTheModule(options));
  EXPECT_EQ(system_.KeptFiles(), 0U);
  P11KitTrustSource source(options);
  ASSERT_EQ(source.Load().error, "");
  EXPECT_TRUE(source.Changed());
  std::this_thread::sleep_for(std::chrono::milliseconds(350));
  EXPECT_TRUE(source.Changed());
  ASSERT_EQ(source.Load().error, "");
  EXPECT_FALSE(source.Changed());
  EXPECT_EQ(system_.KeptFiles(), 1U);
  EXPECT_FALSE(AsksTheModule(options));
}

TEST_F(P11KitTrustSourceTest, ThousandsOfFilesAreWatchedEachOne) {
  constexpr int kFiles = 3000;
  for (int i = 0; i < kFiles; ++i) {
    system_.root.Write("source/blocklist/" + std::to_string(i), "x");
  }
  P11KitTrustSource source(system_.Options());
  ASSERT_EQ(source.Load().error, "");
  EXPECT_FALSE(source.Changed());
  EXPECT_FALSE(AsksTheModule());
  system_.root.Write("source/blocklist/1234", "xx");
  EXPECT_TRUE(source.Changed());
  EXPECT_TRUE(AsksTheModule());
}

TEST_F(P11KitTrustSourceTest, AProcessThatDoesAChrootKeepsWhatItHas) {
  if (geteuid() != 0) GTEST_SKIP() << "chroot() needs root";
  system_.root.MakeDirectory("jail");
  P11KitTrustSource source(system_.Options());
  ASSERT_EQ(source.Load().error, "");
  const pid_t child = fork();
  if (child == 0) {
    if (chroot(system_.Path("jail").c_str()) != 0 || chdir("/") != 0) _exit(2);
    _exit(source.Changed() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  fs::rename(system_.Path("source"), system_.Path("jail/source"));
  EXPECT_TRUE(source.Changed());  // here it is another tree
}

// --- What is kept

TEST_F(P11KitTrustSourceTest, AnotherSourceTakesWhatWasKept) {
  EXPECT_TRUE(AsksTheModule());
  EXPECT_EQ(system_.KeptFiles(), 1U);
  P11KitTrustSource source(system_.Options());
  const LoadResult result = source.Load();
  EXPECT_EQ(system_.reads, 1);
  ASSERT_NE(result.store, nullptr);
  EXPECT_TRUE(result.store->TrustOf(one_).IsAnchor());
  EXPECT_EQ(result.store->Source(), "p11-kit: " + system_.Path("source"));
  EXPECT_TRUE(source.ReadPolicyDirectories());
  EXPECT_FALSE(source.Changed());
  WaitForFileClock();
  Block("one", one_);
  EXPECT_TRUE(source.Changed());
  EXPECT_TRUE(source.Load().store->TrustOf(one_).IsDistrusted());
}

TEST_F(P11KitTrustSourceTest, WithoutDirectoriesNothingIsKeptAndThatIsNoProblem) {
  P11KitOptions options = system_.Options();
  options.cache_directories.clear();
  P11KitTrustSource source(options);
  EXPECT_EQ(ProblemsOf(source.Load()), "");
  EXPECT_TRUE(AsksTheModule(options));
}

TEST_F(P11KitTrustSourceTest, WhereNothingCanBeKeptTheStoreSaysSo) {
  P11KitOptions options = system_.Options();
  options.cache_directories = {system_.Path("modules/p11-kit-trust.module/no")};
  P11KitTrustSource source(options);
  const LoadResult result = source.Load();
  EXPECT_EQ(result.error, "");
  ASSERT_NE(result.store, nullptr);
  EXPECT_TRUE(Has(result.store->Source(), "read anew by every process: "))
      << result.store->Source();
  EXPECT_TRUE(Has(result.store->Source(), "Not a directory")) << result.store->Source();
  EXPECT_EQ(ProblemsOf(result), "");
}

TEST_F(P11KitTrustSourceTest, WhatIsKeptForADirectoryIsNotTheSystems) {
  P11KitOptions options = system_.Options();
  options.directory = system_.Path("mine");
  system_.root.Write("mine/anchors/two", AsText(two_));
  EXPECT_TRUE(AsksTheModule(options));
  EXPECT_TRUE(AsksTheModule());
  EXPECT_EQ(system_.KeptFiles(), 2U);
  P11KitTrustSource mine(options);
  P11KitTrustSource the_systems(system_.Options());
  EXPECT_TRUE(mine.Load().store->TrustOf(two_).IsAnchor());
  EXPECT_FALSE(the_systems.Load().store->TrustOf(two_).IsAnchor());
  EXPECT_EQ(system_.reads, 2);
}

TEST_F(P11KitTrustSourceTest, WhatWasReadInPartIsNotKeptAndReadAgain) {
  system_.incomplete = true;
  P11KitOptions options = system_.Options();
  options.retry = std::chrono::seconds(0);
  P11KitTrustSource source(options);
  EXPECT_EQ(source.Load().error, "");
  EXPECT_EQ(system_.KeptFiles(), 0U);
  EXPECT_TRUE(source.Changed());
  system_.incomplete = false;
  EXPECT_EQ(source.Load().error, "");
  EXPECT_EQ(system_.KeptFiles(), 1U);
  EXPECT_FALSE(source.Changed());
}

TEST_F(P11KitTrustSourceTest, WithAFileThatTheModuleSaysNothingOfItIsNotKeptAndReadAgain) {
  Block("two", two_);
  system_.passed_over = system_.Path("source/blocklist/two");
  P11KitOptions options = system_.Options();
  options.retry = std::chrono::seconds(0);
  P11KitTrustSource source(options);
  const LoadResult result = source.Load();
  EXPECT_EQ(result.error, "");
  EXPECT_TRUE(HasProblem(result, "blocklist/two holds nothing that p11-kit understands"));
  EXPECT_EQ(system_.KeptFiles(), 0U);
  EXPECT_TRUE(source.Changed());
  system_.passed_over.clear();
  EXPECT_TRUE(source.Load().store->TrustOf(two_).IsDistrusted());
  EXPECT_EQ(system_.KeptFiles(), 1U);
  EXPECT_FALSE(source.Changed());
}

TEST_F(P11KitTrustSourceTest, ADistrustThatTheModuleTakesNoNoticeOfIsReportedAndNothingIsKept) {
  // As p11-kit's module takes a file with a line that it does not understand.
  const std::string text = "[p11-kit-object-v1]\nx-distrusted: true\n";
  system_.root.Write("source/anchors/two", text + std::string(AsText(two_)));
  P11KitOptions options = system_.Options();
  options.retry = std::chrono::seconds(0);
  P11KitTrustSource source(options);
  EXPECT_TRUE(HasProblem(source.Load(), "anchors/two says that something is distrusted"));
  EXPECT_EQ(system_.KeptFiles(), 0U);
  EXPECT_TRUE(source.Changed());
  // Nothing else is said of one that is distrusted, or says nothing of the kind.
  system_.root.Remove("source/anchors/two");
  system_.root.Write("source/blocklist/two", text + std::string(AsText(two_)));
  Anchor("three", MakeRoot("Three"));
  EXPECT_EQ(ProblemsOf(source.Load()).find("says that something"), std::string::npos);
}

TEST_F(P11KitTrustSourceTest, WithoutADescriptorForWhatTheModuleReadsThereIsNoStore) {
  Block("two", two_);
  for (const char* const name : {"source/blocklist/two", "source/blocklist", "source/anchors/one",
                                 "modules", "modules/p11-kit-trust.module"}) {
    for (const int error : {EMFILE, ENFILE, ENOMEM}) {
      P11KitTrustSource source(system_.Options());
      {
        const FailingOpen failing(system_.Path(name), error);
        const LoadResult result = source.Load();
        EXPECT_EQ(result.store, nullptr) << name;
        EXPECT_TRUE(result.lacking) << name;
        EXPECT_TRUE(Has(result.error, std::string(name) + " cannot be read: ")) << result.error;
      }
      EXPECT_EQ(system_.KeptFiles(), 0U) << name;
      EXPECT_TRUE(source.Changed()) << name;
    }
  }
  P11KitTrustSource source(system_.Options());
  EXPECT_TRUE(source.Load().store->TrustOf(two_).IsDistrusted());
}

TEST_F(P11KitTrustSourceTest, WhereTheModuleHadNoMemoryItIsTriedAgainAtOnce) {
  system_.failure = "no memory";
  system_.lacking = true;
  P11KitTrustSource source(system_.Options());
  const LoadResult result = source.Load();
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(result.lacking);
  EXPECT_EQ(result.error, "p11-kit cannot be used: no memory");
  EXPECT_TRUE(source.Changed());
}

// --- Another user of the module in this process

TEST_F(P11KitTrustSourceTest, WhatASharedModuleSaysIsNotKept) {
  system_.shared = true;
  EXPECT_TRUE(AsksTheModule());
  EXPECT_EQ(system_.KeptFiles(), 0U);
  system_.shared = false;
  EXPECT_TRUE(AsksTheModule());
  EXPECT_EQ(system_.KeptFiles(), 1U);
}

TEST_F(P11KitTrustSourceTest, ASharedModuleLooksThroughTheSystemsPathsOrIsRefused) {
  system_.shared = true;
  const auto error = [&] {
    P11KitTrustSource source(system_.Options());
    return source.Load().error;
  };
  const std::string policy_directory = system_.Path("source");
  EXPECT_EQ(error(), "");
  for (const std::string& path : {system_.Path("mine"), policy_directory + "/anchors",
                                  std::string(), "/" + std::string(63, 'x')}) {
    system_.paths = {policy_directory, path};
    EXPECT_TRUE(
        Has(error(), "another user of p11-kit in this process made it look through " + path))
        << error();
  }
  system_.paths = {policy_directory, "/etc/ssl/certs/ca-certificates.crt"};  // Debian's
  EXPECT_EQ(error(), "");
  // What the system's configuration names is the system's.
  system_.paths = {policy_directory, system_.Path("mine")};
  for (const char* const quote : {"", "'", "\""}) {
    system_.root.Write(
        "modules/p11-kit-trust.module",
        "module: p11-kit-trust.so\ntrust-policy: yes\nx-init-reserved: verbose=no paths=" +
            std::string(quote) + "/a:" + system_.paths[1] + quote + " more\n");
    EXPECT_EQ(error(), "") << quote;
  }
  // Alone in the process it looks through what it was built with.
  system_.root.Write("modules/p11-kit-trust.module",
                     "module: p11-kit-trust.so\ntrust-policy: yes\n");
  system_.shared = false;
  EXPECT_EQ(error(), "");
}

TEST_F(P11KitTrustSourceTest, ADirectoryThatWasNamedMayBeAnybodys) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files to others";
  system_.shared = true;
  P11KitOptions options = system_.Options();
  options.directory = system_.Path("source");
  ASSERT_EQ(chown(system_.Path("source").c_str(), kNobody, static_cast<gid_t>(-1)), 0);
  EXPECT_TRUE(AsksTheModule(options));
}

// --- Failures

TEST_F(P11KitTrustSourceTest, AModuleThatFailsIsTriedAgainAfterAWhileOnly) {
  system_.failure = "out of order";
  P11KitOptions options = system_.Options();
  {
    P11KitTrustSource source(options);
    const LoadResult result = source.Load();
    EXPECT_EQ(result.store, nullptr);
    EXPECT_TRUE(Has(result.error, "p11-kit cannot be used: out of order")) << result.error;
    EXPECT_FALSE(source.Changed());
    EXPECT_EQ(system_.KeptFiles(), 0U);
  }
  options.retry = std::chrono::milliseconds(50);
  P11KitTrustSource source(options);
  EXPECT_NE(source.Load().error, "");
  EXPECT_FALSE(source.Changed());
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_TRUE(source.Changed());
  system_.failure.clear();
  EXPECT_EQ(source.Load().error, "");
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_FALSE(source.Changed());
}

TEST_F(P11KitTrustSourceTest, AModuleThatFailedIsTriedAtOnceWhenItsFileChanges) {
  system_.failure = "out of order";
  P11KitTrustSource source(system_.Options());
  EXPECT_NE(source.Load().error, "");
  EXPECT_FALSE(source.Changed());
  system_.root.Replace("lib/p11-kit-trust.so", "new");
  EXPECT_TRUE(source.Changed());
}

TEST_F(P11KitTrustSourceTest, WithoutAModuleTheErrorSaysSoAndOnlyAChangeIsWaitedFor) {
  system_.root.Remove("modules");
  P11KitOptions options = system_.Options();
  options.retry = std::chrono::seconds(0);
  P11KitTrustSource source(options);
  const LoadResult result = source.Load();
  EXPECT_TRUE(Has(result.error, "p11-kit's trust module is not installed")) << result.error;
  EXPECT_EQ(system_.reads, 0);
  EXPECT_FALSE(source.Changed());
  system_.root.Write("modules/p11-kit-trust.module", "module: p11-kit-trust.so\ntrust-policy: yes");
  EXPECT_TRUE(source.Changed());
  EXPECT_EQ(source.Load().error, "");
}

TEST_F(P11KitTrustSourceTest, ALoadThatWasInterruptedIsTriedAgain) {
  P11KitOptions options = system_.Options();
  options.retry = std::chrono::seconds(0);
  system_.while_reading = [] { throw std::bad_alloc(); };
  P11KitTrustSource source(options);
  EXPECT_THROW(source.Load(), std::bad_alloc);
  EXPECT_TRUE(source.Changed());
  system_.while_reading = nullptr;
  EXPECT_EQ(source.Load().error, "");
  EXPECT_FALSE(source.Changed());
}

TEST_F(P11KitTrustSourceTest, WithoutAnAnchorThereIsAnErrorAndWhatIsDistrustedIsKnown) {
  system_.root.Remove("source/anchors");
  {
    P11KitTrustSource source(system_.Options());
    const LoadResult result = source.Load();
    EXPECT_EQ(result.store, nullptr);
    EXPECT_TRUE(Has(result.error, "holds no certificate that is trusted")) << result.error;
  }
  Block("two", two_);
  for (const char* const how : {"read", "kept"}) {
    P11KitTrustSource source(system_.Options());
    const LoadResult result = source.Load();
    EXPECT_TRUE(Has(result.error, "holds no certificate that is trusted")) << how << result.error;
    ASSERT_NE(result.store, nullptr) << how;
    EXPECT_TRUE(result.store->TrustOf(two_).IsDistrusted()) << how;
  }
  EXPECT_EQ(system_.reads, 2);
}

// A process that may not read the blocklist must not tell others that there is none.
TEST_F(P11KitTrustSourceTest, WhatCannotBeReadIsReportedAndNothingIsKept) {
  Block("two", two_);
  system_.root.Write("source/README", "");
  for (const char* const name :
       {"source/README", "source/blocklist/two", "source/blocklist", "source"}) {
    const std::string path = system_.Path(name);
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    // What is in a directory is to be found nevertheless.
    ASSERT_EQ(chmod(path.c_str(), S_ISDIR(status.st_mode) ? 0311 : 0), 0);
    if (geteuid() == 0) {
      ASSERT_EQ(chown(system_.Path("cache").c_str(), kNobody, static_cast<gid_t>(-1)), 0);
    }
    {
      const Unprivileged unprivileged;
      P11KitTrustSource source(system_.Options());
      const LoadResult result = source.Load();
      ASSERT_NE(result.store, nullptr) << result.error;
      EXPECT_TRUE(HasProblem(result, path + " cannot be read (Permission denied)"))
          << name << ": " << ProblemsOf(result);
      EXPECT_EQ(system_.KeptFiles(), 0U) << name;
      EXPECT_FALSE(source.Changed()) << name;
    }
    ASSERT_EQ(chmod(path.c_str(), status.st_mode & 07777), 0);
  }
  const Unprivileged unprivileged;
  P11KitTrustSource source(system_.Options());
  EXPECT_EQ(ProblemsOf(source.Load()), "");
  EXPECT_EQ(system_.KeptFiles(), 1U);
}

TEST_F(P11KitTrustSourceTest, ADanglingLinkIsReported) {
  system_.root.Link("source/blocklist/dangling", "nowhere");
  for (int i = 0; i < 2; ++i) {  // read, and kept
    P11KitTrustSource source(system_.Options());
    const LoadResult result = source.Load();
    EXPECT_TRUE(HasProblem(result, "blocklist/dangling cannot be read (No such file")) << i;
  }
  EXPECT_EQ(system_.reads, 1);
}

// --- Paths

TEST_F(P11KitTrustSourceTest, ANamedDirectoryWithALongPathIsWatched) {
  const std::string name = "long/" + std::string(100, 'x');
  system_.root.Write(name + "/anchors/two", AsText(two_));
  P11KitOptions options = system_.Options();
  options.directory = system_.Path(name);
  P11KitTrustSource source(options);
  const LoadResult result = source.Load();
  ASSERT_EQ(result.error, "");
  EXPECT_EQ(ProblemsOf(result), "");
  EXPECT_TRUE(result.store->TrustOf(two_).IsAnchor());
  EXPECT_FALSE(AsksTheModule(options));
  EXPECT_FALSE(source.Changed());
  system_.root.Remove(name + "/anchors/two");
  EXPECT_TRUE(source.Changed());
}

TEST_F(P11KitTrustSourceTest, APathOfWhichOnlyTheBeginningIsKnownIsReadFromTimeToTime) {
  // 64 characters are what there is room for in PKCS#11.
  const std::string beginning = "/" + std::string(62, 'x');
  P11KitOptions options = system_.Options();
  options.retry = std::chrono::milliseconds(50);
  system_.paths.push_back(beginning);
  {
    P11KitTrustSource source(options);
    EXPECT_EQ(ProblemsOf(source.Load()), "");
    EXPECT_EQ(system_.KeptFiles(), 1U);
    system_.root.Remove("cache");
    system_.root.MakeDirectory("cache");
  }
  system_.paths.back() = beginning + "x";
  P11KitTrustSource source(options);
  const LoadResult result = source.Load();
  ASSERT_EQ(result.error, "");
  EXPECT_TRUE(HasProblem(result, beginning + "x...")) << ProblemsOf(result);
  EXPECT_EQ(system_.KeptFiles(), 0U);
  EXPECT_FALSE(source.Changed());
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_TRUE(source.Changed());
}

TEST(WhyNoPolicyDirectoryTest, OnlyWhatTheModuleCanBeGivenIsPossible) {
  for (const char* const possible :
       {"/", "/a", "/a b", "/a=b", "/a,b;c", "/caf\xc3\xa9", "//a/.."}) {
    EXPECT_EQ(WhyNoPolicyDirectory(possible), "") << possible;
  }
  for (const char* const impossible : {"", "a", "./a", " /a", "~/a", "/a:b", "/a'b", "/a\"b",
                                       "/a\\b", "/a\nb", "/a\tb", "/a\x1f"}) {
    EXPECT_NE(WhyNoPolicyDirectory(impossible), "") << impossible;
  }
  EXPECT_NE(WhyNoPolicyDirectory(std::string_view("/a\0b", 4)), "");
}

}  // namespace
}  // namespace ostrust::platform
