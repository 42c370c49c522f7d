// Clients of a server that sends only its leaf, in ways that CPython does not have.
//
//     missing_intermediates dane SOURCE         with DANE records of each usage (RFC 6698, 2.1.1)
//     missing_intermediates contexts SOURCE     8 threads at once, in two library contexts
//     missing_intermediates own-default SOURCE  with a default library context of its own
//
// And through X509_verify_cert():
//
//     missing_intermediates errors SOURCE       with an error in the queue before
//     missing_intermediates set0-dane SOURCE    with DANE records that the application put in
//     missing_intermediates callbacks SOURCE    with functions of the application's in the store
//
// SOURCE: the CA file, os:// or a path. Prints what each client says of the server. Certificates:
// test/pki/ca_issuers.py.
#include <openssl/provider.h>

#include <mutex>
#include <thread>

#include "tls.hpp"

using namespace host;

namespace {

constexpr const char* kHost = "localhost";

Owned<SSL_CTX> Client(const char* source, OSSL_LIB_CTX* library = nullptr) {
  Owned<SSL_CTX> context(SSL_CTX_new_ex(library, nullptr, TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_file(context.get(), source) != 1) {
    Check(false, "the store loads", __LINE__, Errors());
  }
  return context;
}

/// The record's data: the whole certificate (selector 0, matching type 0).
std::vector<unsigned char> Der(const char* name) {
  const auto certificate = Certificate(name);
  std::vector<unsigned char> der(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
  unsigned char* out = der.data();
  i2d_X509(certificate.get(), &out);
  return der;
}

void WithDane(const char* source) {
  struct Usage {
    const char* name;
    std::uint8_t number;
    const char* certificate;
  };
  const auto server = ServerContext("leaf");
  for (const Usage& usage : {Usage{"PKIX-TA", 0, "root-a"},
                             {"PKIX-EE", 1, "leaf"},
                             {"DANE-TA", 2, "root-a"},
                             {"DANE-TA int", 2, "int"},
                             {"DANE-EE", 3, "leaf"},
                             {"DANE-EE of another", 3, "leaf-direct"}}) {
    const auto client = Client(source);
    CHECK_EQ(SSL_CTX_dane_enable(client.get()), 1);
    Connection connection(client.get(), server.get());
    SSL* const ssl = connection.client.ssl.get();
    CHECK(SSL_dane_enable(ssl, kHost) > 0);
    const auto der = Der(usage.certificate);
    CHECK_EQ(SSL_dane_tlsa_add(ssl, usage.number, 0, 0, der.data(), der.size()), 1);
    std::printf("%s: %s\n", usage.name, connection.Handshake().client.Verdict().c_str());
  }
}

void InLibraryContexts(const char* source) {
  const Owned<OSSL_LIB_CTX> second(OSSL_LIB_CTX_new());
  CHECK_EQ(OSSL_LIB_CTX_load_config(second.get(), Environment("OPENSSL_CONF").c_str()), 1);
  const auto server = ServerContext("leaf");
  const Owned<SSL_CTX> clients[] = {Client(source), Client(source, second.get())};
  std::mutex mutex;
  constexpr int kThreads = 8;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Connection connection(clients[i % 2].get(), server.get());
      SSL_set1_host(connection.client.ssl.get(), kHost);
      const std::string verdict = connection.Handshake().client.Verdict();
      const std::lock_guard<std::mutex> lock(mutex);
      std::puts(verdict.c_str());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// A library context with the configuration, which is this thread's default for as long as it
/// lives.
class OwnDefault {
 public:
  OwnDefault() : library_(OSSL_LIB_CTX_new()) {
    CHECK_EQ(OSSL_LIB_CTX_load_config(library_.get(), Environment("OPENSSL_CONF").c_str()), 1);
    previous_ = OSSL_LIB_CTX_set0_default(library_.get());
  }
  ~OwnDefault() { OSSL_LIB_CTX_set0_default(previous_); }
  OwnDefault(const OwnDefault&) = delete;
  OwnDefault& operator=(const OwnDefault&) = delete;

  OSSL_LIB_CTX* Get() const { return library_.get(); }

 private:
  const Owned<OSSL_LIB_CTX> library_;
  OSSL_LIB_CTX* previous_;
};

/// A cert-verify callback of the application's, which does what libssl does.
int VerifyPlainly(X509_STORE_CTX* context, void*) {
  return X509_verify_cert(context);
}

void InAnOwnDefaultContext(const char* source) {
  const OwnDefault library;
  const auto server = ServerContext("leaf");
  for (const bool own_callback : {false, true}) {
    const std::string how = own_callback ? " with a callback: " : ": ";
    const auto client = Client(source, library.Get());
    if (own_callback) SSL_CTX_set_cert_verify_callback(client.get(), VerifyPlainly, nullptr);
    {
      Connection connection(client.get(), server.get());
      SSL_set1_host(connection.client.ssl.get(), kHost);
      SSL_set_verify(connection.client.ssl.get(), SSL_VERIFY_NONE, nullptr);
      std::printf("nothing%s%s\n", how.c_str(), connection.Handshake().client.Verdict().c_str());
    }
    CHECK_EQ(SSL_CTX_dane_enable(client.get()), 1);
    Connection connection(client.get(), server.get());
    SSL* const ssl = connection.client.ssl.get();
    CHECK(SSL_dane_enable(ssl, kHost) > 0);
    const auto der = Der("root-u");
    CHECK_EQ(SSL_dane_tlsa_add(ssl, 0, 0, 0, der.data(), der.size()), 1);
    std::printf("PKIX-TA of another%s%s\n", how.c_str(),
                connection.Handshake().client.Verdict().c_str());
  }
}

// What the application's functions need, and what they saw.
int of_application = -1;  // index of what it puts into its contexts
int strangers = 0;        // contexts in which that is not
int calls = 0;
bool vetoes = false;

int CountingCallback(int good, X509_STORE_CTX* context) {
  ++calls;
  if (X509_STORE_CTX_get_ex_data(context, of_application) == nullptr) ++strangers;
  return vetoes ? 0 : good;
}

X509_STORE_CTX_verify_fn openssls_verify = nullptr;

int CountingVerify(X509_STORE_CTX* context) {
  ++calls;
  if (X509_STORE_CTX_get_ex_data(context, of_application) == nullptr) ++strangers;
  return openssls_verify(context);
}

int CountingCleanup(X509_STORE_CTX* context) {
  return CountingCallback(1, context);
}

/// Verifies this leaf alone, for its host name, and prints what came of it.
void VerifyLeaf(const char* what, X509_STORE* store, const char* name = "leaf",
                OSSL_LIB_CTX* library = nullptr) {
  const auto leaf = Certificate(name, library);
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new_ex(library, nullptr));
  CHECK_EQ(X509_STORE_CTX_init(context.get(), store, leaf.get(), nullptr), 1);
  CHECK_EQ(X509_STORE_CTX_set_ex_data(context.get(), of_application, &calls), 1);
  X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context.get()), kHost, 0);
  calls = strangers = 0;
  const bool good = X509_verify_cert(context.get()) == 1;
  std::printf("%s: %s: %s; %s, strangers: %d\n", what, good ? "accepted" : "refused",
              X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())),
              calls == 0 ? "not called" : "called", strangers);
}

