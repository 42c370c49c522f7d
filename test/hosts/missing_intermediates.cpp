// Clients of a server that sends only its leaf, in ways that CPython does not have.
//
//     missing_intermediates dane SOURCE         with DANE records of each usage (RFC 6698, 2.1.1)
//     missing_intermediates contexts SOURCE     8 threads at once, in two library contexts
//
// SOURCE: the CA file, os:// or a path. Prints what each client says of the server. Certificates:
// test/pki/ca_issuers.py.
#include <mutex>
#include <thread>

#include "tls.hpp"

using namespace host;

namespace {

constexpr const char* kHost = "localhost";

Owned<SSL_CTX> Client(const char* source, OSSL_LIB_CTX* library = nullptr) {
  Owned<SSL_CTX> context(SSL_CTX_new_ex(library, nullptr, TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_file(context.get(), source) != 1) {
    Check(false, "the store loads", __LINE__, Errors());
  }
  return context;
}

/// The record's data: the whole certificate (selector 0, matching type 0).
std::vector<unsigned char> Der(const char* name) {
  const auto certificate = Certificate(name);
  std::vector<unsigned char> der(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
  unsigned char* out = der.data();
  i2d_X509(certificate.get(), &out);
  return der;
}

void WithDane(const char* source) {
  struct Usage {
    const char* name;
    std::uint8_t number;
    const char* certificate;
  };
  const auto server = ServerContext("leaf");
  for (const Usage& usage : {Usage{"PKIX-TA", 0, "root-a"},
                             {"PKIX-EE", 1, "leaf"},
                             {"DANE-TA", 2, "root-a"},
                             {"DANE-TA int", 2, "int"},
                             {"DANE-EE", 3, "leaf"},
                             {"DANE-EE of another", 3, "leaf-direct"}}) {
    const auto client = Client(source);
    CHECK_EQ(SSL_CTX_dane_enable(client.get()), 1);
    Connection connection(client.get(), server.get());
    SSL* const ssl = connection.client.ssl.get();
    CHECK(SSL_dane_enable(ssl, kHost) > 0);
    const auto der = Der(usage.certificate);
    CHECK_EQ(SSL_dane_tlsa_add(ssl, usage.number, 0, 0, der.data(), der.size()), 1);
    std::printf("%s: %s\n", usage.name, connection.Handshake().client.Verdict().c_str());
  }
}

void InLibraryContexts(const char* source) {
  const Owned<OSSL_LIB_CTX> second(OSSL_LIB_CTX_new());
  CHECK_EQ(OSSL_LIB_CTX_load_config(second.get(), Environment("OPENSSL_CONF").c_str()), 1);
  const auto server = ServerContext("leaf");
  const Owned<SSL_CTX> clients[] = {Client(source), Client(source, second.get())};
  std::mutex mutex;
  constexpr int kThreads = 8;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Connection connection(clients[i % 2].get(), server.get());
      SSL_set1_host(connection.client.ssl.get(), kHost);
      const std::string verdict = connection.Handshake().client.Verdict();
      const std::lock_guard<std::mutex> lock(mutex);
      std::puts(verdict.c_str());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  OPENSSL_init_ssl(0, nullptr);
  const std::string what = argv[1];
  if (what == "dane") {
    WithDane(argv[2]);
  } else if (what == "contexts") {
    InLibraryContexts(argv[2]);
  } else {
    return 2;
  }
  return failures == 0 ? 0 : 1;
}
