// The live store with many threads, with forks, and with sources that fail.
#include "platform/live_trust_store.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "certificates.hpp"
#include "platform/memory_trust_store.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

using namespace std::chrono_literals;

// A source that does what the test says.
class ScriptedSource final : public TrustSource {
 public:
  struct Script {
    std::atomic<bool> changed{false};
    std::atomic<bool> fails{false};
    std::atomic<int> loads{0};
    std::atomic<int> looks{0};
    std::atomic<std::chrono::milliseconds> delay{0ms};
  };
  explicit ScriptedSource(Script& script) : script_(script) {}

  LoadResult Load() override {
    ++script_.loads;
    script_.changed = false;
    std::this_thread::sleep_for(script_.delay.load());
    if (script_.fails) return {nullptr, "the script says so"};
    std::vector<TrustedCertificate> certificates = {
        *MakeTrustedCertificate(root_, CertificateTrust::Anchor())};
    return {std::make_shared<const MemoryTrustStore>(std::move(certificates), "script",
                                                     std::vector<std::string>()),
            {}};
  }
  bool Changed() override {
    ++script_.looks;
    return script_.changed;
  }

 private:
  Script& script_;
  const Bytes root_ = MakeRoot("Root");
};

class LiveTrustStoreTest : public testing::Test {
 protected:
  LiveTrustStore& Live(LiveTrustStore::Clock::duration refresh) {
    live_ = std::make_unique<LiveTrustStore>(std::make_unique<ScriptedSource>(script_), refresh);
    return *live_;
  }

  ScriptedSource::Script script_;
  std::unique_ptr<LiveTrustStore> live_;
};

TEST_F(LiveTrustStoreTest, NothingIsReadBeforeItIsAskedFor) {
  LiveTrustStore& live = Live(0s);
  EXPECT_EQ(live.GetStatus().store, nullptr);
  EXPECT_EQ(live.GetStatus().generation, 0U);
  EXPECT_EQ(script_.loads, 0);
  EXPECT_NE(live.Current(), nullptr);
  EXPECT_EQ(live.GetStatus().generation, 1U);
}

TEST_F(LiveTrustStoreTest, WithinTheRefreshTimeTheSourceIsNotLookedAt) {
  LiveTrustStore& live = Live(1h);
  const auto first = live.Current();
  script_.changed = true;
  EXPECT_EQ(live.Current(), first);
  EXPECT_EQ(script_.looks, 0);
}

TEST_F(LiveTrustStoreTest, AfterTheRefreshTimeAChangeIsSeen) {
  LiveTrustStore& live = Live(20ms);
  const auto first = live.Current();
  script_.changed = true;
  std::this_thread::sleep_for(30ms);
  EXPECT_NE(live.Current(), first);
  EXPECT_EQ(live.GetStatus().generation, 2U);
}

TEST_F(LiveTrustStoreTest, AFailureKeepsTheSnapshotAndIsReportedUntilItIsOver) {
  LiveTrustStore& live = Live(0s);
  const auto first = live.Current();
  script_.fails = true;
  script_.changed = true;
  EXPECT_EQ(live.Current(), first);
  EXPECT_EQ(live.GetStatus().error, "the script says so");
  EXPECT_EQ(live.GetStatus().generation, 1U);
  script_.fails = false;
  script_.changed = true;
  EXPECT_NE(live.Current(), first);
  EXPECT_EQ(live.GetStatus().error, "");
}

TEST_F(LiveTrustStoreTest, AFailureAtFirstGivesNothingAndIsNotTriedMoreOftenThanRefresh) {
  script_.fails = true;
  LiveTrustStore& live = Live(1h);
  EXPECT_EQ(live.Current(), nullptr);
  EXPECT_EQ(live.Current(), nullptr);
  EXPECT_EQ(script_.loads, 1);
  EXPECT_EQ(live.GetStatus().error, "the script says so");
}

TEST_F(LiveTrustStoreTest, WhileOneThreadReadsTheOthersGoOnWithWhatThereIs) {
  LiveTrustStore& live = Live(0s);
  const auto first = live.Current();
  script_.delay = 500ms;
  script_.changed = true;
  std::thread reader([&] { static_cast<void>(live.Current()); });
  while (script_.loads < 2) std::this_thread::yield();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(live.Current(), first);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 400ms);
  reader.join();
}

TEST_F(LiveTrustStoreTest, AfterTheProcessIdledNoThreadGoesOnWithWhatThereWas) {
  LiveTrustStore& live = Live(20ms);
  const auto first = live.Current();
  std::this_thread::sleep_for(1100ms);
  script_.delay = 200ms;
  script_.changed = true;
  std::thread reader([&] { static_cast<void>(live.Current()); });
  while (script_.loads < 2) std::this_thread::yield();
  EXPECT_NE(live.Current(), first);
  reader.join();
}

TEST_F(LiveTrustStoreTest, ASourceThatHangsKeepsTheOthersFromNothing) {
  LiveTrustStore& live = Live(20ms);
  const auto first = live.Current();
  std::this_thread::sleep_for(30ms);
  script_.delay = 2s;
  script_.changed = true;
  std::thread reader([&] { static_cast<void>(live.Current()); });
  while (script_.loads < 2) std::this_thread::yield();
  std::this_thread::sleep_for(1200ms);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(live.Current(), first);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 500ms);
  reader.join();
}

TEST_F(LiveTrustStoreTest, TheFirstReadingIsWaitedForAndDoneOnce) {
  script_.delay = 50ms;
  LiveTrustStore& live = Live(1h);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      if (live.Current() != nullptr) ++good;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 4);
  EXPECT_EQ(script_.loads, 1);
}

// Threads that look anchors up while the bundle changes in every way it can.
TEST(LiveTrustStoreStress, ThreadsAlwaysSeeAWholeSnapshot) {
  const TemporaryDirectory directory;
  const std::string always = Pem(MakeRoot("Always"));
  const std::string sometimes = Pem(MakeRoot("Sometimes"));
  directory.Write("bundle.pem", always);
  std::string error;
  LiveTrustStore live(MakeTrustSource(directory.Path("bundle.pem"), {}, error), 0s);
  ASSERT_NE(live.Current(), nullptr);  // read once while it is good: that is what is kept

  std::atomic<bool> stop{false};
  std::atomic<int> lookups{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const Bytes subject = NameDer("Always");
      while (!stop) {
        const auto store = live.Current();
        ASSERT_NE(store, nullptr);
        ASSERT_EQ(store->FindBySubject(subject).size(), 1U);
        ++lookups;
      }
    });
  }
  const auto end = std::chrono::steady_clock::now() + 1s;
  for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
    switch (i % 4) {
      case 0:
        directory.Replace("bundle.pem", always + sometimes);
        break;
      case 1:
        directory.Remove("bundle.pem");
        break;
      case 2:
        directory.Write("bundle.pem", "");
        break;
      default:
        directory.Replace("bundle.pem", always);
    }
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(lookups, 100);
}

// A child that calls Current() must get an answer, whatever the other threads were doing.
TEST(LiveTrustStoreStress, AForkedChildIsNeverStuck) {
  const TemporaryDirectory directory;
  directory.Write("bundle.pem", Pem(MakeRoot("Always")));
  std::string error;
  LiveTrustStore live(MakeTrustSource(directory.Path("bundle.pem"), {}, error), 0s);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) static_cast<void>(live.Current());
    });
  }
  const Bytes subject = NameDer("Always");
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(20);
      const auto store = live.Current();
      _exit(store != nullptr && store->FindBySubject(subject).size() == 1 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace ostrust::platform
