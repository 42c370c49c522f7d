#include "provider/host/tls_library.hpp"

namespace ostrust::host {

std::optional<TlsLibrary> FindTlsLibrary(const Image& libcrypto) {
  // A function that libssl takes from libcrypto, and that both must mean the same one by.
  const auto users = libcrypto.Users("SSL_CTX_new", "X509_verify_cert");
  if (users.size() != 1) return std::nullopt;
  TlsLibrary library;
  const Image& image = users.front();
#define OSTRUST_RESOLVE(name) Resolve(image, #name, library.name)
  if (!OSTRUST_RESOLVE(SSL_CTX_add_custom_ext) || !OSTRUST_RESOLVE(SSL_CTX_ctrl) ||
      !OSTRUST_RESOLVE(SSL_CTX_get_cert_store) ||
      !OSTRUST_RESOLVE(SSL_CTX_set_cert_verify_callback) || !OSTRUST_RESOLVE(SSL_ctrl) ||
      !OSTRUST_RESOLVE(SSL_dane_tlsa_add) || !OSTRUST_RESOLVE(SSL_get_SSL_CTX) ||
      !OSTRUST_RESOLVE(SSL_get_ex_data_X509_STORE_CTX_idx) ||
      !OSTRUST_RESOLVE(SSL_get_verify_mode) || !OSTRUST_RESOLVE(SSL_is_dtls) ||
      !OSTRUST_RESOLVE(SSL_is_server) || !OSTRUST_RESOLVE(SSL_version)) {
    return std::nullopt;
  }
#undef OSTRUST_RESOLVE
  int (*set_ech_config_list)(SSL*, const unsigned char*, std::size_t) = nullptr;
  library.has_ech = Resolve(image, "SSL_set1_ech_config_list", set_ech_config_list);
  return library;
}

}  // namespace ostrust::host
