// The URI of the operating system's store: `os:` and `os://`, and nothing else.
#pragma once

#include <cstddef>
#include <string_view>

namespace ostrust {

/// What a name that an application gave (a file, a directory, a store URI) is to us.
enum class UriKind {
  kForeign,    // not ours: OpenSSL's own business
  kOsStore,    // os: or os://
  kMalformed,  // the scheme is ours, the rest is not: an error, never a file called `os:...`
};

/// Schemes compare without case (RFC 3986 section 3.1), as OpenSSL compares them.
constexpr UriKind ClassifyUri(std::string_view name) {
  constexpr std::size_t kSchemeLength = 3;  // "os:"
  if (name.size() < kSchemeLength) return UriKind::kForeign;
  if ((name[0] | 0x20) != 'o' || (name[1] | 0x20) != 's' || name[2] != ':')
    return UriKind::kForeign;
  const std::string_view rest = name.substr(kSchemeLength);
  return rest.empty() || rest == "//" ? UriKind::kOsStore : UriKind::kMalformed;
}

}  // namespace ostrust
