#include "platform/live_trust_store.hpp"

#include <mutex>
#include <utility>

namespace ostrust::platform {
namespace {

// How long after it was due a look may begin, so that the snapshot there is may be used meanwhile.
constexpr LiveTrustStore::Clock::duration kGrace = std::chrono::seconds(1);

}  // namespace

LiveTrustStore::LiveTrustStore(std::unique_ptr<TrustSource> source, Clock::duration refresh)
    : load_mutex_(mutex_rank::kTrustLoad),
      mutex_(mutex_rank::kTrustSnapshot),
      source_(std::move(source)),
      refresh_(refresh) {}

LiveTrustStore::~LiveTrustStore() = default;

std::shared_ptr<const TrustStore> LiveTrustStore::Current() {
  {
    const std::lock_guard lock(mutex_);
    if (loaded_once_ && Clock::now() < next_look_) return store_;
  }
  std::unique_lock load_lock(load_mutex_, std::defer_lock);
  if (!load_lock.try_lock()) {
    // Another thread is looking.
    if (auto usable = UsableWhileLooking(); usable != nullptr) return usable;
    load_lock.lock();
  }
  Reload();
  return GetStatus().store;
}

std::shared_ptr<const TrustStore> LiveTrustStore::UsableWhileLooking() const {
  const std::lock_guard lock(mutex_);
  const bool has_begun = look_began_ >= next_look_;
  const Clock::time_point began = has_begun ? look_began_ : Clock::now();
  return began - next_look_ < kGrace ? store_ : nullptr;
}

LiveTrustStore::Status LiveTrustStore::GetStatus() const {
  const std::lock_guard lock(mutex_);
  return {store_, error_, generation_};
}

void LiveTrustStore::Reload() {
  {
    const std::lock_guard lock(mutex_);
    // Somebody else looked while this thread waited for load_mutex_.
    const Clock::time_point now = Clock::now();
    if (loaded_once_ && now < next_look_) return;
    look_began_ = now;
  }
  LoadResult result;
  const bool read = !loaded_once_ || source_->Changed();
  if (read) result = source_->Load();

  const std::lock_guard lock(mutex_);
  next_look_ = Clock::now() + refresh_;
  if (!read) return;
  loaded_once_ = true;
  const bool has_anchor = result.store != nullptr && result.error.empty();
  error_ = std::move(result.error);
  if (has_anchor || (result.store != nullptr && store_ != nullptr)) {
    error_.clear();
    // The old snapshot, if this is the last reference to it, is destroyed with `result`, when the
    // lock is released already.
    store_.swap(result.store);
    ++generation_;
  }
}

}  // namespace ostrust::platform
