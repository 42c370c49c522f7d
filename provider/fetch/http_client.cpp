#include "provider/fetch/http_client.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "platform/der.hpp"
#include "platform/tcp_connection.hpp"
#include "provider/host/dropped_errors.hpp"
#include "provider/host/process.hpp"

namespace ostrust::fetch {
namespace {

using platform::TcpConnection;

constexpr int kMaxRedirections = 3;
constexpr int kLineSize = 4096;
// Beyond the answer itself: status line and headers. OpenSSL 3.0 reads headers without end.
constexpr std::size_t kMaxHead = std::size_t{32} * 1024;

/// The connection OpenSSL's client reads and writes. A BIO of ours, and not one of OpenSSL's for
/// sockets: those wait without a deadline, and write() without MSG_NOSIGNAL.
struct Stream {
  Stream(TcpConnection& to, std::size_t most) : connection(to), left(most) {}

  TcpConnection& connection;
  std::array<std::byte, kLineSize> buffer{};  // 4.0's client reads byte by byte
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t left;
  std::array<std::byte, 12> status_line{};  // its beginning: "HTTP/1.1 200"
  std::size_t status_size = 0;

  bool IsOk() const { return platform::AsText(status_line).ends_with(" 200"); }
};

// The one of the exchange this thread is in. OpenSSL passes the callbacks nothing that tells which
// libcrypto calls, and so nothing to ask for the BIO's data with.
constinit thread_local Stream* current = nullptr;

class Current {
 public:
  explicit Current(Stream& stream) { current = &stream; }
  ~Current() { current = nullptr; }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;
};

int Read(BIO*, char* out, int size) noexcept {
  Stream& stream = *current;
  if (stream.begin == stream.end) {
    const std::size_t most = std::min(stream.buffer.size(), stream.left);
    const auto count =
        most == 0 ? -1 : stream.connection.Receive(std::span(stream.buffer).first(most));
    if (count <= 0) return static_cast<int>(count);
    stream.begin = 0;
    stream.end = static_cast<std::size_t>(count);
    stream.left -= stream.end;
    const std::size_t more = std::min(stream.status_line.size() - stream.status_size, stream.end);
    std::copy_n(stream.buffer.begin(), more,
                stream.status_line.begin() + static_cast<std::ptrdiff_t>(stream.status_size));
    stream.status_size += more;
  }
  const std::size_t count = std::min(static_cast<std::size_t>(size), stream.end - stream.begin);
  std::copy_n(stream.buffer.begin() + static_cast<std::ptrdiff_t>(stream.begin), count,
              reinterpret_cast<std::byte*>(out));
  stream.begin += count;
  return static_cast<int>(count);
}

int Write(BIO*, const char* data, int size) noexcept {
  const std::string_view text(data, static_cast<std::size_t>(size));
  return current->connection.Send(platform::AsBytes(text)) ? size : -1;
}

long Control(BIO*, int command, long, void*) noexcept {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/// The proxy for `host`, if there is one. False when the environment names one that cannot be used:
/// going past it is not what was asked for.
bool ProxyFor(const std::string& host, std::optional<HttpUrl>& proxy) {
  const auto named = host::SecureGetenv("http_proxy");
  if (!named || named->empty()) return true;
  for (const char* const variable : {"no_proxy", "NO_PROXY"}) {
    const auto no_proxy = host::SecureGetenv(variable);
    if (!no_proxy) continue;
    if (IsExemptFromProxy(*no_proxy, host)) return true;
    break;
  }
  proxy = ParseHttpProxy(*named);
  return proxy.has_value();
}

}  // namespace

std::string Base64(const host::Symbols& symbols, std::string_view text) {
  std::string out(text.size() / 3 * 4 + 5, '\0');  // EVP_EncodeBlock() ends it with a NUL
  const int size = symbols.EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                           reinterpret_cast<const unsigned char*>(text.data()),
                                           static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(std::max(size, 0)));
  return out;
}

std::optional<platform::Bytes> HttpClient::Get(const std::string& url, Deadline deadline,
                                               std::size_t max_size, std::string& why) const {
  auto next = ParseHttpUrl(url);
  for (int redirections = 0; next; ++redirections) {
    if (!allow_private_ && next->port != 80) {
      why = "port " + std::to_string(next->port) + " is not allowed (network-allow-private)";
      return std::nullopt;
    }
    Answer answer = Exchange(*next, deadline, max_size, why);
    if (answer.body || answer.location.empty()) return std::move(answer.body);
    if (redirections == kMaxRedirections) {
      why = "too many redirections";
      return std::nullopt;
    }
    next = ParseRedirection(*next, answer.location);
  }
  why = "not a plain http URL";
  return std::nullopt;
}

HttpClient::Answer HttpClient::Exchange(const HttpUrl& url, Deadline deadline, std::size_t max_size,
                                        std::string& why) const {
  const host::DroppedErrors dropped(symbols_);
  std::optional<HttpUrl> proxy;
  if (!ProxyFor(url.host, proxy)) {
    why = "http_proxy does not name an HTTP proxy";
    return {};
  }
  if (proxy && !allow_private_ && TcpConnection::IsPrivateLiteral(url.host)) {
    why = url.host + " is not globally reachable";
    return {};
  }
  const HttpUrl& peer = proxy ? *proxy : url;
  const auto connection =
      TcpConnection::Open(peer.host, peer.port, allow_private_ || proxy, deadline, why);
  if (connection == nullptr) return {};
  why = "no usable HTTP answer";
  Stream stream(*connection, max_size + kMaxHead);
  const Current running(stream);

  const std::unique_ptr<BIO_METHOD, decltype(symbols_.BIO_meth_free)> method(
      symbols_.BIO_meth_new(BIO_TYPE_SOURCE_SINK, "ostrust"), symbols_.BIO_meth_free);
  if (method == nullptr || symbols_.BIO_meth_set_read(method.get(), Read) != 1 ||
      symbols_.BIO_meth_set_write(method.get(), Write) != 1 ||
      symbols_.BIO_meth_set_ctrl(method.get(), Control) != 1) {
    return {};
  }
  const std::unique_ptr<BIO, decltype(symbols_.BIO_free)> bio(symbols_.BIO_new(method.get()),
                                                              symbols_.BIO_free);
  if (bio == nullptr) return {};
  symbols_.BIO_set_init(bio.get(), 1);

  const std::unique_ptr<OSSL_HTTP_REQ_CTX, decltype(symbols_.OSSL_HTTP_REQ_CTX_free)> request(
      symbols_.OSSL_HTTP_REQ_CTX_new(bio.get(), bio.get(), kLineSize),
      symbols_.OSSL_HTTP_REQ_CTX_free);
  if (request == nullptr) return {};
  symbols_.OSSL_HTTP_REQ_CTX_set_max_response_length(request.get(), max_size);
  const std::string authority = url.Authority();
  // A proxy is asked for the whole URL; OpenSSL prepends the scheme.
  if (symbols_.OSSL_HTTP_REQ_CTX_set_request_line(
          request.get(), 0, proxy ? authority.c_str() : nullptr, nullptr, url.path.c_str()) != 1 ||
      symbols_.OSSL_HTTP_REQ_CTX_add1_header(request.get(), "Host", authority.c_str()) != 1 ||
      (proxy && !proxy->user_info.empty() &&
       symbols_.OSSL_HTTP_REQ_CTX_add1_header(
           request.get(), "Proxy-Authorization",
           ("Basic " + Base64(symbols_, proxy->user_info)).c_str()) != 1) ||
      symbols_.OSSL_HTTP_REQ_CTX_set_expected(request.get(), nullptr, 1, 0, 0) != 1) {
    return {};
  }

  char* location = nullptr;
  const std::unique_ptr<BIO, decltype(symbols_.BIO_free)> body(
      symbols_.OSSL_HTTP_exchange(request.get(), &location), symbols_.BIO_free);
  Answer answer;
  if (location != nullptr) {
    answer.location = location;
    symbols_.CRYPTO_free(location, "ostrust", 0);
  }
  if (body != nullptr && !stream.IsOk()) {
    why += " (its status is not 200)";  // from 3.5 on OpenSSL takes what an error brings
  } else if (body != nullptr) {
    platform::Bytes bytes(static_cast<std::size_t>(
        std::max(symbols_.BIO_ctrl(body.get(), BIO_CTRL_PENDING, 0, nullptr), 0L)));
    const int size = symbols_.BIO_read(body.get(), bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(std::max(size, 0)));
    // How much came behind it depends on how the peer's packets were cut.
    if (const auto value = platform::DerReader(bytes).Next()) {
      bytes.resize(value->whole.size());
      answer.body = std::move(bytes);
    }
  } else if (std::chrono::steady_clock::now() >= deadline) {
    why = "timed out";
  } else if (const char* const reason =
                 symbols_.ERR_reason_error_string(symbols_.ERR_peek_last_error())) {
    why += std::string(" (") + reason + ")";
  }
  return answer;
}

}  // namespace ostrust::fetch
