#include "platform/live_trust_store.hpp"

#include <mutex>
#include <utility>

namespace ostrust::platform {
namespace {

// For how long after a look was due the snapshot there is may be used while another thread looks.
constexpr LiveTrustStore::Clock::duration kGrace = std::chrono::seconds(1);

}  // namespace

LiveTrustStore::LiveTrustStore(std::unique_ptr<TrustSource> source, Clock::duration refresh)
    : load_mutex_(mutex_rank::kTrustLoad),
      mutex_(mutex_rank::kTrustSnapshot),
      source_(std::move(source)),
      refresh_(refresh) {}

LiveTrustStore::~LiveTrustStore() = default;

std::shared_ptr<const TrustStore> LiveTrustStore::Current() {
  std::shared_ptr<const TrustStore> recent;
  {
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = Clock::now();
    if (loaded_once_ && now < next_look_) return store_;
    if (now - kGrace < next_look_) recent = store_;
  }
  std::unique_lock load_lock(load_mutex_, std::defer_lock);
  if (!load_lock.try_lock()) {
    // Another thread is looking. Its result is waited for by those who have nothing else, or only
    // what the store was before the process idled: a root that was removed meanwhile is no anchor.
    if (recent != nullptr) return recent;
    load_lock.lock();
  }
  Reload();
  return GetStatus().store;
}

LiveTrustStore::Status LiveTrustStore::GetStatus() const {
  const std::lock_guard lock(mutex_);
  return {store_, error_, generation_};
}

void LiveTrustStore::Reload() {
  {
    const std::lock_guard lock(mutex_);
    // Somebody else looked while this thread waited for load_mutex_.
    if (loaded_once_ && Clock::now() < next_look_) return;
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
