// LiveTrustStore: the system's store as it is now. Hands out immutable snapshots and replaces them
// when the source changes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "platform/fork_safe_mutex.hpp"
#include "platform/trust_source.hpp"
#include "platform/trust_store.hpp"

namespace ostrust::platform {

/// Thread-safe. One thread at a time looks at the source; the others go on with the snapshot there
/// is, however long that takes. They wait where the look began a second or more after it was due:
/// in a process that idled, a root that was removed meanwhile is no anchor. Lives as long as the
/// process (ForkSafeMutex).
class LiveTrustStore {
 public:
  using Clock = std::chrono::steady_clock;

  /// `refresh`: the source is looked at at most this often. Zero looks every time.
  LiveTrustStore(std::unique_ptr<TrustSource> source, Clock::duration refresh);
  ~LiveTrustStore();

  /// The newest snapshot, reading the source first if it was never read, or if `refresh` has passed
  /// and it changed. Null when nothing could ever be read. A source that became unreadable or empty
  /// keeps the last good snapshot (rule 7); one that holds nothing but distrusted certificates is
  /// not empty (rule 4). May throw std::bad_alloc.
  std::shared_ptr<const TrustStore> Current();

  struct Status {
    std::shared_ptr<const TrustStore> store;  // as Current() would return, without looking again
    std::string error;                        // why the last read failed; empty when it did not
    std::uint64_t generation;                 // counts the snapshots there were; 0 before the first
  };
  /// What is known without touching the source.
  Status GetStatus() const;

 private:
  void Reload();                                                 // load_mutex_ held
  std::shared_ptr<const TrustStore> UsableWhileLooking() const;  // null: wait

  // Held while the source is looked at. Rank below mutex_.
  ForkSafeMutex load_mutex_;
  // Guards the members below; held for the time of a pointer copy.
  mutable ForkSafeMutex mutex_;
  std::unique_ptr<TrustSource> source_;  // guarded by load_mutex_
  const Clock::duration refresh_;
  std::shared_ptr<const TrustStore> store_;
  std::string error_;
  Clock::time_point next_look_{};
  Clock::time_point look_began_{};  // the last one, or the one under way
  std::uint64_t generation_ = 0;
  bool loaded_once_ = false;
};

}  // namespace ostrust::platform
