// The issuer's certificate, where a certificate says it can be had: the access method caIssuers of
// the authority information access extension (RFC 5280 section 4.2.2.1).
#pragma once

#include <string>
#include <vector>

#include "platform/bytes.hpp"
#include "provider/host/symbols.hpp"

namespace ostrust::fetch {

/// The URLs in `x509` that begin with http:, in their order, each once, `most` at most. Others
/// (ldap:, https:, ftp:) are left out: a chain must not be needed to build a chain.
/// `symbols.CanFetch()`, here and below.
std::vector<std::string> CaIssuersUrls(const host::Symbols& symbols, const X509* x509,
                                       std::size_t most);

/// The certificates in what such a URL answered: one in DER, or a certs-only CMS message (RFC 5280
/// allows no other; PEM is none). 64 at most. Empty when it is neither. Whether any of them is good
/// for anything is not asked. Leaves OpenSSL's error queue as it was.
std::vector<platform::Bytes> CertificatesIn(const host::Symbols& symbols,
                                            platform::ByteView answer);

}  // namespace ostrust::fetch
