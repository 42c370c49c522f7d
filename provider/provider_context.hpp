// One activation of the provider in one library context: its configuration, its view of the
// system's store, its log. This is all that layer L0 is made of; the binding (hooks/) adds itself
// to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "platform/fork_safe_mutex.hpp"
#include "platform/intermediate_cache.hpp"
#include "platform/live_trust_store.hpp"
#include "platform/revocation_store.hpp"
#include "provider/config.hpp"
#include "provider/core.hpp"
#include "provider/log.hpp"

namespace ostrust {

/// Why the operating system's store cannot be served now.
struct Unavailable {
  Reason reason;
  std::string detail;  // a sentence that names the key, or every place that was tried
};

/// What is served now, for whoever asks.
struct Standing {
  std::string source;       // empty when nothing is served
  std::size_t anchors = 0;  // 0 when nothing is served
  std::string problems;     // what of the source could not be used; may be empty
  std::string error;        // why nothing is served, or why an older state is kept; may be empty
};

/// Thread-safe. Shared by OpenSSL's provider object and by every store that is governed through it.
class ProviderContext {
 public:
  /// Reads the configuration and nothing else. Bad values are kept, not thrown.
  explicit ProviderContext(const Core& core);

  const Core& core() const { return core_; }
  const Config& config() const { return config_; }
  const Log& log() const { return log_; }

  /// A number that no other activation in this process has, or had: what OpenSSL can verify, and
  /// may, differs from one library context to another (FIPS), and from one libcrypto to another.
  std::uint64_t Id() const { return id_; }

  /// False while the provider is unloaded: then every hook is a pass-through (rule 12).
  bool Active() const { return active_.load(std::memory_order_acquire); }
  void SetActive(bool active) { active_.store(active, std::memory_order_release); }

  /// The newest snapshot; null, with the reason in `why`, when there is none. Reads the source when
  /// it was never read or changed. What was skipped in it is logged once for each snapshot, what of
  /// it was read since when this is called next. Keeps errno.
  std::shared_ptr<const platform::TrustStore> CurrentStore(Unavailable& why) const;

  // These two only where the system has no verifier of its own.
  /// What servers forgot to send, as far as it is known here.
  platform::IntermediateCache& intermediates() const { return *intermediates_; }
  /// CRLs and OCSP responses, as far as they are here.
  platform::RevocationStore& revocation() const { return *revocation_; }

  /// One line for OSSL_PROV_PARAM_BUILDINFO. Reads the source. `binding` says what the binding
  /// does. The text belongs to this object and stays valid as long.
  const char* BuildInfo(const std::string& binding, const std::string& unknown_keys);

  /// Reads the source when it was never read or changed.
  Standing GetStanding() const;

  /// A copy of `text` in one line that belongs to this object and stays valid as long.
  const char* Keep(std::string text);

 private:
  /// provider_caches.cpp.
  void OpenCaches();
  void LogNews(const platform::TrustStore& store, std::uint64_t generation) const;

  static std::uint64_t NextId() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  const std::uint64_t id_ = NextId();
  const Core core_;
  const Config config_;
  const Log log_;
  // All shared by the process and never destroyed.
  platform::LiveTrustStore* live_;  // null on a bad value
  // Null where the system has a verifier of its own.
  platform::IntermediateCache* intermediates_ = nullptr;
  platform::RevocationStore* revocation_ = nullptr;
  std::atomic<bool> active_{true};
  mutable std::atomic<std::uint64_t> logged_generation_{0};
  mutable std::atomic<std::size_t> logged_problems_{0};  // of that generation
  mutable std::atomic<bool> logged_error_{false};

  // Texts handed to OpenSSL as OSSL_PARAM_UTF8_PTR. Few: a new one only when something changed.
  static platform::ForkSafeMutex& TextsMutex();
  std::deque<std::string> texts_;
};

}  // namespace ostrust
