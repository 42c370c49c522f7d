#include "provider/verify/judge.hpp"

#include <array>
#include <utility>

#include <openssl/x509_vfy.h>

#include "platform/utc_time.hpp"

namespace ostrust::verify {
namespace {

using platform::ByteView;
using platform::CertificateTrust;
using platform::ChainError;
using platform::Purpose;
using platform::PurposeSet;

const char* NameOf(std::optional<Purpose> purpose) {
  if (!purpose) return "any purpose";
  switch (*purpose) {
    case Purpose::kServerAuth:
      return "TLS servers";
    case Purpose::kClientAuth:
      return "TLS clients";
    case Purpose::kCodeSigning:
      return "code signing";
    case Purpose::kEmailProtection:
      return "e-mail";
    case Purpose::kTimeStamping:
      return "time stamps";
    case Purpose::kOcspSigning:
    case Purpose::kOcspRequest:
      return "OCSP";
  }
  return "this purpose";
}

std::string DateOf(std::int64_t seconds) {
  const auto parts = platform::PartsOf(seconds);
  std::array<char, 32> text{};
  if (!parts || std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &*parts) == 0) {
    return "a date that cannot be read";
  }
  return text.data();
}

/// As a pathLenConstraint counts: without the end entity and the self-issued.
std::size_t IntermediatesBelow(const BuiltChain& chain, std::size_t depth) {
  std::size_t count = 0;
  for (std::size_t below = 1; below < depth; ++below) {
    if (!chain.self_issued[below]) ++count;
  }
  return count;
}

}  // namespace

std::string ObjectionTo(CertificateTrust trust, const Use& use, bool from_store) {
  if (trust.IsDistrusted()) return "distrusted";
  if (use.purpose && trust.Denied().Contains(*use.purpose)) {
    return std::string("rejected for ") + NameOf(use.purpose);
  }
  if (!from_store || !trust.IsAnchor() || !RefusedAsAnchor(trust, use)) return {};
  std::string objection = std::string("not trusted for ") + NameOf(use.purpose);
  if (RejectedAsAnchor(trust, use.purpose)) return objection;
  return objection + " with a certificate issued after " +
         DateOf(trust.DistrustAfter(*use.purpose));
}

bool RejectedAsAnchor(CertificateTrust trust, std::optional<Purpose> purpose) {
  return purpose ? trust.Rejected().Contains(*purpose) : trust.Rejected() == PurposeSet::All();
}

bool RefusedAsAnchor(CertificateTrust trust, const Use& use) {
  return RejectedAsAnchor(trust, use.purpose) ||
         (use.purpose && use.issued > trust.DistrustAfter(*use.purpose));
}

std::vector<Refusal> Judge(const BuiltChain& chain, const platform::TrustStore& store,
                           const NameConstraintsChecker& names,
                           const platform::ChainVerifier* verifier) {
  std::vector<Refusal> refusals;
  bool ends_in_system_anchor = false;
  for (std::size_t depth = chain.certificates.size(); depth-- > 0;) {
    const ByteView certificate = chain.certificates[depth];
    if (certificate.empty()) continue;
    const CertificateTrust trust = store.TrustOf(certificate);
    const bool from_store = depth >= chain.first_trusted;
    if (depth + 1 == chain.certificates.size()) {
      ends_in_system_anchor = from_store && trust.IsAnchor();
    }
    const auto refuse = [&](std::size_t at, int error, const std::string& why) {
      refusals.push_back({at, error, why + " by " + store.RuleFor(certificate)});
    };
    const std::string objection = ObjectionTo(trust, chain.use, from_store);
    if (!objection.empty()) refuse(depth, X509_V_ERR_CERT_REJECTED, objection);
    if (depth == 0) break;
    if (!trust.MayIssue()) refuse(depth, X509_V_ERR_INVALID_CA, "declared to be no CA");
    const platform::StapledConstraints constraints = store.ConstraintsOf(certificate);
    if (constraints.path_length && IntermediatesBelow(chain, depth) > *constraints.path_length) {
      refuse(depth, X509_V_ERR_PATH_LENGTH_EXCEEDED, "not trusted for so long a chain");
    }
    for (const ByteView name_constraints : constraints.name_constraints) {
      for (std::size_t below = depth; below-- > 0;) {
        // RFC 5280 section 6.1.3: a self-issued certificate is exempt unless it is the last.
        if (below > 0 && chain.self_issued[below]) continue;
        const int error = names.Check(below, name_constraints);
        if (error != X509_V_OK) {
          refuse(below, error, "outside the name constraints put on its CA");
        }
      }
    }
  }
  if (verifier == nullptr || !chain.peer || !ends_in_system_anchor) return refusals;

  const platform::ChainVerdict verdict =
      verifier->Verify({chain.certificates, *chain.peer, chain.name, chain.time, chain.network,
                        chain.stapled_response, store.Id()});
  if (verdict.error == ChainError::kNone) return refusals;
  const auto refuse = [&](ChainError error, std::size_t found_at, const std::string& detail) {
    const std::size_t depth = found_at < chain.certificates.size() ? found_at : 0;
    refusals.push_back({depth, OpenSslError(error, depth == 0, chain.certificates.size() == 1),
                        "refused by the operating system: " + detail});
  };
  refuse(verdict.error, verdict.depth, verdict.detail);
  for (const platform::ChainFinding& other : verdict.others) {
    refuse(other.error, other.depth, other.detail);
  }
  return refusals;
}

