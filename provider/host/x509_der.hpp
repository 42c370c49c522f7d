// OpenSSL's certificates and their DER.
#pragma once

#include <memory>
#include <string>

#include "platform/bytes.hpp"
#include "provider/host/symbols.hpp"

namespace ostrust::host {

using X509Ptr = std::unique_ptr<X509, decltype(Symbols::X509_free)>;

/// Null when `der` is not exactly one certificate. The object belongs to this library context and
/// property query for good. May leave errors in OpenSSL's queue.
X509Ptr ParseX509(const Symbols& symbols, OSSL_LIB_CTX* libctx, const std::string& propq,
                  platform::ByteView der);

/// Throws std::bad_alloc when OpenSSL cannot encode it.
platform::Bytes DerOf(const Symbols& symbols, const X509* x509);

/// The DER of a name, in it; empty when OpenSSL cannot tell.
platform::ByteView DerOf(const Symbols& symbols, const X509_NAME* name);

}  // namespace ostrust::host
