// The X509 objects that stand for the system's anchors.
//
// An anchor is parsed when it is first needed, once for each library context, property query and
// trust, and shared by every store and thread from then on. Once handed out it lives until the
// process ends: nobody can be left with a dangling reference, whatever is unloaded first.
#pragma once

#include <string>
#include <unordered_map>

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
  /// X509_up_ref() before giving it away. Null when OpenSSL does not accept the certificate, which
  /// is logged once. Leaves nothing in the error queue.
  X509* Get(const platform::StoreEntry& entry, const std::string& propq, const Log& log);

  bool Empty() const;

 private:
  struct Item {
    platform::Bytes der;
    platform::CertificateTrust trust;
    std::string propq;
    X509* x509;  // null: OpenSSL does not accept it
  };
  using Items = std::unordered_multimap<std::size_t, Item>;

  const Item* Find(const platform::StoreEntry& entry, const std::string& propq) const;
  host::X509Ptr Parse(const platform::StoreEntry& entry, const std::string& propq) const;
  bool ApplyTrust(X509* x509, platform::CertificateTrust trust) const;

  static platform::ForkSafeMutex& Mutex();

  const host::Symbols& symbols_;
  OSSL_LIB_CTX* const libctx_;
  Items items_;  // guarded by Mutex(); only grows
};

}  // namespace ostrust::hooks
