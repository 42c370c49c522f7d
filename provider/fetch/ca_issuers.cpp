#include "provider/fetch/ca_issuers.hpp"

#include <algorithm>
#include <memory>

#include "platform/certificate_fields.hpp"
#include "provider/host/dropped_errors.hpp"
#include "provider/host/x509_der.hpp"

namespace ostrust::fetch {
namespace {

using platform::Bytes;
using platform::ByteView;

constexpr int kMaxCertificates = 64;

std::vector<Bytes> CertificatesInCms(const host::Symbols& symbols, ByteView answer) {
  std::vector<Bytes> certificates;
  const auto* position = reinterpret_cast<const unsigned char*>(answer.data());
  const std::unique_ptr<CMS_ContentInfo, decltype(symbols.CMS_ContentInfo_free)> message(
      symbols.d2i_CMS_ContentInfo(nullptr, &position, static_cast<long>(answer.size())),
      symbols.CMS_ContentInfo_free);
  if (message == nullptr) return certificates;
  const auto free_all = [&symbols](OPENSSL_STACK* stack) {
    symbols.OPENSSL_sk_pop_free(stack, reinterpret_cast<OPENSSL_sk_freefunc>(symbols.X509_free));
  };
  const std::unique_ptr<OPENSSL_STACK, decltype(free_all)> stack(
      reinterpret_cast<OPENSSL_STACK*>(symbols.CMS_get1_certs(message.get())), free_all);
  const int count = stack == nullptr ? 0 : symbols.OPENSSL_sk_num(stack.get());
  for (int i = 0; i < std::min(count, kMaxCertificates); ++i) {
    certificates.push_back(
        host::DerOf(symbols, static_cast<const X509*>(symbols.OPENSSL_sk_value(stack.get(), i))));
  }
  return certificates;
}

}  // namespace

std::vector<Bytes> CertificatesIn(const host::Symbols& symbols, ByteView answer) {
  const auto fields = platform::ReadCertificateFields(answer);
  if (fields && fields->certificate.size() == answer.size()) {
    return {Bytes(answer.begin(), answer.end())};
  }
  const host::DroppedErrors dropped(symbols);
  return CertificatesInCms(symbols, answer);
}

}  // namespace ostrust::fetch
