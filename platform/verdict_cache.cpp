#include "platform/verdict_cache.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

namespace ostrust::platform {
namespace {

constexpr std::time_t kBucketSeconds = VerdictCache::kBucket.count();

// Fixed width, so that no two questions have one key: a length before everything that has one.
void AppendNumber(std::uint64_t number, std::string& key) {
  for (int shift = 0; shift < 64; shift += 8) key += static_cast<char>(number >> shift & 0xff);
}

void AppendText(std::string_view text, std::string& key) {
  AppendNumber(text.size(), key);
  key += text;
}

bool MayChangeSoon(const ChainVerdict& verdict) {
  const auto is_passing = [](ChainError error) {
    return error == ChainError::kRevocationUnknown || error == ChainError::kNoIssuer;
  };
  // An undecided one among the others only says that there is more.
  return verdict.error == ChainError::kUndecided || is_passing(verdict.error) ||
         std::any_of(verdict.others.begin(), verdict.others.end(),
                     [&](const ChainFinding& other) { return is_passing(other.error); });
}

}  // namespace

VerdictCache::VerdictCache(std::unique_ptr<const ChainVerifier> verifier)
    : VerdictCache(std::move(verifier), Environment()) {}

VerdictCache::VerdictCache(std::unique_ptr<const ChainVerifier> verifier, Environment environment)
    : verifier_(std::move(verifier)),
      environment_(environment),
      mutex_(mutex_rank::kVerdicts),
      index_(0, environment.hash) {}

VerdictCache::~VerdictCache() = default;

ChainVerdict VerdictCache::Verify(const ChainQuestion& question) const {
  std::string key = KeyOf(question);
  if (!key.empty()) {
    if (auto known = Find(key, question)) return *std::move(known);
  }
  const SteadyTime asked = environment_.steady_now();
  ChainVerdict verdict = verifier_->Verify(question);
  if (!key.empty() && !MayChangeSoon(verdict)) {
    try {
      Keep(std::move(key), question, asked, verdict);
    } catch (const std::bad_alloc&) {
      // There is a verdict; only the next question pays for it.
    }
  }
  return verdict;
}

std::string VerdictCache::KeyOf(const ChainQuestion& question) const {
  std::size_t size = question.name.size() + question.stapled_response.size();
  for (const ByteView certificate : question.chain) size += certificate.size();
  if (size > kMaxQuestion) return {};

  std::string key;
  // At once, for what it would grow by is kept as well. The numbers below, and one for each length.
  constexpr std::size_t kNumbers = 11;
  key.reserve(size + sizeof(std::uint64_t) * (kNumbers + question.chain.size()));
  AppendNumber(static_cast<std::uint64_t>(question.purpose), key);
  AppendNumber(static_cast<std::uint64_t>(question.network.intermediates), key);
  AppendNumber(static_cast<std::uint64_t>(question.network.revocation), key);
  AppendNumber(static_cast<std::uint64_t>(question.network.timeout.count()), key);
  AppendNumber(question.network.may_fetch ? 1 : 0, key);
  AppendNumber(question.store_id, key);
  // A time that somebody gave by hand has verdicts of its own, for that very second.
  const std::time_t now = environment_.now();
  const bool is_now = question.time > now - kBucketSeconds && question.time < now + kBucketSeconds;
  AppendNumber(is_now ? 0 : 1, key);
  AppendNumber(is_now ? 0 : static_cast<std::uint64_t>(question.time), key);
  AppendText(question.name, key);
  AppendText(AsText(question.stapled_response), key);
  AppendNumber(question.chain.size(), key);
  for (const ByteView certificate : question.chain) AppendText(AsText(certificate), key);
  if (key.size() > kMaxQuestion) return {};
  return key;
}

std::optional<ChainVerdict> VerdictCache::Find(const std::string& key,
                                               const ChainQuestion& question) const {
  const SteadyTime now = environment_.steady_now();
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  if (found == index_.end()) return std::nullopt;
  const Entry& entry = *found->second;
  if (question.time < entry.time || question.time - entry.time >= kBucketSeconds) {
    return std::nullopt;
  }
  if (now - entry.made >= kBucket) return std::nullopt;
  return entry.verdict;
}

void VerdictCache::Keep(std::string key, const ChainQuestion& question, SteadyTime asked,
                        const ChainVerdict& verdict) const {
  std::size_t size = sizeof(Entry) + key.capacity() + verdict.detail.size();
  for (const Bytes& certificate : verdict.chain) size += sizeof(Bytes) + certificate.size();
  for (const ChainFinding& other : verdict.others) size += sizeof(other) + other.detail.size();
  if (size > kMaxSize) return;
  // What can throw comes before the lock, and before anything is changed, as far as it can.
  Entries made;
  made.push_back({std::move(key), question.time, asked, verdict, size});

  Entries dropped;  // freed after the lock
  const std::lock_guard lock(mutex_);
  if (question.store_id < store_id_) return;  // the system has changed while this one was made
  if (question.store_id > store_id_) {
    index_.clear();
    dropped.swap(entries_);
    size_ = 0;
    store_id_ = question.store_id;
  }
  const auto same = index_.find(made.front().key);
  if (same != index_.end()) Remove(same->second);
  while (!entries_.empty() && (entries_.size() >= kMaxEntries || size_ + size > kMaxSize)) {
    Remove(entries_.begin());
  }
  index_.emplace(made.front().key, made.begin());
  entries_.splice(entries_.end(), made);
  size_ += size;
}

void VerdictCache::Remove(Entries::iterator entry) const {
  index_.erase(entry->key);
  size_ -= entry->size;
  entries_.erase(entry);
}

}  // namespace ostrust::platform
