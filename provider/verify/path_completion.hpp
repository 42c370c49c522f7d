// The intermediate a server forgot to send: is one missing, and can it be found?
//
// What is found only ever becomes *untrusted* input of OpenSSL's own verification (rule 3), and
// only if it makes the path end at an issuer in the trust store. If it does not, the verification
// is exactly the one it would have been.
#pragma once

#include <functional>
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

/// What a completion is made of. All of it outlives the completion.
struct CompletionSetting {
  const host::Symbols& symbols;
  const ProviderContext& provider;
  OSSL_LIB_CTX* libctx;
  const std::string& propq;
  X509_STORE_CTX* ctx;
  TrustLookup& trust;
  FetchBudget& budget;
};

/// For one verification, before X509_verify_cert() or in its verify callback, on its thread.
class PathCompletion {
 public:
  virtual ~PathCompletion() = default;
  PathCompletion(const PathCompletion&) = delete;
  PathCompletion& operator=(const PathCompletion&) = delete;

  /// Whether the path OpenSSL will build ends at a certificate whose issuer neither the peer nor
  /// the trust store has. Decided by names, key identifiers and dates, as X509_STORE_CTX's
  /// check_issued does: no signature is verified, and nothing is read. For a chain that lacks
  /// nothing this is all.
  bool IssuerIsMissing();

  /// Looks for what is missing; to be called when IssuerIsMissing(). True if the path now reaches
  /// the trust store. Leaves OpenSSL's error queue as it was.
  bool Complete();

  /// The untrusted certificates of the context and behind them those that Complete() found. They
  /// belong to this object; only the list is the caller's.
  std::unique_ptr<OPENSSL_STACK, decltype(host::Symbols::OPENSSL_sk_free)> Untrusted() const;

  /// An anchor that the system's verifier vouches for and that is not in its stores; empty when
  /// Complete() needed none.
  const platform::Bytes& SystemAnchor() const { return system_anchor_; }

  /// What is to be done once the completed chain was accepted, and not before: what was found is
  /// kept for others. May be empty. Needs the provider context only. To be called once.
  virtual std::function<void()> TakeKeeper() { return {}; }

  /// To be called when the chain of the context, which lacked nothing, was accepted.
  virtual void LearnFromChain() const {}

  /// What was tried in vain, for a person, in a sentence; empty when nothing was.
  std::string Failure() const;

 protected:
  explicit PathCompletion(const CompletionSetting& setting);

  virtual const std::string& Attempts() const = 0;
  /// Complete(), where OpenSSL cannot end the chain earlier.
  virtual bool Search() = 0;
  /// Whether Search() may find that a root which the peer sent, and the trust store lacks, is
  /// trusted.
  virtual bool SelfSignedMayBeTrusted() const { return false; }

  X509* BestUntrustedIssuer(X509* x509) const;
  bool IsOnPath(const X509* x509) const;
  bool IsSelfSigned(const X509* x509) const;
  bool ValidAtTheTime(const X509* x509) const;

  const CompletionSetting setting_;
  const host::Symbols& symbols_;
  X509_STORE_CTX* const ctx_;
  TrustLookup& trust_;
  const OPENSSL_STACK* const untrusted_;  // the context's; may be null
  const X509_VERIFY_PARAM* const param_;
  const std::size_t max_path_;

  std::vector<X509*> path_;  // from the leaf up to where nothing is missing, or to what lacks its
                             // issuer
  std::vector<host::X509Ptr> found_;
  platform::Bytes system_anchor_;
};

}  // namespace ostrust::verify
