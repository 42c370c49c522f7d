// Where both read a certificate, libcrypto and we find the same names in it and the same end.
#include "platform/certificate_fields.hpp"

#include <openssl/x509.h>

#include "fuzz_target.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

namespace {

void RequireSameName(ByteView ours, const X509_NAME* theirs) {
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  Require(X509_NAME_get0_der(theirs, &der, &size) == 1);
  Require(AsText(ours) == AsText(ostrust::fuzz::View(der, size)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto fields = ReadCertificateFields(ostrust::fuzz::View(data, size));
  if (!fields) return 0;
  Require(fields->certificate.size() <= size);
  // A view into it, which AddressSanitizer sees read.
  const ByteView identity = KeyIdentity(fields->public_key);
  Require(AsText(fields->public_key).find(AsText(identity)) != std::string_view::npos);
  const unsigned char* end = data;
  X509* certificate = d2i_X509(nullptr, &end, static_cast<long>(size));
  if (certificate != nullptr) {
    Require(static_cast<std::size_t>(end - data) == fields->certificate.size());
    RequireSameName(fields->subject, X509_get_subject_name(certificate));
    RequireSameName(fields->issuer, X509_get_issuer_name(certificate));
    X509_free(certificate);
  }
  return 0;
}
