// TLS clients and servers in one process, over memory: what the programs about libssl share.
#pragma once

#include <utility>
#include <vector>

#include "host.hpp"

namespace host {

inline const std::string kRejected = "refused: certificate rejected";
inline const std::string kOsStore = "os://";

/// A store that was given the system's store (kOsStore), or certificates of test/pki, or both.
inline Owned<X509_STORE> StoreOf(std::initializer_list<std::string> sources) {
  Owned<X509_STORE> store(X509_STORE_new());
  for (const std::string& source : sources) {
    const std::string path = source == kOsStore ? source : PemPath(source);
    if (X509_STORE_load_file(store.get(), path.c_str()) != 1) {
      Check(false, "a store loads", __LINE__, source + ": " + Errors());
    }
  }
  return store;
}

inline void UseCertificate(SSL_CTX* context, const std::string& name) {
  const std::string key = Environment("OSTRUST_PKI") + "/" + name + ".key";
  CHECK_EQ(SSL_CTX_use_certificate_chain_file(context, PemPath(name).c_str()), 1);
  CHECK_EQ(SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM), 1);
}

inline Owned<SSL_CTX> ClientContext(Owned<X509_STORE> store) {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_store(context.get(), store.release());
  return context;
}

/// A server that sends this certificate, with the intermediate if the file has one.
inline Owned<SSL_CTX> ServerContext(const std::string& name = "leaf-int-chain") {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  UseCertificate(context.get(), name);
  return context;
}

/// An entry of the error queue.
struct QueuedError {
  std::string text;  // "SSL routines: certificate verify failed"
  std::string data;
};

/// The error queue, the oldest first; it is empty afterwards.
inline std::vector<QueuedError> TakeErrors() {
  std::vector<QueuedError> errors;
  const char* data = nullptr;
  int flags = 0;
  while (const unsigned long error = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    const char* const library = ERR_lib_error_string(error);
    const char* const reason = ERR_reason_error_string(error);
    errors.push_back({std::string(library != nullptr ? library : "?") + ": " +
                          (reason != nullptr ? reason : "?"),
                      (flags & ERR_TXT_STRING) != 0 ? data : ""});
  }
  return errors;
}

/// One end of a connection.
struct Side {
  Owned<SSL> ssl;
  int error = SSL_ERROR_NONE;  // of the last call
  std::vector<QueuedError> errors;

  /// Calls an SSL function and keeps what it leaves.
  template <typename Function>
  void Do(const Function& function) {
    const int result = function(ssl.get());
    error = SSL_get_error(ssl.get(), result);
    errors = TakeErrors();
  }

  /// What this side says of its peer: "accepted", "accepted despite: ..." or "refused: ...".
  std::string Verdict() const {
    const long result = SSL_get_verify_result(ssl.get());
    const std::string words = X509_verify_cert_error_string(result);
    if (error == SSL_ERROR_SSL) {
      std::string why = words;
      if (result == X509_V_OK) {
        for (const QueuedError& queued : errors) why += "; " + queued.text;
      }
      return "refused: " + why;
    }
    if (SSL_is_init_finished(ssl.get()) == 0) return "stopped at " + std::to_string(error);
    return result == X509_V_OK ? "accepted" : "accepted despite: " + words;
  }
};

/// A client and a server that talk to each other.
struct Connection {
  Side client, server;

  Connection(SSL_CTX* client_context, SSL_CTX* server_context) {
    client.ssl.reset(SSL_new(client_context));
    server.ssl.reset(SSL_new(server_context));
    BIO* at_client = nullptr;
    BIO* at_server = nullptr;
    if (BIO_new_bio_pair(&at_client, 0, &at_server, 0) != 1) std::abort();
    SSL_set_bio(client.ssl.get(), at_client, at_client);
    SSL_set_bio(server.ssl.get(), at_server, at_server);
    SSL_set_connect_state(client.ssl.get());
    SSL_set_accept_state(server.ssl.get());
  }

  /// The handshake, until both sides are done or one has failed.
  Connection& Handshake() {
    const auto failed = [](const Side& side) { return side.error == SSL_ERROR_SSL; };
    for (int turn = 0; turn < 10 && !failed(client) && !failed(server); ++turn) {
      client.Do(SSL_do_handshake);
      if (!failed(client)) server.Do(SSL_do_handshake);
      if (client.error == SSL_ERROR_NONE && server.error == SSL_ERROR_NONE) break;
    }
    return *this;
  }
};

/// Takes in what the peer has sent that is no data: tickets, requests for a certificate.
inline int ReadNothing(SSL* ssl) {
  char byte = 0;
  return SSL_read(ssl, &byte, 1);
}

/// What a client with this context says of a server with that one.
inline std::string ClientVerdict(SSL_CTX* client, SSL_CTX* server) {
  return Connection(client, server).Handshake().client.Verdict();
}

}  // namespace host
