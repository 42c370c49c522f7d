// The URLs in certificates that may be fetched from: http, and no other. With https a chain would
// be needed to build a chain, and no directory (ldap) is asked.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "provider/host/symbols.hpp"

namespace ostrust::fetch {

/// `symbols.CanFetch()`, here and below. Appends the URL that `name` is, if it is a plain http one
/// (http_url.hpp) and not there yet, and there are fewer than `most`.
void AddUrl(const host::Symbols& symbols, const GENERAL_NAME* name, std::size_t most,
            std::vector<std::string>& urls);

/// Those of the certificate's authorityInfoAccess for one access method, NID_ad_ca_issuers or
/// NID_ad_OCSP (RFC 5280 section 4.2.2.1), in its order. Leaves OpenSSL's error queue as it was.
std::vector<std::string> AccessUrls(const host::Symbols& symbols, const X509* x509, int method,
                                    std::size_t most);

}  // namespace ostrust::fetch
