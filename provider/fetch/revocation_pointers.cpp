#include "provider/fetch/revocation_pointers.hpp"

#include <algorithm>
#include <memory>

#include "provider/fetch/certificate_urls.hpp"
#include "provider/host/dropped_errors.hpp"
#include "provider/host/x509_der.hpp"

namespace ostrust::fetch {
namespace {

constexpr std::size_t kMaxUrls = 4;
constexpr std::size_t kMaxListIssuers = 4;

template <typename Item>
Item* At(const host::Symbols& symbols, const void* stack, int index) {
  return static_cast<Item*>(
      symbols.OPENSSL_sk_value(static_cast<const OPENSSL_STACK*>(stack), index));
}

int Count(const host::Symbols& symbols, const void* stack) {
  return stack == nullptr ? 0 : symbols.OPENSSL_sk_num(static_cast<const OPENSSL_STACK*>(stack));
}

void ReadDistributionPoints(const host::Symbols& symbols, const X509* x509, int extension,
                            std::vector<std::string>& urls,
                            std::vector<platform::Bytes>& list_issuers) {
  // For each extension: the error queue has room for 16, and more would push the mark out of it.
  symbols.ERR_set_mark();
  const std::unique_ptr<CRL_DIST_POINTS, decltype(symbols.CRL_DIST_POINTS_free)> points(
      static_cast<CRL_DIST_POINTS*>(symbols.X509_get_ext_d2i(x509, extension, nullptr, nullptr)),
      symbols.CRL_DIST_POINTS_free);
  symbols.ERR_pop_to_mark();
  for (int i = 0; i < Count(symbols, points.get()); ++i) {
    const auto* const point = At<const DIST_POINT>(symbols, points.get(), i);
    // Relative to the name of the issuer: a directory's entry, no URL.
    if (point->distpoint != nullptr && point->distpoint->type == 0) {
      const void* const names = point->distpoint->name.fullname;
      for (int j = 0; j < Count(symbols, names); ++j) {
        AddUrl(symbols, At<const GENERAL_NAME>(symbols, names, j), kMaxUrls, urls);
      }
    }
    for (int j = 0; j < Count(symbols, point->CRLissuer); ++j) {
      const auto* const name = At<const GENERAL_NAME>(symbols, point->CRLissuer, j);
      int type = 0;
      const auto* const directory_name =
          static_cast<const X509_NAME*>(symbols.GENERAL_NAME_get0_value(name, &type));
      if (type != GEN_DIRNAME || list_issuers.size() >= kMaxListIssuers) continue;
      const platform::ByteView der = host::DerOf(symbols, directory_name);
      list_issuers.emplace_back(der.begin(), der.end());
    }
  }
}

bool HasExtension(const host::Symbols& symbols, const X509* x509, const char* identifier) {
  ASN1_OBJECT* const object = symbols.OBJ_txt2obj(identifier, 1);
  if (object == nullptr) throw std::bad_alloc();
  const bool has = symbols.X509_get_ext_by_OBJ(x509, object, -1) >= 0;
  symbols.ASN1_OBJECT_free(object);
  return has;
}

}  // namespace

bool MustStaple(const host::Symbols& symbols, const X509* x509) {
  constexpr long kStatusRequest = 5;  // RFC 6066 section 1.1
  const host::DroppedErrors dropped(symbols);
  const std::unique_ptr<TLS_FEATURE, decltype(symbols.TLS_FEATURE_free)> features(
      static_cast<TLS_FEATURE*>(symbols.X509_get_ext_d2i(x509, NID_tlsfeature, nullptr, nullptr)),
      symbols.TLS_FEATURE_free);
  for (int i = 0; i < Count(symbols, features.get()); ++i) {
    if (symbols.ASN1_INTEGER_get(At<const ASN1_INTEGER>(symbols, features.get(), i)) ==
        kStatusRequest) {
      return true;
    }
  }
  return false;
}

RevocationPointers RevocationPointersOf(const host::Symbols& symbols, X509* x509) {
  const host::DroppedErrors dropped(symbols);
  RevocationPointers pointers;
  ReadDistributionPoints(symbols, x509, NID_crl_distribution_points, pointers.lists,
                         pointers.list_issuers);
  std::vector<platform::Bytes> ignored;
  ReadDistributionPoints(symbols, x509, NID_freshest_crl, pointers.deltas, ignored);
  pointers.responders = AccessUrls(symbols, x509, NID_ad_OCSP, kMaxUrls);
  symbols.ERR_set_mark();
  pointers.none_available = (symbols.X509_get_extension_flags(x509) & EXFLAG_CA) == 0 &&
                            HasExtension(symbols, x509, "2.5.29.56");
  return pointers;
}

}  // namespace ostrust::fetch
