// A certificate that the system lists, read as far as a TrustStore needs it.
//
// The one way into a MemoryTrustStore, for every operating system: what does not parse here is not
// in the store.
#pragma once

#include <optional>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/certificate_fields.hpp"
#include "platform/certificate_trust.hpp"

namespace ostrust::platform {

struct TrustedCertificate {
  Bytes der;                // the Certificate, nothing behind it
  Bytes canonical_subject;  // name.hpp
  bool self_issued = false;
  CertificateTrust trust;
  /// What the system adds to those in the certificate: NameConstraints (RFC 5280 section 4.2.1.10)
  /// in DER, each to be satisfied. One that does not parse is never satisfied. Of a store that is a
  /// MemoryTrustStore and nothing more: PolicyTrustStore has rules of its own.
  std::vector<Bytes> name_constraints = {};
};

/// `der` must be exactly one Certificate. Nullopt when it is not, or a name in it is invalid.
std::optional<TrustedCertificate> MakeTrustedCertificate(ByteView der, CertificateTrust trust);

/// The same, of a certificate that was read already. Nullopt when a name in it is invalid.
std::optional<TrustedCertificate> MakeTrustedCertificate(const CertificateFields& fields,
                                                         CertificateTrust trust);

/// A certificate with OpenSSL's trust settings behind it, or without, as d2i_X509_AUX()
/// (crypto/x509/x_x509.c) reads it. Nullopt when `der` is anything else.
std::optional<TrustedCertificate> ReadTrustedCertificate(ByteView der);

}  // namespace ostrust::platform
