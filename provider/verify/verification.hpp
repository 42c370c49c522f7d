// One X509_STORE_CTX and the verdict on it: reads what OpenSSL built, and raises what speaks
// against it as OpenSSL raises its own errors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/chain_verifier.hpp"
#include "platform/trust_store.hpp"
#include "provider/host/symbols.hpp"
#include "provider/host/tls_library.hpp"
#include "provider/provider_context.hpp"
#include "provider/verify/judge.hpp"

namespace ostrust::verify {

/// What a verification is for, as far as it can be told.
struct Role {
  Use use;
  bool tls_peer = false;
  /// What the system's own verifier may do to complete the chain.
  platform::NetworkUse network{
      platform::Intermediates::kOff, platform::Revocation::kOff, {}, false};
  /// And what the server stapled for it; empty when it did not.
  platform::Bytes stapled_response;
};

/// As long as it lives, this thread knows that libssl itself has called us for `ctx`: what stands
/// under libssl's number in there is the connection, whatever the thread's default library context
/// is. Within a verify callback there may be another.
class CalledByTls {
 public:
  explicit CalledByTls(const X509_STORE_CTX* ctx);
  ~CalledByTls();
  CalledByTls(const CalledByTls&) = delete;
  CalledByTls& operator=(const CalledByTls&) = delete;

 private:
  const X509_STORE_CTX* const outer_;
};

/// The TLS connection whose peer is verified; null when there is none, or it cannot be told. `tls`
/// may be null.
SSL* ConnectionOf(const host::Symbols& symbols, const host::TlsLibrary* tls, X509_STORE_CTX* ctx);

/// From the certificate, the purpose in the context's parameters, which OpenSSL 3.0 has no getter
/// for, and from the SSL object that libssl puts into it. `tls` may be null.
Role RoleOf(const host::Symbols& symbols, const host::TlsLibrary* tls, X509_STORE_CTX* ctx);

/// Whether there is a chain to decide about: none for a raw public key, where the function that was
/// called is all the verification there is, and none of its own for the issuer of a CRL, whose
/// chain must end where the certificate's ends.
bool HasChain(const host::Symbols& symbols, X509_STORE_CTX* ctx);

/// Whether a chain may be completed at all, as far as `ctx` tells: only that of a server, verified
/// by its client. With a TLS connection: not a server's, not under SSL_VERIFY_NONE, not with DANE.
/// Without one: if a host name or an address is wanted, or if the purpose can be read (OpenSSL 3.5)
/// and is sslserver and there is a list of untrusted certificates; a server that builds its own
/// chain has neither. Not in a thread whose default library context is another than the global
/// one: there the connection cannot be found. `tls` may be null.
bool MayBeCompleted(const host::Symbols& symbols, const host::TlsLibrary* tls, X509_STORE_CTX* ctx);

/// "certificate SUBJECT", for a person.
std::string Named(const host::Symbols& symbols, const X509* x509);
/// "certificate SUBJECT at depth N".
std::string Described(const host::Symbols& symbols, const X509* x509, std::size_t depth);

/// The host name or address that the verification wants; empty when it wants none. Of several host
/// names, the one that the peer's certificate is for, or else the first.
std::string WantedName(const host::Symbols& symbols, X509_STORE_CTX* ctx);

/// Puts `sentence` into the error queue. For a TLS peer under the code that libssl raises next.
void Raise(const Core& core, bool tls_peer, const std::string& sentence);

/// Says in the log, and with `final` in the error queue, that `x509` is about to be refused by
/// OpenSSL itself, because of the trust settings we gave it: the verdict will not be asked then.
void AnnounceRefusal(const host::Symbols& symbols, const ProviderContext& provider,
                     const Role& role, X509* x509, int depth, const std::string& reason,
                     bool final);

/// What the system has against the chain of `ctx`, which OpenSSL's own function accepted.
std::vector<Refusal> RefusalsOf(const host::Symbols& symbols, X509_STORE_CTX* ctx, const Role& role,
                                const platform::TrustStore& store,
                                const platform::ChainVerifier* verifier);

/// Whether that chain ends in an anchor of the system's, and not of the application's.
bool EndsInSystemAnchor(const host::Symbols& symbols, X509_STORE_CTX* ctx,
                        const platform::TrustStore& store);

/// For whoever reads the log at debug: which anchor of the system's an accepted chain ends in, and
/// who says that it is one. Changes nothing; does nothing where debug is not logged.
void NoteAnchor(const host::Symbols& symbols, const ProviderContext& provider, X509_STORE_CTX* ctx,
                const platform::TrustStore& store);

/// For each refusal the error, its depth and the certificate are set in `ctx` and the application's
/// verify callback is called, as verify_cb_cert() of OpenSSL does (rule 6). True when the callback
/// did not forgive one; then the reason is in the error queue. Always false with `report_only`,
/// which logs and touches nothing.
bool Refuse(const host::Symbols& symbols, const ProviderContext& provider, X509_STORE_CTX* ctx,
            const Role& role, const std::vector<Refusal>& refusals, bool report_only);

}  // namespace ostrust::verify
