#include "provider/fetch/certificate_urls.hpp"

#include <algorithm>
#include <memory>

#include "provider/fetch/http_url.hpp"
#include "provider/host/dropped_errors.hpp"

namespace ostrust::fetch {

void AddUrl(const host::Symbols& symbols, const GENERAL_NAME* name, std::size_t most,
            std::vector<std::string>& urls) {
  int type = 0;
  const auto* const uri =
      static_cast<const ASN1_STRING*>(symbols.GENERAL_NAME_get0_value(name, &type));
  if (type != GEN_URI || uri == nullptr || urls.size() >= most) return;
  std::string url(reinterpret_cast<const char*>(symbols.ASN1_STRING_get0_data(uri)),
                  static_cast<std::size_t>(symbols.ASN1_STRING_length(uri)));
  if (ParseHttpUrl(url) && std::find(urls.begin(), urls.end(), url) == urls.end()) {
    urls.push_back(std::move(url));
  }
}

std::vector<std::string> AccessUrls(const host::Symbols& symbols, const X509* x509, int method,
                                    std::size_t most) {
  std::vector<std::string> urls;
  const host::DroppedErrors dropped(symbols);
  const std::unique_ptr<AUTHORITY_INFO_ACCESS, decltype(symbols.AUTHORITY_INFO_ACCESS_free)> access(
      static_cast<AUTHORITY_INFO_ACCESS*>(
          symbols.X509_get_ext_d2i(x509, NID_info_access, nullptr, nullptr)),
      symbols.AUTHORITY_INFO_ACCESS_free);
  const auto* const stack = reinterpret_cast<const OPENSSL_STACK*>(access.get());
  const int count = stack == nullptr ? 0 : symbols.OPENSSL_sk_num(stack);
  for (int i = 0; i < count; ++i) {
    const auto* const description =
        static_cast<const ACCESS_DESCRIPTION*>(symbols.OPENSSL_sk_value(stack, i));
    if (symbols.OBJ_obj2nid(description->method) != method) continue;
    AddUrl(symbols, description->location, most, urls);
  }
  return urls;
}

}  // namespace ostrust::fetch
