// Settings behind a certificate: read here as X509_check_trust() applies them, and after being
// written again still the same.
#include "platform/trust_settings.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <utility>

#include "fuzz_target.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

namespace {

// A self-signed certificate. Its content does not matter, only that there is one.
Bytes MakeCertificate() {
  X509* certificate = X509_new();
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  Require(X509_sign(certificate, key, EVP_sha256()) > 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  Require(size > 0);
  const ByteView view = ostrust::fuzz::View(der, static_cast<std::size_t>(size));
  Bytes bytes(view.begin(), view.end());
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  X509_free(certificate);
  return bytes;
}

// The certificate with the settings; null if libcrypto does not read them.
X509* WithSettings(ByteView settings) {
  static const Bytes* const certificate = new Bytes(MakeCertificate());
  Bytes all = *certificate;
  all.insert(all.end(), settings.begin(), settings.end());
  const auto* begin = reinterpret_cast<const unsigned char*>(all.data());
  const auto* end = begin;
  X509* parsed = d2i_X509_AUX(nullptr, &end, static_cast<long>(all.size()));
  if (parsed != nullptr && end != begin + all.size()) {
    X509_free(parsed);
    return nullptr;
  }
  return parsed;
}

void CompareWithLibcrypto(ByteView settings, CertificateTrust trust) {
  X509* certificate = WithSettings(settings);
  if (certificate == nullptr) return;
  constexpr std::pair<int, Purpose> kIds[] = {{X509_TRUST_SSL_SERVER, Purpose::kServerAuth},
                                              {X509_TRUST_SSL_CLIENT, Purpose::kClientAuth},
                                              {X509_TRUST_EMAIL, Purpose::kEmailProtection},
                                              {X509_TRUST_OBJECT_SIGN, Purpose::kCodeSigning},
                                              {X509_TRUST_TSA, Purpose::kTimeStamping}};
  for (const auto& [id, purpose] : kIds) {
    const bool rejected = X509_check_trust(certificate, id, 0) == X509_TRUST_REJECTED;
    Require(rejected == trust.Rejected().Contains(purpose));
  }
  X509_free(certificate);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView settings = ostrust::fuzz::View(data, size);
  const auto trust = ParseTrustSettings(settings);
  if (!trust) return 0;
  Require(trust->IsAnchor() || trust->IsDistrusted());
  CompareWithLibcrypto(settings, *trust);

  const Bytes encoded = EncodeTrustSettings(*trust, false);
  if (encoded.empty()) {
    Require(*trust == CertificateTrust::Anchor());
  } else {
    Require(ParseTrustSettings(encoded)->Rejected() == trust->Rejected());
    CompareWithLibcrypto(encoded, *trust);
  }
  return 0;
}
