// A QUIC client and a QUIC server (OpenSSL 3.5 and later) over the loopback interface: QUIC
// verifies certificates through libssl, and the verdict holds there too. Exits with 77 where there
// is no QUIC.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tls.hpp"

using namespace host;

namespace {

/// What the headers of 3.0 do not declare. By name at run time.
struct Quic {
// clang-format off
#define OSTRUST_QUIC_FUNCTIONS(F)                               \
  F(const SSL_METHOD*, OSSL_QUIC_client_method, ())              \
  F(const SSL_METHOD*, OSSL_QUIC_client_thread_method, ())       \
  F(const SSL_METHOD*, OSSL_QUIC_server_method, ())              \
  F(SSL*, SSL_new_listener, (SSL_CTX*, std::uint64_t))           \
  F(int, SSL_listen, (SSL*))                                     \
  F(SSL*, SSL_accept_connection, (SSL*, std::uint64_t))          \
  F(int, SSL_handle_events, (SSL*))                              \
  F(int, SSL_set_blocking_mode, (SSL*, int))                     \
  F(int, SSL_set1_initial_peer_addr, (SSL*, const BIO_ADDR*))
// clang-format on
// NOLINTNEXTLINE(bugprone-macro-parentheses): types
#define OSTRUST_MEMBER(result, name, parameters) result(*name) parameters = nullptr;
  OSTRUST_QUIC_FUNCTIONS(OSTRUST_MEMBER)
#undef OSTRUST_MEMBER

  /// The first function that this OpenSSL does not have; null if it has all.
  const char* Resolve() {
// NOLINTBEGIN(bugprone-macro-parentheses): names
#define OSTRUST_RESOLVE(result, name, parameters)                      \
  name = reinterpret_cast<decltype(name)>(dlsym(RTLD_DEFAULT, #name)); \
  if (name == nullptr) return #name;
    OSTRUST_QUIC_FUNCTIONS(OSTRUST_RESOLVE)
#undef OSTRUST_RESOLVE
    // NOLINTEND(bugprone-macro-parentheses)
    return nullptr;
  }
};
Quic quic;

constexpr std::uint64_t kDoNotBlock = 1;  // SSL_ACCEPT_CONNECTION_NO_BLOCK
constexpr unsigned char kProtocols[] = {4, 't', 'e', 's', 't'};

/// A UDP socket on a free port of 127.0.0.1.
class Socket {
 public:
  Socket() : descriptor_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(descriptor_, generic, size) != 0 || getsockname(descriptor_, generic, &size) != 0) {
      std::perror("a UDP socket on 127.0.0.1");
      std::exit(2);
    }
    address_ = BIO_ADDR_new();
    BIO_ADDR_rawmake(address_, AF_INET, &address.sin_addr, sizeof address.sin_addr,
                     address.sin_port);
  }
  ~Socket() {
    BIO_ADDR_free(address_);
    close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int descriptor() const { return descriptor_; }
  const BIO_ADDR* address() const { return address_; }

 private:
  int descriptor_;
  BIO_ADDR* address_;
};

int SelectProtocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char*,
                   unsigned int, void*) {
  *out = kProtocols + 1;
  *size = kProtocols[0];
  return SSL_TLSEXT_ERR_OK;
}

/// What a QUIC client with this store says of a server that sends leaf and intermediate, and what
/// the first error in its queue adds.
std::string Verdict(const SSL_METHOD* method, Owned<X509_STORE> store) {
  const Socket server_socket;
  const Socket client_socket;

  const Owned<SSL_CTX> server_context(SSL_CTX_new(quic.OSSL_QUIC_server_method()));
  UseCertificate(server_context.get(), "leaf-int-chain");
  SSL_CTX_set_alpn_select_cb(server_context.get(), SelectProtocol, nullptr);
  const Owned<SSL> listener(quic.SSL_new_listener(server_context.get(), 0));
  CHECK_EQ(SSL_set_fd(listener.get(), server_socket.descriptor()), 1);
  CHECK_EQ(quic.SSL_set_blocking_mode(listener.get(), 0), 1);
  CHECK_EQ(quic.SSL_listen(listener.get()), 1);

  const Owned<SSL_CTX> client_context(SSL_CTX_new(method));
  SSL_CTX_set_verify(client_context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_store(client_context.get(), store.release());
  Side client;
  client.ssl.reset(SSL_new(client_context.get()));
  SSL* const ssl = client.ssl.get();
  CHECK_EQ(SSL_set_alpn_protos(ssl, kProtocols, sizeof kProtocols), 0);
  CHECK_EQ(SSL_set_fd(ssl, client_socket.descriptor()), 1);
  CHECK_EQ(quic.SSL_set1_initial_peer_addr(ssl, server_socket.address()), 1);
  CHECK_EQ(quic.SSL_set_blocking_mode(ssl, 0), 1);
  SSL_set_connect_state(ssl);

  Owned<SSL> accepted;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  do {
    client.Do(SSL_do_handshake);
    quic.SSL_handle_events(listener.get());
    if (!accepted) accepted.reset(quic.SSL_accept_connection(listener.get(), kDoNotBlock));
    if (accepted) quic.SSL_handle_events(accepted.get());
    ERR_clear_error();  // the server's
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (client.error == SSL_ERROR_WANT_READ && std::chrono::steady_clock::now() < deadline);
  const std::string sentence = client.errors.empty() ? "" : client.errors.front().data;
  return client.Verdict() + (sentence.empty() ? "" : ": " + sentence);
}

}  // namespace

int main() {
  OPENSSL_init_ssl(0, nullptr);
  if (const char* const missing = quic.Resolve()) {
    std::printf("%s has no %s\n", OpenSSL_version(OPENSSL_VERSION), missing);
    return 77;
  }
  for (const SSL_METHOD* method :
       {quic.OSSL_QUIC_client_method(), quic.OSSL_QUIC_client_thread_method()}) {
    // The application has the intermediate as well, so that only the verdict can refuse the chain.
    WriteStore({"root-a", "int-a-distrusted"});
    CHECK_EQ(Verdict(method, StoreOf({kOsStore, "int-a"})),
             kRejected +
                 ": certificate /O=ostrust tests/CN=Intermediate of A at depth 1 is "
                 "distrusted by " +
                 Environment("OSTRUST_BUNDLE"));
    CHECK_EQ(Verdict(method, StoreOf({"root-a", "int-a"})), kAccepted);
    WriteStore({"root-a"});
    CHECK_EQ(Verdict(method, StoreOf({kOsStore, "int-a"})), kAccepted);
    WriteStore({"root-b"});
    CHECK_EQ(Verdict(method, StoreOf({kOsStore})), "refused: " + kUnknown);
  }
  return Finish();
}
