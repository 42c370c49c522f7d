// The issuer's certificate, where a certificate says it can be had: the access method caIssuers of
// the authority information access extension (RFC 5280 section 4.2.2.1).
#pragma once

#include <vector>

#include "platform/bytes.hpp"
#include "provider/host/symbols.hpp"

namespace ostrust::fetch {

/// The certificates in what such a URL answered: one in DER, or a certs-only CMS message (RFC 5280
/// allows no other; PEM is none). 64 at most. Empty when it is neither. Whether any of them is good
/// for anything is not asked. Leaves OpenSSL's error queue as it was.
/// `symbols.CanFetch()`.
std::vector<platform::Bytes> CertificatesIn(const host::Symbols& symbols,
                                            platform::ByteView answer);

}  // namespace ostrust::fetch
