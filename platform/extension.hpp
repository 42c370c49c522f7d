// An extension of a certificate, of a CRL or one of its entries, or one that is stapled to a key.
#pragma once

#include <optional>
#include <string_view>

#include "platform/bytes.hpp"
#include "platform/der.hpp"

namespace ostrust::platform {

/// Views into the bytes that were read.
struct Extension {
  std::string_view identifier;  // the content of the OBJECT IDENTIFIER
  bool is_critical = false;
  ByteView value;  // the content of extnValue
};

/// The next element, an Extension (RFC 5280 section 4.1). Nullopt when it is none in DER.
std::optional<Extension> ReadExtension(DerReader& reader);

}  // namespace ostrust::platform
