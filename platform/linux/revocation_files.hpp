// What stands before the index of a CRL, or before an OCSP response, in a file of a
// RevocationStore.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "platform/bytes.hpp"

namespace ostrust::platform {

struct RevocationHead {
  /// What the file is of: its name is only a hash of that.
  std::string_view about;
  /// The public keys that were found to have signed what follows.
  std::vector<Bytes> keys;
  /// Where that begins.
  std::size_t size = 0;
};

/// How much of a file has to be read at most.
inline constexpr std::size_t kMaxRevocationHead = std::size_t{16} << 10;

/// Nullopt when it would be longer than kMaxRevocationHead.
std::optional<Bytes> EncodeRevocationHead(std::string_view about, const std::vector<Bytes>& keys);
/// `start` is the file, or its first kMaxRevocationHead bytes; `about` is a view into it. Nullopt
/// when it begins with nothing that EncodeRevocationHead() makes.
std::optional<RevocationHead> DecodeRevocationHead(ByteView start);

}  // namespace ostrust::platform
