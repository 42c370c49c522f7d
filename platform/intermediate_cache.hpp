// IntermediateCache: the CA certificates that servers forget to send, as far as this process,
// machine and user have met them, and the URLs where none could be fetched.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/fork_safe_mutex.hpp"
#include "platform/sha1.hpp"

namespace ostrust::platform {

/// That a URL could not be fetched.
struct FailedFetch {
  Sha1Digest url;             // its hash: see DigestOf() in linux/intermediate_cache.cpp
  std::uint8_t failures = 0;  // in a row, 1 to kMaxFailures
  std::int64_t when = 0;      // of the last one, seconds since 1970
  friend bool operator==(const FailedFetch&, const FailedFetch&) = default;
};
/// More than these make no difference to how long a URL is left alone.
inline constexpr std::uint8_t kMaxFailures = 7;

/// Untrusted input to whoever asks: nothing in it is trusted because it is here. What it holds is
/// bounded, in memory and on disk. Thread-safe; no lock is held while a file is read or written.
/// Lives as long as the process (ForkSafeMutex). Every function may throw std::bad_alloc; no other
/// failure is an error to the caller: what cannot be read is not there.
///
/// On disk a change is reading, changing and writing a whole file, in one rename(). Of two
/// processes, or threads, that do so at once one may lose what it added, never more: it will be
/// added the next time it is missing.
class IntermediateCache {
 public:
  using Clock = std::chrono::system_clock;  // what is on disk outlives the machine's uptime
  /// Who is to leave a URL alone: all that share the directories, or nobody but this process, for
  /// what another might judge differently.
  enum class Concerns : std::uint8_t { kAll, kThisProcess };

  /// `cache_dir` is the configuration key: CacheDirectories() is asked each time, so that a process
  /// that changes its user has that user's.
  explicit IntermediateCache(const std::string& cache_dir);
  /// For tests: where to look, in this order, and what time it is. Both are called by any thread.
  IntermediateCache(std::function<std::vector<std::string>()> directories,
                    std::function<Clock::time_point()> now);

  /// DER certificates whose subject is `subject` (a Name in DER, compared byte for byte) that are
  /// in memory.
  std::vector<Bytes> FindRemembered(ByteView subject) const;
  /// The same in the directories, each once, without those that are in memory. Reads files.
  std::vector<Bytes> FindKept(ByteView subject) const;

  /// Whether this very certificate, of this subject, is in memory. Cheap: it is asked for every
  /// intermediate of every accepted chain.
  bool Remembers(ByteView subject, ByteView certificate) const;

  /// Puts a copy of the certificate into memory; the oldest go when there are too many. What is not
  /// exactly one certificate in DER, of at most 64 KiB, is ignored.
  void Remember(ByteView certificate);

  /// The same, and into the first directory that is this user's. Returns why it was not written, as
  /// a clause; empty when it was, was there already, or there are no directories.
  std::string Keep(ByteView certificate);

  /// Whether fetching `url` failed so lately that it is not to be asked again: for 1 minute after
  /// the first failure, doubled with each further one up to 1 hour. A failure in the future, after
  /// the clock was set back, is none. Reads files, unless memory says so.
  bool FailedLately(std::string_view url, Concerns concerns = Concerns::kAll) const;
  /// In memory and, if it concerns all, on disk. Those of several threads or processes at the same
  /// time count once.
  void NoteFailure(std::string_view url, Concerns concerns = Concerns::kAll);
  /// Forgets earlier failures, in memory and, if it concerns all, in what files of this user's
  /// there are.
  void NoteSuccess(std::string_view url, Concerns concerns = Concerns::kAll);

 private:
  struct Remembered {
    Bytes certificate;
    std::string_view subject;  // in `certificate`
  };
  using List = std::list<Remembered>;
  using Index = std::multimap<std::string_view, List::iterator, std::less<>>;

  bool RemembersLocked(ByteView subject, ByteView certificate) const;
  void Forget(Index::iterator entry);  // mutex_ held
  std::vector<std::string> DirectoriesOf(Concerns concerns) const;
  std::int64_t Now() const;  // seconds since 1970

  const std::function<std::vector<std::string>()> directories_;
  const std::function<Clock::time_point()> now_;
  // Guards the members below.
  mutable ForkSafeMutex mutex_;
  List remembered_;   // the oldest first
  Index by_subject_;  // of equal subjects the oldest first
  std::size_t size_ = 0;
  std::vector<FailedFetch> failed_;  // the oldest first
};

}  // namespace ostrust::platform
