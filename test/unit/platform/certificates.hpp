// Certificates, names and PEM for the tests of platform/, made with libcrypto when they are needed.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "platform/bytes.hpp"
#include "platform/certificate_fields.hpp"

namespace ostrust::platform {

struct X509Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_NAME* name) const { X509_NAME_free(name); }
};
using X509Ptr = std::unique_ptr<X509, X509Deleter>;
using X509NamePtr = std::unique_ptr<X509_NAME, X509Deleter>;

/// The DER of the Name CN=`common_name`, as UTF8String.
Bytes NameDer(std::string_view common_name);

/// The DER of a self-signed CA certificate CN=`common_name`. Every call makes another certificate:
/// ECDSA signatures are random.
Bytes MakeRoot(std::string_view common_name, long serial = 1);
/// The same, issued by CN=`issuer`.
Bytes MakeIssued(std::string_view common_name, std::string_view issuer, long serial = 1);
/// The same, with a key that no other call uses unless it names the same number.
Bytes MakeIssuedWithKey(std::string_view common_name, std::string_view issuer, int key,
                        long serial = 1);

/// The same, valid between two times that ASN1_TIME_set_string() knows.
Bytes MakeIssuedBetween(std::string_view common_name, std::string_view issuer,
                        const char* not_before, const char* not_after);

/// The DER of the SubjectPublicKeyInfo, of the issuer, and of the serial number.
Bytes PublicKeyInfoOf(ByteView certificate);
Bytes IssuerOf(ByteView certificate);
Bytes SerialNumberOf(ByteView certificate);

Bytes SubjectOf(ByteView certificate);

/// The fields of a certificate of which only the subject is known. A view.
inline CertificateFields Named(ByteView subject) {
  return {{}, {}, subject, {}, {}};
}

/// A PEM block.
std::string Pem(ByteView data, std::string_view label = "CERTIFICATE");
/// A PEM block with a certificate and trust settings: each list as names for OBJ_txt2obj()
/// separated by spaces; a null list is absent.
std::string TrustedPem(ByteView certificate, const char* trust, const char* reject);
/// What stands in such a block.
Bytes TrustedDer(ByteView certificate, const char* trust, const char* reject);

/// X509_NAME_hash_ex() as it is written in file names.
std::string HashName(ByteView certificate);

/// `a` and then `b`.
Bytes Concatenate(ByteView a, ByteView b);

/// The bytes of a text that may hold NUL.
inline Bytes ToBytes(std::string_view text) {
  const ByteView view = AsBytes(text);
  return {view.begin(), view.end()};
}

}  // namespace ostrust::platform
