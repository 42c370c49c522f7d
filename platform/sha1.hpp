// SHA-1 (FIPS 180-4), which OpenSSL names the files of a hashed directory by.
//
// It names files, the URLs in one (intermediate_cache.hpp), and in messages a certificate, as
// Windows does; nothing else: no decision about trust rests on it, so its collisions do not matter.
// platform/ calls no OpenSSL, hence this copy.
#pragma once

#include <array>
#include <cstdint>

#include "platform/bytes.hpp"

namespace ostrust::platform {

using Sha1Digest = std::array<std::uint8_t, 20>;

Sha1Digest Sha1(ByteView message);

}  // namespace ostrust::platform
