// What the targets share that call OpenSSL as the module does: through host::Symbols.
#pragma once

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "fuzz_target.hpp"
#include "provider/host/symbols.hpp"

namespace ostrust::fuzz {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

/// Those of the libcrypto that the target links. Never destroyed.
const host::Symbols& LinkedSymbols();

/// Requires at its end that OpenSSL's error queue is as it was at its beginning, with an error in
/// it that was there before.
class SameErrors {
 public:
  SameErrors();
  ~SameErrors();
  SameErrors(const SameErrors&) = delete;
  SameErrors& operator=(const SameErrors&) = delete;
};

/// The key of P-256 whose secret is this small number, from 1 on: no secret at all, and the same in
/// every process, so that an input means the same in each of them.
EVP_PKEY* SmallKey(int number);

struct CertificateParts {
  std::string subject;
  std::string issuer;
  int key = 1;
  int issuer_key = 1;
  long serial = 1;
  bool is_authority = false;
  /// As openssl.cnf writes it; none where it is empty.
  std::string extended_key_usage = {};
};
/// Valid from 2020 to 2040, the names as common names. Not signed yet.
X509Ptr UnsignedCertificate(const CertificateParts& parts);
X509Ptr MakeCertificate(const CertificateParts& parts);

/// An extension whose value is `value`, whatever that is.
void AddExtension(X509* x509, int nid, platform::ByteView value);

/// ECDSA with SHA-256.
platform::Bytes Sign(EVP_PKEY* key, platform::ByteView to_be_signed);
/// The AlgorithmIdentifier of that.
platform::ByteView SignatureAlgorithm();

platform::Bytes DerOf(const X509* x509);

/// In which the certificates are valid: 2026-01-03.
inline constexpr long kNow = 1767398400;

}  // namespace ostrust::fuzz
