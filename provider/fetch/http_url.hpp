// The URLs that are fetched from: http, and nothing that could mean two things.
//
// They come from certificates and servers nobody trusts yet, and decide where this process
// connects; OpenSSL 3.0's parser lets line breaks, user names and hosts with a slash through. So
// they are read here, after the grammar of RFC 3986, and what is not plain is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ostrust::fetch {

struct HttpUrl {
  std::string host;  // a name, or an address; IPv6 without its brackets
  std::uint16_t port = 80;
  std::string path = "/";  // with the query; begins with a slash
  std::string user_info;   // before the @; only in the URL of a proxy

  /// The host as it stands in a URL or a Host header: IPv6 in brackets, a port that is not 80.
  std::string Authority() const;
};

/// Nullopt unless `url` is http://HOST[:PORT][/PATH][?QUERY][#FRAGMENT], of 2048 printable ASCII
/// characters at most.
std::optional<HttpUrl> ParseHttpUrl(std::string_view url);

/// Where a redirection of `from` leads: an absolute URL, one without its scheme, or an absolute
/// path on the same host. Nullopt for anything else.
std::optional<HttpUrl> ParseRedirection(const HttpUrl& from, std::string_view location);

/// The value of http_proxy, as curl reads it: the scheme may be left out, user name and password
/// may be there. Nullopt when it is no HTTP proxy.
std::optional<HttpUrl> ParseHttpProxy(std::string_view value);

/// Whether `no_proxy` names this host: names and addresses separated by commas or spaces, each of
/// which stands for itself and for what is below it in the DNS; * for all hosts.
bool IsExemptFromProxy(std::string_view no_proxy, std::string_view host);

}  // namespace ostrust::fetch
