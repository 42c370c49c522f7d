#include "provider/hooks/marker.hpp"

#include <cstddef>
#include <memory>

#include "provider/host/file.hpp"

namespace ostrust::hooks {
namespace {

// The base64 of the CRL in package/os.pem; a test compares them.
constexpr std::string_view kMarkerBase64 =
    "MIHmMIGMAgEBMAoGCCqGSM49BAMCMEsxEDAOBgNVBAoMB29zdHJ1c3QxNzA1BgNVBAMMLm1hcmtlcjog"
    "dXNlIHRoZSBvcGVyYXRpbmcgc3lzdGVtJ3MgdHJ1c3Qgc3RvcmUXDTI2MDEwMTAwMDAwMFoYDzk5OTkx"
    "MjMxMjM1OTU5WqAOMAwwCgYDVR0UBAMCAQEwCgYIKoZIzj0EAwIDSQAwRgIhAN6Lz0M3Q6xzVPef4t+m"
    "wGu8zmU60RLZTk7hQ+GuQILoAiEA6yTaxjbByzhr6c302SdZwWDTpfJCByxAFNNJLICl2ps=";

// Its issuer, as DER: O = ostrust, CN = marker: use the operating system's trust store.
constexpr char kMarkerIssuer[] =
    "\x30\x4b\x31\x10\x30\x0e\x06\x03\x55\x04\x0a\x0c\x07\x6f\x73\x74\x72\x75\x73\x74"
    "\x31\x37\x30\x35\x06\x03\x55\x04\x03\x0c\x2e\x6d\x61\x72\x6b\x65\x72\x3a\x20\x75"
    "\x73\x65\x20\x74\x68\x65\x20\x6f\x70\x65\x72\x61\x74\x69\x6e\x67\x20\x73\x79\x73"
    "\x74\x65\x6d\x27\x73\x20\x74\x72\x75\x73\x74\x20\x73\x74\x6f\x72\x65";
constexpr std::size_t kMarkerIssuerSize = sizeof(kMarkerIssuer) - 1;

constexpr std::string_view kBegin = "-----BEGIN X509 CRL-----";
constexpr std::string_view kEnd = "-----END X509 CRL-----";

// A CA file larger than this is not looked into; the largest public bundles have a quarter
// megabyte.
constexpr std::size_t kMaxFileSize = std::size_t{4} * 1024 * 1024;

bool IsMarkerBody(std::string_view body) {
  std::size_t matched = 0;
  for (const char c : body) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (matched == kMarkerBase64.size() || c != kMarkerBase64[matched]) return false;
    ++matched;
  }
  return matched == kMarkerBase64.size();
}

bool IsMarkerCrl(const host::Symbols& symbols, const X509_OBJECT* object) {
  if (symbols.X509_OBJECT_get_type(object) != X509_LU_CRL) return false;
  // OpenSSL has no getter for a const object's CRL; this one changes nothing (x509_lu.c).
  X509_CRL* const crl = symbols.X509_OBJECT_get0_X509_CRL(const_cast<X509_OBJECT*>(object));
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  if (crl == nullptr ||
      symbols.X509_NAME_get0_der(symbols.X509_CRL_get_issuer(crl), &der, &size) != 1) {
    return false;
  }
  return std::string_view(reinterpret_cast<const char*>(der), size) ==
         std::string_view(kMarkerIssuer, kMarkerIssuerSize);
}

bool HoldsMarkerCrl(const host::Symbols& symbols, const OPENSSL_STACK* objects) {
  const int count = symbols.OPENSSL_sk_num(objects);
  for (int i = 0; i < count; ++i) {
    if (IsMarkerCrl(symbols, static_cast<X509_OBJECT*>(symbols.OPENSSL_sk_value(objects, i)))) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool TextHoldsMarker(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t begin = text.find(kBegin); begin != std::string_view::npos;
       begin = text.find(kBegin, begin)) {
    begin += kBegin.size();
    // The END of many BEGINs may be the same one: it is looked for once.
    if (end < begin) end = text.find(kEnd, begin);
    if (end == std::string_view::npos) return false;
    if (IsMarkerBody(text.substr(begin, end - begin))) return true;
  }
  return false;
}

bool FileHoldsMarker(const std::string& path) {
  const auto text = host::ReadRegularFile(path, kMaxFileSize);
  return text && TextHoldsMarker(*text);
}

bool StoreHoldsMarker(const host::Symbols& symbols, X509_STORE* store) {
  if (symbols.X509_STORE_get1_objects != nullptr) {
    auto* const objects = reinterpret_cast<OPENSSL_STACK*>(symbols.X509_STORE_get1_objects(store));
    if (objects == nullptr) return false;
    const bool found = HoldsMarkerCrl(symbols, objects);
    symbols.OPENSSL_sk_pop_free(objects,
                                reinterpret_cast<OPENSSL_sk_freefunc>(symbols.X509_OBJECT_free));
    return found;
  }
  // Through the list itself: X509_OBJECT_retrieve_by_subject() would sort it.
  if (symbols.X509_STORE_get0_objects == nullptr || symbols.X509_STORE_lock(store) != 1)
    return false;
  const bool found = HoldsMarkerCrl(
      symbols, reinterpret_cast<const OPENSSL_STACK*>(symbols.X509_STORE_get0_objects(store)));
  symbols.X509_STORE_unlock(store);
  return found;
}

}  // namespace ostrust::hooks
