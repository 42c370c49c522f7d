#include "provider/verify/revocation_memo.hpp"

#include <mutex>
#include <utility>

#include "platform/live_trust_store.hpp"

namespace ostrust::verify {
namespace {

constexpr std::size_t kMaxEntries = 4096;

}  // namespace

RevocationMemo::RevocationMemo() : mutex_(platform::mutex_rank::kRevocationMemo) {}

std::optional<RevocationMemo::Entry> RevocationMemo::Find(const Key& key, Clock::duration refresh,
                                                          std::int64_t now) const {
  const auto ticks = Clock::now();
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || ticks - found->second.when >= refresh) return std::nullopt;
  const Entry& entry = found->second.entry;
  if (entry.finding.until && now > *entry.finding.until) return std::nullopt;
  return entry;
}

void RevocationMemo::Put(const Key& key, Entry entry) {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  // Of which nearly all are too old by then.
  if (entries_.size() >= kMaxEntries) entries_.clear();
  entries_.insert_or_assign(key, Timed{std::move(entry), now});
}

}  // namespace ostrust::verify
