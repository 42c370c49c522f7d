// VerdictCache: a ChainVerifier that remembers what another one said.
//
// Asking the operating system costs milliseconds, and a program that connects to one server again
// and again would pay them for every handshake. A verdict is given again only to a question that is
// the same in every byte that can change one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "platform/chain_verifier.hpp"
#include "platform/fork_safe_mutex.hpp"

namespace ostrust::platform {

/// Thread-safe; nothing is locked while the other verifier is asked. Lives as long as the process
/// (ForkSafeMutex).
///
/// Kept in memory only: at most kMaxEntries, and kMaxSize bytes of questions and verdicts; the
/// oldest go first. Not kept is what the next attempt may mend (kUndecided, kRevocationUnknown,
/// kNoIssuer; of ChainVerdict::others the last two), and what an exception ended. A snapshot of the
/// trust store that is newer than the last one (ChainQuestion::store_id) drops everything.
class VerdictCache final : public ChainVerifier {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  /// How long a verdict is given again: for questions about the time it was made for and this much
  /// after that, never about a time before, and for this long by the steady clock.
  static constexpr std::chrono::seconds kBucket{60};
  static constexpr std::size_t kMaxEntries = 1024;
  static constexpr std::size_t kMaxSize = std::size_t{4} << 20;
  static constexpr std::size_t kMaxQuestion = std::size_t{256} << 10;

  /// What a test replaces.
  struct Environment {
    SteadyTime (*steady_now)() = [] { return std::chrono::steady_clock::now(); };
    std::time_t (*now)() = [] { return std::time(nullptr); };
    std::size_t (*hash)(std::string_view) = [](std::string_view key) {
      return std::hash<std::string_view>()(key);
    };
  };

  explicit VerdictCache(std::unique_ptr<const ChainVerifier> verifier);
  VerdictCache(std::unique_ptr<const ChainVerifier> verifier, Environment environment);
  ~VerdictCache() override;

  ChainVerdict Verify(const ChainQuestion& question) const override;

 private:
  struct Entry {
    std::string key;
    std::time_t time;  // the question's
    SteadyTime made;
    ChainVerdict verdict;
    std::size_t size;
  };
  using Entries = std::list<Entry>;
  // By key. The views are of the entries' keys.
  using Index =
      std::unordered_map<std::string_view, Entries::iterator, std::size_t (*)(std::string_view)>;

  /// Empty when this question is not to be remembered.
  std::string KeyOf(const ChainQuestion& question) const;
  std::optional<ChainVerdict> Find(const std::string& key, const ChainQuestion& question) const;
  void Keep(std::string key, const ChainQuestion& question, SteadyTime asked,
            const ChainVerdict& verdict) const;
  void Remove(Entries::iterator entry) const;  // mutex_ held

  const std::unique_ptr<const ChainVerifier> verifier_;
  const Environment environment_;
  // Guards the members below; held for the time of a search or a copy.
  mutable ForkSafeMutex mutex_;
  mutable Entries entries_;  // the oldest first
  mutable Index index_;
  mutable std::size_t size_ = 0;
  mutable std::uint64_t store_id_ = 0;  // of every entry
};

}  // namespace ostrust::platform