Owned<X509_STORE> LoadedStore(const char* source, OSSL_LIB_CTX* library = nullptr) {
  Owned<X509_STORE> store(X509_STORE_new());
  CHECK_EQ(X509_STORE_load_file_ex(store.get(), source, library, nullptr), 1);
  return store;
}

/// X509_STORE_CTX_set0_dane() without the connection it comes from.
void WithRecordsOfItsOwn(const char* source) {
  const auto client = Client(source);
  CHECK_EQ(SSL_CTX_dane_enable(client.get()), 1);
  for (const char* const root : {"root-a", "root-u"}) {
    const Owned<SSL> ssl(SSL_new(client.get()));
    CHECK(SSL_dane_enable(ssl.get(), kHost) > 0);
    const auto der = Der(root);
    CHECK_EQ(SSL_dane_tlsa_add(ssl.get(), 0, 0, 0, der.data(), der.size()), 1);
    const auto leaf = Certificate("leaf");
    const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
    CHECK_EQ(X509_STORE_CTX_init(context.get(), SSL_CTX_get_cert_store(client.get()), leaf.get(),
                                 nullptr),
             1);
    X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context.get()), kHost, 0);
    X509_STORE_CTX_set0_dane(context.get(), SSL_get0_dane(ssl.get()));
    const bool good = X509_verify_cert(context.get()) == 1;
    std::printf("%s: %s: %s at %d, untrusted %d of %d\n", root, good ? "accepted" : "refused",
                X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())),
                X509_STORE_CTX_get_error_depth(context.get()),
                X509_STORE_CTX_get_num_untrusted(context.get()),
                sk_X509_num(X509_STORE_CTX_get0_chain(context.get())));
  }
}

