// Prints what every verification of a table gives: the result, the error, each call of the verify
// callback and of the application's own functions in order, the chain and the error queue.
//
//   never_widen apart          stores that did not ask for the system's
//   never_widen beside         the same, while a store that did ask is in use
//   never_widen asked CAFILE   stores into which CAFILE was loaded: os://, or the bundle itself
//
// test_hosts.py compares: with ostrust, a store that did not ask gives what it gives without, to
// the byte, and nobody opens the system's bundle; one that asked gives what a stock one with the
// bundle does. Also wants SSL_CERT_FILE and SSL_CERT_DIR, where a person put the application's own
// CA.

#include <sys/inotify.h>
#include <unistd.h>

#include <map>
#include <utility>
#include <vector>

#include "host.hpp"

using namespace host;

namespace {

std::string cafile;  // what `asked` loads

void Must(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s: %s\n", what, Errors().c_str());
  std::exit(2);
}

X509* Cached(const std::string& name) {
  static std::map<std::string, Owned<X509>> certificates;
  auto& certificate = certificates[name];
  if (!certificate) certificate = Certificate(name);
  return certificate.get();
}

// --- the rows: stores ---

using Fill = void (*)(X509_STORE*);

void System(X509_STORE* store) {
  Must(X509_STORE_load_file(store, cafile.c_str()) == 1, cafile.c_str());
}
void OwnFile(X509_STORE* store) {
  Must(X509_STORE_load_file(store, PemPath("root-b").c_str()) == 1, "own file");
}
void OwnUri(X509_STORE* store) {
  Must(X509_STORE_load_store(store, PemPath("root-b").c_str()) == 1, "own URI");
}
void OwnDirectory(X509_STORE* store) {
  Must(X509_STORE_load_path(store, Environment("SSL_CERT_DIR").c_str()) == 1, "own directory");
}
void OwnObject(X509_STORE* store) {
  Must(X509_STORE_add_cert(store, Cached("root-b")) == 1, "own certificate");
}
void OwnIntermediate(X509_STORE* store) {
  Must(X509_STORE_load_file(store, PemPath("int-a").c_str()) == 1, "own intermediate");
}
void AnchorFile(X509_STORE* store) {
  Must(X509_STORE_load_file(store, PemPath("root-a").c_str()) == 1, "the system's root");
}
void DefaultPaths(X509_STORE* store) {
  Must(X509_STORE_set_default_paths(store) == 1, "default paths");
}

struct StoreRow {
  const char* name;
  std::vector<Fill> fill;
};

const std::vector<StoreRow>& ApartStores() {
  static const std::vector<StoreRow> rows = {
      {"nothing", {}},
      {"own CA", {OwnFile}},
      {"own CA as URI", {OwnUri}},
      {"own CA as directory", {OwnDirectory}},
      {"own CA as object", {OwnObject}},
      {"own CA by environment", {DefaultPaths}},
      {"own intermediate", {OwnIntermediate}},
      {"a root of the system", {AnchorFile}},
      {"own CA and a root of the system", {OwnFile, AnchorFile}},
  };
  return rows;
}

const std::vector<StoreRow>& AskedStores() {
  static const std::vector<StoreRow> rows = {
      {"system", {System}},
      {"own CA, system", {OwnFile, System}},
      {"system, own CA", {System, OwnFile}},
      {"own intermediate, system", {OwnIntermediate, System}},
      {"a root of the system, system", {AnchorFile, System}},
      {"system, a root of the system", {System, AnchorFile}},
  };
  return rows;
}

Owned<X509_STORE> Filled(const StoreRow& row) {
  Owned<X509_STORE> store(X509_STORE_new());
  for (const Fill fill : row.fill) fill(store.get());
  return store;
}

// --- the rows: what is verified, and how ---

struct Presented {
  const char* name;
  const char* leaf;
  std::vector<const char*> sent;
};

const std::vector<Presented>& AllPresented() {
  static const std::vector<Presented> rows = {
      {"of a system root", "leaf-a", {}},
      {"of a system root, which is sent", "leaf-a", {"root-a"}},
      {"of own CA", "leaf-b", {}},
      {"intermediate", "leaf-int", {"int-a"}},
      {"intermediate missing", "leaf-int", {}},
      {"expired", "leaf-a-expired", {}},
      {"self-signed", "leaf-self", {}},
      {"unknown root", "leaf-twin-1", {}},
      {"unknown root, which is sent", "leaf-twin-1", {"twin-1"}},
      {"client of a system root", "client-a", {}},
      {"client of own CA", "client-b", {}},
  };
  return rows;
}

struct Setting {
  const char* name;
  void (*apply)(X509_STORE_CTX*, X509_VERIFY_PARAM*);
};

constexpr Setting kSettings[] = {
    {"no purpose", [](X509_STORE_CTX*, X509_VERIFY_PARAM*) {}},
    {"sslserver", [](X509_STORE_CTX* context,
                     X509_VERIFY_PARAM*) { X509_STORE_CTX_set_default(context, "ssl_server"); }},
    {"sslclient", [](X509_STORE_CTX* context,
                     X509_VERIFY_PARAM*) { X509_STORE_CTX_set_default(context, "ssl_client"); }},
    {"partial chain",
     [](X509_STORE_CTX*, X509_VERIFY_PARAM* param) {
       X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
     }},
    {"untrusted first",
     [](X509_STORE_CTX*, X509_VERIFY_PARAM* param) {
       X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_TRUSTED_FIRST);
     }},
    {"strict",
     [](X509_STORE_CTX*, X509_VERIFY_PARAM* param) {
       X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
     }},
    {"level 5",
     [](X509_STORE_CTX*, X509_VERIFY_PARAM* param) { X509_VERIFY_PARAM_set_auth_level(param, 5); }},
    {"right host",
     [](X509_STORE_CTX*, X509_VERIFY_PARAM* param) {
       X509_VERIFY_PARAM_set1_host(param, "localhost", 0);
     }},
    {"wrong host",
     [](X509_STORE_CTX*, X509_VERIFY_PARAM* param) {
       X509_VERIFY_PARAM_set1_host(param, "other.example", 0);
     }},
};

