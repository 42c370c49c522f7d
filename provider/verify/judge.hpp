// The verdict: what the operating system has against a chain that OpenSSL accepted.
//
// A function of values: no X509 object, no state, nothing that is shared. verification.hpp brings
// OpenSSL's side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "platform/chain_verifier.hpp"
#include "platform/trust_store.hpp"

namespace ostrust::verify {

/// What an end entity certificate is used for.
struct Use {
  /// Nullopt when nothing says so, as in a server that builds its own chain. Then a certificate is
  /// refused only where the system refuses it for everything.
  std::optional<platform::Purpose> purpose;
  /// Its notBefore in seconds since 1970; later than every date when it cannot be read.
  std::int64_t issued = platform::CertificateTrust::kNever;
};

/// OpenSSL's check of name constraints that are in no certificate.
class NameConstraintsChecker {
 public:
  virtual ~NameConstraintsChecker() = default;
  /// X509_V_OK, or what X509_verify_cert() would find if `name_constraints`, the DER of a
  /// NameConstraints, stood in a certificate above the one at `depth`.
  virtual int Check(std::size_t depth, platform::ByteView name_constraints) const = 0;

 protected:
  NameConstraintsChecker() = default;
  NameConstraintsChecker(const NameConstraintsChecker&) = default;
  NameConstraintsChecker& operator=(const NameConstraintsChecker&) = default;
};

/// A chain that X509_verify_cert() accepted so far, and what for.
struct BuiltChain {
  /// The end entity certificate first. Views; empty where TrustStore::MayLimit() is false and there
  /// is no verifier to ask.
  std::vector<platform::ByteView> certificates;
  /// Depth of the first certificate that OpenSSL took from the trust store; the number of
  /// certificates when it took none (DANE-TA).
  std::size_t first_trusted = 0;
  /// For each, whether issuer and subject are the same.
  std::vector<bool> self_issued;
  Use use;
  /// What the system's own verifier is asked for: kServerAuth or kClientAuth. Nullopt where nothing
  /// says that this is the peer of a TLS connection: then it is not asked.
  std::optional<platform::Purpose> peer;
  std::string name;
  std::time_t time = 0;
  platform::NetworkUse network;
  platform::ByteView stapled_response;  // OCSP; empty when there is none
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
                           const NameConstraintsChecker& names,
                           const platform::ChainVerifier* verifier);

/// What the system that trusts a certificate like this has against it at one depth of a chain;
/// `from_store`: OpenSSL took it from the trust store. Empty when it has nothing. A Refusal's
/// reason is this, " by " and TrustStore::RuleFor().
std::string ObjectionTo(platform::CertificateTrust trust, const Use& use, bool from_store);

/// Whether a chain for `purpose` must not end in a certificate trusted like this. OpenSSL sees it,
/// too, in the trust settings that such an anchor is handed out with.
bool RejectedAsAnchor(platform::CertificateTrust trust, std::optional<platform::Purpose> purpose);
/// The same, or this end entity certificate was issued too late.
bool RefusedAsAnchor(platform::CertificateTrust trust, const Use& use);

/// X509_V_ERR_* for what the system's verifier found.
int OpenSslError(platform::ChainError error, bool end_entity, bool only_certificate);

}  // namespace ostrust::verify
