// A libcrypto loaded by path, and what the tool asks it. Only ever used in a child process: the
// tool itself links no libcrypto and loads none.
#pragma once

#include <optional>
#include <string>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/stack.h>
#include <openssl/x509_vfy.h>

namespace ostrust::tool {

// The header macros (sk_*, OPENSSL_free, ...) must not be used: they would reference libcrypto.
#define OSTRUST_TOOL_SYMBOLS(X)      \
  X(CONF_get1_default_config_file)   \
  X(CONF_modules_load_file_ex)       \
  X(CRYPTO_free)                     \
  X(ERR_clear_error)                 \
  X(ERR_get_error_all)               \
  X(ERR_reason_error_string)         \
  X(EVP_MD_fetch)                    \
  X(EVP_MD_free)                     \
  X(NCONF_free)                      \
  X(NCONF_get_section)               \
  X(NCONF_get_string)                \
  X(NCONF_load)                      \
  X(NCONF_new_ex)                    \
  X(OPENSSL_INIT_new)                \
  X(OPENSSL_INIT_set_config_appname) \
  X(OPENSSL_init_crypto)             \
  X(OPENSSL_sk_num)                  \
  X(OPENSSL_sk_value)                \
  X(OSSL_LIB_CTX_new)                \
  X(OSSL_PROVIDER_do_all)            \
  X(OSSL_PROVIDER_get0_name)         \
  X(OSSL_PROVIDER_get_params)        \
  X(OSSL_PROVIDER_load)              \
  X(X509_STORE_free)                 \
  X(X509_STORE_get_get_issuer)       \
  X(X509_STORE_load_file)            \
  X(X509_STORE_load_path)            \
  X(X509_STORE_new)                  \
  X(X509_STORE_set_default_paths)

struct Libcrypto {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name takes none
#define OSTRUST_TOOL_DECLARE(name) decltype(&::name) name = nullptr;
  OSTRUST_TOOL_SYMBOLS(OSTRUST_TOOL_DECLARE)
#undef OSTRUST_TOOL_DECLARE
  decltype(&::OpenSSL_version) OpenSSL_version = nullptr;

  /// Loads the library at `path`, which stays loaded. Nullopt, with a sentence in `why`, when that
  /// fails. What it lacks stays null: see Complete().
  static std::optional<Libcrypto> Load(const std::string& path, std::string& why);

  /// Whether everything is there, as in every OpenSSL from 3.0 on; else the name of what is not.
  bool Complete(std::string& missing) const;

  /// "OpenSSL 3.0.19 27 Jan 2026"; empty when it does not say.
  std::string Version() const;

  /// Takes the calling thread's errors out of the queue: reasons and data, oldest first.
  std::string TakeErrors() const;
};

}  // namespace ostrust::tool
