// The libssl that uses the libcrypto that loaded us. Optional: without it chains of TLS connections
// are not completed before they are verified, no stapled response is asked for or seen, and in
// OpenSSL 3.0 nothing tells which verification is a TLS peer's.
#pragma once

#include <optional>

#include <openssl/ssl.h>

#include "provider/host/image.hpp"

namespace ostrust::host {

/// Plain pointers, none of them null.
struct TlsLibrary {
  decltype(&::SSL_CTX_add_custom_ext) SSL_CTX_add_custom_ext = nullptr;
  decltype(&::SSL_CTX_ctrl) SSL_CTX_ctrl = nullptr;
  decltype(&::SSL_CTX_get_cert_store) SSL_CTX_get_cert_store = nullptr;
  decltype(&::SSL_CTX_set_cert_verify_callback) SSL_CTX_set_cert_verify_callback = nullptr;
  decltype(&::SSL_ctrl) SSL_ctrl = nullptr;
  decltype(&::SSL_dane_tlsa_add) SSL_dane_tlsa_add = nullptr;
  decltype(&::SSL_get_ex_data_X509_STORE_CTX_idx) SSL_get_ex_data_X509_STORE_CTX_idx = nullptr;
  decltype(&::SSL_get_SSL_CTX) SSL_get_SSL_CTX = nullptr;
  decltype(&::SSL_get_verify_mode) SSL_get_verify_mode = nullptr;
  decltype(&::SSL_is_dtls) SSL_is_dtls = nullptr;
  decltype(&::SSL_is_server) SSL_is_server = nullptr;
  decltype(&::SSL_version) SSL_version = nullptr;
  /// Whether a client can encrypt its ClientHello (ECH), since 4.0.
  bool has_ech = false;
};

/// Looks among the loaded images; loads none. Nullopt when there is no such libssl, or more than
/// one: nothing would tell which of them made an SSL_CTX. Takes the dynamic linker's lock, so no
/// lock of ours may be held.
std::optional<TlsLibrary> FindTlsLibrary(const Image& libcrypto);

}  // namespace ostrust::host
