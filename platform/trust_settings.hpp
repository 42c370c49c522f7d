// OpenSSL's trust settings: what follows the certificate in a TRUSTED CERTIFICATE.
//
//   X509_CERT_AUX ::= SEQUENCE {                       -- OpenSSL, crypto/x509/x_x509a.c
//     trust   SEQUENCE OF OBJECT IDENTIFIER OPTIONAL,
//     reject  [0] IMPLICIT SEQUENCE OF OBJECT IDENTIFIER OPTIONAL,
//     alias   UTF8String OPTIONAL,
//     keyid   OCTET STRING OPTIONAL,
//     other   [1] IMPLICIT SEQUENCE OF AlgorithmIdentifier OPTIONAL }
#pragma once

#include <optional>

#include "platform/bytes.hpp"
#include "platform/certificate_trust.hpp"

namespace ostrust::platform {

/// The trust that settings express, read as OpenSSL's obj_trust() (crypto/x509/x509_trs.c) does:
/// a listed trust lets the certificate end a chain for the listed purposes only; a reject denies
/// the listed ones; anyExtendedKeyUsage stands for all. Who is denied every purpose is Distrusted.
/// A trust that lists only purposes OpenSSL does not know makes an anchor for none: no blocklist
/// entry. Nullopt when the DER is not exactly one X509_CERT_AUX.
std::optional<CertificateTrust> ParseTrustSettings(ByteView der);

/// The content of a SEQUENCE OF OBJECT IDENTIFIER as the set of purposes it stands for:
/// anyExtendedKeyUsage for all, one that OpenSSL has no trust setting for none. Nullopt when it is
/// anything else.
std::optional<PurposeSet> ReadPurposes(ByteView content);

/// The settings that make OpenSSL apply `trust` (rule 5: limits as reject, trust
/// anyExtendedKeyUsage only for an anchor that is not self-signed). Empty when a bare certificate
/// says the same.
Bytes EncodeTrustSettings(CertificateTrust trust, bool self_signed);

}  // namespace ostrust::platform
