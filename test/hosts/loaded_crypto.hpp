// A libcrypto opened with dlopen, seen through its own handle only.
#pragma once

#include <dlfcn.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509_vfy.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace host {

struct LoadedCrypto {
// clang-format off
#define OSTRUST_FUNCTIONS(F)                                                                  \
  F(OPENSSL_init_crypto) F(OSSL_LIB_CTX_new) F(OSSL_LIB_CTX_load_config) F(OSSL_LIB_CTX_free) \
  F(OSSL_PROVIDER_available) F(X509_STORE_new) F(X509_STORE_free) F(X509_STORE_load_file_ex)  \
  F(X509_STORE_set_default_paths_ex) F(X509_STORE_CTX_new_ex) F(X509_STORE_CTX_init)          \
  F(X509_STORE_CTX_free) F(X509_STORE_CTX_get_error) F(X509_verify_cert)                      \
  F(X509_verify_cert_error_string) F(BIO_new_file) F(BIO_free) F(PEM_read_bio_X509)           \
  F(X509_new_ex) F(X509_free) F(ERR_clear_error)
// clang-format on
// NOLINTNEXTLINE(bugprone-macro-parentheses): a name
#define OSTRUST_MEMBER(name) decltype(&::name) name = nullptr;
  OSTRUST_FUNCTIONS(OSTRUST_MEMBER)
#undef OSTRUST_MEMBER

  explicit LoadedCrypto(const char* path) {
    void* const handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      std::fprintf(stderr, "%s\n", dlerror());
      std::exit(2);
    }
#define OSTRUST_BIND(name) Bind(handle, #name, name);
    OSTRUST_FUNCTIONS(OSTRUST_BIND)
#undef OSTRUST_BIND
  }

  /// "accepted", OpenSSL's words for the refusal, or what failed before. `source`: a CA file name,
  /// or nullptr for the default paths.
  std::string Verify(OSSL_LIB_CTX* library, const char* source, const std::string& pem) const {
    X509_STORE* const store = X509_STORE_new();
    std::string answer = "not loaded";
    const int loaded = source != nullptr ? X509_STORE_load_file_ex(store, source, library, nullptr)
                                         : X509_STORE_set_default_paths_ex(store, library, nullptr);
    if (loaded == 1) {
      BIO* const in = BIO_new_file(pem.c_str(), "r");
      X509* certificate = X509_new_ex(library, nullptr);
      PEM_read_bio_X509(in, &certificate, nullptr, nullptr);
      BIO_free(in);
      X509_STORE_CTX* const context = X509_STORE_CTX_new_ex(library, nullptr);
      X509_STORE_CTX_init(context, store, certificate, nullptr);
      answer = X509_verify_cert(context) == 1
                   ? "accepted"
                   : X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
      X509_STORE_CTX_free(context);
      X509_free(certificate);
    }
    X509_STORE_free(store);
    ERR_clear_error();
    return answer;
  }

 private:
  template <typename Function>
  static void Bind(void* handle, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    if (function == nullptr) {
      std::fprintf(stderr, "%s: %s\n", name, dlerror());
      std::exit(2);
    }
  }
};

}  // namespace host
