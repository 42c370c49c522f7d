// The intermediate a server forgot to send: is one missing, and can it be found?
//
// What is found only ever becomes *untrusted* input of OpenSSL's own verification (rule 3), and
// only if it makes the path end at an issuer in the trust store. If it does not, the verification
// is exactly the one it would have been.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/bytes.hpp"
#include "provider/host/symbols.hpp"
#include "provider/host/x509_der.hpp"
#include "provider/provider_context.hpp"
#include "provider/verify/requests.hpp"

namespace ostrust::verify {

/// What the trust store of one verification would answer. Asked by one thread.
class TrustLookup {
 public:
  virtual ~TrustLookup() = default;
  /// Whether it has an issuer of `x509`, good or bad: then no other is looked for. By name and key
  /// identifier, or, with `signed_by_it`, only one whose key verifies the signature, too.
  virtual bool HasIssuerOf(X509* x509, bool signed_by_it) = 0;
  /// Whether it has this very certificate.
  virtual bool Contains(X509* x509) = 0;
  /// Whether the system refuses it wherever it stands.
  virtual bool Distrusts(platform::ByteView certificate) = 0;

 protected:
  TrustLookup() = default;
  TrustLookup(const TrustLookup&) = default;
  TrustLookup& operator=(const TrustLookup&) = default;
};

/// A certificate that completed a path.
struct FoundIntermediate {
  platform::Bytes der;
  std::string url;  // where it was fetched; empty for what was known here
};

/// To be called when the completed chain was accepted, and not before: what was fetched is kept for
/// others.
void KeepIntermediates(const ProviderContext& provider,
                       const std::vector<FoundIntermediate>& intermediates);

/// For one verification, before X509_verify_cert() or in its verify callback, on its thread. All
/// that is passed outlives it.
class PathCompletion {
 public:
  PathCompletion(const host::Symbols& symbols, const ProviderContext& provider,
                 OSSL_LIB_CTX* libctx, const std::string& propq, X509_STORE_CTX* ctx,
                 TrustLookup& trust, FetchBudget& budget);

  /// Whether the path OpenSSL will build ends at a certificate whose issuer neither the peer nor
  /// the trust store has. Decided by names, key identifiers and dates, as X509_STORE_CTX's
  /// check_issued does: no signature is verified, and nothing is read. For a chain that lacks
  /// nothing this is all.
  bool IssuerIsMissing();

  /// Looks for what is missing: in memory, in the caches, and if the configuration says so in the
  /// network. True if the path now reaches the trust store. Leaves OpenSSL's error queue as it was.
  bool Complete();

  /// The untrusted certificates of the context and behind them those that Complete() found. They
  /// belong to this object; only the list is the caller's.
  std::unique_ptr<OPENSSL_STACK, decltype(host::Symbols::OPENSSL_sk_free)> Untrusted() const;

  /// Those of them that Complete() found.
  std::vector<FoundIntermediate> TakeFound();

  /// Which URLs were asked in vain, and why, for a person; empty when none was.
  const std::string& Attempts() const { return requests_.Attempts(); }

 private:
  struct Found : FoundIntermediate {
    host::X509Ptr x509;
  };

  X509* BestUntrustedIssuer(X509* x509) const;
  bool IsOnPath(const X509* x509) const;
  bool ReachesTrust(X509* x509, int level);
  bool Extend(X509* x509, int level);
  bool ExtendByFetching(X509* x509, int level);
  bool TryCandidate(X509* x509, platform::Bytes candidate, const std::string& url, int level,
                    bool& usable);
  bool ValidAtTheTime(const X509* x509) const;

  const host::Symbols& symbols_;
  const ProviderContext& provider_;
  OSSL_LIB_CTX* const libctx_;
  const std::string& propq_;
  X509_STORE_CTX* const ctx_;
  TrustLookup& trust_;
  const OPENSSL_STACK* const untrusted_;  // the context's; may be null
  const X509_VERIFY_PARAM* const param_;

  std::vector<X509*> path_;  // from the leaf up to where nothing is missing, or to what lacks its
                             // issuer
  std::vector<Found> found_;
  const std::size_t max_path_;
  int candidates_left_;
  Requests requests_;
};

}  // namespace ostrust::verify
