// A TLS client that knows its server by its raw public key (RFC 7250; OpenSSL 3.2 and later). There
// is no chain, and nothing in the system's store that could say anything. Prints what became of it;
// the same with ostrust as without. Exits with 77 where OpenSSL has no raw public keys.
//
//     raw_public_keys SOURCE     SOURCE: the CA file of the client, os:// or a path
#include <dlfcn.h>

#include "tls.hpp"

using namespace host;

namespace {

// By name at run time: built with the headers of 3.0, too.
using SetCertTypes = int (*)(SSL*, const unsigned char*, std::size_t);
using AddExpectedKey = int (*)(SSL*, EVP_PKEY*);

constexpr unsigned char kRawPublicKey = 2;  // TLSEXT_cert_type_rpk

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  OPENSSL_init_ssl(0, nullptr);
  const auto set_types =
      reinterpret_cast<SetCertTypes>(dlsym(RTLD_DEFAULT, "SSL_set1_server_cert_type"));
  const auto add_key =
      reinterpret_cast<AddExpectedKey>(dlsym(RTLD_DEFAULT, "SSL_add_expected_rpk"));
  if (set_types == nullptr || add_key == nullptr) {
    std::printf("%s has no raw public keys\n", OpenSSL_version(OPENSSL_VERSION));
    return 77;
  }

  const auto server = ServerContext("leaf-a");
  for (const bool verified : {true, false}) {
    for (const char* expected : {"leaf-a", "leaf-b", "none"}) {
      const auto client = ClientContext(StoreOf({}));
      CHECK_EQ(SSL_CTX_load_verify_file(client.get(), argv[1]), 1);
      if (!verified) SSL_CTX_set_verify(client.get(), SSL_VERIFY_NONE, nullptr);
      CHECK(SSL_CTX_dane_enable(client.get()) > 0);
      Connection connection(client.get(), server.get());
      SSL* const ssl = connection.client.ssl.get();
      CHECK(SSL_dane_enable(ssl, nullptr) > 0);
      CHECK_EQ(set_types(ssl, &kRawPublicKey, 1), 1);
      CHECK_EQ(set_types(connection.server.ssl.get(), &kRawPublicKey, 1), 1);
      if (std::string(expected) != "none") {
        CHECK_EQ(add_key(ssl, X509_get0_pubkey(Certificate(expected).get())), 1);
      }
      connection.Handshake();
      CHECK(SSL_get_peer_cert_chain(ssl) == nullptr);
      std::printf("%s, expected key %s: %s\n", verified ? "verified" : "not verified", expected,
                  connection.client.Verdict().c_str());
    }
  }
  return Finish();
}