int OpenSslError(ChainError error, bool end_entity, bool only_certificate) {
  switch (error) {
    case ChainError::kNone:
      return X509_V_OK;
    case ChainError::kUntrustedRoot:
      return only_certificate ? X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
                              : X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
    case ChainError::kUntrustedCa:
      return X509_V_ERR_CERT_UNTRUSTED;
    case ChainError::kNoIssuer:
      return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    case ChainError::kDistrusted:
      return X509_V_ERR_CERT_REJECTED;
    case ChainError::kRevoked:
      return X509_V_ERR_CERT_REVOKED;
    case ChainError::kRevocationUnknown:
      return X509_V_ERR_UNABLE_TO_GET_CRL;
    case ChainError::kExpired:
      return X509_V_ERR_CERT_HAS_EXPIRED;
    case ChainError::kNotYetValid:
      return X509_V_ERR_CERT_NOT_YET_VALID;
    case ChainError::kHostnameMismatch:
      return X509_V_ERR_HOSTNAME_MISMATCH;
    case ChainError::kIpAddressMismatch:
      return X509_V_ERR_IP_ADDRESS_MISMATCH;
    case ChainError::kNotPermittedName:
      return X509_V_ERR_PERMITTED_VIOLATION;
    case ChainError::kExcludedName:
      return X509_V_ERR_EXCLUDED_VIOLATION;
    case ChainError::kWrongPurpose:
      return X509_V_ERR_INVALID_PURPOSE;
    case ChainError::kInvalidCa:
      return X509_V_ERR_INVALID_CA;
    case ChainError::kPathTooLong:
      return X509_V_ERR_PATH_LENGTH_EXCEEDED;
    case ChainError::kUnhandledCriticalExtension:
      return X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION;
    case ChainError::kInvalidExtension:
      return X509_V_ERR_INVALID_EXTENSION;
    case ChainError::kInvalidPolicy:
      return X509_V_ERR_INVALID_POLICY_EXTENSION;
    case ChainError::kBadSignature:
      return X509_V_ERR_CERT_SIGNATURE_FAILURE;
    case ChainError::kWeakDigest:
      return X509_V_ERR_CA_MD_TOO_WEAK;  // OpenSSL has one code for all depths
    case ChainError::kWeakKey:
      return end_entity ? X509_V_ERR_EE_KEY_TOO_SMALL : X509_V_ERR_CA_KEY_TOO_SMALL;
    case ChainError::kPathLoop:
      return X509_V_ERR_PATH_LOOP;
    case ChainError::kNoTransparency:
      return X509_V_ERR_NO_VALID_SCTS;
    case ChainError::kUndecided:
      break;
  }
  return X509_V_ERR_UNSPECIFIED;
}

}  // namespace ostrust::verify
