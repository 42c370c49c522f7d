// The extensions of a peer's certificate that say where to look something up: plain http URLs, each
// once and few of them.
//
// Of each extension: a byte that says which, and its value with its length.
#include <algorithm>
#include <set>

#include "libcrypto.hpp"
#include "provider/fetch/certificate_urls.hpp"
#include "provider/fetch/http_url.hpp"
#include "provider/fetch/revocation_pointers.hpp"

using namespace ostrust;
using ostrust::fuzz::Require;

namespace {

constexpr int kIdentifiers[] = {NID_info_access, NID_crl_distribution_points, NID_freshest_crl,
                                NID_tlsfeature,  NID_basic_constraints,       NID_subject_alt_name};

void CheckUrls(const std::vector<std::string>& urls) {
  Require(urls.size() <= 4);
  Require(std::set<std::string>(urls.begin(), urls.end()).size() == urls.size());
  for (const std::string& url : urls) Require(fetch::ParseHttpUrl(url).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& symbols = ostrust::fuzz::LinkedSymbols();
  const auto x509 = ostrust::fuzz::UnsignedCertificate({.subject = "leaf", .issuer = "CA"});
  bool has_feature = false;
  for (ostrust::fuzz::Pieces pieces(data, size); !pieces.AtEnd();) {
    const int nid = kIdentifiers[pieces.Byte() % std::size(kIdentifiers)];
    const platform::ByteView value = pieces.Chunk();
    ostrust::fuzz::AddExtension(x509.get(), nid, value);
    // INTEGER 5, wherever in it.
    has_feature |= nid == NID_tlsfeature &&
                   platform::AsText(value).find("\x02\x01\x05") != std::string_view::npos;
  }
  X509_get_extension_flags(x509.get());  // as every verification has done
  const ostrust::fuzz::SameErrors same;
  CheckUrls(fetch::AccessUrls(symbols, x509.get(), NID_ad_ca_issuers, 4));
  const auto pointers = fetch::RevocationPointersOf(symbols, x509.get());
  CheckUrls(pointers.lists);
  CheckUrls(pointers.deltas);
  CheckUrls(pointers.responders);
  Require(pointers.list_issuers.size() <= 4);
  for (const platform::Bytes& issuer : pointers.list_issuers) {
    const auto* position = reinterpret_cast<const unsigned char*>(issuer.data());
    const auto* const end = position + issuer.size();
    const std::unique_ptr<X509_NAME, ostrust::fuzz::Deleter<X509_NAME_free>> name(
        d2i_X509_NAME(nullptr, &position, static_cast<long>(issuer.size())));
    Require(name != nullptr && position == end);
  }
  Require(!pointers.none_available);
  if (fetch::MustStaple(symbols, x509.get())) Require(has_feature);
  return 0;
}
