// What the host programs share: checks that print what they saw, and certificates of test/pki.
//
// A host is a program that uses OpenSSL in one way worth testing and knows nothing of ostrust but
// "os://". test/integration/test_hosts.py writes its configuration and its system store and runs
// it. Environment: OPENSSL_CONF, OSTRUST_PKI (certificates), OSTRUST_BUNDLE (the system's store).
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace host {

inline std::atomic<int> failures{0};  // of all threads

/// Counts a failure and goes on, so that one run shows everything.
inline void Check(bool good, const char* what, int line, const std::string& seen = {}) {
  if (good) return;
  ++failures;
  std::fprintf(stderr, "line %d: not so: %s%s%s\n", line, what,
               seen.empty() ? "" : "; seen: ", seen.c_str());
}
#define CHECK(condition) ::host::Check((condition), #condition, __LINE__)
#define CHECK_EQ(seen, expected) \
  ::host::CheckEqual((seen), (expected), #seen " == " #expected, __LINE__)

inline std::string Shown(const std::string& value) {
  return value;
}
inline std::string Shown(int value) {
  return std::to_string(value);
}
inline std::string Shown(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += "[" + value + "]";
  return text;
}

template <typename Seen, typename Expected>
void CheckEqual(const Seen& seen, const Expected& expected, const char* what, int line) {
  Check(seen == expected, what, line, Shown(seen));
}

inline int Finish() {
  if (failures == 0) std::puts("all as expected");
  return failures == 0 ? 0 : 1;
}

inline std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) {
    std::fprintf(stderr, "%s is not set: run this through CTest\n", name);
    std::exit(2);
  }
  return value;
}

inline std::string PemPath(const std::string& name) {
  return Environment("OSTRUST_PKI") + "/" + name + ".pem";
}

/// Replaces the system's store, by renaming, as update-ca-certificates does.
inline void WriteStore(std::initializer_list<const char*> names) {
  const std::string path = Environment("OSTRUST_BUNDLE");
  {
    std::ofstream out(path + ".new");
    for (const char* name : names) out << std::ifstream(PemPath(name)).rdbuf();
  }
  if (std::rename((path + ".new").c_str(), path.c_str()) != 0) std::abort();
}

struct Deleter {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(STACK_OF(X509) * s) const { sk_X509_pop_free(s, X509_free); }
  void operator()(X509_CRL* c) const { X509_CRL_free(c); }
  void operator()(STACK_OF(X509_CRL) * s) const { sk_X509_CRL_pop_free(s, X509_CRL_free); }
  void operator()(X509_STORE* s) const { X509_STORE_free(s); }
  void operator()(X509_STORE_CTX* c) const { X509_STORE_CTX_free(c); }
  void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
  void operator()(SSL* s) const { SSL_free(s); }
  void operator()(SSL_SESSION* s) const { SSL_SESSION_free(s); }
  void operator()(OSSL_LIB_CTX* c) const { OSSL_LIB_CTX_free(c); }
  void operator()(BIO* b) const { BIO_free(b); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

/// A certificate of test/pki, bound to a library context.
inline Owned<X509> Certificate(const std::string& name, OSSL_LIB_CTX* library = nullptr) {
  Owned<BIO> in(BIO_new_file(PemPath(name).c_str(), "r"));
  X509* certificate = X509_new_ex(library, nullptr);
  if (!in || PEM_read_bio_X509(in.get(), &certificate, nullptr, nullptr) == nullptr) {
    std::fprintf(stderr, "cannot read %s\n", name.c_str());
    std::exit(2);
  }
  return Owned<X509>(certificate);
}

/// "accepted", or OpenSSL's words for why the store refuses this certificate.
inline std::string Verify(X509_STORE* store, const std::string& leaf,
                          OSSL_LIB_CTX* library = nullptr) {
  const Owned<X509> certificate = Certificate(leaf, library);
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new_ex(library, nullptr));
  if (X509_STORE_CTX_init(context.get(), store, certificate.get(), nullptr) != 1)
    return "no context";
  const bool good = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  if (good != (error == X509_V_OK)) return "result and error differ";
  return good ? "accepted" : X509_verify_cert_error_string(error);
}

inline const std::string kAccepted = "accepted";
inline const std::string kUnknown = "unable to get local issuer certificate";

/// Everything in the error queue, which is empty afterwards.
inline std::string Errors() {
  std::string text;
  const char* data = nullptr;
  int flags = 0;
  while (const unsigned long error = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    char line[256];
    ERR_error_string_n(error, line, sizeof line);
    text += std::string(line) + ": " + (data != nullptr ? data : "") + "\n";
  }
  return text;
}

}  // namespace host
