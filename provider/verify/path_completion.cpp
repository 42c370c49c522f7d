#include "provider/verify/path_completion.hpp"

#include <algorithm>
#include <new>

#include "provider/host/dropped_errors.hpp"

namespace ostrust::verify {
namespace {

// A bound on what a peer can make us do.
constexpr std::size_t kMaxPath = 32;

/// How many certificates OpenSSL looks for the issuer of: build_chain() stops beyond `depth`, and
/// says that the chain is too long.
std::size_t MaxPath(int depth) {
  return static_cast<std::size_t>(std::clamp(depth, -1, static_cast<int>(kMaxPath) - 1) + 1);
}

}  // namespace

PathCompletion::PathCompletion(const CompletionSetting& setting)
    : setting_(setting),
      symbols_(setting.symbols),
      ctx_(setting.ctx),
      trust_(setting.trust),
      untrusted_(
          reinterpret_cast<const OPENSSL_STACK*>(symbols_.X509_STORE_CTX_get0_untrusted(ctx_))),
      param_(symbols_.X509_STORE_CTX_get0_param(ctx_)),
      max_path_(MaxPath(symbols_.X509_VERIFY_PARAM_get_depth(param_))) {}

bool PathCompletion::IssuerIsMissing() {
  path_.clear();
  X509* x509 = symbols_.X509_STORE_CTX_get0_cert(ctx_);
  while (path_.size() < max_path_) {
    path_.push_back(x509);
    const bool self_signed = IsSelfSigned(x509);
    if (self_signed && !SelfSignedMayBeTrusted()) return false;
    if (trust_.HasIssuerOf(x509, false)) return false;
    if (self_signed) return path_.size() > 1;
    X509* const issuer = BestUntrustedIssuer(x509);
    if (issuer == nullptr) return true;
    x509 = issuer;
  }
  return false;
}

bool PathCompletion::Complete() {
  // A chain may end at one of these then, whatever is above (check_trust() of OpenSSL).
  if ((symbols_.X509_VERIFY_PARAM_get_flags(param_) & X509_V_FLAG_PARTIAL_CHAIN) != 0 &&
      std::any_of(path_.begin(), path_.end(), [&](X509* x509) { return trust_.Contains(x509); })) {
    return false;
  }
  const host::DroppedErrors dropped(symbols_);
  return Search();
}

std::unique_ptr<OPENSSL_STACK, decltype(host::Symbols::OPENSSL_sk_free)> PathCompletion::Untrusted()
    const {
  std::unique_ptr<OPENSSL_STACK, decltype(symbols_.OPENSSL_sk_free)> list(
      untrusted_ != nullptr ? symbols_.OPENSSL_sk_dup(untrusted_) : symbols_.OPENSSL_sk_new_null(),
      symbols_.OPENSSL_sk_free);
  if (list == nullptr) throw std::bad_alloc();
  for (const host::X509Ptr& found : found_) {
    if (symbols_.OPENSSL_sk_push(list.get(), found.get()) == 0) throw std::bad_alloc();
  }
  return list;
}

std::string PathCompletion::Failure() const {
  if (Attempts().empty()) return {};
  return (IsSelfSigned(path_.back())
              ? "the root that the server sent is in no store of the operating system's: "
              : "the server did not send its issuer's certificate: ") +
         Attempts();
}

X509* PathCompletion::BestUntrustedIssuer(X509* x509) const {
  // find_issuer() of OpenSSL: the first that is valid, else the one that ends last.
  const auto check_issued = symbols_.X509_STORE_CTX_get_check_issued(ctx_);
  std::vector<X509*> issuers;
  const int count = untrusted_ == nullptr ? 0 : symbols_.OPENSSL_sk_num(untrusted_);
  for (int i = 0; i < count; ++i) {
    auto* const issuer = static_cast<X509*>(symbols_.OPENSSL_sk_value(untrusted_, i));
    if (!IsOnPath(issuer) && check_issued(ctx_, x509, issuer) != 0) issuers.push_back(issuer);
  }
  if (issuers.empty()) return nullptr;
  if (issuers.size() == 1) return issuers.front();  // dates take time
  const auto valid = std::find_if(issuers.begin(), issuers.end(),
                                  [&](const X509* issuer) { return ValidAtTheTime(issuer); });
  if (valid != issuers.end()) return *valid;
  return *std::max_element(issuers.begin(), issuers.end(), [&](const X509* a, const X509* b) {
    return symbols_.ASN1_TIME_compare(symbols_.X509_get0_notAfter(a),
                                      symbols_.X509_get0_notAfter(b)) < 0;
  });
}

bool PathCompletion::IsOnPath(const X509* x509) const {
  const auto same = [&](const X509* other) { return symbols_.X509_cmp(other, x509) == 0; };
  return std::any_of(path_.begin(), path_.end(), same);
}

bool PathCompletion::IsSelfSigned(const X509* x509) const {
  return (symbols_.X509_get_extension_flags(const_cast<X509*>(x509)) & EXFLAG_SS) != 0;
}

bool PathCompletion::ValidAtTheTime(const X509* x509) const {
  return symbols_.X509_cmp_timeframe(param_, symbols_.X509_get0_notBefore(x509),
                                     symbols_.X509_get0_notAfter(x509)) == 0;
}

}  // namespace ostrust::verify
