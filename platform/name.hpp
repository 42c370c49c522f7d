// When two names are equal, and what a certificate's file in a hashed directory is called: both as
// OpenSSL decides it, so that a lookup here finds what X509_LOOKUP_file and X509_LOOKUP_hash_dir
// would.
#pragma once

#include <cstdint>
#include <optional>

#include "platform/bytes.hpp"

namespace ostrust::platform {

/// The canonical encoding of `name`, the DER of an RFC 5280 Name, byte for byte as OpenSSL's
/// x509_name_canon() makes it (crypto/x509/x_name.c, alike in 3.0, 3.5, 3.6 and 4.0). Two names are
/// equal for X509_NAME_cmp() exactly if these encodings are; that of an empty name is empty.
/// Nullopt when `name` is not exactly one Name in DER or holds a string that is invalid in its
/// type: OpenSSL does not parse a certificate with such a name either.
std::optional<Bytes> CanonicalName(ByteView name);

/// X509_NAME_hash_ex() of the name with this canonical encoding: the number, in 8 hexadecimal
/// digits, that a hashed directory's file names begin with.
std::uint32_t NameHash(ByteView canonical_name);

}  // namespace ostrust::platform
