#include "provider/verify/own_completion.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "platform/intermediate_cache.hpp"
#include "platform/sha1.hpp"
#include "provider/fetch/ca_issuers.hpp"
#include "provider/fetch/certificate_urls.hpp"
#include "provider/host/dropped_errors.hpp"
#include "provider/verify/requests.hpp"
#include "provider/verify/verification.hpp"

namespace ostrust::verify {
namespace {

using platform::Bytes;
using platform::ByteView;

// Bounds on what a peer can make us do. Public CAs need one level and one URL; bridges of
// governments need a few.
constexpr int kMaxLevels = 6;        // of missing certificates
constexpr int kMaxCandidates = 64;   // signatures verified
constexpr std::size_t kMaxUrls = 4;  // of one certificate

/// A certificate that completed a path.
struct FoundIntermediate {
  Bytes der;
  std::string url;  // where it was fetched; empty for what was known here
};

/// For the negative cache: `url` asked for the issuer of this very certificate. What one URL
/// answers can be useless for a forged certificate and right for a genuine one.
std::string UrlFor(const host::Symbols& symbols, const std::string& url, const X509* x509) {
  const auto digest = platform::Sha1(host::DerOf(symbols, x509));
  return url + " " + std::string(digest.begin(), digest.end());
}

void Keep(const ProviderContext& provider, const std::vector<FoundIntermediate>& intermediates) {
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

class OwnCompletion final : public PathCompletion {
 public:
  explicit OwnCompletion(const CompletionSetting& setting)
      : PathCompletion(setting),
        requests_(setting.symbols, setting.provider,
                  std::to_string(setting.provider.Id()) + ' ' + setting.propq, setting.budget) {}

  std::function<void()> TakeKeeper() override;
  void LearnFromChain() const override;

 private:
  const std::string& Attempts() const override { return requests_.Attempts(); }
  bool Search() override;
  bool ReachesTrust(X509* x509, int level);
  bool Extend(X509* x509, int level);
  bool ExtendByFetching(X509* x509, int level);
  /// Null when the certificate `candidate` did not issue `x509`, or must not be used.
  host::X509Ptr ParseIssuer(X509* x509, ByteView candidate);
  /// Whether the path reaches the trust store with it. `usable` is set where it is an issuer at
  /// all.
  bool TryCandidate(X509* x509, Bytes candidate, const std::string& url, int level, bool& usable);

  std::vector<FoundIntermediate> sources_;  // of found_
  int candidates_left_ = kMaxCandidates;
  Requests requests_;
};

bool OwnCompletion::Search() {
  if (!Extend(path_.back(), 1)) return false;
  // Also where the chain is refused afterwards: for whoever wants to know where it came from.
  const Log& log = setting_.provider.log();
  for (std::size_t i = 0; log.Enabled(LogLevel::kDebug) && i < found_.size(); ++i) {
    const std::string& url = sources_[i].url;
    log.Write(LogLevel::kDebug, "completing: " + Named(symbols_, found_[i].get()) +
                                    (url.empty() ? " was known here" : " was fetched from " + url));
  }
  return true;
}

std::function<void()> OwnCompletion::TakeKeeper() {
  return [&provider = setting_.provider, found = std::move(sources_)] { Keep(provider, found); };
}

void OwnCompletion::LearnFromChain() const {
  const auto* const chain =
      reinterpret_cast<const OPENSSL_STACK*>(symbols_.X509_STORE_CTX_get0_chain(ctx_));
  const int untrusted = symbols_.X509_STORE_CTX_get_num_untrusted(ctx_);
  for (int i = 1; chain != nullptr && i < std::min(untrusted, symbols_.OPENSSL_sk_num(chain));
       ++i) {
    auto* const x509 = static_cast<X509*>(symbols_.OPENSSL_sk_value(chain, i));
    const Bytes der = host::DerOf(symbols_, x509);
    const ByteView subject = host::DerOf(symbols_, symbols_.X509_get_subject_name(x509));
    platform::IntermediateCache& cache = setting_.provider.intermediates();
    if (!cache.Remembers(subject, der)) cache.Remember(der);
  }
}

bool OwnCompletion::ReachesTrust(X509* x509, int level) {
  if (path_.size() >= max_path_ || IsOnPath(x509)) return false;
  path_.push_back(x509);
  bool reaches = false;
  if (!IsSelfSigned(x509)) {
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

bool OwnCompletion::Extend(X509* x509, int level) {
  if (level > kMaxLevels) return false;
  bool usable = false;
  const ByteView issuer = host::DerOf(symbols_, symbols_.X509_get_issuer_name(x509));
  const platform::IntermediateCache& cache = setting_.provider.intermediates();
  for (Bytes& candidate : cache.FindRemembered(issuer)) {
    if (TryCandidate(x509, std::move(candidate), {}, level, usable)) return true;
  }
  for (Bytes& candidate : cache.FindKept(issuer)) {
    if (TryCandidate(x509, std::move(candidate), {}, level, usable)) return true;
  }
  return setting_.provider.config().network.intermediates == platform::Intermediates::kFetch &&
         ExtendByFetching(x509, level);
}

bool OwnCompletion::ExtendByFetching(X509* x509, int level) {
  if (!symbols_.CanFetch()) return false;
  const auto urls = fetch::AccessUrls(symbols_, x509, NID_ad_ca_issuers, kMaxUrls);
  for (std::size_t i = 0; i < urls.size(); ++i) {
    const std::string url_for_this = UrlFor(symbols_, urls[i], x509);
    std::vector<Bytes> certificates;
    const Requests::Request request = {
        .url = urls[i],
        .kind = "certificate",
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

host::X509Ptr OwnCompletion::ParseIssuer(X509* x509, ByteView candidate) {
  // For each one, because the error queue has room for 16: more would push the mark out of it, and
  // what the application had there.
  const host::DroppedErrors dropped(symbols_);
  const auto check_issued = symbols_.X509_STORE_CTX_get_check_issued(ctx_);
  host::X509Ptr parsed = host::ParseX509(symbols_, setting_.libctx, setting_.propq, candidate);
  // The signature, so that nobody can put a namesake in the way of the right one.
  const bool issued = parsed != nullptr && check_issued(ctx_, x509, parsed.get()) != 0 &&
                      !IsSelfSigned(parsed.get()) && ValidAtTheTime(parsed.get()) &&
                      !trust_.Distrusts(candidate) && candidates_left_-- > 0 &&
                      symbols_.X509_verify(x509, symbols_.X509_get0_pubkey(parsed.get())) == 1;
  if (!issued) parsed.reset();
  return parsed;
}

bool OwnCompletion::TryCandidate(X509* x509, Bytes candidate, const std::string& url, int level,
                                 bool& usable) {
  if (requests_.TimeIsUp()) return false;
  host::X509Ptr parsed = ParseIssuer(x509, candidate);
  if (parsed == nullptr) return false;
  usable = true;
  X509* const issuer = parsed.get();
  found_.push_back(std::move(parsed));
  sources_.push_back({std::move(candidate), url});
  const auto with_it = static_cast<std::ptrdiff_t>(found_.size());
  if (ReachesTrust(issuer, level)) return true;
  found_.erase(found_.begin() + with_it - 1, found_.end());
  sources_.erase(sources_.begin() + with_it - 1, sources_.end());
  return false;
}

}  // namespace

std::unique_ptr<PathCompletion> MakeOwnCompletion(const CompletionSetting& setting) {
  return std::make_unique<OwnCompletion>(setting);
}

}  // namespace ostrust::verify
