// SHA-1 (FIPS 180-4), which OpenSSL names the files of a hashed directory by.
//
// It names files, the URLs in one (intermediate_cache.hpp), and in messages a certificate, as
// Windows and macOS do; nothing else: no decision about trust rests on it, so its collisions do not
// matter. platform/ calls no OpenSSL, hence this copy.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "platform/bytes.hpp"

namespace ostrust::platform {

using Sha1Digest = std::array<std::uint8_t, 20>;

Sha1Digest Sha1(ByteView message);

/// The same in hexadecimal, in capitals: what Windows calls a certificate's thumbprint, and
/// Keychain Access its SHA-1 fingerprint.
std::string Sha1Fingerprint(ByteView message);

}  // namespace ostrust::platform