void WithErrorsInTheQueue(const char* source) {
  const auto store = LoadedStore(source);
  const auto leaf = Certificate("leaf");
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  CHECK_EQ(X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr), 1);
  X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context.get()), kHost, 0);
  ERR_clear_error();
  ERR_raise_data(ERR_LIB_USER, ERR_R_INTERNAL_ERROR, "the application's");
  CHECK_EQ(X509_verify_cert(context.get()), 0);
  for (const QueuedError& error : TakeErrors()) std::puts(error.data.c_str());
}

void WithFunctionsOfTheApplication(const char* source) {
  of_application = X509_STORE_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  {
    const auto plain = LoadedStore(source);
    X509_STORE_set_verify_cb(plain.get(), CountingCallback);
    VerifyLeaf("callback", plain.get());
    vetoes = true;
    VerifyLeaf("callback that refuses", plain.get());
    vetoes = false;
  }
  {
    const auto replaced = LoadedStore(source);
    openssls_verify = X509_STORE_get_verify(replaced.get());
    if (openssls_verify == nullptr) {  // internal_verify() stands for it
      const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
      CHECK_EQ(X509_STORE_CTX_init(context.get(), replaced.get(), nullptr, nullptr), 1);
      openssls_verify = X509_STORE_CTX_get_verify(context.get());
    }
    X509_STORE_set_verify(replaced.get(), CountingVerify);
    VerifyLeaf("verify function", replaced.get());
  }
  {
    const auto replaced = LoadedStore(source);
    X509_STORE_set_cleanup(replaced.get(), CountingCleanup);
    VerifyLeaf("cleanup function", replaced.get());
  }
  const OwnDefault library;
  // Once more in the same library context, under another name: everything is registered twice.
  if (OSSL_PROVIDER_available(library.Get(), "ostrust") == 1) {
    CHECK(OSSL_PROVIDER_load(library.Get(), Environment("OSTRUST_SECOND_NAME").c_str()) != nullptr);
  }
  of_application = X509_STORE_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  const auto twice = LoadedStore(source, library.Get());
  X509_STORE_set_verify_cb(twice.get(), CountingCallback);
  vetoes = true;
  VerifyLeaf("callback that refuses, loaded twice", twice.get(), "leaf-direct", library.Get());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  OPENSSL_init_ssl(0, nullptr);
  const std::string what = argv[1];
  if (what == "dane") {
    WithDane(argv[2]);
  } else if (what == "contexts") {
    InLibraryContexts(argv[2]);
  } else if (what == "own-default") {
    InAnOwnDefaultContext(argv[2]);
  } else if (what == "set0-dane") {
    WithRecordsOfItsOwn(argv[2]);
  } else if (what == "errors") {
    WithErrorsInTheQueue(argv[2]);
  } else if (what == "callbacks") {
    WithFunctionsOfTheApplication(argv[2]);
  } else {
    return 2;
  }
  return failures == 0 ? 0 : 1;
}
