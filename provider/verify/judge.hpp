// The verdict: what the operating system has against a chain that OpenSSL accepted.
//
// A function of values: no X509 object, no state, nothing that is shared. verification.hpp brings
// OpenSSL's side.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "platform/chain_verifier.hpp"
#include "platform/trust_store.hpp"

namespace ostrust::verify {

/// A chain that X509_verify_cert() accepted so far, and what for.
struct BuiltChain {
  /// The end entity certificate first. Views.
  std::vector<platform::ByteView> certificates;
  /// Depth of the first certificate that OpenSSL took from the trust store; the number of
  /// certificates when it took none (DANE-TA).
  std::size_t first_trusted = 0;
  /// What the end entity must be trusted for; nullopt when nothing says so, as in a server that
  /// builds its own chain. Then a certificate is refused only where the system refuses it for
  /// everything.
  std::optional<platform::Purpose> purpose;
  /// The peer of a TLS connection: only then is the system's own verifier asked.
  bool tls_peer = false;
  std::string name;
  std::time_t time = 0;
};

/// One reason to refuse a chain.
struct Refusal {
  std::size_t depth;
  int error;           // X509_V_ERR_*
  std::string reason;  // what speaks against that certificate, and who says so; no name, no depth
};

/// Everything that speaks against `chain`, the anchor's first, as internal_verify() of OpenSSL goes
/// through a chain; empty when nothing does. Trust is looked up in `store` by the certificates' DER
/// and by nothing else. `verifier` may be null; it is asked last, and only about what ends in an
/// anchor of the system's.
std::vector<Refusal> Judge(const BuiltChain& chain, const platform::TrustStore& store,
                           const platform::ChainVerifier* verifier);

/// What a certificate trusted like this by `source` has against it at one depth of a chain;
/// `from_store`: OpenSSL took it from the trust store. Empty when it has nothing.
std::string ObjectionTo(platform::CertificateTrust trust, std::optional<platform::Purpose> purpose,
                        bool from_store, const std::string& source);

/// Whether a chain for `purpose` must not end in a certificate trusted like this.
bool RefusedAsAnchor(platform::CertificateTrust trust, std::optional<platform::Purpose> purpose);

/// X509_V_ERR_* for what the system's verifier found.
int OpenSslError(platform::ChainError error, bool end_entity, bool only_certificate);

}  // namespace ostrust::verify
