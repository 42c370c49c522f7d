// A mutex that a forked child finds unlocked.
//
// The module lives in programs that fork while other threads verify certificates (gunicorn,
// multiprocessing, Apache). A plain mutex held by one of those threads stays locked in the child
// for ever. Each ForkSafeMutex is held by the forking thread across fork() (pthread_atfork), so the
// child gets what it protects in a consistent state, and unlocked.
#pragma once

#include <mutex>

namespace ostrust::platform {

/// Lockable, so std::lock_guard and std::unique_lock work with it. Not recursive, and a thread must
/// not fork while it holds one.
///
/// `rank` orders mutexes: a thread that holds one may lock only mutexes of a higher rank, and
/// fork() locks them all in that order. One may be made while others are held. They belong to
/// things that live as long as the process (rule 12: no static destructors); only tests destroy
/// one, and then no other thread may be forking.
class ForkSafeMutex {
 public:
  explicit ForkSafeMutex(int rank);
  ForkSafeMutex(const ForkSafeMutex&) = delete;
  ForkSafeMutex& operator=(const ForkSafeMutex&) = delete;
  ~ForkSafeMutex();

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  bool try_lock() { return mutex_.try_lock(); }

 private:
  friend struct ForkSafeMutexRegistry;

  std::mutex mutex_;
  const int rank_;
  // The registry's: its list, by rank, and whether fork() has locked this one.
  ForkSafeMutex* next_ = nullptr;
  bool held_for_fork_ = false;
};

/// Ranks of the module's mutexes, in the order in which they may be held together.
namespace mutex_rank {
inline constexpr int kRegistry = 10;
inline constexpr int kGovern = 20;
inline constexpr int kTrustLoad = 30;
inline constexpr int kP11Kit = 35;
inline constexpr int kTrustSettings = 36;
inline constexpr int kTrustSnapshot = 40;
inline constexpr int kIntermediates = 45;
inline constexpr int kRevocation = 46;
inline constexpr int kRevocationList = 47;
inline constexpr int kRevocationMemo = 48;
inline constexpr int kRevocationFilter = 49;
inline constexpr int kAnchors = 50;
inline constexpr int kVerdicts = 55;
inline constexpr int kChainEngine = 56;
inline constexpr int kErrors = 60;
}  // namespace mutex_rank

}  // namespace ostrust::platform
