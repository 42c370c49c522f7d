// A name out of a certificate as text, read without any libcrypto.
#pragma once

#include <string>

#include "platform/bytes.hpp"

namespace ostrust::tool {

/// `name`, the DER of an RFC 5280 Name, as "C=DE, O=Example, CN=Root": in the order of the
/// certificate, attributes of one RDN joined by +. Printable ASCII only, so that it can stand in a
/// terminal and in a comment of a PEM file: everything else, and what would begin another block
/// there (a hyphen behind a hyphen), is \HEX of its UTF-8. At most 1 KiB. What is no name, or an
/// empty one, is "(no name)".
std::string NameText(platform::ByteView name);

/// The same of its content, the RDNs, also as CanonicalName() has them.
std::string RdnsText(platform::ByteView rdns);

}  // namespace ostrust::tool
