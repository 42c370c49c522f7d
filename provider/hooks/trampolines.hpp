// The C functions that OpenSSL calls. Each is made once for every libcrypto in the process: OpenSSL
// passes them nothing that tells which libcrypto calls, and a hook that answers with the functions
// of another libcrypto corrupts memory.
#pragma once

#include <cstddef>

#include "provider/host/method_table.hpp"
#include "provider/host/symbols.hpp"
#include "provider/host/tls_library.hpp"

namespace ostrust::hooks {

/// How many libcrypto images one process can have served. More get layer L0 only.
inline constexpr std::size_t kMaxBindings = 8;

struct Trampolines {
  host::CtrlExFn file_ctrl_ex;
  host::CtrlExFn store_ctrl_ex;
  host::CtrlFn dir_ctrl;
  X509_STORE_CTX_get_issuer_fn get_issuer;
  X509_STORE_CTX_lookup_certs_fn lookup_certs;
  X509_LOOKUP_get_by_subject_fn lookup_by_subject;
  void (*lookup_free)(X509_LOOKUP* lookup);
  CRYPTO_EX_new* store_new;
  X509_STORE_CTX_verify_fn verify;
  CRYPTO_EX_new* verification_new;
  CRYPTO_EX_free* verification_free;
  CRYPTO_EX_new* ssl_ctx_new;
  int (*cert_verify)(X509_STORE_CTX* ctx, void* arg);
  X509_STORE_CTX_verify_cb verify_callback;
  SSL_custom_ext_add_cb_ex before_client_hello;
};

/// The functions of one slot. No exception leaves them: what OpenSSL asked for fails then, or,
/// where nothing can be accepted because of it, is left out.
const Trampolines& TrampolinesOf(std::size_t slot);

}  // namespace ostrust::hooks
