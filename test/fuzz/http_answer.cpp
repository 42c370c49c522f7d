// What a web server answers, in whatever pieces: what is taken from it is one DER value of an
// answer with status 200, and no more is read, and no other request sent, than the header says.
//
// The first byte: how the pieces are cut. Then, for each connection, an answer with its length.
#include "provider/fetch/http_client.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include "libcrypto.hpp"
#include "platform/der.hpp"
#include "platform/tcp_connection.hpp"

using namespace ostrust;
using ostrust::fuzz::Require;
using platform::ByteView;

namespace {

constexpr std::size_t kMaxAnswer = 4096;
constexpr std::size_t kMaxHead = std::size_t{32} * 1024;  // as http_client.cpp has it

struct Network {
  ostrust::fuzz::Pieces answers{ByteView()};
  unsigned cut = 0;
  bool allows_private = false;
  int connections = 0;
  std::string last_answer;
};
Network* network = nullptr;

void RequireOneRequest(const std::string& text, const std::string& authority) {
  Require(text.starts_with("GET /") && text.ends_with("\r\n\r\n"));
  // A request line, a Host header and nothing that either of them brought with it.
  Require(std::count(text.begin(), text.end(), '\n') == 3 &&
          std::count(text.begin(), text.end(), '\r') == 3);
  Require(text.find(" HTTP/1.0\r\nHost: " + authority + "\r\n\r\n") != std::string::npos);
}

class Double final : public platform::TcpConnection {
 public:
  Double(std::string authority, ByteView answer)
      : authority_(std::move(authority)), answer_(answer), cut_(network->cut) {}
  ~Double() override { RequireOneRequest(sent_, authority_); }

  bool Send(ByteView data) override {
    sent_ += platform::AsText(data);
    return true;
  }
  std::ptrdiff_t Receive(std::span<std::byte> out) override {
    Require(!out.empty());
    // An odd cut ends with an error, an even one with the end.
    if (answer_.empty()) return network->cut % 2 != 0 ? -1 : 0;
    cut_ = cut_ * 5 + 3;
    const std::size_t piece = network->cut < 2 ? out.size() : 1 + cut_ % network->cut;
    const std::size_t count = std::min({piece, out.size(), answer_.size()});
    std::copy_n(answer_.begin(), count, out.begin());
    answer_ = answer_.subspan(count);
    received_ += count;
    Require(received_ <= kMaxAnswer + kMaxHead);
    return static_cast<std::ptrdiff_t>(count);
  }

 private:
  const std::string authority_;
  ByteView answer_;
  unsigned cut_;
  std::string sent_;
  std::size_t received_ = 0;
};

}  // namespace

std::unique_ptr<platform::TcpConnection> platform::TcpConnection::Open(const std::string& host,
                                                                       std::uint16_t port,
                                                                       bool allow_private, Deadline,
                                                                       std::string& why) {
  Require(!host.empty() && host.size() <= 2048 && port != 0);
  Require(std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view(".-_:").find(static_cast<char>(c)) != std::string_view::npos;
  }));
  Require(allow_private == network->allows_private && (allow_private || port == 80));
  Require(++network->connections <= 4);
  if (network->answers.AtEnd()) {
    why = "nobody is there";
    return nullptr;
  }
  const ByteView answer = network->answers.Chunk();
  network->last_answer = platform::AsText(answer);
  std::string authority = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != 80) authority += ":" + std::to_string(port);
  return std::make_unique<Double>(std::move(authority), answer);
}

bool platform::TcpConnection::IsPrivateLiteral(const std::string&) {
  return false;  // asked with a proxy only
}

bool platform::TcpConnection::ResolverIsStuck() {
  return false;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int once = unsetenv("http_proxy");
  static_cast<void>(once);
  Network of_this_input;
  network = &of_this_input;
  of_this_input.answers = ostrust::fuzz::Pieces(data, size);
  of_this_input.cut = of_this_input.answers.Byte();
  of_this_input.allows_private = of_this_input.cut >= 128;

  const ostrust::fuzz::SameErrors same;
  const fetch::HttpClient client(ostrust::fuzz::LinkedSymbols(), of_this_input.allows_private);
  std::string why;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  const auto body = client.Get("http://ca.example/ca.der", deadline, kMaxAnswer, why);
  if (!body) {
    Require(!why.empty());
    return 0;
  }
  Require(!body->empty() && body->size() <= kMaxAnswer);
  const auto value = platform::DerReader(*body).Next();
  Require(value && value->whole.size() == body->size());
  const std::string& answer = of_this_input.last_answer;
  Require(answer.starts_with("HTTP/1.") && answer.substr(8, 4) == " 200");
  Require(answer.find(platform::AsText(*body)) != std::string::npos);
  return 0;
}
