// HTTP GET in a hostile network: what libcrypto's client speaks (HTTP/1.0), over a connection of
// ours, because its own has no deadline for name resolution, connects to whatever a name resolves
// to, and can end the process with SIGPIPE.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "platform/bytes.hpp"
#include "provider/fetch/http_url.hpp"
#include "provider/host/symbols.hpp"

namespace ostrust::fetch {

/// The most that an answer of certificates or OCSP may have: OpenSSL's own limit
/// (OSSL_HTTP_DEFAULT_MAX_RESP_LEN).
inline constexpr std::size_t kMaxAnswer = std::size_t{100} * 1024;

std::string Base64(const host::Symbols& symbols, std::string_view text);

/// For one verification, on one thread.
class HttpClient {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// `symbols.CanFetch()`. `allow_private`: also addresses that are not globally reachable, and
  /// ports other than 80. The environment's http_proxy (lower case only: a CGI program's caller
  /// sets HTTP_PROXY) and no_proxy are honoured, but not in a set-user-ID process. A proxy may be
  /// anywhere; then it is the proxy that resolves the name, and a name that leads to a private
  /// address is its business. The literal of such an address is refused here.
  HttpClient(const host::Symbols& symbols, bool allow_private)
      : symbols_(symbols), allow_private_(allow_private) {}

  /// The DER value, of `max_size` bytes at most, that `url` answers with, following three
  /// redirections at most. Nullopt, with a clause in `why`, when there is no such answer before the
  /// deadline. Leaves OpenSSL's error queue as it was; changes errno.
  std::optional<platform::Bytes> Get(const std::string& url, Deadline deadline,
                                     std::size_t max_size, std::string& why) const;

 private:
  struct Answer {
    std::optional<platform::Bytes> body;
    std::string location;  // of a redirection
  };
  Answer Exchange(const HttpUrl& url, Deadline deadline, std::size_t max_size,
                  std::string& why) const;

  const host::Symbols& symbols_;
  const bool allow_private_;
};

}  // namespace ostrust::fetch
