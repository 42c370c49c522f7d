// What the benchmarks need, from the environment that test/bench/run or test/bench/windows sets: a
// chain to verify and the files a stock program would load. One binary for stock OpenSSL and for
// ostrust; which of them it measures is decided by OPENSSL_CONF alone.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

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

using Clock = std::chrono::steady_clock;

inline double Microseconds(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::micro>(end - begin).count();
}

inline double Median(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

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

using File = std::unique_ptr<std::FILE, Deleter<std::fclose>>;
inline File Open(const char* path) {
  File file(std::fopen(path, "r"));
  if (file == nullptr) Die(path);
  return file;
}

/// The next one of a file; null at its end.
inline Certificate ReadCertificate(std::FILE* file) {
  return Certificate(PEM_read_X509(file, nullptr, nullptr, nullptr));
}

inline Certificate ReadCertificate(const char* path) {
  Certificate certificate = ReadCertificate(Open(path).get());
  if (certificate == nullptr) Die(path);
  return certificate;
}

/// What a server sends; its root is in the bundles.
struct Chain {
  Certificate leaf;
  Certificates intermediates;
};

/// From a file with a private key, the leaf and, where the server does not forget it, the
/// intermediate.
inline Chain ReadChain(const char* path) {
  const File file = Open(path);
  Chain chain{ReadCertificate(file.get()), Certificates(sk_X509_new_null())};
  if (chain.leaf == nullptr) Die(path);
  while (Certificate intermediate = ReadCertificate(file.get())) {
    if (sk_X509_push(chain.intermediates.get(), intermediate.get()) == 0) Die("sk_X509_push");
    static_cast<void>(intermediate.release());
  }
  ERR_clear_error();  // that the file has ended
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

inline void PrepareForFullHandshakes(SSL_CTX* context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1) Die("TLS 1.3");
}

/// What a server staples to its certificate, and how many times it was asked to.
struct Staple {
  std::string response;
  int asked = 0;
};

/// `chain` is a file as for ReadChain(). `staple` may be null, and outlives the server.
inline Context NewServer(const char* chain, Staple* staple = nullptr) {
  Context context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr || SSL_CTX_use_certificate_chain_file(context.get(), chain) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), chain, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_set_num_tickets(context.get(), 0) != 1) {
    Die("making a server");
  }
  PrepareForFullHandshakes(context.get());
  if (staple == nullptr) return context;
  SSL_CTX_set_tlsext_status_arg(context.get(), staple);
  SSL_CTX_set_tlsext_status_cb(
      context.get(), +[](SSL* ssl, void* argument) {
        auto* const stapled = static_cast<Staple*>(argument);
        ++stapled->asked;
        const std::string& der = stapled->response;
        SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(der.data(), der.size()),
                                        static_cast<long>(der.size()));
        return SSL_TLSEXT_ERR_OK;
      });
  return context;
}

inline Context NewClient() {
  Context context = NewContext();
  PrepareForFullHandshakes(context.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

/// One full handshake, both sides in this thread. False when the client refuses the server.
inline bool Handshake(SSL_CTX* client_context, SSL_CTX* server_context) {
  const Connection client(SSL_new(client_context));
  const Connection server(SSL_new(server_context));
  BIO* client_end = nullptr;
  BIO* server_end = nullptr;
  if (client == nullptr || server == nullptr ||
      BIO_new_bio_pair(&client_end, 0, &server_end, 0) != 1 ||
      SSL_set_tlsext_host_name(client.get(), kHost) != 1 ||
      SSL_set1_host(client.get(), kHost) != 1) {
    Die("preparing a handshake");
  }
  SSL_set_bio(client.get(), client_end, client_end);
  SSL_set_bio(server.get(), server_end, server_end);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  // Client hello; the server's flight; the client's last; the server reads it.
  for (int flight = 0; flight < 4; ++flight) {
    SSL* const side = flight % 2 == 0 ? client.get() : server.get();
    const int result = SSL_do_handshake(side);
    if (result == 1 || SSL_get_error(side, result) == SSL_ERROR_WANT_READ) continue;
    if (SSL_get_verify_result(client.get()) == X509_V_OK) Die("handshake");
    ERR_clear_error();
    return false;
  }
  if (SSL_is_init_finished(client.get()) == 0 || SSL_is_init_finished(server.get()) == 0 ||
      SSL_session_reused(client.get()) != 0) {
    Die("that was no full handshake");
  }
  return true;
}

}  // namespace ostrust::bench
