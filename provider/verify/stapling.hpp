// Stapled OCSP responses (RFC 6066 section 8, RFC 8446 section 4.4.2.1), on the client's side.
#pragma once

#include <optional>

#include "platform/bytes.hpp"
#include "provider/host/symbols.hpp"
#include "provider/host/tls_library.hpp"

namespace ostrust::verify {

/// What a TLS connection brought.
struct StapledResponse {
  /// A response was asked for, and in this version of TLS it has come by now if it comes at all.
  bool was_due = false;
  std::optional<platform::Bytes> response;
};

/// That of the connection whose peer is verified; nothing where there is none, where it is a
/// server's, and below TLS 1.3: there it comes in a message of its own, after the certificate was
/// verified. `tls` may be null. From OpenSSL 3.6 on a server can staple one for each certificate;
/// the first is the end entity's.
StapledResponse StapledOf(const host::Symbols& symbols, const host::TlsLibrary* tls,
                          X509_STORE_CTX* ctx);

/// Whether a response may be asked for as far as the connection tells: a client that verifies its
/// server, that may use TLS 1.3, and whose application has set neither the status type nor a
/// callback. (From 3.6 on libssl itself refuses a response that cannot be parsed.)
bool MayAskForStapledResponse(const host::TlsLibrary& tls, SSL* ssl);

/// To be called before the ClientHello is made.
void AskForStapledResponse(const host::TlsLibrary& tls, SSL* ssl);

/// The store that the connection's peer will be verified with.
X509_STORE* StoreOf(const host::TlsLibrary& tls, SSL* ssl);

}  // namespace ostrust::verify
