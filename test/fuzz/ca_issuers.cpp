// What a caIssuers URL answered: each certificate that is taken from it is one.
#include "provider/fetch/ca_issuers.hpp"

#include "libcrypto.hpp"
#include "platform/certificate_fields.hpp"
#include "provider/host/x509_der.hpp"

using namespace ostrust;
using ostrust::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& symbols = ostrust::fuzz::LinkedSymbols();
  const auto answer = ostrust::fuzz::View(data, size);
  std::vector<platform::Bytes> certificates;
  {
    const ostrust::fuzz::SameErrors same;
    certificates = fetch::CertificatesIn(symbols, answer);
  }
  Require(certificates.size() <= 64);
  const bool is_plain = certificates.size() == 1 &&
                        platform::AsText(certificates.front()) == platform::AsText(answer);
  for (const platform::Bytes& certificate : certificates) {
    Require(!certificate.empty() && certificate.size() <= size);
    // As it is handed to OpenSSL: what it takes is written again as it was.
    const auto parsed = host::ParseX509(symbols, nullptr, {}, certificate);
    Require(parsed != nullptr || is_plain);
    if (parsed != nullptr && !is_plain) {
      Require(platform::AsText(host::DerOf(symbols, parsed.get())) ==
              platform::AsText(certificate));
    }
    ERR_clear_error();
    if (is_plain) Require(platform::ReadCertificateFields(certificate)->certificate.size() == size);
  }
  return 0;
}
