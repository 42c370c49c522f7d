// A URL from a certificate or a redirection: what is accepted can be written again and means the
// same, and holds nothing that ends a line.
#include "provider/fetch/http_url.hpp"

#include <algorithm>

#include "fuzz_target.hpp"

using namespace ostrust::fetch;
using ostrust::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto url = ParseHttpUrl(text)) {
    const std::string written = "http://" + url->Authority() + url->path;
    Require(std::all_of(written.begin(), written.end(), [](char c) { return c > 32 && c < 127; }));
    Require(!url->host.empty() && url->port != 0 && url->path.front() == '/');
    Require(url->user_info.empty());
    if (written.size() <= 2048) {
      const auto again = ParseHttpUrl(written);
      Require(again && again->host == url->host && again->port == url->port &&
              again->path == url->path);
    }
    const auto next = ParseRedirection(*url, text);
    Require(!next || !next->host.empty());
    IsExemptFromProxy(text, url->host);
  }
  if (const auto proxy = ParseHttpProxy(text)) Require(!proxy->host.empty());
  return 0;
}
