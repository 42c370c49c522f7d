#include "provider/provider_context.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "platform/keep_errno.hpp"
#include "platform/made_once.hpp"
#include "platform/trust_source.hpp"

namespace ostrust {
namespace {

/// The process's live stores, one for each source, cache and refresh interval, so that every
/// library context and every libcrypto shares one snapshot.
struct LiveStores {
  using Key = std::tuple<std::string, std::string, std::chrono::milliseconds>;
  platform::ForkSafeMutex mutex{platform::mutex_rank::kRegistry};
  std::map<Key, platform::LiveTrustStore*> by_key;
};
constinit platform::MadeOnce<LiveStores> live_stores;

constinit platform::MadeOnce<platform::ForkSafeMutex> texts_mutex;

platform::LiveTrustStore* SharedLiveStore(const Config& config) {
  LiveStores& stores = live_stores.Get();
  const std::lock_guard lock(stores.mutex);
  const auto [entry, added] = stores.by_key.try_emplace(
      LiveStores::Key(config.trust_source, config.cache_dir, config.refresh), nullptr);
  if (entry->second == nullptr) {
    std::string why;
    auto source = platform::MakeTrustSource(config.trust_source, config.cache_dir, why);
    if (source == nullptr) return nullptr;
    entry->second = new platform::LiveTrustStore(std::move(source), config.refresh);
  }
  return entry->second;
}

/// As many as a person reads.
std::string InOneLine(const std::vector<std::string>& problems) {
  constexpr std::size_t kMost = 3;
  std::string text;
  for (std::size_t i = 0; i < problems.size() && i < kMost; ++i) {
    text += (text.empty() ? "" : "; ") + problems[i];
  }
  if (problems.size() > kMost) {
    text += "; and " + std::to_string(problems.size() - kMost) + " more";
  }
  return text;
}

}  // namespace

ProviderContext::ProviderContext(const Core& core)
    : core_(core),
      config_(ReadConfig([&core](const char* key) { return core.ConfigValue(key); })),
      log_(EffectiveLogTarget(config_.log)),
      live_(config_.errors.empty() ? SharedLiveStore(config_) : nullptr) {
  OpenCaches();
  for (const std::string& error : config_.errors) {
    log_.Write(LogLevel::kError, error + "; nothing is served from the operating system's store");
  }
}

std::shared_ptr<const platform::TrustStore> ProviderContext::CurrentStore(Unavailable& why) const {
  const platform::KeepErrno keep;
  if (live_ == nullptr) {
    why = {Reason::kBadConfiguration, config_.ErrorText()};
    return nullptr;
  }
  auto store = live_->Current();
  if (store == nullptr || log_.Enabled(LogLevel::kError)) {
    const auto status = live_->GetStatus();
    if (store == nullptr) why = {Reason::kUnreadableTrustStore, status.error};
    if (!status.error.empty() && !logged_error_.exchange(true)) {
      log_.Write(
          LogLevel::kError,
          status.error + (store == nullptr ? std::string() : "; the last good state is kept"));
    } else if (status.error.empty()) {
      logged_error_.store(false);
    }
    if (status.store != nullptr) LogNews(*status.store, status.generation);
  }
  return store;
}

void ProviderContext::LogNews(const platform::TrustStore& store, std::uint64_t generation) const {
  if (logged_generation_.exchange(generation) != generation) {
    log_.Write(LogLevel::kInfo, "serving " + std::to_string(store.AnchorCount()) +
                                    " anchors from " + store.Source());
    logged_problems_.store(0);
  }
  // They only grow: of what is read on demand some are found later.
  const std::vector<std::string>& problems = store.Problems();
  for (std::size_t i = logged_problems_.exchange(problems.size()); i < problems.size(); ++i) {
    log_.Write(LogLevel::kError, "trust source: " + problems[i]);
  }
}

const char* ProviderContext::BuildInfo(const std::string& binding,
                                       const std::string& unknown_keys) {
  const Standing standing = GetStanding();
  std::string text = "layers: store loader";
  text += binding;
  if (!standing.source.empty()) {
    text += "; source: " + standing.source + "; anchors: " + std::to_string(standing.anchors);
    if (!standing.problems.empty()) text += "; problems: " + standing.problems;
    if (!standing.error.empty()) text += " (kept: " + standing.error + ")";
  } else {
    text += "; no anchors: " + standing.error;
  }
  if (!unknown_keys.empty()) text += "; unknown keys: " + unknown_keys;
  return Keep(std::move(text));
}

Standing ProviderContext::GetStanding() const {
  Unavailable why;
  const auto store = CurrentStore(why);
  if (store == nullptr) return {{}, 0, {}, why.detail};
  return {store->Source(), store->AnchorCount(), InOneLine(store->Problems()),
          live_->GetStatus().error};
}

const char* ProviderContext::Keep(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');

  const std::lock_guard lock(TextsMutex());
  const auto known = std::find(texts_.begin(), texts_.end(), text);
  return (known != texts_.end() ? *known : texts_.emplace_back(std::move(text))).c_str();
}

platform::ForkSafeMutex& ProviderContext::TextsMutex() {
  return texts_mutex.Get(platform::mutex_rank::kErrors);
}

}  // namespace ostrust
