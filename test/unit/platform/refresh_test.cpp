// What a source notices of changes, and what a running process sees of them.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "certificates.hpp"
#include "failing_open.hpp"
#include "first_location.hpp"
#include "platform/linux/file_trust_source.hpp"
#include "platform/live_trust_store.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

// Looks at each call, and believes time stamps at once, so that tests need not wait.
class RefreshTest : public testing::Test {
 protected:
  FileTrustOptions Options() const {
    FileTrustOptions options;
    options.root = directory_.Path();
    options.racy_window = std::chrono::nanoseconds(0);
    return options;
  }
  LiveTrustStore& Live(const std::string& trust_source) {
    std::string error;
    live_ = std::make_unique<LiveTrustStore>(MakeFileTrustSource(trust_source, Options(), error),
                                             std::chrono::seconds(0));
    return *live_;
  }
  LiveTrustStore& LiveFile() { return Live(directory_.Path("bundle.pem")); }

  static std::string HashedName(const Bytes& root) {
    return FirstHashedDirectory() + "/" + HashName(root) + ".0";
  }
  static bool Trusts(LiveTrustStore& live, std::string_view common_name) {
    const auto store = live.Current();
    return store != nullptr && !store->FindBySubject(NameDer(common_name)).empty();
  }

  const Bytes one_ = MakeRoot("One");
  const Bytes two_ = MakeRoot("Two");
  TemporaryDirectory directory_;
  std::unique_ptr<LiveTrustStore> live_;
};

TEST_F(RefreshTest, ARootAddedToTheBundleIsTrustedAfterRefresh) {
  directory_.Write("bundle.pem", Pem(one_));
  LiveTrustStore& live = LiveFile();
  EXPECT_FALSE(Trusts(live, "Two"));
  directory_.Replace("bundle.pem", Pem(one_) + Pem(two_));
  EXPECT_TRUE(Trusts(live, "Two"));
  EXPECT_EQ(live.GetStatus().generation, 2U);
}

TEST_F(RefreshTest, ARootRemovedFromTheBundleIsGoneAfterRefresh) {
  directory_.Write("bundle.pem", Pem(one_) + Pem(two_));
  LiveTrustStore& live = LiveFile();
  const auto before = live.Current();
  EXPECT_TRUE(Trusts(live, "Two"));
  directory_.Replace("bundle.pem", Pem(one_));
  EXPECT_FALSE(Trusts(live, "Two"));
  // Who still holds the old snapshot sees what it always saw.
  EXPECT_EQ(before->FindBySubject(NameDer("Two")).size(), 1U);
}

TEST_F(RefreshTest, AnEditInPlaceIsSeen) {
  directory_.Write("bundle.pem", Pem(one_));
  LiveTrustStore& live = LiveFile();
  EXPECT_TRUE(Trusts(live, "One"));
  directory_.Write("bundle.pem", "# now another one\n" + Pem(two_));
  EXPECT_TRUE(Trusts(live, "Two"));
  EXPECT_FALSE(Trusts(live, "One"));
}

TEST_F(RefreshTest, WithoutADescriptorForAFileOfADirectoryTheLastStateStays) {
  directory_.Write("roots/one.pem", Pem(one_));
  directory_.Write("roots/two.pem", TrustedPem(two_, nullptr, "anyExtendedKeyUsage"));
  LiveTrustStore& live = Live(directory_.Path("roots"));
  ASSERT_TRUE(live.Current()->TrustOf(two_).IsDistrusted());
  directory_.Write("roots/three.pem", Pem(two_));
  {
    const FailingOpen failing(directory_.Path("roots/two.pem"), EMFILE);
    EXPECT_TRUE(live.Current()->TrustOf(two_).IsDistrusted());
    EXPECT_NE(live.GetStatus().error, "");
  }
  EXPECT_TRUE(live.Current()->TrustOf(two_).IsDistrusted());
  EXPECT_EQ(live.GetStatus().error, "");
  EXPECT_EQ(live.GetStatus().generation, 2U);
}

