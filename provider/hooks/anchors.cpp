#include "provider/hooks/anchors.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <utility>

#include "platform/live_trust_store.hpp"
#include "platform/made_once.hpp"
#include "provider/host/dropped_errors.hpp"

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
    const Item* const item = Find(entry, propq);
    if (item != nullptr && !item->in_doubt) return item->x509;
  }
  // Parsed without the lock: OpenSSL takes locks of its own, and other anchors need not wait.
  const host::DroppedErrors dropped(symbols_);
  host::X509Ptr parsed = Parse(entry, propq);
  bool in_doubt = parsed == nullptr || IsDoubtful(parsed.get());
  if (in_doubt) {  // memory may have been short for a moment
    parsed = Parse(entry, propq);
    in_doubt = parsed == nullptr || IsDoubtful(parsed.get());
  }
  if (parsed == nullptr && !said_.exchange(true)) {
    log.Write(LogLevel::kError, "OpenSSL does not accept one of the anchors");
  }

  Item made{platform::Bytes(entry.der.begin(), entry.der.end()), entry.trust, propq, parsed.get(),
            in_doubt};
  const std::lock_guard lock(Mutex());
  Item* const item = Find(entry, propq);
  if (item == nullptr) {
    if (parsed != nullptr) items_.emplace(entry.der_hash, std::move(made));
    return parsed.release();
  }
  // Known already, or another thread was faster; ours was never handed out.
  if (!item->in_doubt || in_doubt) return item->x509;
  replaced_.push_back(item->x509);
  item->in_doubt = false;
  return item->x509 = parsed.release();
}

bool AnchorCache::IsDoubtful(X509* x509) const {
  constexpr std::uint32_t kBad = EXFLAG_INVALID | EXFLAG_NO_FINGERPRINT;
  const std::uint32_t flags = symbols_.X509_get_extension_flags(x509);
  if ((flags & kBad) != 0) return true;
  // Without the flag a root is taken for its own issuer again and again.
  if ((flags & EXFLAG_SS) == 0 &&
      symbols_.X509_NAME_cmp(symbols_.X509_get_subject_name(x509),
                             symbols_.X509_get_issuer_name(x509)) == 0) {
    return true;
  }
  const EVP_PKEY* const key = symbols_.X509_get0_pubkey(x509);
  return key == nullptr || (symbols_.EVP_PKEY_get_security_bits != nullptr &&
                            symbols_.EVP_PKEY_get_security_bits(key) <= 0);
}

bool AnchorCache::Empty() const {
  const std::lock_guard lock(Mutex());
  return items_.empty();
}

AnchorCache::Item* AnchorCache::Find(const StoreEntry& entry, const std::string& propq) {
  const auto [begin, end] = items_.equal_range(entry.der_hash);
  const auto found = std::find_if(begin, end, [&](const Items::value_type& pair) {
    const Item& item = pair.second;
    return item.trust == entry.trust && item.propq == propq &&
           platform::AsText(item.der) == platform::AsText(entry.der);  // memcmp()
  });
  return found == end ? nullptr : &found->second;
}

host::X509Ptr AnchorCache::Parse(const StoreEntry& entry, const std::string& propq) const {
  host::X509Ptr x509 = host::ParseX509(symbols_, libctx_, propq, entry.der);
  if (x509 != nullptr && !ApplyTrust(x509.get(), entry.trust)) x509.reset();
  return x509;
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
