// The caches of what ostrust fetches itself, for systems without a verifier of their own.

#include <map>
#include <mutex>
#include <utility>

#include "platform/made_once.hpp"
#include "provider/provider_context.hpp"

namespace ostrust {
namespace {

/// Those of the process: one for each directory that is configured, and the revocation stores for
/// each source as well.
struct Caches {
  platform::ForkSafeMutex mutex{platform::mutex_rank::kRegistry};
  std::map<std::string, platform::IntermediateCache*> intermediates;
  std::map<std::pair<std::string, std::string>, platform::RevocationStore*> revocation;
};
constinit platform::MadeOnce<Caches> process_caches;

platform::IntermediateCache& SharedIntermediates(const std::string& cache_dir) {
  Caches& caches = process_caches.Get();
  const std::lock_guard lock(caches.mutex);
  platform::IntermediateCache*& cache = caches.intermediates[cache_dir];
  if (cache == nullptr) cache = new platform::IntermediateCache(cache_dir);
  return *cache;
}

platform::RevocationStore& SharedRevocation(const Config& config) {
  Caches& caches = process_caches.Get();
  const std::lock_guard lock(caches.mutex);
  platform::RevocationStore*& store = caches.revocation[{config.cache_dir, config.trust_source}];
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
