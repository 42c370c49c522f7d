// What was found about a certificate a moment ago, so that a busy client does not look again for
// every connection.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "platform/fork_safe_mutex.hpp"
#include "provider/verify/revocation_status.hpp"

namespace ostrust::verify {

/// Thread-safe. Lives as long as the process (ForkSafeMutex). The key must hold everything that an
/// answer depends on, above all who verified it: a library context that may not use an algorithm
/// (FIPS) must neither take an answer from one that may, nor give it its own "unknown".
class RevocationMemo {
 public:
  using Clock = std::chrono::steady_clock;
  using Key = std::array<std::uint8_t, 32>;
  struct Entry {
    RevocationFinding finding;
    bool renew = false;
  };

  RevocationMemo();

  /// Nullopt when nothing was found within the last `refresh`, or what says so is over `now`
  /// (seconds since 1970): it must not be believed for longer because it was looked up before.
  std::optional<Entry> Find(const Key& key, Clock::duration refresh, std::int64_t now) const;
  void Put(const Key& key, Entry entry);

 private:
  struct Timed {
    Entry entry;
    Clock::time_point when;
  };
  mutable platform::ForkSafeMutex mutex_;
  std::map<Key, Timed> entries_;  // guarded by mutex_
};

}  // namespace ostrust::verify