struct Callback {
  const char* name;
  int (*decide)(int good, int error, int depth);  // null: no callback
};

constexpr Callback kCallbacks[] = {
    {"silent", nullptr},
    {"watches", [](int good, int, int) { return good; }},
    {"forgives all", [](int, int, int) { return 1; }},
    {"forgives unknown issuer",
     [](int good, int error, int) {
       return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ? 1 : good;
     }},
    {"vetoes depth 0", [](int good, int, int depth) { return depth == 0 ? 0 : good; }},
    {"vetoes depth 1", [](int good, int, int depth) { return depth == 1 ? 0 : good; }},
};
constexpr const Callback& kWatches = kCallbacks[1];

// --- what is seen ---

std::string calls;  // of this verification, in order
const Callback* callback = &kWatches;

std::string Name(const X509* certificate) {
  if (certificate == nullptr) return "nobody";
  char text[256];
  const std::string subject =
      X509_NAME_oneline(X509_get_subject_name(certificate), text, sizeof text);
  return subject.substr(subject.find("CN=") + 3);
}

std::string Names(const STACK_OF(X509) * chain) {
  std::string text;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    text += (i == 0 ? "" : " < ") + Name(sk_X509_value(chain, i));
  }
  return text.empty() ? "none" : text;
}

int VerifyCallback(int good, X509_STORE_CTX* context) {
  const int error = X509_STORE_CTX_get_error(context);
  const int depth = X509_STORE_CTX_get_error_depth(context);
  calls += " " + std::to_string(good) + "/" + std::to_string(error) + "/" + std::to_string(depth) +
           " " + Name(X509_STORE_CTX_get_current_cert(context)) + ";";
  return callback->decide(good, error, depth);
}

void Print(const std::string& row, const std::string& result, const STACK_OF(X509) * chain,
           std::string errors) {
  for (auto& character : errors) character = character == '\n' ? ' ' : character;
  std::printf("%s: %s; calls:%s chain: %s; errors: %s\n", row.c_str(), result.c_str(),
              calls.c_str(), Names(chain).c_str(), errors.empty() ? "none" : errors.c_str());
  calls.clear();
}

std::string Result(bool good, long error) {
  return std::string(good ? "accepted" : "refused") + ", " + X509_verify_cert_error_string(error);
}

// --- X509_verify_cert() ---

using Prepare = void (*)(X509_STORE_CTX*);

void VerifyDirectly(const std::string& row, X509_STORE* store, const Presented& presented,
                    const Setting& setting, Prepare prepare = nullptr) {
  STACK_OF(X509)* const sent = sk_X509_new_null();
  for (const char* name : presented.sent) sk_X509_push(sent, Cached(name));
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  Must(X509_STORE_CTX_init(context.get(), store, Cached(presented.leaf), sent) == 1, "context");
  setting.apply(context.get(), X509_STORE_CTX_get0_param(context.get()));
  if (callback->decide != nullptr) X509_STORE_CTX_set_verify_cb(context.get(), VerifyCallback);
  if (prepare != nullptr) prepare(context.get());
  const bool good = X509_verify_cert(context.get()) == 1;
  const std::string errors = Errors();
  Print(row,
        Result(good, X509_STORE_CTX_get_error(context.get())) + ", depth " +
            std::to_string(X509_STORE_CTX_get_error_depth(context.get())),
        X509_STORE_CTX_get0_chain(context.get()), errors);
  sk_X509_free(sent);
}

