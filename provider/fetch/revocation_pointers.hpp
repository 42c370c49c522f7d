// Where a certificate says that its revocation can be looked up.
#pragma once

#include <string>
#include <vector>

#include "platform/bytes.hpp"
#include "provider/host/symbols.hpp"

namespace ostrust::fetch {

struct RevocationPointers {
  /// http URLs, each once, in the certificate's order, as many as are asked at most.
  std::vector<std::string> lists;       // cRLDistributionPoints (RFC 5280 section 4.2.1.13)
  std::vector<std::string> deltas;      // freshestCRL (section 4.2.1.15)
  std::vector<std::string> responders;  // id-ad-ocsp (section 4.2.2.1)
  /// The issuers of indirect CRLs that the distribution points name: Names in DER.
  std::vector<platform::Bytes> list_issuers;
  /// There is nothing to look up (RFC 9608): the certificate does not live long enough. Never of a
  /// CA's certificate.
  bool none_available = false;
};

/// Leaves OpenSSL's error queue as it was. Throws only std::bad_alloc.
RevocationPointers RevocationPointersOf(const host::Symbols& symbols, X509* x509);

/// Whether the server promises to staple an OCSP response (RFC 7633: feature 5, status_request).
/// Leaves OpenSSL's error queue as it was.
bool MustStaple(const host::Symbols& symbols, const X509* x509);

}  // namespace ostrust::fetch