TEST_F(RefreshTest, ALinkTurnedToAnotherFileIsSeen) {
  directory_.Write("one.pem", Pem(one_));
  directory_.Write("two.pem", Pem(two_));
  directory_.Link("bundle.pem", "one.pem");
  LiveTrustStore& live = LiveFile();
  EXPECT_TRUE(Trusts(live, "One"));
  directory_.Link("bundle.pem", "two.pem");
  EXPECT_TRUE(Trusts(live, "Two"));
  EXPECT_FALSE(Trusts(live, "One"));
}

TEST_F(RefreshTest, AnUnchangedSourceIsNotReadAgain) {
  directory_.Write("bundle.pem", Pem(one_));
  LiveTrustStore& live = LiveFile();
  const auto first = live.Current();
  EXPECT_EQ(live.Current(), first);
  EXPECT_EQ(live.GetStatus().generation, 1U);
}

TEST_F(RefreshTest, ADeletedBundleKeepsTheLastGoodSnapshotAndSaysSo) {
  directory_.Write("bundle.pem", Pem(one_));
  LiveTrustStore& live = LiveFile();
  EXPECT_TRUE(Trusts(live, "One"));
  directory_.Remove("bundle.pem");
  EXPECT_TRUE(Trusts(live, "One"));
  EXPECT_NE(live.GetStatus().error.find("No such file"), std::string::npos);
  EXPECT_NE(live.GetStatus().store, nullptr);
  directory_.Write("bundle.pem", Pem(two_));
  EXPECT_TRUE(Trusts(live, "Two"));
  EXPECT_EQ(live.GetStatus().error, "");
}

TEST_F(RefreshTest, AnEmptiedBundleKeepsTheLastGoodSnapshotAndSaysSo) {
  directory_.Write("bundle.pem", Pem(one_));
  LiveTrustStore& live = LiveFile();
  EXPECT_TRUE(Trusts(live, "One"));
  directory_.Write("bundle.pem", "");
  EXPECT_TRUE(Trusts(live, "One"));
  EXPECT_NE(live.GetStatus().error.find("holds no certificate"), std::string::npos);
}

TEST_F(RefreshTest, AnUnreadableBundleKeepsTheLastGoodSnapshotAndSaysSo) {
  directory_.Write("bundle.pem", Pem(one_));
  LiveTrustStore& live = LiveFile();
  ASSERT_TRUE(Trusts(live, "One"));
  chmod(directory_.Path("bundle.pem").c_str(), 0);
  const Unprivileged unprivileged;
  EXPECT_TRUE(Trusts(live, "One"));
  EXPECT_NE(live.GetStatus().error.find("Permission denied"), std::string::npos)
      << live.GetStatus().error;
}

TEST_F(RefreshTest, ABundleThatAppearsLaterIsFound) {
  LiveTrustStore& live = LiveFile();
  EXPECT_EQ(live.Current(), nullptr);
  EXPECT_NE(live.GetStatus().error, "");
  EXPECT_EQ(live.GetStatus().generation, 0U);
  directory_.Write("bundle.pem", Pem(one_));
  EXPECT_TRUE(Trusts(live, "One"));
}

TEST_F(RefreshTest, AFileAddedToADirectoryIsSeen) {
  directory_.Write("certs/one.pem", Pem(one_));
  LiveTrustStore& live = Live(directory_.Path("certs"));
  EXPECT_FALSE(Trusts(live, "Two"));
  directory_.Write("certs/two.pem", Pem(two_));
  EXPECT_TRUE(Trusts(live, "Two"));
  directory_.Remove("certs/one.pem");
  EXPECT_FALSE(Trusts(live, "One"));
}

