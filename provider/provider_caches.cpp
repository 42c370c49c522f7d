// The caches of what ostrust fetches itself, for systems without a verifier of their own.

#include <map>
#include <mutex>
#include <utility>

#include "provider/provider_context.hpp"

namespace ostrust {
namespace {

/// The process's caches, one for each directory that is configured.
platform::IntermediateCache& SharedIntermediates(const std::string& cache_dir) {
  static auto& mutex = *new platform::ForkSafeMutex(platform::mutex_rank::kRegistry);
  static auto& caches = *new std::map<std::string, platform::IntermediateCache*>;

  const std::lock_guard lock(mutex);
  platform::IntermediateCache*& cache = caches[cache_dir];
  if (cache == nullptr) cache = new platform::IntermediateCache(cache_dir);
  return *cache;
}

/// The process's stores, one for each source and cache directory.
platform::RevocationStore& SharedRevocation(const Config& config) {
  using Key = std::pair<std::string, std::string>;
  static auto& mutex = *new platform::ForkSafeMutex(platform::mutex_rank::kRegistry);
  static auto& stores = *new std::map<Key, platform::RevocationStore*>;

  const std::lock_guard lock(mutex);
  platform::RevocationStore*& store = stores[Key(config.cache_dir, config.trust_source)];
  if (store == nullptr) {
    store = new platform::RevocationStore(config.cache_dir, config.trust_source);
  }
  return *store;
}

}  // namespace

void ProviderContext::OpenCaches() {
  intermediates_ = &SharedIntermediates(config_.cache_dir);
  revocation_ = &SharedRevocation(config_);
}

}  // namespace ostrust
