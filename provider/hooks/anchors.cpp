#include "provider/hooks/anchors.hpp"

#include <algorithm>
#include <array>
#include <mutex>

#include "platform/live_trust_store.hpp"
#include "platform/made_once.hpp"
#include "provider/host/x509_der.hpp"

namespace ostrust::hooks {
namespace {

using platform::CertificateTrust;
using platform::Purpose;
using platform::StoreEntry;

struct PurposeNid {
  Purpose purpose;
  int nid;
};

// What X509_TRUST_* of crypto/x509/x509_trs.c look for in the trust settings.
constexpr std::array<PurposeNid, platform::kPurposeCount> kPurposeNids = {{
    {Purpose::kServerAuth, NID_server_auth},
    {Purpose::kClientAuth, NID_client_auth},
    {Purpose::kCodeSigning, NID_code_sign},
    {Purpose::kEmailProtection, NID_email_protect},
    {Purpose::kTimeStamping, NID_time_stamp},
    {Purpose::kOcspSigning, NID_OCSP_sign},
    {Purpose::kOcspRequest, NID_ad_OCSP},
}};

constinit platform::MadeOnce<platform::ForkSafeMutex> mutex;

}  // namespace

AnchorCache::AnchorCache(const host::Symbols& symbols, OSSL_LIB_CTX* libctx)
    : symbols_(symbols), libctx_(libctx) {}

X509* AnchorCache::Get(const StoreEntry& entry, const std::string& propq, const Log& log) {
  {
    const std::lock_guard lock(Mutex());
    if (const Item* const item = Find(entry, propq)) return item->x509;
  }
  // Parsed without the lock: OpenSSL takes locks of its own, and other anchors need not wait.
  symbols_.ERR_set_mark();
  X509* const parsed = Parse(entry, propq);
  symbols_.ERR_pop_to_mark();

  const std::lock_guard lock(Mutex());
  if (const Item* const item = Find(entry, propq)) {
    symbols_.X509_free(parsed);  // another thread was faster; ours was never handed out
    return item->x509;
  }
  if (parsed == nullptr) log.Write(LogLevel::kError, "OpenSSL does not accept one of the anchors");
  items_.emplace(entry.der_hash, Item{platform::Bytes(entry.der.begin(), entry.der.end()),
                                      entry.trust, propq, parsed});
  return parsed;
}

bool AnchorCache::Empty() const {
  const std::lock_guard lock(Mutex());
  return items_.empty();
}

const AnchorCache::Item* AnchorCache::Find(const StoreEntry& entry,
                                           const std::string& propq) const {
  const auto [begin, end] = items_.equal_range(entry.der_hash);
  const auto found = std::find_if(begin, end, [&](const Items::value_type& pair) {
    const Item& item = pair.second;
    return item.trust == entry.trust && item.propq == propq &&
           platform::AsText(item.der) == platform::AsText(entry.der);  // memcmp()
  });
  return found == end ? nullptr : &found->second;
}

X509* AnchorCache::Parse(const StoreEntry& entry, const std::string& propq) const {
  host::X509Ptr x509 = host::ParseX509(symbols_, libctx_, propq, entry.der);
  return x509 != nullptr && ApplyTrust(x509.get(), entry.trust) ? x509.release() : nullptr;
}

bool AnchorCache::ApplyTrust(X509* x509, CertificateTrust trust) const {
  const auto reject = [&](int nid) {
    return symbols_.X509_add1_reject_object(x509, symbols_.OBJ_nid2obj(nid)) == 1;
  };
  const bool for_nothing = trust.Rejected() == platform::PurposeSet::All();
  if (for_nothing && !reject(NID_anyExtendedKeyUsage)) return false;
  for (const auto& [purpose, nid] : kPurposeNids) {
    if (trust.Rejected().Contains(purpose) && !reject(nid)) return false;
  }
  // Asked for also where it is not needed: it makes OpenSSL cache the certificate's extensions now,
  // once, instead of in the first verification.
  const bool self_signed = (symbols_.X509_get_extension_flags(x509) & EXFLAG_SS) != 0;
  return !trust.EndsChain() || self_signed || for_nothing ||
         symbols_.X509_add1_trust_object(x509, symbols_.OBJ_nid2obj(NID_anyExtendedKeyUsage)) == 1;
}

platform::ForkSafeMutex& AnchorCache::Mutex() {
  return mutex.Get(platform::mutex_rank::kAnchors);
}

}  // namespace ostrust::hooks
