#include "provider/verify/stapling.hpp"

#include <span>

#include "provider/verify/verification.hpp"

namespace ostrust::verify {
namespace {

/// Or later; not QUIC, whose own version it is that is told, and not DTLS, whose numbers are
/// others.
bool IsTls13(const host::TlsLibrary& tls, const SSL* ssl) {
  return tls.SSL_is_dtls(ssl) == 0 && tls.SSL_version(ssl) >= TLS1_3_VERSION;
}

}  // namespace

StapledResponse StapledOf(const host::Symbols& symbols, const host::TlsLibrary* tls,
                          X509_STORE_CTX* ctx) {
  SSL* const ssl = ConnectionOf(symbols, tls, ctx);
  StapledResponse stapled;
  if (ssl == nullptr || tls->SSL_is_server(ssl) != 0 || !IsTls13(*tls, ssl)) return stapled;
  stapled.was_due =
      tls->SSL_ctrl(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_TYPE, 0, nullptr) == TLSEXT_STATUSTYPE_ocsp;
  const unsigned char* response = nullptr;
  const long size = tls->SSL_ctrl(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0,
                                  static_cast<void*>(&response));
  if (size > 0 && response != nullptr) {
    const auto bytes = std::as_bytes(std::span(response, static_cast<std::size_t>(size)));
    stapled.response.emplace(bytes.begin(), bytes.end());
  }
  return stapled;
}

bool MayAskForStapledResponse(const host::TlsLibrary& tls, SSL* ssl) {
  // By then the version is the highest that is offered.
  if (tls.SSL_is_server(ssl) != 0 || !IsTls13(tls, ssl) ||
      (tls.SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) == 0) {
    return false;
  }
  void (*callback)() = nullptr;
  tls.SSL_CTX_ctrl(tls.SSL_get_SSL_CTX(ssl), SSL_CTRL_GET_TLSEXT_STATUS_REQ_CB, 0,
                   static_cast<void*>(&callback));
  return callback == nullptr && tls.SSL_ctrl(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_TYPE, 0,
                                             nullptr) < 0;  // none
}

X509_STORE* StoreOf(const host::TlsLibrary& tls, SSL* ssl) {
  // As ssl_verify_cert_chain() chooses.
  X509_STORE* store = nullptr;
  tls.SSL_ctrl(ssl, SSL_CTRL_GET_VERIFY_CERT_STORE, 0, static_cast<void*>(&store));
  return store != nullptr ? store : tls.SSL_CTX_get_cert_store(tls.SSL_get_SSL_CTX(ssl));
}

void AskForStapledResponse(const host::TlsLibrary& tls, SSL* ssl) {
  tls.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, TLSEXT_STATUSTYPE_ocsp, nullptr);
}

}  // namespace ostrust::verify