TEST_F(RefreshTest, AFileEditedInADirectoryIsSeen) {
  directory_.Write("certs/one.pem", Pem(one_));
  directory_.Write("certs/other.pem", "nothing yet");
  LiveTrustStore& live = Live(directory_.Path("certs"));
  EXPECT_FALSE(Trusts(live, "Two"));
  directory_.Write("certs/other.pem", Pem(two_));
  EXPECT_TRUE(Trusts(live, "Two"));
}

TEST_F(RefreshTest, ABundleEarlierInTheTableIsTakenWhenItAppears) {
  if (SystemBundles().size() < 2) GTEST_SKIP() << "this system's table has no second bundle";
  directory_.Write(std::string(SystemBundles()[1].bundle).substr(1), Pem(two_));
  LiveTrustStore& live = Live("auto");
  EXPECT_TRUE(Trusts(live, "Two"));
  directory_.Write(FirstBundle(), Pem(one_));
  EXPECT_TRUE(Trusts(live, "One"));
  EXPECT_FALSE(Trusts(live, "Two"));
  directory_.Remove(FirstBundle());
  EXPECT_TRUE(Trusts(live, "Two"));
}

TEST_F(RefreshTest, AHashedFileAddedBesideTheBundleIsSeen) {
  SKIP_WITHOUT_HASHED_DIRECTORY();
  directory_.Write(FirstBundle(), Pem(one_));
  LiveTrustStore& live = Live("auto");
  EXPECT_FALSE(Trusts(live, "Two"));
  directory_.Write(HashedName(two_), Pem(two_));
  EXPECT_TRUE(Trusts(live, "Two"));
  directory_.Remove(HashedName(two_));
  EXPECT_FALSE(Trusts(live, "Two"));
}

TEST_F(RefreshTest, AHashedDirectoryThatAppearsIsSeen) {
  const auto bundles = SystemBundles();
  const auto found =
      std::find_if(bundles.begin(), bundles.end(), [](const BundleLocation& location) {
        return location.hashed_directory != nullptr &&
               std::string_view(location.bundle).rfind(location.hashed_directory, 0) != 0;
      });
  if (found == bundles.end()) GTEST_SKIP() << "each bundle of the table lies in its directory";
  directory_.Write(std::string(found->bundle).substr(1), Pem(one_));
  LiveTrustStore& live = Live("auto");
  EXPECT_FALSE(Trusts(live, "Two"));
  directory_.Write(std::string(found->hashed_directory).substr(1) + "/" + HashName(two_) + ".0",
                   Pem(two_));
  EXPECT_TRUE(Trusts(live, "Two"));
}

