// Certificates of whoever answers, as `ostrust explain` describes them; and a file that it is
// given.
#include "provider/tool/certificate_text.hpp"

#include <openssl/pem.h>

#include "fuzz_target.hpp"

using namespace ostrust::tool;
using ostrust::fuzz::Require;

namespace {

const Verifier& Linked() {
  static const Verifier& linked = [&]() -> const Verifier& {
    auto* const made = new Verifier;
#define OSTRUST_TAKE(name) made->name = &::name;
    OSTRUST_TOOL_SYMBOLS(OSTRUST_TAKE)
    OSTRUST_EXPLAIN_CRYPTO_SYMBOLS(OSTRUST_TAKE)
#undef OSTRUST_TAKE
    return *made;
  }();
  return linked;
}

constexpr std::size_t kMaxText = 1024 + 3;

void Check(const ChainCertificate& certificate) {
  Require(certificate.subject.size() <= kMaxText && certificate.issuer.size() <= kMaxText);
  Require(certificate.serial.size() <= 2 * 128 + 4);
  Require(certificate.serial.find_first_not_of("0123456789abcdef-.") == std::string::npos);
  Require(certificate.names.size() <= 50 && certificate.ca_issuers.size() <= 4);
  for (const std::string& name : certificate.names) {
    Require(!name.empty() && name.size() <= kMaxText);
  }
  for (const std::string& url : certificate.ca_issuers) Require(url.size() <= kMaxText);
  Require(certificate.sha256.size() == 64);
  Require(ERR_peek_error() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const X509Ptr one = Parse(Linked(), text);
  ERR_clear_error();
  if (one != nullptr) {
    Check(Describe(Linked(), text));
    // libcrypto takes BER in places; what it makes of it is what is passed on.
    const std::string der = DerOf(Linked(), one.get());
    const X509Ptr again = Parse(Linked(), der);
    Require(again != nullptr && DerOf(Linked(), again.get()) == der);
  }
  std::string why;
  const auto found = ParseFile(Linked(), text, why);
  Require(found.has_value() || !why.empty());
  if (found) {
    Require(!found->empty());
    for (const X509Ptr& x509 : *found) {
      Require(x509 != nullptr);
      Check(Describe(Linked(), DerOf(Linked(), x509.get())));
    }
  }
  ERR_clear_error();
  return 0;
}
