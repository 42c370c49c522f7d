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
using Connection = std::unique_ptr<SSL, Deleter<SSL_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
inline void FreeCertificates(STACK_OF(X509) * certificates) {
  sk_X509_pop_free(certificates, X509_free);
}
using Certificates = std::unique_ptr<STACK_OF(X509), Deleter<FreeCertificates>>;
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

inline Certificate ReadCertificate(std::FILE* file) {
  Certificate certificate(PEM_read_X509(file, nullptr, nullptr, nullptr));
  if (certificate == nullptr) Die("reading a certificate");
  return certificate;
}

using File = std::unique_ptr<std::FILE, Deleter<std::fclose>>;
inline File Open(const char* path) {
  File file(std::fopen(path, "r"));
  if (file == nullptr) Die(path);
  return file;
}

inline Certificate ReadCertificate(const char* path) {
  return ReadCertificate(Open(path).get());
}

/// What a server sends; its root is in the bundles.
struct Chain {
  Certificate leaf;
  Certificates intermediates;
};

/// From a file with a private key, the leaf and one intermediate.
inline Chain ReadChain(const char* path) {
  const File file = Open(path);
  Chain chain{ReadCertificate(file.get()), Certificates(sk_X509_new_null())};
  Certificate intermediate = ReadCertificate(file.get());
  if (sk_X509_push(chain.intermediates.get(), intermediate.get()) == 0) Die("sk_X509_push");
  static_cast<void>(intermediate.release());
  return chain;
}

inline Context NewContext() {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) Die("SSL_CTX_new");
  return context;
}

// The name in the leaves.
inline constexpr const char* kHost = "localhost";

/// Verifies `chain` as the server kHost's. False when it is refused.
inline bool Verify(SSL_CTX* context, const Chain& chain) {
  const StoreContext verification(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(verification.get(), SSL_CTX_get_cert_store(context), chain.leaf.get(),
                          chain.intermediates.get()) != 1 ||
      X509_STORE_CTX_set_default(verification.get(), "ssl_server") != 1 ||
      X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(verification.get()), kHost, 0) != 1) {
    Die("preparing a verification");
  }
  return X509_verify_cert(verification.get()) == 1;
}

}  // namespace ostrust::bench