TEST_F(RefreshTest, AProcessThatDoesAChrootAfterTheFirstLookKeepsItsAnchors) {
  if (geteuid() != 0) GTEST_SKIP() << "chroot() needs root";
  SKIP_WITHOUT_HASHED_DIRECTORY();
  const Bytes added = MakeRoot("Added");
  directory_.Write(FirstBundle(), Pem(one_) + Pem(two_));
  for (const Bytes& root : {one_, two_, added}) {
    directory_.Write(HashedName(root), Pem(root));
  }
  // Whoever may write to the jail plants a store there, at the path the system's own has outside.
  directory_.Write("jail" + directory_.Path(FirstBundle()), Pem(MakeRoot("Planted")));
  LiveTrustStore& live = Live("auto");
  EXPECT_TRUE(Trusts(live, "One"));
  const pid_t child = fork();
  if (child == 0) {
    if (chroot(directory_.Path("jail").c_str()) != 0 || chdir("/") != 0) _exit(2);
    // "Two" is looked up for the first time.
    const bool all = Trusts(live, "One") && Trusts(live, "Two") && Trusts(live, "Added") &&
                     live.Current()->Entries().size() == 3;
    _exit(all && !Trusts(live, "Planted") && live.GetStatus().error.empty() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(RefreshTest, AFileThatWasReadOnDemandIsWatched) {
  SKIP_WITHOUT_HASHED_DIRECTORY();
  const std::string hashed = HashedName(one_);
  directory_.Write("elsewhere.pem", Pem(one_));
  directory_.Write(FirstBundle(), Pem(one_));
  directory_.Link(hashed, directory_.Path("elsewhere.pem"));
  LiveTrustStore& live = Live("auto");
  EXPECT_EQ(live.Current()->TrustOf(one_), CertificateTrust::Anchor());
  // The directory itself does not change.
  directory_.Write("elsewhere.pem", TrustedPem(one_, nullptr, "anyExtendedKeyUsage"));
  EXPECT_TRUE(live.Current()->TrustOf(one_).IsDistrusted());
}

TEST_F(RefreshTest, DistrustOfTheLastAnchorIsNoReasonToGoOnTrustingIt) {
  LiveTrustStore& live = Live(directory_.Path("bundle.pem"));
  directory_.Write("bundle.pem", TrustedPem(one_, nullptr, "anyExtendedKeyUsage"));
  EXPECT_EQ(live.Current(), nullptr);  // nothing to begin with
  EXPECT_FALSE(live.GetStatus().error.empty());
  directory_.Write("bundle.pem", Pem(one_));
  EXPECT_TRUE(Trusts(live, "One"));
  directory_.Write("bundle.pem", TrustedPem(one_, nullptr, "anyExtendedKeyUsage") + "\n");
  EXPECT_TRUE(live.Current()->TrustOf(one_).IsDistrusted());
  EXPECT_TRUE(live.GetStatus().error.empty());
  directory_.Write("bundle.pem", Pem(one_) + "\n\n");
  EXPECT_TRUE(Trusts(live, "One"));
}

TEST_F(RefreshTest, AFileThatWasNotReadIsNotWatched) {
  SKIP_WITHOUT_HASHED_DIRECTORY();
  directory_.Write("elsewhere.pem", Pem(one_));
  directory_.Write(FirstBundle(), Pem(one_));
  directory_.Link(HashedName(one_), directory_.Path("elsewhere.pem"));
  LiveTrustStore& live = Live("auto");
  const auto first = live.Current();
  directory_.Write("elsewhere.pem", TrustedPem(one_, nullptr, "anyExtendedKeyUsage"));
  EXPECT_EQ(live.Current(), first);
  EXPECT_TRUE(first->TrustOf(one_).IsDistrusted());  // read now
}

TEST_F(RefreshTest, ASecondEditWithinTheSameTimeStampIsSeenInTheEnd) {
  directory_.Write("bundle.pem", Pem(one_));
  std::string error;
  FileTrustOptions options;
  options.racy_window = std::chrono::milliseconds(300);
  const auto source = MakeFileTrustSource(directory_.Path("bundle.pem"), options, error);
  EXPECT_FALSE(source->Changed());  // never read
  ASSERT_NE(source->Load().store, nullptr);
  // Just written: its time stamps prove nothing yet, however often it is read.
  EXPECT_TRUE(source->Changed());
  ASSERT_NE(source->Load().store, nullptr);
  EXPECT_TRUE(source->Changed());
  std::this_thread::sleep_for(std::chrono::milliseconds(350));
  EXPECT_TRUE(source->Changed());  // the last read was made too early
  ASSERT_NE(source->Load().store, nullptr);
  EXPECT_FALSE(source->Changed());
}

TEST_F(RefreshTest, TheTimesOfAFileInTheFutureDoNotCauseReadingForEver) {
  directory_.Write("bundle.pem", Pem(one_));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::filesystem::last_write_time(
      directory_.Path("bundle.pem"),
      std::filesystem::file_time_type::clock::now() + std::chrono::hours(24));
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  std::string error;
  FileTrustOptions options;
  options.racy_window = std::chrono::milliseconds(50);
  const auto source = MakeFileTrustSource(directory_.Path("bundle.pem"), options, error);
  ASSERT_NE(source->Load().store, nullptr);
  EXPECT_FALSE(source->Changed());
}

}  // namespace
}  // namespace ostrust::platform
