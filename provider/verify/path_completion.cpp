#include "provider/verify/path_completion.hpp"

#include <algorithm>
#include <iterator>

#include "platform/intermediate_cache.hpp"
#include "platform/sha1.hpp"
#include "provider/fetch/ca_issuers.hpp"
#include "provider/fetch/certificate_urls.hpp"

namespace ostrust::verify {
namespace {

using platform::Bytes;
using platform::ByteView;

// Bounds on what a peer can make us do. Public CAs need one level and one URL; bridges of
// governments need a few.
constexpr std::size_t kMaxPath = 32;
constexpr int kMaxLevels = 6;        // of missing certificates
constexpr int kMaxCandidates = 64;   // signatures verified
constexpr std::size_t kMaxUrls = 4;  // of one certificate

/// For the negative cache: `url` asked for the issuer of this very certificate. What one URL
/// answers can be useless for a forged certificate and right for a genuine one.
std::string UrlFor(const host::Symbols& symbols, const std::string& url, const X509* x509) {
  const auto digest = platform::Sha1(host::DerOf(symbols, x509));
  return url + " " + std::string(digest.begin(), digest.end());
}

/// How many certificates OpenSSL looks for the issuer of: build_chain() stops beyond `depth`, and
/// says that the chain is too long.
std::size_t MaxPath(int depth) {
  return static_cast<std::size_t>(std::clamp(depth, -1, static_cast<int>(kMaxPath) - 1) + 1);
}

bool IsSelfSigned(const host::Symbols& symbols, const X509* x509) {
  return (symbols.X509_get_extension_flags(const_cast<X509*>(x509)) & EXFLAG_SS) != 0;
}

}  // namespace

void KeepIntermediates(const ProviderContext& provider,
                       const std::vector<FoundIntermediate>& intermediates) {
  for (const FoundIntermediate& found : intermediates) {
    std::string text = "the server did not send an intermediate: ";
    if (found.url.empty()) {
      provider.intermediates().Remember(found.der);
      text += "it was known here";
    } else {
      const std::string why = provider.intermediates().Keep(found.der);
      text += "fetched from " + found.url;
      if (!why.empty()) text += "; it is kept in memory only: " + why;
    }
    provider.log().Write(LogLevel::kInfo, text);
  }
}

PathCompletion::PathCompletion(const host::Symbols& symbols, const ProviderContext& provider,
                               OSSL_LIB_CTX* libctx, const std::string& propq, X509_STORE_CTX* ctx,
                               TrustLookup& trust, FetchBudget& budget)
    : symbols_(symbols),
      provider_(provider),
      libctx_(libctx),
      propq_(propq),
      ctx_(ctx),
      trust_(trust),
      untrusted_(
          reinterpret_cast<const OPENSSL_STACK*>(symbols.X509_STORE_CTX_get0_untrusted(ctx))),
      param_(symbols.X509_STORE_CTX_get0_param(ctx)),
      max_path_(MaxPath(symbols.X509_VERIFY_PARAM_get_depth(param_))),
      candidates_left_(kMaxCandidates),
      requests_(symbols, provider, budget) {}

bool PathCompletion::IssuerIsMissing() {
  path_.clear();
  X509* x509 = symbols_.X509_STORE_CTX_get0_cert(ctx_);
  while (path_.size() < max_path_) {
    path_.push_back(x509);
    if (IsSelfSigned(symbols_, x509) || trust_.HasIssuerOf(x509, false)) return false;
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
  symbols_.ERR_set_mark();
  const bool completed = Extend(path_.back(), 1);
  symbols_.ERR_pop_to_mark();
  return completed;
}

std::unique_ptr<OPENSSL_STACK, decltype(host::Symbols::OPENSSL_sk_free)> PathCompletion::Untrusted()
    const {
  std::unique_ptr<OPENSSL_STACK, decltype(symbols_.OPENSSL_sk_free)> list(
      untrusted_ != nullptr ? symbols_.OPENSSL_sk_dup(untrusted_) : symbols_.OPENSSL_sk_new_null(),
      symbols_.OPENSSL_sk_free);
  if (list == nullptr) throw std::bad_alloc();
  for (const Found& found : found_) {
    if (symbols_.OPENSSL_sk_push(list.get(), found.x509.get()) == 0) throw std::bad_alloc();
  }
  return list;
}

std::vector<FoundIntermediate> PathCompletion::TakeFound() {
  return {std::make_move_iterator(found_.begin()), std::make_move_iterator(found_.end())};
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

bool PathCompletion::ReachesTrust(X509* x509, int level) {
  if (path_.size() >= max_path_ || IsOnPath(x509)) return false;
  path_.push_back(x509);
  bool reaches = false;
  if (!IsSelfSigned(symbols_, x509)) {
    if (trust_.HasIssuerOf(x509, false)) {
      // A damaged file can hold the right certificate with a signature that is none.
      reaches = trust_.HasIssuerOf(x509, true);
    } else if (X509* const issuer = BestUntrustedIssuer(x509)) {
      // The peer may have sent what comes above the one it left out.
      reaches = ReachesTrust(issuer, level);
    } else {
      reaches = Extend(x509, level + 1);
    }
  }
  path_.pop_back();
  return reaches;
}

bool PathCompletion::Extend(X509* x509, int level) {
  if (level > kMaxLevels) return false;
  bool usable = false;
  const ByteView issuer = host::DerOf(symbols_, symbols_.X509_get_issuer_name(x509));
  const platform::IntermediateCache& cache = provider_.intermediates();
  for (Bytes& candidate : cache.FindRemembered(issuer)) {
    if (TryCandidate(x509, std::move(candidate), {}, level, usable)) return true;
  }
  for (Bytes& candidate : cache.FindKept(issuer)) {
    if (TryCandidate(x509, std::move(candidate), {}, level, usable)) return true;
  }
  return provider_.config().network.intermediates == platform::Intermediates::kFetch &&
         ExtendByFetching(x509, level);
}

bool PathCompletion::ExtendByFetching(X509* x509, int level) {
  if (!symbols_.CanFetch()) return false;
  const auto urls = fetch::AccessUrls(symbols_, x509, NID_ad_ca_issuers, kMaxUrls);
  for (std::size_t i = 0; i < urls.size(); ++i) {
    const std::string url_for_this = UrlFor(symbols_, urls[i], x509);
    std::vector<Bytes> certificates;
    const Requests::Request request = {
        .url = urls[i],
        .about = url_for_this,
        .others_follow = i + 1 < urls.size(),
        .is_wanted =
            [&](ByteView answer) {
              certificates = fetch::CertificatesIn(symbols_, answer);
              return !certificates.empty();
            },
        .otherwise = "neither a certificate in DER nor a certs-only CMS message"};
    if (!requests_.Get(request)) continue;
    bool usable = false;
    for (Bytes& certificate : certificates) {
      if (TryCandidate(x509, std::move(certificate), urls[i], level, usable)) {
        requests_.Used(request, {});
        return true;
      }
    }
    requests_.Used(request, usable ? "its issuer leads to no trust anchor" : "not the issuer");
  }
  return false;
}

bool PathCompletion::TryCandidate(X509* x509, Bytes candidate, const std::string& url, int level,
                                  bool& usable) {
  if (requests_.TimeIsUp()) return false;
  // For each one, because the error queue has room for 16: more would push the mark out of it, and
  // what the application had there.
  symbols_.ERR_set_mark();
  const auto check_issued = symbols_.X509_STORE_CTX_get_check_issued(ctx_);
  host::X509Ptr parsed = host::ParseX509(symbols_, libctx_, propq_, candidate);
  // The signature, so that nobody can put a namesake in the way of the right one.
  const bool issued = parsed != nullptr && check_issued(ctx_, x509, parsed.get()) != 0 &&
                      !IsSelfSigned(symbols_, parsed.get()) && ValidAtTheTime(parsed.get()) &&
                      !trust_.Distrusts(candidate) && candidates_left_-- > 0 &&
                      symbols_.X509_verify(x509, symbols_.X509_get0_pubkey(parsed.get())) == 1;
  symbols_.ERR_pop_to_mark();
  if (!issued) return false;
  usable = true;
  X509* const issuer = parsed.get();
  found_.push_back({{std::move(candidate), url}, std::move(parsed)});
  const std::size_t with_it = found_.size();
  if (ReachesTrust(issuer, level)) return true;
  found_.erase(found_.begin() + static_cast<std::ptrdiff_t>(with_it) - 1, found_.end());
  return false;
}

bool PathCompletion::ValidAtTheTime(const X509* x509) const {
  return symbols_.X509_cmp_timeframe(param_, symbols_.X509_get0_notBefore(x509),
                                     symbols_.X509_get0_notAfter(x509)) == 0;
}

}  // namespace ostrust::verify
