#include "platform/fork_safe_mutex.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "platform/made_once.hpp"

namespace ostrust::platform {
namespace {

using namespace std::chrono_literals;

// Forks; whether the child could lock and unlock both.
bool ChildCanLock(ForkSafeMutex& a, ForkSafeMutex& b) {
  const pid_t child = fork();
  if (child == 0) {
    const bool free = a.try_lock() && b.try_lock();
    _exit(free ? 0 : 1);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(ForkSafeMutex, IsFreeInAChildAlthoughAThreadHeldIt) {
  ForkSafeMutex low(1);
  ForkSafeMutex high(2);
  std::atomic<bool> stop{false};
  std::atomic<bool> held{false};
  std::thread holder([&] {
    while (!stop) {
      const std::lock_guard first(low);
      const std::lock_guard second(high);
      held = true;
      std::this_thread::sleep_for(1ms);
    }
  });
  while (!held) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(ChildCanLock(low, high));
  stop = true;
  holder.join();
}

TEST(ForkSafeMutex, IsFreeInTheParentAfterFork) {
  ForkSafeMutex low(1);
  ForkSafeMutex high(2);
  EXPECT_TRUE(ChildCanLock(low, high));
  EXPECT_TRUE(low.try_lock());
  EXPECT_TRUE(high.try_lock());
  high.unlock();
  low.unlock();
}

TEST(ForkSafeMutex, OneMayBeMadeWhileAnotherIsHeldAndAThirdThreadForks) {
  ForkSafeMutex low(1);
  ForkSafeMutex high(9);
  std::atomic<bool> stop{false};
  std::thread maker([&] {
    std::vector<std::unique_ptr<ForkSafeMutex>> made;
    for (int i = 0; i < 20 && !stop; ++i) {
      const std::lock_guard lock(low);
      std::this_thread::sleep_for(2ms);
      made.push_back(std::make_unique<ForkSafeMutex>(i % 8));
    }
    while (!stop) std::this_thread::yield();  // destroyed when nobody forks any more
  });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(ChildCanLock(low, high));
  stop = true;
  maker.join();
}

TEST(ForkSafeMutex, TwoThreadsForkWhileOneIsMade) {
  for (int round = 0; round < 10; ++round) {
    std::optional<ForkSafeMutex> low;
    ForkSafeMutex high(9);
    std::atomic<bool> ok{true};
    std::atomic<bool> stop{false};
    std::atomic<bool> is_low_held{false};
    const auto fork_once = [&] {
      const pid_t child = fork();
      if (child == 0) _exit(low->try_lock() && high.try_lock() ? 0 : 1);
      int status = 0;
      if (waitpid(child, &status, 0) != child || status != 0) ok = false;
    };
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(high);
      threads.emplace_back(fork_once);
      std::this_thread::sleep_for(20ms);  // it waits for `high`
      low.emplace(1);
      threads.emplace_back(fork_once);
      std::this_thread::sleep_for(20ms);  // so does this one
      threads.emplace_back([&] {
        while (!stop) {
          const std::lock_guard holder(*low);
          if (is_low_held.exchange(true)) ok = false;
          std::this_thread::sleep_for(1ms);
          is_low_held = false;
        }
      });
    }
    threads[0].join();
    threads[1].join();
    stop = true;
    threads[2].join();
    ASSERT_TRUE(ok) << round;
  }
}

/// Takes its time to be made, where it is told to.
struct Slow {
  Slow() {
    being_made = true;
    while (take_time) std::this_thread::yield();
  }
  static inline std::atomic<bool> being_made{false};
  static inline std::atomic<bool> take_time{true};
};

TEST(MadeOnce, AChildDoesNotWaitForWhatAThreadOfItsParentWasMaking) {
  static constinit MadeOnce<Slow> slow;
  std::thread maker([] { slow.Get(); });
  while (!Slow::being_made) std::this_thread::yield();
  const pid_t child = fork();
  if (child == 0) {
    Slow::take_time = false;
    alarm(10);  // ends the child if it waits for ever
    slow.Get();
    _exit(0);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  Slow::take_time = false;
  maker.join();
}

TEST(MadeOnce, ThreadsThatMakeItAtOnceGetTheSame) {
  static constinit MadeOnce<ForkSafeMutex> mutex;
  std::atomic<bool> go{false};
  std::vector<ForkSafeMutex*> got(4);
  std::vector<std::thread> threads;
  for (ForkSafeMutex*& mine : got) {
    threads.emplace_back([&mine, &go] {
      while (!go) std::this_thread::yield();
      mine = &mutex.Get(1);
    });
  }
  go = true;
  for (std::thread& thread : threads) thread.join();
  for (const ForkSafeMutex* const other : got) EXPECT_EQ(other, got.front());
}

}  // namespace
}  // namespace ostrust::platform
