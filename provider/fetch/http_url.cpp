#include "provider/fetch/http_url.hpp"

#include <algorithm>
#include <charconv>

namespace ostrust::fetch {
namespace {

constexpr std::size_t kMaxUrl = 2048;
constexpr std::string_view kScheme = "http://";

char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return LowerAscii(x) == LowerAscii(y); });
}

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool ConsistsOf(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

constexpr std::string_view kName =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
constexpr std::string_view kIpv6 = "0123456789abcdefABCDEF:.";

/// HOST[:PORT], the host of an IPv6 address in brackets.
bool ParseAuthority(std::string_view authority, HttpUrl& url) {
  std::string_view host;
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
    if (!ConsistsOf(host, kIpv6)) return false;
  } else {
    host = authority.substr(0, authority.find(':'));
    authority.remove_prefix(host.size());
    if (!ConsistsOf(host, kName)) return false;
  }
  url.host = host;
  if (authority.empty()) return true;
  if (authority.front() != ':') return false;
  authority.remove_prefix(1);
  if (authority.empty()) return true;  // RFC 3986 section 3.2.3: the default port
  const char* const end = authority.data() + authority.size();
  const auto [stop, error] = std::from_chars(authority.data(), end, url.port);
  return error == std::errc() && stop == end && url.port != 0;
}

/// What follows the scheme. `user_info`: whether there may be some.
std::optional<HttpUrl> ParseAfterScheme(std::string_view rest, bool user_info) {
  HttpUrl url;
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, end);
  rest.remove_prefix(end);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (!user_info) return std::nullopt;
    url.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  if (!ParseAuthority(authority, url)) return std::nullopt;
  rest = rest.substr(0, rest.find('#'));
  url.path = rest.empty() || rest.front() != '/' ? "/" + std::string(rest) : std::string(rest);
  return url;
}

}  // namespace

std::string HttpUrl::Authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != 80) text += ":" + std::to_string(port);
  return text;
}

std::optional<HttpUrl> ParseHttpUrl(std::string_view url) {
  if (url.size() > kMaxUrl || !IsPrintable(url) ||
      !EqualIgnoringCase(url.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  return ParseAfterScheme(url.substr(kScheme.size()), false);
}

std::optional<HttpUrl> ParseRedirection(const HttpUrl& from, std::string_view location) {
  if (location.starts_with("//")) return ParseHttpUrl("http:" + std::string(location));
  if (location.starts_with('/')) {
    return ParseHttpUrl(std::string(kScheme) + from.Authority() + std::string(location));
  }
  return ParseHttpUrl(location);
}

std::optional<HttpUrl> ParseHttpProxy(std::string_view value) {
  if (value.size() > kMaxUrl || !IsPrintable(value)) return std::nullopt;
  if (const std::size_t scheme = value.find("://"); scheme != std::string_view::npos) {
    if (!EqualIgnoringCase(value.substr(0, scheme + 3), kScheme)) return std::nullopt;
    value.remove_prefix(kScheme.size());
  }
  return ParseAfterScheme(value, true);
}

bool IsExemptFromProxy(std::string_view no_proxy, std::string_view host) {
  constexpr std::string_view kSeparators = ", \t";
  while (!no_proxy.empty()) {
    const std::size_t end = std::min(no_proxy.find_first_of(kSeparators), no_proxy.size());
    std::string_view entry = no_proxy.substr(0, end);
    no_proxy.remove_prefix(std::min(end + 1, no_proxy.size()));
    if (entry == "*") return true;
    if (!entry.empty() && entry.front() == '.') entry.remove_prefix(1);
    if (entry.size() > 2 && entry.front() == '[' && entry.back() == ']') {
      entry = entry.substr(1, entry.size() - 2);
    }
    if (entry.empty() || entry.size() > host.size()) continue;
    const std::size_t before = host.size() - entry.size();
    if (EqualIgnoringCase(host.substr(before), entry) && (before == 0 || host[before - 1] == '.')) {
      return true;
    }
  }
  return false;
}

}  // namespace ostrust::fetch
