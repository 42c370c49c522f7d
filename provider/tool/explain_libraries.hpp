// What `ostrust explain` and `enable` call of a libcrypto and of the libssl beside it, loaded by
// path. Only ever used in a child process, as libcrypto.hpp.
#pragma once

#include <optional>
#include <string>

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "provider/tool/libcrypto.hpp"

namespace ostrust::tool {

// The header macros must not be used here either.
#define OSTRUST_EXPLAIN_CRYPTO_SYMBOLS(X) \
  X(ASN1_STRING_get0_data)                \
  X(ASN1_STRING_length)                   \
  X(ASN1_STRING_type)                     \
  X(ASN1_TIME_to_tm)                      \
  X(AUTHORITY_INFO_ACCESS_free)           \
  X(BIO_ctrl)                             \
  X(BIO_free)                             \
  X(BIO_new)                              \
  X(BIO_new_mem_buf)                      \
  X(BIO_s_mem)                            \
  X(ERR_peek_last_error)                  \
  X(EVP_PKEY_get0_type_name)              \
  X(EVP_PKEY_get_bits)                    \
  X(EVP_PKEY_get_group_name)              \
  X(EVP_sha256)                           \
  X(GENERAL_NAMES_free)                   \
  X(NCONF_dump_bio)                       \
  X(NCONF_load_bio)                       \
  X(OBJ_obj2nid)                          \
  X(OPENSSL_sk_free)                      \
  X(OPENSSL_sk_new_null)                  \
  X(OPENSSL_sk_push)                      \
  X(PEM_read_bio_X509)                    \
  X(X509_NAME_cmp)                        \
  X(X509_NAME_print_ex)                   \
  X(X509_STORE_CTX_free)                  \
  X(X509_STORE_CTX_get0_chain)            \
  X(X509_STORE_CTX_get0_param)            \
  X(X509_STORE_CTX_get_current_cert)      \
  X(X509_STORE_CTX_get_error)             \
  X(X509_STORE_CTX_get_error_depth)       \
  X(X509_STORE_CTX_get_num_untrusted)     \
  X(X509_STORE_CTX_init)                  \
  X(X509_STORE_CTX_new)                   \
  X(X509_STORE_CTX_set_default)           \
  X(X509_STORE_add_cert)                  \
  X(X509_STORE_set_verify_cb)             \
  X(X509_VERIFY_PARAM_get_auth_level)     \
  X(X509_VERIFY_PARAM_get_flags)          \
  X(X509_VERIFY_PARAM_set1_host)          \
  X(X509_VERIFY_PARAM_set1_ip_asc)        \
  X(X509_VERIFY_PARAM_set_auth_level)     \
  X(X509_VERIFY_PARAM_set_flags)          \
  X(X509_VERIFY_PARAM_set_time)           \
  X(X509_digest)                          \
  X(X509_free)                            \
  X(X509_get0_notAfter)                   \
  X(X509_get0_notBefore)                  \
  X(X509_get0_pubkey)                     \
  X(X509_get0_serialNumber)               \
  X(X509_get_default_cert_dir)            \
  X(X509_get_default_cert_file)           \
  X(X509_get_ext_d2i)                     \
  X(X509_get_issuer_name)                 \
  X(X509_get_subject_name)                \
  X(X509_verify_cert)                     \
  X(X509_verify_cert_error_string)        \
  X(d2i_X509)                             \
  X(i2d_X509)

#define OSTRUST_EXPLAIN_SSL_SYMBOLS(X) \
  X(OPENSSL_init_ssl)                  \
  X(SSL_CIPHER_get_name)               \
  X(SSL_CTX_ctrl)                      \
  X(SSL_CTX_free)                      \
  X(SSL_CTX_get_cert_store)            \
  X(SSL_CTX_get_ciphers)               \
  X(SSL_CTX_get_options)               \
  X(SSL_CTX_get_security_level)        \
  X(SSL_CTX_load_verify_dir)           \
  X(SSL_CTX_load_verify_file)          \
  X(SSL_CTX_new)                       \
  X(SSL_CTX_set_default_verify_paths)  \
  X(SSL_CTX_set_msg_callback)          \
  X(SSL_CTX_set_options)               \
  X(SSL_CTX_set_verify)                \
  X(SSL_connect)                       \
  X(SSL_ctrl)                          \
  X(SSL_get0_param)                    \
  X(SSL_get_error)                     \
  X(SSL_get_verify_result)             \
  X(SSL_get_version)                   \
  X(SSL_new)                           \
  X(SSL_set_fd)                        \
  X(TLS_client_method)                 \
  X(TLS_server_method)

// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name takes none
#define OSTRUST_EXPLAIN_DECLARE(name) decltype(&::name) name = nullptr;

/// A libcrypto and what else of it is called here.
struct Verifier : Libcrypto {
  OSTRUST_EXPLAIN_CRYPTO_SYMBOLS(OSTRUST_EXPLAIN_DECLARE)

  /// Loads the library at `path`, which stays loaded. Nullopt, with a sentence in `why`, when that
  /// fails or it lacks something that every OpenSSL from 3.0 on has.
  static std::optional<Verifier> Load(const std::string& path, std::string& why);
};

/// The libssl of a Verifier.
struct Libssl {
  OSTRUST_EXPLAIN_SSL_SYMBOLS(OSTRUST_EXPLAIN_DECLARE)
  std::string path;

  /// Loads the one that lies beside the libcrypto at `libcrypto` and uses it. Nullopt, with a
  /// sentence in `why`, when there is none. `libcrypto` must be loaded.
  static std::optional<Libssl> Load(const std::string& libcrypto, const Verifier& verifier,
                                    std::string& why);
};

#undef OSTRUST_EXPLAIN_DECLARE

}  // namespace ostrust::tool
