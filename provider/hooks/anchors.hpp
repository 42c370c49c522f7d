// The X509 objects that stand for the system's anchors.
//
// An anchor is parsed when it is first needed, once for each library context, property query and
// trust, and shared by every store and thread from then on. Once handed out it lives until the
// process ends: nobody can be left with a dangling reference, whatever is unloaded first.
#pragma once

#include <atomic>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/fork_safe_mutex.hpp"
#include "platform/trust_store.hpp"
#include "provider/host/symbols.hpp"
#include "provider/host/x509_der.hpp"
#include "provider/log.hpp"

namespace ostrust::hooks {

/// Thread-safe. One for each library context that is served; never destroyed once it handed out an
/// object.
class AnchorCache {
 public:
  /// `libctx` must be the library context that the verifications run in: an anchor parsed in
  /// another does not verify there.
  AnchorCache(const host::Symbols& symbols, OSSL_LIB_CTX* libctx);
  AnchorCache(const AnchorCache&) = delete;
  AnchorCache& operator=(const AnchorCache&) = delete;

  /// The object for `entry`, with its limits as trust settings (rule 5). Borrowed: call
  /// X509_up_ref() before giving it away. Null when OpenSSL does not accept the certificate now:
  /// the first time is logged. Leaves nothing in the error queue. Throws std::bad_alloc.
  X509* Get(const platform::StoreEntry& entry, const std::string& propq, const Log& log);

  bool Empty() const;

 private:
  struct Item {
    platform::Bytes der;
    platform::CertificateTrust trust;
    std::string propq;
    X509* x509;
    bool in_doubt;  // parsed again when it is needed again
  };
  using Items = std::unordered_multimap<std::size_t, Item>;

  Item* Find(const platform::StoreEntry& entry, const std::string& propq);
  host::X509Ptr Parse(const platform::StoreEntry& entry, const std::string& propq) const;
  /// OpenSSL found no use for its extensions or its key, or no signature of its own on it. It
  /// remembers that in the object, also where only memory was short (x509v3_cache_extensions(),
  /// x509_pubkey_ex_d2i_ex()).
  bool IsDoubtful(X509* x509) const;
  bool ApplyTrust(X509* x509, platform::CertificateTrust trust) const;

  static platform::ForkSafeMutex& Mutex();

  const host::Symbols& symbols_;
  OSSL_LIB_CTX* const libctx_;
  // Guarded by Mutex(). They only grow.
  Items items_;
  std::vector<X509*> replaced_;  // were in doubt; may have been handed out
  std::atomic<bool> said_{false};
};

}  // namespace ostrust::hooks
