// A program that lets libssl verify: every way in which a verdict of the system's can reach it.
//
// Most rows use a store that asked for os:// *and* holds the intermediate, as the application's
// own: OpenSSL accepts such a chain, and only the verdict can refuse it. The twin of each row is a
// store that never asked, which knows nothing of what the system distrusts.
#include <atomic>
#include <chrono>
#include <thread>

#include <dlfcn.h>

#include "callers.hpp"
#include "tls.hpp"

using namespace host;

namespace {

void Distrust() {
  WriteStore({"root-a", "int-a-distrusted"});
}

void Trust() {
  WriteStore({"root-a"});
}

Owned<X509_STORE> Governed() {
  return StoreOf({kOsStore, "int-a"});
}

Owned<X509_STORE> Ordinary() {
  return StoreOf({"root-a", "int-a"});
}

Owned<X509_STORE> Defaults() {
  Owned<X509_STORE> store(X509_STORE_new());
  CHECK_EQ(X509_STORE_set_default_paths(store.get()), 1);
  return store;
}

// --- clients -------------------------------------------------------------------------------------

void EveryStoreThatAskedIsJudged() {
  const auto server = ServerContext();
  const auto verdict = [&](Owned<X509_STORE> store) {
    return ClientVerdict(ClientContext(std::move(store)).get(), server.get());
  };
  Distrust();
  CHECK_EQ(verdict(Governed()), kRejected);
  CHECK_EQ(verdict(StoreOf({kOsStore})), kRejected);
  CHECK_EQ(verdict(Defaults()), kRejected);
  CHECK_EQ(verdict(Ordinary()), kAccepted);
  Trust();
  CHECK_EQ(verdict(Governed()), kAccepted);
  CHECK_EQ(verdict(StoreOf({kOsStore})), kAccepted);
  CHECK_EQ(verdict(Defaults()), kAccepted);
}

void TheStoreOfAConnectionDecides() {
  const auto server = ServerContext();
  Distrust();
  const auto verdict = [&](Owned<X509_STORE> contexts, const Owned<X509_STORE>& connections) {
    const auto client = ClientContext(std::move(contexts));
    Connection connection(client.get(), server.get());
    CHECK_EQ(SSL_set1_verify_cert_store(connection.client.ssl.get(), connections.get()), 1);
    return connection.Handshake().client.Verdict();
  };
  CHECK_EQ(verdict(Ordinary(), Governed()), kRejected);
  CHECK_EQ(verdict(Governed(), Ordinary()), kAccepted);
}

/// What is left when nobody checks the verdict: it is there to be read, and no later call fails.
void WithoutVerificationTheResultIsKept() {
  const auto server = ServerContext();
  Distrust();
  for (const auto& [store, expected] :
       {std::pair{&Governed, std::string("accepted despite: certificate rejected")},
        {&Ordinary, kAccepted}}) {
    const auto client = ClientContext(store());
    SSL_CTX_set_verify(client.get(), SSL_VERIFY_NONE, nullptr);
    Connection connection(client.get(), server.get());
    connection.Handshake();
    CHECK_EQ(connection.client.Verdict(), expected);
    CHECK(connection.client.errors.empty());
    connection.client.Do(ReadNothing);
    CHECK_EQ(connection.client.error, SSL_ERROR_WANT_READ);
    CHECK(connection.client.errors.empty());
  }
}

/// The queue of a refused handshake: whoever shows its first error, and whoever shows its last,
/// shows what OpenSSL always says; the first one's data tells the rest.
void TheErrorsNameTheCertificate() {
  const auto server = ServerContext();
  Distrust();
  // The second is refused by OpenSSL itself, because of the settings of what it was handed.
  for (const bool by_us : {true, false}) {
    const auto client = ClientContext(by_us ? Governed() : StoreOf({kOsStore}));
    Connection connection(client.get(), server.get());
    const auto& errors = connection.Handshake().client.errors;
    const std::string words = "SSL routines: certificate verify failed";
    CHECK_EQ(connection.client.Verdict(), kRejected);
    CHECK(errors.size() > 1);
    if (errors.empty()) return;
    CHECK_EQ(errors.front().text, words);
    CHECK_EQ(errors.back().text, words);
    CHECK_EQ(errors.front().data,
             "certificate /O=ostrust tests/CN=Intermediate of A at depth 1 is distrusted by " +
                 Environment("OSTRUST_BUNDLE"));
  }
}

// --- verify callbacks ----------------------------------------------------------------------------

/// What the callbacks saw.
std::vector<std::string> calls;

void Record(X509_STORE_CTX* context) {
  char subject[256] = "none";
  X509_NAME_oneline(X509_get_subject_name(X509_STORE_CTX_get_current_cert(context)), subject,
                    sizeof subject);
  calls.push_back(std::string(X509_verify_cert_error_string(X509_STORE_CTX_get_error(context))) +
                  " at depth " + std::to_string(X509_STORE_CTX_get_error_depth(context)) + ": " +
                  subject);
}

int Forgive(int good, X509_STORE_CTX* context) {
  if (good == 0) Record(context);
  return 1;
}

int Observe(int good, X509_STORE_CTX* context) {
  if (good == 0) Record(context);
  return good;
}

int VetoTheLeaf(int good, X509_STORE_CTX* context) {
  if (X509_STORE_CTX_get_error_depth(context) != 0) return good;
  X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

void CallbacksAreAskedAndObeyed() {
  const auto server = ServerContext();
  const std::vector<std::string> one = {
      "certificate rejected at depth 1: /O=ostrust tests/CN=Intermediate of A"};
  const auto verdict = [&](Owned<X509_STORE> store, SSL_verify_cb callback) {
    calls.clear();
    const auto client = ClientContext(std::move(store));
    SSL_CTX_set_verify(client.get(), SSL_VERIFY_PEER, callback);
    Connection connection(client.get(), server.get());
    const std::string words = connection.Handshake().client.Verdict();
    if (words.rfind("accepted", 0) == 0) CHECK(connection.client.errors.empty());
    return words;
  };
  Distrust();
  CHECK_EQ(verdict(Governed(), Forgive), "accepted despite: certificate rejected");
  CHECK_EQ(calls, one);
  CHECK_EQ(verdict(Governed(), Observe), kRejected);
  CHECK_EQ(calls, one);
  for (const auto callback : {Forgive, Observe}) {
    CHECK_EQ(verdict(Ordinary(), callback), kAccepted);
    CHECK_EQ(calls, std::vector<std::string>());
  }
  // A callback that refuses what everybody accepts, the system included.
  Trust();
  CHECK_EQ(verdict(Governed(), Observe), kAccepted);
  CHECK_EQ(verdict(Governed(), VetoTheLeaf), "refused: application verification failure");
}

// --- a verification function of the application's ------------------------------------------------

int own_verifications = 0;

int VerifyItself(X509_STORE_CTX* context, void*) {
  ++own_verifications;
  return X509_verify_cert(context);
}

int AcceptAnybody(X509_STORE_CTX*, void*) {
  ++own_verifications;
  return 1;
}

void AVerificationFunctionOfTheApplicationIsKept() {
  const auto server = ServerContext();
  const auto verdict = [&](Owned<X509_STORE> store, int (*function)(X509_STORE_CTX*, void*)) {
    own_verifications = 0;
    const auto client = ClientContext(std::move(store));
    SSL_CTX_set_cert_verify_callback(client.get(), function, nullptr);
    const std::string words = ClientVerdict(client.get(), server.get());
    CHECK_EQ(own_verifications, 1);
    return words;
  };
  Distrust();
  CHECK_EQ(verdict(Governed(), VerifyItself), kRejected);
  CHECK_EQ(verdict(Ordinary(), VerifyItself), kAccepted);
  CHECK_EQ(verdict(Governed(), AcceptAnybody), kAccepted);
}

bool through_ostrust = false;

/// Looks whether a function of the module stands between libssl and this verification.
int LookAtTheCallers(int ok, X509_STORE_CTX*) {
  void* callers[64];
  const int count = host::Callers(callers, 64);
  through_ostrust = false;
  for (int i = 0; i < count; ++i) {
    Dl_info image{};
    through_ostrust =
        through_ostrust || (dladdr(callers[i], &image) != 0 &&
                            std::string(image.dli_fname).find("/ostrust.so") != std::string::npos);
  }
  return ok;
}

/// libssl has no getter for its cert-verify callback. In a store that never asked nothing else of
/// ours is called.
void LibsslVerifiesThroughUsUnlessTheApplicationSaysOtherwise() {
  const auto server = ServerContext();
  for (const bool own : {false, true}) {
    const auto client = ClientContext(Ordinary());
    SSL_CTX_set_verify(client.get(), SSL_VERIFY_PEER, LookAtTheCallers);
    if (own) SSL_CTX_set_cert_verify_callback(client.get(), VerifyItself, nullptr);
    CHECK_EQ(ClientVerdict(client.get(), server.get()), kAccepted);
    CHECK_EQ(through_ostrust, !own);
  }
}

#if OPENSSL_VERSION_MAJOR >= 4
using Subject = const X509;  // of a X509_STORE_CTX_get_issuer_fn
#else
using Subject = X509;
#endif

int FailToFindAnIssuer(X509**, X509_STORE_CTX*, Subject*) {
  return -1;
}

/// X509_verify_cert() answers -1 then, which libssl takes for 0 where it calls it itself.
void AVerificationThatFailsRefuses() {
  const auto server = ServerContext();
  Trust();
  for (const char* source : {"os://", "root-a"}) {
    Owned<X509_STORE> store(X509_STORE_new());
    X509_STORE_set_get_issuer(store.get(), FailToFindAnIssuer);
    const std::string path = source == kOsStore ? kOsStore : PemPath(source);
    CHECK_EQ(X509_STORE_load_file(store.get(), path.c_str()), 1);
    const auto client = ClientContext(std::move(store));
    CHECK_EQ(ClientVerdict(client.get(), server.get()), "refused: issuer certificate lookup error");
  }
}

// --- resumption ----------------------------------------------------------------------------------

/// OpenSSL does not verify a resumed session again (a documented limit); a full handshake is
/// refused.
void OnlyFullHandshakesAreJudged() {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto server = ServerContext();
    const auto client = ClientContext(Governed());
    CHECK_EQ(SSL_CTX_set_max_proto_version(client.get(), version), 1);
    Trust();
    Connection first(client.get(), server.get());
    CHECK_EQ(first.Handshake().client.Verdict(), kAccepted);
    CHECK_EQ(SSL_version(first.client.ssl.get()), version);
    first.client.Do(ReadNothing);  // the tickets of TLS 1.3
    const Owned<SSL_SESSION> session(SSL_get1_session(first.client.ssl.get()));

    Distrust();
    Connection resumed(client.get(), server.get());
    CHECK_EQ(SSL_set_session(resumed.client.ssl.get(), session.get()), 1);
    CHECK_EQ(resumed.Handshake().client.Verdict(), kAccepted);
    CHECK_EQ(SSL_session_reused(resumed.client.ssl.get()), 1);
    CHECK_EQ(ClientVerdict(client.get(), server.get()), kRejected);
  }
}

// --- servers that verify clients -----------------------------------------------------------------

Owned<SSL_CTX> ClientWithCertificate() {
  auto client = ClientContext(StoreOf({"root-a"}));
  UseCertificate(client.get(), "client-a");
  return client;
}

Owned<SSL_CTX> ServerThatAsks(Owned<X509_STORE> store) {
  auto server = ServerContext("leaf-a");
  SSL_CTX_set_verify(server.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_store(server.get(), store.release());
  return server;
}

/// libssl clears a client's error queue after a verification, and not a server's: what was forgiven
/// must not be in it.
void AServerForgivesWithoutATrace() {
  const auto client = ClientWithCertificate();
  WriteStore({"root-b", "root-a-distrusted"});
  for (const char* source : {"os://", "root-a"}) {
    calls.clear();
    const auto server = ServerThatAsks(StoreOf({source, "root-a"}));
    SSL_CTX_set_verify(server.get(), SSL_VERIFY_PEER, Forgive);
    Connection connection(client.get(), server.get());
    connection.Handshake();
    const bool governed = source == kOsStore;
    CHECK_EQ(connection.server.Verdict(),
             governed ? "accepted despite: certificate rejected" : kAccepted);
    CHECK(connection.server.errors.empty());
    CHECK_EQ(calls, governed ? std::vector<std::string>{"certificate rejected at depth 1: "
                                                        "/O=ostrust tests/CN=Root A"}
                             : std::vector<std::string>{});
  }
}

/// A root's limits hold for the side of the connection it is used on. With a copy of the root that
/// the application brought OpenSSL sees no limits, and the verdict does.
void LimitsAreThoseOfTheSide() {
  const auto client = ClientWithCertificate();
  const auto leaf_server = ServerContext("leaf-a");
  const auto of_client = [&](Owned<X509_STORE> store) {
    const auto server = ServerThatAsks(std::move(store));
    return Connection(client.get(), server.get()).Handshake().server.Verdict();
  };
  const auto of_server = [&](Owned<X509_STORE> store) {
    return ClientVerdict(ClientContext(std::move(store)).get(), leaf_server.get());
  };
  struct Row {
    const char* root;
    std::string client, server;
  };
  for (const auto& [root, expected_client, expected_server] :
       {Row{"root-a-server-only", kRejected, kAccepted},
        Row{"root-a-client-only", kAccepted, kRejected},
        Row{"root-a-distrusted", kRejected, kRejected}, Row{"root-a", kAccepted, kAccepted}}) {
    WriteStore({"root-b", root});
    CHECK_EQ(of_client(StoreOf({kOsStore})) + " below " + root, expected_client + " below " + root);
    CHECK_EQ(of_server(StoreOf({kOsStore})) + " below " + root, expected_server + " below " + root);
    CHECK_EQ(of_client(StoreOf({kOsStore, "root-a"})) + " below " + root,
             expected_client + " below " + root);
    CHECK_EQ(of_server(StoreOf({kOsStore, "root-a"})) + " below " + root,
             expected_server + " below " + root);
    CHECK_EQ(of_client(StoreOf({"root-a"})), kAccepted);
    CHECK_EQ(of_server(StoreOf({"root-a"})), kAccepted);
  }
}

/// The server asks for the certificate when the handshake is long over.
void PostHandshakeAuthenticationIsJudged() {
  const auto client = ClientWithCertificate();
  SSL_CTX_set_post_handshake_auth(client.get(), 1);
  const auto verdict = [&](Owned<X509_STORE> store) {
    const auto context = ServerThatAsks(std::move(store));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    Connection connection(client.get(), context.get());
    CHECK_EQ(connection.Handshake().client.Verdict(), kAccepted);
    connection.client.Do(ReadNothing);
    SSL* const server = connection.server.ssl.get();
    SSL_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    CHECK_EQ(SSL_verify_client_post_handshake(server), 1);
    connection.server.Do(SSL_do_handshake);
    connection.client.Do(ReadNothing);
    connection.server.Do(ReadNothing);
    const Owned<X509> peer(SSL_get1_peer_certificate(server));
    const std::string words = connection.server.Verdict();
    CHECK_EQ(peer != nullptr, words == kAccepted);
    return words;
  };
  for (const auto& [root, expected] : {std::pair{"root-a-server-only", kRejected},
                                       {"root-a-client-only", kAccepted},
                                       {"root-a", kAccepted}}) {
    WriteStore({"root-b", root});
    CHECK_EQ(verdict(StoreOf({kOsStore})), expected);
    CHECK_EQ(verdict(StoreOf({kOsStore, "root-a"})), expected);
    CHECK_EQ(verdict(StoreOf({"root-a"})), kAccepted);
  }
}

// --- DANE ----------------------------------------------------------------------------------------

std::string DaneVerdict(Owned<X509_STORE> store, std::uint8_t usage, const char* name) {
  const auto server = ServerContext();
  const auto client = ClientContext(std::move(store));
  CHECK(SSL_CTX_dane_enable(client.get()) > 0);
  Connection connection(client.get(), server.get());
  SSL* const ssl = connection.client.ssl.get();
  CHECK(SSL_dane_enable(ssl, "localhost") > 0);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  CHECK_EQ(X509_digest(Certificate(name).get(), EVP_sha256(), digest, &size), 1);
  // RFC 6698: the whole certificate, by its SHA-256.
  CHECK(SSL_dane_tlsa_add(ssl, usage, 0, 1, digest, size) > 0);
  return connection.Handshake().client.Verdict();
}

/// OpenSSL asks nobody about a chain under DANE-EE: there is none. It does for the other usages.
void DaneIsJudgedWhereThereIsAChain() {
  constexpr std::uint8_t kPkixEe = 1;
  constexpr std::uint8_t kDaneTa = 2;
  constexpr std::uint8_t kDaneEe = 3;
  const std::string no_match = "refused: no matching DANE TLSA records";

  Distrust();
  CHECK_EQ(DaneVerdict(Governed(), kDaneEe, "leaf-int"), kAccepted);
  CHECK_EQ(DaneVerdict(Governed(), kDaneEe, "leaf-a"), no_match);
  CHECK_EQ(DaneVerdict(Governed(), kDaneTa, "int-a"), kRejected);
  CHECK_EQ(DaneVerdict(Ordinary(), kDaneTa, "int-a"), kAccepted);

  WriteStore({"root-b", "root-a-distrusted"});
  CHECK_EQ(DaneVerdict(Governed(), kPkixEe, "leaf-int"), kRejected);
  CHECK_EQ(DaneVerdict(StoreOf({kOsStore, "root-a"}), kPkixEe, "leaf-int"), kRejected);
  CHECK_EQ(DaneVerdict(Ordinary(), kPkixEe, "leaf-int"), kAccepted);

  Trust();
  CHECK_EQ(DaneVerdict(Governed(), kDaneTa, "int-a"), kAccepted);
  CHECK_EQ(DaneVerdict(Governed(), kDaneTa, "root-b"), no_match);
  CHECK_EQ(DaneVerdict(Governed(), kPkixEe, "leaf-int"), kAccepted);
  CHECK_EQ(DaneVerdict(Governed(), kPkixEe, "leaf-a"), no_match);
}

// --- library contexts ----------------------------------------------------------------------------

/// OpenSSL before 3.5 does not tell what a verification is for. The connection does, also in a
/// thread whose default library context is another than the one its number is of.
void AThreadsLibraryContextHidesNoPurpose() {
  const auto server = ServerContext();
  WriteStore({"root-a", "int-a-not-for-servers"});
  const Owned<OSSL_LIB_CTX> with(OSSL_LIB_CTX_new());
  CHECK_EQ(OSSL_LIB_CTX_load_config(with.get(), Environment("OPENSSL_CONF").c_str()), 1);
  const Owned<OSSL_LIB_CTX> without(OSSL_LIB_CTX_new());
  const auto governed = ClientContext(Governed());
  const auto ordinary = ClientContext(Ordinary());
  for (OSSL_LIB_CTX* const library :
       {static_cast<OSSL_LIB_CTX*>(nullptr), with.get(), without.get()}) {
    std::thread([&] {
      OSSL_LIB_CTX_set0_default(library);
      CHECK_EQ(ClientVerdict(governed.get(), server.get()), kRejected);
      CHECK_EQ(ClientVerdict(ordinary.get(), server.get()), kAccepted);
      if (library == with.get()) {
        CHECK_EQ(ClientVerdict(ClientContext(Governed()).get(), server.get()), kRejected);
      }
      OPENSSL_thread_stop();
    }).join();
  }
  Trust();
}

// --- threads -------------------------------------------------------------------------------------

/// While the system changes its mind, every handshake ends in one of the two ways.
void HandshakesInManyThreads() {
  Trust();
  const auto server = ServerContext();
  const auto shared = ClientContext(Governed());
  std::atomic<int> accepted{0};
  std::atomic<int> rejected{0};
  std::atomic<int> other{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&, number] {
      const auto own = ClientContext(Governed());
      SSL_CTX* const client = number % 2 == 0 ? shared.get() : own.get();
      while (!stop) {
        const std::string words = ClientVerdict(client, server.get());
        ++(words == kAccepted ? accepted : words == kRejected ? rejected : other);
      }
    });
  }
  for (int turn = 0; turn < 40 || accepted < 20 || rejected < 20; ++turn) {
    if (turn % 2 == 0) {
      Distrust();
    } else {
      Trust();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (turn == 500) break;  // the checks below say what is missing
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK_EQ(other.load(), 0);
  CHECK(accepted >= 20);
  CHECK(rejected >= 20);
  std::printf("in threads: %d accepted, %d rejected\n", accepted.load(), rejected.load());
  Distrust();
  CHECK_EQ(ClientVerdict(shared.get(), server.get()), kRejected);
  Trust();
  CHECK_EQ(ClientVerdict(shared.get(), server.get()), kAccepted);
}

}  // namespace

int main() {
  OPENSSL_init_ssl(0, nullptr);
  EveryStoreThatAskedIsJudged();
  TheStoreOfAConnectionDecides();
  WithoutVerificationTheResultIsKept();
  TheErrorsNameTheCertificate();
  CallbacksAreAskedAndObeyed();
  AVerificationFunctionOfTheApplicationIsKept();
  LibsslVerifiesThroughUsUnlessTheApplicationSaysOtherwise();
  AVerificationThatFailsRefuses();
  OnlyFullHandshakesAreJudged();
  AServerForgivesWithoutATrace();
  LimitsAreThoseOfTheSide();
  PostHandshakeAuthenticationIsJudged();
  DaneIsJudgedWhereThereIsAChain();
  AThreadsLibraryContextHidesNoPurpose();
  HandshakesInManyThreads();
  return Finish();
}
