// The byte vocabulary of platform/: certificates, names and files are spans of std::byte.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace ostrust::platform {

/// Bytes owned by somebody else. The owner is named where a function returns one.
using ByteView = std::span<const std::byte>;

/// Bytes owned here.
using Bytes = std::vector<std::byte>;

/// The same bytes, seen as text or as a hash key. No copy.
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The same bytes of a text. No copy.
inline ByteView AsBytes(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

}  // namespace ostrust::platform
