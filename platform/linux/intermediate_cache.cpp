#include "platform/intermediate_cache.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "platform/linux/cache_directory.hpp"
#include "platform/linux/intermediate_files.hpp"

namespace ostrust::platform {
namespace {

// In memory.
constexpr std::size_t kMaxRemembered = 1024;
constexpr std::size_t kMaxRememberedSize = std::size_t{4} << 20;

constexpr std::string_view kPrefix = "intermediates-";
constexpr const char* kFailedFetches = "failed-fetches";

/// How many seconds a URL is left alone.
constexpr std::int64_t DelayAfter(std::uint8_t failures) {
  constexpr std::int64_t kFirst = 60;
  constexpr std::int64_t kLongest = 3600;
  return std::min((kFirst << failures) / 2, kLongest);
}
static_assert(DelayAfter(1) == 60 && DelayAfter(2) == 120);
static_assert(DelayAfter(kMaxFailures - 1) < 3600 && DelayAfter(kMaxFailures) == 3600);

/// The file of a subject. Two subjects made to have the same hash share a file, where each is still
/// told from the other, and keep each other's certificates out of it.
std::string FileOf(ByteView subject) {
  return CachedName(kPrefix, subject);
}

/// SHA-1 is no boundary: who can make two URLs of the same hash can as well make one that fails.
Sha1Digest DigestOf(std::string_view url) {
  return Sha1(AsBytes(url));
}

bool Holds(const std::vector<Bytes>& certificates, ByteView certificate) {
  return std::any_of(certificates.begin(), certificates.end(),
                     [&](const Bytes& held) { return AsText(held) == AsText(certificate); });
}

bool IsSubject(ByteView certificate, ByteView subject) {
  ByteView actual;
  return IsIntermediate(certificate, actual) && AsText(actual) == AsText(subject);
}

/// Adds the certificate to its file. Returns why not, as a clause.
std::string AddToFile(const std::string& directory, const std::string& name, ByteView certificate) {
  const auto content = ReadCached(directory, name);
  if (!content) {
    if (std::string why = MakeRoom(directory, kPrefix); !why.empty()) return why;
  }
  auto certificates = content ? DecodeIntermediates(*content) : std::vector<Bytes>();
  if (Holds(certificates, certificate)) return {};
  if (certificates.size() == kMaxOfOneSubject) certificates.erase(certificates.begin());
  certificates.emplace_back(certificate.begin(), certificate.end());
  if (WriteCached(directory, name, EncodeIntermediates(certificates))) return {};
  return directory + " cannot be written";
}

using FailedFetches = std::vector<FailedFetch>;

FailedFetches ReadFailed(const std::string& directory) {
  const auto content = ReadCached(directory, kFailedFetches);
  return content ? DecodeFailedFetches(*content) : FailedFetches();
}

const FailedFetch* FindFailed(const FailedFetches& failed, const Sha1Digest& url) {
  const auto found = std::find_if(failed.begin(), failed.end(),
                                  [&](const FailedFetch& fetch) { return fetch.url == url; });
  return found != failed.end() ? &*found : nullptr;
}

/// `fetch` may be null: never.
bool IsLately(const FailedFetch* fetch, std::int64_t now) {
  return fetch != nullptr && fetch->when <= now && now - DelayAfter(fetch->failures) < fetch->when;
}

bool Remove(FailedFetches& failed, const Sha1Digest& url) {
  return std::erase_if(failed, [&](const FailedFetch& fetch) { return fetch.url == url; }) != 0;
}

void Put(FailedFetches& failed, const FailedFetch& fetch) {
  Remove(failed, fetch.url);
  if (failed.size() >= kMaxFailedFetches) failed.erase(failed.begin());
  failed.push_back(fetch);
}

}  // namespace

IntermediateCache::IntermediateCache(const std::string& cache_dir)
    : IntermediateCache([cache_dir] { return CacheDirectories(cache_dir); }, Clock::now) {}

IntermediateCache::IntermediateCache(std::function<std::vector<std::string>()> directories,
                                     std::function<Clock::time_point()> now)
    : directories_(std::move(directories)),
      now_(std::move(now)),
      mutex_(mutex_rank::kIntermediates) {}

std::vector<Bytes> IntermediateCache::FindRemembered(ByteView subject) const {
  std::vector<Bytes> found;
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = by_subject_.equal_range(AsText(subject));
  for (auto entry = begin; entry != end; ++entry) found.push_back(entry->second->certificate);
  return found;
}

std::vector<Bytes> IntermediateCache::FindKept(ByteView subject) const {
  std::vector<Bytes> found;
  const std::string name = FileOf(subject);
  for (const std::string& directory : directories_()) {
    const auto content = ReadCached(directory, name);
    if (!content) continue;
    for (Bytes& certificate : DecodeIntermediates(*content)) {
      if (IsSubject(certificate, subject) && !Holds(found, certificate) &&
          !Remembers(subject, certificate)) {
        found.push_back(std::move(certificate));
      }
    }
  }
  return found;
}

bool IntermediateCache::Remembers(ByteView subject, ByteView certificate) const {
  const std::lock_guard lock(mutex_);
  return RemembersLocked(subject, certificate);
}

bool IntermediateCache::RemembersLocked(ByteView subject, ByteView certificate) const {
  const auto [begin, end] = by_subject_.equal_range(AsText(subject));
  return std::any_of(begin, end, [&](const Index::value_type& entry) {
    return AsText(entry.second->certificate) == AsText(certificate);
  });
}

void IntermediateCache::Forget(Index::iterator entry) {
  const List::iterator forgotten = entry->second;
  size_ -= forgotten->certificate.size();
  by_subject_.erase(entry);  // before what its key points into
  remembered_.erase(forgotten);
}

void IntermediateCache::Remember(ByteView certificate) {
  List added(1);
  added.front().certificate.assign(certificate.begin(), certificate.end());
  ByteView subject;
  if (!IsIntermediate(added.front().certificate, subject)) return;
  added.front().subject = AsText(subject);

  const std::lock_guard lock(mutex_);
  if (RemembersLocked(subject, certificate)) return;
  by_subject_.emplace(AsText(subject), added.begin());
  remembered_.splice(remembered_.end(), added);  // throws nothing, and iterators stay valid
  size_ += certificate.size();

  const auto [first, last] = by_subject_.equal_range(AsText(subject));
  if (static_cast<std::size_t>(std::distance(first, last)) > kMaxOfOneSubject) Forget(first);
  while (remembered_.size() > kMaxRemembered || size_ > kMaxRememberedSize) {
    // The oldest of all is the oldest of its subject.
    Forget(by_subject_.lower_bound(remembered_.front().subject));
  }
}

std::string IntermediateCache::Keep(ByteView certificate) {
  ByteView subject;
  if (!IsIntermediate(certificate, subject)) {
    return "it is not a certificate in DER of at most 64 KiB";
  }
  Remember(certificate);
  const std::string name = FileOf(subject);
  return WriteInFirst(directories_(), [&](const std::string& directory) {
    return AddToFile(directory, name, certificate);
  });
}

std::int64_t IntermediateCache::Now() const {
  return std::chrono::floor<std::chrono::seconds>(now_()).time_since_epoch().count();
}

std::vector<std::string> IntermediateCache::DirectoriesOf(Concerns concerns) const {
  return concerns == Concerns::kAll ? directories_() : std::vector<std::string>();
}

bool IntermediateCache::FailedLately(std::string_view url, Concerns concerns) const {
  const Sha1Digest digest = DigestOf(url);
  const std::int64_t now = Now();
  {
    const std::lock_guard lock(mutex_);
    if (IsLately(FindFailed(failed_, digest), now)) return true;
  }
  const auto directories = DirectoriesOf(concerns);
  return std::any_of(directories.begin(), directories.end(), [&](const std::string& directory) {
    return IsLately(FindFailed(ReadFailed(directory), digest), now);
  });
}

void IntermediateCache::NoteFailure(std::string_view url, Concerns concerns) {
  FailedFetch failure{DigestOf(url), 0, Now()};
  // Whoever asked FailedLately() before fetching does not fail again lately, unless at the same
  // time as another.
  const auto is_noted = [&](const FailedFetches& failed) {
    const FailedFetch* const known = FindFailed(failed, failure.url);
    if (known != nullptr) failure.failures = std::max(failure.failures, known->failures);
    return IsLately(known, failure.when);
  };
  const auto directories = DirectoriesOf(concerns);
  for (const std::string& directory : directories) {
    if (is_noted(ReadFailed(directory))) return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (is_noted(failed_)) return;
    failure.failures = std::min<std::uint8_t>(failure.failures + 1, kMaxFailures);
    Put(failed_, failure);
  }
  // Memory has it, whatever comes of this.
  static_cast<void>(WriteInFirst(directories, [&](const std::string& directory) -> std::string {
    FailedFetches failed = ReadFailed(directory);
    Put(failed, failure);
    const bool written = WriteCached(directory, kFailedFetches, EncodeFailedFetches(failed));
    return written ? "" : directory + " cannot be written";
  }));
}

void IntermediateCache::NoteSuccess(std::string_view url, Concerns concerns) {
  const Sha1Digest digest = DigestOf(url);
  {
    const std::lock_guard lock(mutex_);
    Remove(failed_, digest);
  }
  for (const std::string& directory : DirectoriesOf(concerns)) {
    FailedFetches failed = ReadFailed(directory);
    if (Remove(failed, digest)) {
      WriteCached(directory, kFailedFetches, EncodeFailedFetches(failed));
    }
  }
}

}  // namespace ostrust::platform
