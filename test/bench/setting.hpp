// What the benchmarks need, from the environment that test/bench/run sets: a chain to verify and
// the files a stock program would load. One binary for stock OpenSSL and for ostrust; which of them
// it measures is decided by OPENSSL_CONF alone.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace ostrust::bench {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>>;

[[noreturn]] inline void Die(const char* what) {
  std::fprintf(stderr, "benchmark: %s\n", what);
  ERR_print_errors_fp(stderr);
  std::exit(1);
}

inline const char* Setting(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) Die(name);
  return value;
}

inline Certificate ReadCertificate(const char* path) {
  std::FILE* const file = std::fopen(path, "r");
  if (file == nullptr) Die(path);
  Certificate certificate(PEM_read_X509(file, nullptr, nullptr, nullptr));
  std::fclose(file);
  if (certificate == nullptr) Die(path);
  return certificate;
}

inline Context NewContext() {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) Die("SSL_CTX_new");
  return context;
}

/// Verifies `leaf` as a server's certificate. False when it is refused.
inline bool Verify(SSL_CTX* context, X509* leaf) {
  const StoreContext verification(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(verification.get(), SSL_CTX_get_cert_store(context), leaf, nullptr) !=
      1) {
    Die("X509_STORE_CTX_init");
  }
  X509_STORE_CTX_set_default(verification.get(), "ssl_server");
  return X509_verify_cert(verification.get()) == 1;
}

}  // namespace ostrust::bench
