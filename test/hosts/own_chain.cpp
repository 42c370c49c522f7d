// A server that sends a chain it completed itself, from the store that also verifies its clients.
// Prints what clients get; the same with ostrust as without.
//
//     own_chain SOURCE [OWN]     SOURCE: the CA file, os:// or a path
//                                OWN: a certificate of test/pki that the application brings besides
#include "tls.hpp"

using namespace host;

namespace {

std::string Subjects(STACK_OF(X509) * chain) {
  std::string text;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    char subject[256] = "";
    X509_NAME_oneline(X509_get_subject_name(sk_X509_value(chain, i)), subject, sizeof subject);
    text += std::string(" [") + subject + "]";
  }
  return text;
}

std::vector<std::string> sources;

Owned<SSL_CTX> ServerWithStore(const std::string& certificate) {
  auto server = ServerContext(certificate);
  for (const std::string& source : sources) {
    if (SSL_CTX_load_verify_file(server.get(), source.c_str()) != 1) {
      Check(false, "the store loads", __LINE__, Errors());
    }
  }
  return server;
}

/// The client verifies nothing, so that it sees what is sent whatever that is worth.
void PrintWhatIsSent(const char* what, SSL_CTX* server) {
  const auto client = ClientContext(StoreOf({}));
  SSL_CTX_set_verify(client.get(), SSL_VERIFY_NONE, nullptr);
  Connection connection(client.get(), server);
  connection.Handshake();
  CHECK_EQ(connection.client.error, SSL_ERROR_NONE);
  CHECK_EQ(connection.server.error, SSL_ERROR_NONE);
  CHECK(connection.server.errors.empty());
  std::printf("%s:%s\n", what,
              Subjects(SSL_get_peer_cert_chain(connection.client.ssl.get())).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  OPENSSL_init_ssl(0, nullptr);
  sources.push_back(argv[1]);
  if (argc > 2) sources.push_back(PemPath(argv[2]));

  for (const char* certificate : {"leaf-a", "leaf-int", "leaf-int-chain"}) {
    const auto server = ServerWithStore(certificate);
    PrintWhatIsSent(certificate, server.get());
  }

  const int no_root = SSL_BUILD_CHAIN_FLAG_NO_ROOT;
  const int forgiving = SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR | SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR;
  for (const int flags : {0, no_root, forgiving}) {
    const auto server = ServerWithStore("leaf-a");
    const int result = SSL_CTX_build_cert_chain(server.get(), flags);
    std::printf("SSL_CTX_build_cert_chain with flags %d: %d\n", flags, result);
    const auto errors = TakeErrors();
    if (!errors.empty()) std::printf("the last error: %s\n", errors.back().text.c_str());
    PrintWhatIsSent("then", server.get());
  }
  return Finish();
}
