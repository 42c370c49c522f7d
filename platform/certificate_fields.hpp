// Where a certificate ends, and what names it and its key: all that a trust store must know of one.
//
// For the reader of bundles and for MemoryTrustStore. It is no X.509 parser: whether the
// certificate is any good is decided by OpenSSL, which parses it again when it is used. It must
// never take for a certificate what is none.
#pragma once

#include <cstdint>
#include <optional>

#include "platform/bytes.hpp"

namespace ostrust::platform {

/// Views into the bytes that were read.
struct CertificateFields {
  ByteView certificate;  // the Certificate; OpenSSL's trust settings may stand behind it
  ByteView issuer;       // the DER of the Name, identifier and length included
  ByteView subject;
  ByteView serial_number;  // the content of the INTEGER
  /// The bits of the BIT STRING subjectPublicKey: the key, whatever the parameters beside it in
  /// SubjectPublicKeyInfo look like (RSA's NULL may be left out).
  ByteView public_key;
};

/// Reads the Certificate (RFC 5280 section 4.1) at the start of `bytes`. Nullopt when there is
/// none: every element of Certificate and TBSCertificate must be there, in order, in DER.
std::optional<CertificateFields> ReadCertificateFields(ByteView bytes);

/// When a certificate is valid: seconds since 1970, both included.
struct Validity {
  std::int64_t not_before;
  std::int64_t not_after;
};

/// The validity in a Certificate. Nullopt when there is none, or a time is in no form of RFC 5280.
std::optional<Validity> ValidityOf(ByteView certificate);

/// CertificateFields::public_key of a SubjectPublicKeyInfo (RFC 5280 section 4.1). Empty when
/// `public_key_info` is not exactly one.
ByteView PublicKeyOf(ByteView public_key_info);

/// What is the same in every form of one key that OpenSSL takes, a view into `public_key`
/// (CertificateFields): the modulus of an RSA key, which may be in BER and have anything behind it,
/// and the x-coordinate of a point on an elliptic curve, which may be compressed or hybrid (SEC 1
/// section 2.3.3). Two keys that have this in common have one owner. Of any other key all of it.
ByteView KeyIdentity(ByteView public_key);

/// The TBSCertificate in a Certificate: what its issuer signed. The rest is no identity: of an
/// ECDSA signature (r, s) anybody can make another valid one, (r, n - s). Empty when there is none.
ByteView TbsCertificateOf(ByteView certificate);

}  // namespace ostrust::platform
