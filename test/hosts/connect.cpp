// A program that names its CAs through libssl's functions and connects.
//
//     connect PORT default              SSL_CTX_set_default_verify_paths
//     connect PORT file|dir|store NAME  SSL_CTX_load_verify_file, _dir, _store
//
// Prints "accepted", or why not; exit status 0 if the question could be answered. Compiles with the
// headers of every OpenSSL from 3.0 on: test/versions builds it where there is a newer one.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>
#include <memory>
#include <string>

namespace {

bool Trust(SSL_CTX* context, const std::string& what, const char* name) {
  if (what == "default") return SSL_CTX_set_default_verify_paths(context) == 1;
  if (what == "file") return SSL_CTX_load_verify_file(context, name) == 1;
  if (what == "dir") return SSL_CTX_load_verify_dir(context, name) == 1;
  if (what == "store") return SSL_CTX_load_verify_store(context, name) == 1;
  return false;
}

struct Deleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::unique_ptr<SSL_CTX, Deleter> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (!Trust(context.get(), argv[2], argc > 3 ? argv[3] : "")) {
    std::puts("not loaded");
    return 0;
  }
  const std::unique_ptr<BIO, Deleter> connection(BIO_new_ssl_connect(context.get()));
  SSL* ssl = nullptr;
  if (!connection || BIO_get_ssl(connection.get(), &ssl) != 1 || ssl == nullptr) return 2;
  SSL_set1_host(ssl, "localhost");
  BIO_set_conn_hostname(connection.get(), (std::string("127.0.0.1:") + argv[1]).c_str());
  if (BIO_do_handshake(connection.get()) == 1) {
    std::puts("accepted");
    return 0;
  }
  const long result = SSL_get_verify_result(ssl);
  if (result == X509_V_OK) {  // something else than the certificate
    ERR_print_errors_fp(stderr);
    return 1;
  }
  std::puts(X509_verify_cert_error_string(result));
  return 0;
}