void EverySettingAndCallback(const std::vector<StoreRow>& stores) {
  for (const StoreRow& row : stores) {
    const auto store = Filled(row);
    for (const Presented& presented : AllPresented()) {
      for (const Setting& setting : kSettings) {
        for (const Callback& each : kCallbacks) {
          callback = &each;
          VerifyDirectly(std::string(row.name) + " | " + presented.name + " | " + setting.name +
                             " | " + each.name,
                         store.get(), presented, setting);
        }
      }
    }
  }
  callback = &kWatches;
}

// --- functions of the application ---

#if OPENSSL_VERSION_MAJOR >= 4
using Subject = const X509;                  // of a X509_STORE_CTX_get_issuer_fn
using LookupContext = const X509_STORE_CTX;  // of a X509_STORE_CTX_lookup_certs_fn
#else
using Subject = X509;
using LookupContext = X509_STORE_CTX;
#endif

X509_STORE_CTX_verify_fn previous_verify = nullptr;
X509_STORE_CTX_get_issuer_fn previous_get_issuer = nullptr;
X509_STORE_CTX_lookup_certs_fn previous_lookup_certs = nullptr;

/// OpenSSL's own check of signatures and dates: what a context of an untouched store comes with.
X509_STORE_CTX_verify_fn DefaultVerify() {
  const Owned<X509_STORE> store(X509_STORE_new());
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  Must(X509_STORE_CTX_init(context.get(), store.get(), nullptr, nullptr) == 1, "context");
  return X509_STORE_CTX_get_verify(context.get());
}

int OwnVerify(X509_STORE_CTX* context) {
  calls += " verify;";
  return previous_verify(context);
}

int OwnRefusal(X509_STORE_CTX* context) {
  calls += " refusal;";
  X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

int OwnGetIssuer(X509** issuer, X509_STORE_CTX* context, Subject* certificate) {
  calls += " issuer of " + Name(certificate) + ";";
  return previous_get_issuer != nullptr ? previous_get_issuer(issuer, context, certificate)
                                        : X509_STORE_CTX_get1_issuer(issuer, context, certificate);
}

int NoIssuer(X509** issuer, X509_STORE_CTX*, Subject* certificate) {
  calls += " no issuer of " + Name(certificate) + ";";
  *issuer = nullptr;
  return 0;
}

STACK_OF(X509) * OwnLookupCerts(LookupContext* context, const X509_NAME* name) {
  calls += " lookup;";
  return previous_lookup_certs != nullptr ? previous_lookup_certs(context, name)
                                          : X509_STORE_CTX_get1_certs(context, name);
}

STACK_OF(X509) * OwnStack() {
  static STACK_OF(X509)* const stack = [] {
    STACK_OF(X509)* const made = sk_X509_new_null();
    sk_X509_push(made, Cached("root-b"));
    return made;
  }();
  return stack;
}

struct Functions {
  const char* name;
  Fill on_store;
  Prepare on_context;
};

const Functions kFunctions[] = {
    {"set_verify",
     [](X509_STORE* store) {
       previous_verify = DefaultVerify();
       X509_STORE_set_verify(store, OwnVerify);
     },
     nullptr},
    {"set_verify, refuses", [](X509_STORE* store) { X509_STORE_set_verify(store, OwnRefusal); },
     nullptr},
    {"set_get_issuer",
     [](X509_STORE* store) {
       previous_get_issuer = X509_STORE_get_get_issuer(store);
       X509_STORE_set_get_issuer(store, OwnGetIssuer);
     },
     nullptr},
    {"set_get_issuer, finds nobody",
     [](X509_STORE* store) { X509_STORE_set_get_issuer(store, NoIssuer); }, nullptr},
    {"set_lookup_certs",
     [](X509_STORE* store) {
       previous_lookup_certs = X509_STORE_get_lookup_certs(store);
       X509_STORE_set_lookup_certs(store, OwnLookupCerts);
     },
     nullptr},
    {"set0_trusted_stack", [](X509_STORE*) {},
     [](X509_STORE_CTX* context) { X509_STORE_CTX_set0_trusted_stack(context, OwnStack()); }},
    {"CTX_set_verify", [](X509_STORE*) {},
     [](X509_STORE_CTX* context) {
       previous_verify = X509_STORE_CTX_get_verify(context);
       X509_STORE_CTX_set_verify(context, OwnVerify);
     }},
    {"CTX_set_verify, refuses", [](X509_STORE*) {},
     [](X509_STORE_CTX* context) { X509_STORE_CTX_set_verify(context, OwnRefusal); }},
};

void FunctionsOfTheApplication(const std::vector<StoreRow>& stores) {
  for (const StoreRow& row : stores) {
    for (const Functions& functions : kFunctions) {
      for (const bool before : {true, false}) {
        StoreRow changed = row;
        changed.fill.insert(before ? changed.fill.begin() : changed.fill.end(), functions.on_store);
        const auto store = Filled(changed);
        for (const Presented& presented : AllPresented()) {
          VerifyDirectly(std::string(row.name) + " | " + presented.name + " | " + functions.name +
                             (before ? " before" : " after"),
                         store.get(), presented, kSettings[0], functions.on_context);
        }
      }
    }
  }
}

// --- libssl ---

struct Verifying {
  const char* name;
  int mode;
  bool own_callback;  // SSL_CTX_set_cert_verify_callback()
  const char* host;
};

constexpr int kMutual = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
constexpr Verifying kVerifying[] = {
    {"peer", kMutual, false, "localhost"},
    {"none", SSL_VERIFY_NONE, false, "localhost"},
    {"cert_verify_callback", kMutual, true, "localhost"},
    {"wrong host", kMutual, false, "other.example"},
};

// Where the store of a row is put; the context's own store is another one where it is not there.
enum class Place { kContext, kContextVerify, kConnection };
struct Connection {
  const char* name;
  Place place;
  int version;
};
constexpr Connection kConnections[] = {
    {"context, TLS 1.2", Place::kContext, TLS1_2_VERSION},
    {"context, TLS 1.3", Place::kContext, TLS1_3_VERSION},
    {"verify store of the context", Place::kContextVerify, TLS1_3_VERSION},
    {"verify store of the connection", Place::kConnection, TLS1_3_VERSION},
};

int OwnCertVerify(X509_STORE_CTX* context, void*) {
  calls += " cert verify;";
  return X509_verify_cert(context);
}

Owned<SSL_CTX> NewContext(const std::string& identity, int version) {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  Must(SSL_CTX_set_min_proto_version(context.get(), version) == 1 &&
           SSL_CTX_set_max_proto_version(context.get(), version) == 1,
       "version");
  if (identity.empty()) return context;
  const std::string path = PemPath(identity);
  Must(SSL_CTX_use_certificate_chain_file(context.get(), path.c_str()) == 1 &&
           SSL_CTX_use_PrivateKey_file(
               context.get(), (Environment("OSTRUST_PKI") + "/" + identity + ".key").c_str(),
               SSL_FILETYPE_PEM) == 1,
       "identity");
  return context;
}

/// The other side of connections, which is always the same.
SSL_CTX* Other(const std::string& identity, int version) {
  static std::map<std::pair<std::string, int>, Owned<SSL_CTX>> contexts;
  auto& context = contexts[{identity, version}];
  if (!context) context = NewContext(identity, version);
  return context.get();
}

/// Goes on with a handshake. The queue's text is added to `errors`; libssl clears it with every
/// call.
enum class Progress { kWaits, kDone, kFailed };
Progress Advance(SSL* ssl, std::string& errors) {
  const int result = SSL_do_handshake(ssl);
  const int why = SSL_get_error(ssl, result);
  errors += Errors();
  if (result == 1) return Progress::kDone;
  return why == SSL_ERROR_WANT_READ ? Progress::kWaits : Progress::kFailed;
}

/// A handshake in memory; what the side that verifies sees of it, and what it sent itself.
void Connect(const std::string& row, SSL* verifier, SSL* other) {
  BIO* near_end = nullptr;
  BIO* far_end = nullptr;
  Must(BIO_new_bio_pair(&near_end, 0, &far_end, 0) == 1, "BIO pair");
  SSL_set_bio(verifier, near_end, near_end);
  SSL_set_bio(other, far_end, far_end);
  std::string errors;
  std::string errors_of_other;
  Progress progress = Progress::kWaits;
  for (int turn = 0; turn < 10 && progress != Progress::kFailed; ++turn) {
    (void)Advance(other, errors_of_other);
    progress = Advance(verifier, errors);
  }
  Print(row,
        Result(progress == Progress::kDone, SSL_get_verify_result(verifier)) +
            "; sent: " + Names(SSL_get_peer_cert_chain(other)),
        SSL_get0_verified_chain(verifier), errors);
}

/// The side that verifies, with the store of `row` in its place.
Owned<SSL> Verifier(const StoreRow& row, const StoreRow& elsewhere, Place place,
                    const Verifying& verifying, SSL_CTX* context) {
  const auto store = Filled(row);
  SSL_CTX_set1_cert_store(context,
                          place == Place::kContext ? store.get() : Filled(elsewhere).get());
  if (place == Place::kContextVerify) SSL_CTX_set1_verify_cert_store(context, store.get());
  SSL_CTX_set_verify(context, verifying.mode, VerifyCallback);
  if (verifying.own_callback) SSL_CTX_set_cert_verify_callback(context, OwnCertVerify, nullptr);
  Owned<SSL> ssl(SSL_new(context));
  if (place == Place::kConnection) SSL_set1_verify_cert_store(ssl.get(), store.get());
  return ssl;
}

/// `elsewhere`: what the context's own store holds where the row's is another.
void Connections(const std::vector<StoreRow>& stores, const StoreRow& elsewhere) {
  for (const StoreRow& row : stores) {
    for (const auto& [name, place, version] : kConnections) {
      for (const Verifying& verifying : kVerifying) {
        const std::string how = std::string(" | ") + name + " | " + verifying.name;
        for (const char* identity :
             {"leaf-a", "leaf-b", "leaf-int-chain", "leaf-int", "leaf-a-expired", "leaf-self"}) {
          const auto own = NewContext("", version);
          const Owned<SSL> client = Verifier(row, elsewhere, place, verifying, own.get());
          const Owned<SSL> server(SSL_new(Other(identity, version)));
          SSL_set_connect_state(client.get());
          SSL_set_accept_state(server.get());
          X509_VERIFY_PARAM_set1_host(SSL_get0_param(client.get()), verifying.host, 0);
          Connect(std::string(row.name) + " | client of " + identity + how, client.get(),
                  server.get());
        }
        for (const char* identity : {"client-a", "client-b", "leaf-a", ""}) {
          // The chain that a server sends is built from its context's store.
          const auto own = NewContext("leaf-a", version);
          const Owned<SSL> server = Verifier(row, elsewhere, place, verifying, own.get());
          const Owned<SSL> client(SSL_new(Other(identity, version)));
          SSL_set_accept_state(server.get());
          SSL_set_connect_state(client.get());
          Connect(std::string(row.name) + " | server for " +
                      (identity[0] != '\0' ? identity : "nobody") + how,
                  server.get(), client.get());
        }
      }
    }
  }
}

/// Whether anybody opens the system's bundle from now on.
class Watch {
 public:
  Watch() : descriptor_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    const std::string path = Environment("OSTRUST_BUNDLE");
    Must(inotify_add_watch(descriptor_, path.c_str(), IN_OPEN) >= 0, "inotify");
  }
  ~Watch() { close(descriptor_); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool Opened() const {
    alignas(inotify_event) char events[4096];
    return read(descriptor_, events, sizeof events) > 0;
  }

 private:
  int descriptor_;
};

}  // namespace

int main(int count, char** arguments) {
  const std::string mode = count > 1 ? arguments[1] : "";
  const bool asked = mode == "asked" && count == 3;
  if (!asked && !(count == 2 && (mode == "apart" || mode == "beside"))) {
    std::fprintf(stderr, "usage: never_widen apart|beside|asked CAFILE\n");
    return 2;
  }
  OPENSSL_init_ssl(0, nullptr);
  Owned<X509_STORE> governed;
  if (mode == "beside") {
    cafile = "os://";
    governed = Filled({"", {System}});
    Must(Verify(governed.get(), "leaf-a") == kAccepted, "the store beside");
  }
  if (asked) cafile = arguments[2];
  const std::vector<StoreRow>& stores = asked ? AskedStores() : ApartStores();
  const Watch watch;
  EverySettingAndCallback(stores);
  FunctionsOfTheApplication(stores);
  Connections(stores, asked ? StoreRow{"", {OwnFile}} : StoreRow{"", {AnchorFile}});
  // A connection with a store of its own, in a context that asked.
  if (asked) Connections({{"own CA only", {OwnFile}}, {"nothing", {}}}, {"", {System}});
  std::printf("the system's bundle was opened: %s\n", watch.Opened() ? "yes" : "no");
  return 0;
}
