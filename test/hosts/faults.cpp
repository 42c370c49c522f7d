// One question, and every call that the module makes to answer it failing once.
//
//     faults NAME=VALUE...      (test/integration/test_faults.py has the rows)
//
//     mode=first     a store is asked for and a connection made with it; the provider is loaded
//     mode=warm      the same with a store that has been used already
//     mode=change    the same after the system's store became `then`
//     mode=load      OpenSSL reads its configuration
//     mode=explicit  OSSL_PROVIDER_load()
//     via=tls|verify a handshake in memory, or X509_verify_cert() for a server's name
//     applications=refuses  with via=verify: the store gets a verify function of the application's
//     source=NAME    os://, a file, or "default" for the default paths
//     server=PATH    PATH.pem is what the peer sends, PATH.key its key
//     distrusted=PATH  in mode=load and explicit: a peer that must not be accepted
//     expected=TEXT  what is answered without a fault
//     store=FILE     put into OSTRUST_BUNDLE before each run
//     then=FILE      in mode=change: put there instead, before the fault
//     empty=DIRECTORY  removed before each run
//     prepared=yes   each new store is prepared for the marker; where it was not, it stays as it is
//     network=yes    what was not fetched may be left alone for a while
//     unread=WAYS    a file that fails in one of these ways, one after the other with a comma, is
//                    not known, so that then it may be accepted; "any" are all of them
//     said=TEXT      what a call in p11-kit's module may lead to: it takes no notice of what it
//                    could not read. Then it may be accepted if the log has one of these texts,
//                    with | in between
//     later=SECONDS  when the fault is over, so much time passes before it is asked again
//     kept=yes       another process is asked, too, when all that is over
//     lasting=yes    only where memory or descriptors are short; after the call all others of its
//                    kind fail, too, until the question is answered
//     stride=N       of the calls for memory every Nth only
//     ways=N         of the other calls' ways to fail every Nth only
//     call=N way=N   one call only, with everything that is known about it
//
// For each call a child is forked. It asks with the fault, then again without, with the same store
// and with a new one. Wrong is: a crash, more than kPatience seconds, accepting what is not
// accepted without the fault, a refusal that OpenSSL gives no reason for, another answer than
// `expected` once the fault is over, and a leak where LeakSanitizer is there. The last line of
// stdout is JSON: what was tried. What was wrong is on stderr, and the exit status is 1 then.
#include "fault_injection.hpp"

#include <openssl/provider.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <new>
#include <set>

#include "tls.hpp"

extern "C" int __lsan_do_recoverable_leak_check() __attribute__((weak));

using namespace host;

namespace {

#ifdef OSTRUST_SANITIZED
constexpr unsigned kPatience = 200;
#else
constexpr unsigned kPatience = 20;
#endif
const std::string kDefault = "default";

struct Row {
  std::map<std::string, std::string> values;

  std::string Get(const std::string& name, const std::string& fallback = {}) const {
    const auto found = values.find(name);
    return found == values.end() ? fallback : found->second;
  }
  std::size_t Number(const std::string& name, std::size_t fallback) const {
    const std::string text = Get(name);
    return text.empty() ? fallback : std::stoul(text);
  }
  bool Is(const std::string& name, const std::string& value) const { return Get(name) == value; }
};

/// What a child tells, in memory it shares with its parent.
struct Told {
  fault::Report report;
  char under[512];  // what was answered with the fault
  char wrong[4096];
};

Told* told = nullptr;
Row row;

void Wrong(const std::string& what) {
  const std::size_t used = std::strlen(told->wrong);
  std::snprintf(told->wrong + used, sizeof told->wrong - used, "%s\n", what.c_str());
}

template <std::size_t kSize>
void Tell(char (&text)[kSize], const std::string& what) {
  std::snprintf(text, kSize, "%s", what.c_str());
}

/// All of the error queue in one line; "" when it is empty.
std::string QueueText() {
  std::string text;
  for (const QueuedError& error : TakeErrors()) {
    text += (text.empty() ? "" : "; ") + error.text + (error.data.empty() ? "" : " ") + error.data;
  }
  return text;
}

// --- the question --------------------------------------------------------------------------------

/// A context with the store that is asked for; `loaded`: whether OpenSSL said that it is.
struct Client {
  Owned<SSL_CTX> context;
  bool loaded = false;
  std::string why;  // where it is not

  explicit Client(const std::string& source) {
    context.reset(SSL_CTX_new(TLS_client_method()));
    if (context == nullptr) {
      fault::Pause();
      why = "no context: " + QueueText();
      fault::Resume();
      return;
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    loaded = source == kDefault ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                : SSL_CTX_load_verify_file(context.get(), source.c_str()) == 1;
    fault::Pause();
    const std::string queue = QueueText();
    if (!loaded) why = "not loaded: " + queue;
    if (!loaded && queue.empty()) Wrong("the store is not loaded, and OpenSSL gives no reason");
    fault::Resume();
  }
};

Owned<STACK_OF(X509)> ChainOf(const std::string& path) {
  Owned<STACK_OF(X509)> chain(sk_X509_new_null());
  const Owned<BIO> in(BIO_new_file((path + ".pem").c_str(), "r"));
  while (X509* const x509 = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) {
    sk_X509_push(chain.get(), x509);
  }
  ERR_clear_error();
  return chain;
}

Owned<SSL_CTX> ServerOf(const std::string& path) {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  if (SSL_CTX_use_certificate_chain_file(context.get(), (path + ".pem").c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), (path + ".key").c_str(), SSL_FILETYPE_PEM) != 1) {
    Wrong("the server " + path + " does not start: " + QueueText());
  }
  return context;
}

/// A peer: what it is for a handshake, and what it sends for X509_verify_cert().
struct Peer {
  Owned<SSL_CTX> server;
  std::string path;

  explicit Peer(const std::string& of) : server(ServerOf(of)), path(of) {}
};

/// libssl keeps the chain that was accepted. Where it gets no memory for that it refuses, with
/// X509_V_OK and an error of its own before (ssl_verify_cert_chain(), 3.0.19).
bool HadNoMemoryForTheChain(const std::vector<QueuedError>& errors) {
  for (std::size_t i = 1; i < errors.size(); ++i) {
    if (errors[i].text.find("certificate verify failed") == std::string::npos) continue;
    return errors[i - 1].text == "SSL routines: malloc failure";
  }
  return false;
}

/// "accepted" or "refused: why". Counted is what the client does.
std::string Handshake(SSL_CTX* context, const Peer& peer) {
  Side client;
  Side server;
  fault::Pause();
  server.ssl.reset(SSL_new(peer.server.get()));
  BIO* at_client = nullptr;
  BIO* at_server = nullptr;
  if (BIO_new_bio_pair(&at_client, 0, &at_server, 0) != 1) std::abort();
  SSL_set_bio(server.ssl.get(), at_server, at_server);
  SSL_set_accept_state(server.ssl.get());
  fault::Resume();
  client.ssl.reset(SSL_new(context));
  fault::Pause();
  if (client.ssl == nullptr) {
    BIO_free(at_client);
    const std::string queue = QueueText();
    if (queue.empty()) Wrong("there is no connection, and OpenSSL gives no reason");
    return "refused: no connection: " + queue;
  }
  SSL_set_bio(client.ssl.get(), at_client, at_client);
  SSL_set_connect_state(client.ssl.get());
  SSL_set1_host(client.ssl.get(), "localhost");
  for (int turn = 0; turn < 10; ++turn) {
    fault::Resume();
    const int result = SSL_do_handshake(client.ssl.get());
    fault::Pause();
    client.error = SSL_get_error(client.ssl.get(), result);
    client.errors = TakeErrors();
    if (client.error == SSL_ERROR_SSL) break;
    server.Do(SSL_do_handshake);
    if (server.error == SSL_ERROR_SSL) break;
    if (client.error == SSL_ERROR_NONE && server.error == SSL_ERROR_NONE) break;
  }
  const long verified = SSL_get_verify_result(client.ssl.get());
  const std::string verdict = client.Verdict();
  const bool reached =
      std::any_of(client.errors.begin(), client.errors.end(), [](const QueuedError& error) {
        return error.text.find("certificate verify failed") != std::string::npos;
      });
  if (verdict != kAccepted) {
    if (client.error != SSL_ERROR_SSL || client.errors.empty()) {
      Wrong("the handshake ends without an error: " + verdict);
    } else if (reached && verified == X509_V_OK && !HadNoMemoryForTheChain(client.errors)) {
      Wrong("the verification failed with X509_V_OK");
    }
  }
  fault::Resume();
  client.ssl.reset();
  fault::Pause();
  return verdict;
}

int RefusesEverything(X509_STORE_CTX* ctx) {
  X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

std::string Verification(SSL_CTX* context, const Peer& peer) {
  // New ones: OpenSSL remembers in them what it could not make of them.
  const auto chain = ChainOf(peer.path);
  if (row.Is("applications", "refuses")) {
    X509_STORE_set_verify(SSL_CTX_get_cert_store(context), RefusesEverything);
  }
  fault::Resume();
  Owned<X509_STORE_CTX> ctx(X509_STORE_CTX_new());
  if (ctx == nullptr || X509_STORE_CTX_init(ctx.get(), SSL_CTX_get_cert_store(context),
                                            sk_X509_value(chain.get(), 0), chain.get()) != 1) {
    fault::Pause();
    return "refused: no context: " + QueueText();
  }
  X509_VERIFY_PARAM* const param = X509_STORE_CTX_get0_param(ctx.get());
  X509_VERIFY_PARAM_set1_host(param, "localhost", 0);
  const int result = X509_verify_cert(ctx.get());
  const int error = X509_STORE_CTX_get_error(ctx.get());
  ctx.reset();
  fault::Pause();
  ERR_clear_error();
  if (result == 1 && error == X509_V_OK) return kAccepted;
  if (error == X509_V_OK) Wrong("X509_verify_cert() fails with X509_V_OK");
  if (result == 1) Wrong("X509_verify_cert() succeeds with an error");
  return std::string("refused: ") + X509_verify_cert_error_string(error);
}

std::string Ask(const Client& client, const Peer& peer) {
  if (client.context == nullptr || !client.loaded) return client.why;
  return row.Is("via", "verify") ? Verification(client.context.get(), peer)
                                 : Handshake(client.context.get(), peer);
}

// --- one run -------------------------------------------------------------------------------------

/// Once the fault is over.
void ExpectAfter(const std::string& what, const std::string& seen) {
  const std::string expected = row.Get("expected");
  if (seen == expected) return;
  if (row.Is("network", "yes") && seen != kAccepted) return;
  Wrong(what + ", without the fault: " + seen + "; expected: " + expected);
}

struct Fault {
  bool record = false;  // and none happens
  std::size_t call = 0;
  std::size_t way = 0;

  void Arm(const void* stack) const {
    if (record) {
      fault::Record(stack);
    } else {
      fault::Arm(stack, call, way, row.Is("lasting", "yes"));
    }
  }
};

/// Whether the log, which is standard error, says this.
bool Says(const std::string& what) {
  char text[65536];
  const ssize_t size = pread(STDERR_FILENO, text, sizeof text - 1, 0);
  text[size < 0 ? 0 : size] = '\0';
  return std::strstr(text, what.c_str()) != nullptr;
}

bool IsSaid() {
  const std::string texts = row.Get("said");
  for (std::size_t begin = 0; begin < texts.size();) {
    const std::size_t end = std::min(texts.find('|', begin), texts.size());
    if (Says(texts.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

/// A file that could not be read, in a way in which it is then not known.
bool MayBeUnread(const Fault& fault) {
  using fault::Kind;
  const Kind kind = told->report.fired_kind;
  if (kind < Kind::kOpen || kind > Kind::kMap) return false;
  const std::string way = fault::WayOf(kind, fault.way % fault::WaysOf(kind));
  return row.Is("unread", "any") ||
         ("," + row.Get("unread") + ",").find("," + way + ",") != std::string::npos;
}

void ExpectUnder(const Fault& fault, const std::string& seen, bool old_state_said) {
  Tell(told->under, seen);
  if (seen != kAccepted || row.Is("expected", kAccepted)) return;
  if (!told->report.fired) {
    Wrong("accepted, and no call failed");
    return;
  }
  using fault::Kind;
  const Kind kind = told->report.fired_kind;
  // The store could not be read anew, which is said. Or it was not looked at, this once: stat("/")
  // fails as after a chroot(), or the clock says that it is not time.
  if (row.Is("mode", "change") && row.Get("unread").empty() &&
      (old_state_said || kind == Kind::kStat || kind == Kind::kClock)) {
    return;
  }
  if (MayBeUnread(fault) || (told->report.fired_in_p11_kit && IsSaid())) return;
  Wrong("accepted with the fault");
}

void PutStore(const std::string& path) {
  const std::string bundle = Environment("OSTRUST_BUNDLE");
  std::filesystem::copy_file(path, bundle + ".new",
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::rename(bundle + ".new", bundle);
}

/// Loads nothing of OpenSSL's before the fault is armed.
void RunLoading(const Fault& fault, const void* stack) {
  const bool by_name = row.Is("mode", "explicit");
  if (by_name) OPENSSL_init_ssl(0, nullptr);
  OSSL_PROVIDER* provider = nullptr;
  fault.Arm(stack);
  if (by_name) {
    provider = OSSL_PROVIDER_load(nullptr, "ostrust");
  } else {
    OPENSSL_init_ssl(0, nullptr);
    OSSL_PROVIDER_available(nullptr, "ostrust");
  }
  fault::End();
  if (by_name && provider == nullptr && ERR_peek_error() == 0) {
    Wrong("the provider is not loaded, and OpenSSL gives no reason");
  }
  const bool available = OSSL_PROVIDER_available(nullptr, "ostrust") == 1;
  ERR_clear_error();
  const Peer peer(row.Get("server"));
  const Peer distrusted(row.Get("distrusted"));
  const auto question = [](const Peer& of) { return Ask(Client(row.Get("source")), of); };
  const std::string seen = question(peer);
  Tell(told->under, (available ? "loaded, " : "not loaded, ") + seen);
  if (!available && seen == kAccepted) Wrong("accepted without the provider");
  const std::string seen_of_distrusted = question(distrusted);
  if (seen_of_distrusted == kAccepted) Wrong("a distrusted certificate is accepted");
  // The program goes on: its own CA is trusted, and no other.
  const Client own(row.Get("own"));
  const Peer of_own(row.Get("own-server"));
  const std::string own_seen = Ask(own, of_own);
  if (own_seen != kAccepted) Wrong("a peer of the program's own CA: " + own_seen);
  const std::string other_seen = Ask(own, peer);
  if (other_seen == kAccepted) Wrong("the program's own CA accepts a peer of another");
  if (by_name) {
    if (provider == nullptr) provider = OSSL_PROVIDER_load(nullptr, "ostrust");
    if (provider == nullptr) Wrong("the provider cannot be loaded any more: " + QueueText());
    ExpectAfter("loaded again", question(peer));
    if (question(distrusted) == kAccepted) Wrong("then a distrusted certificate is accepted");
    if (provider != nullptr) OSSL_PROVIDER_unload(provider);
  } else if (fault.record) {
    ExpectAfter("loaded", seen);
  }
}

/// What the parent has made: the same for all its children.
struct Prepared {
  std::unique_ptr<Peer> peer;
  std::unique_ptr<Client> client;  // mode=warm and change
};

void Run(const Fault& fault, const Prepared& prepared, const void* stack) {
  const std::string source = row.Get("source");
  if (row.Is("mode", "change")) PutStore(row.Get("then"));
  std::unique_ptr<Client> made;
  const Client* client = prepared.client.get();
  fault.Arm(stack);
  if (client == nullptr) {
    made = std::make_unique<Client>(source);
    client = made.get();
  }
  const std::string seen = Ask(*client, *prepared.peer);
  fault::End();
  ExpectUnder(fault, seen, Says("the last good state is kept"));
  ERR_clear_error();
  if (!fault.record) fault::Later(static_cast<int>(row.Number("later", 0)));
  // The default paths are OpenSSL's own where nothing could be served: such a store was never ours.
  const bool stays = (source != kDefault && !row.Is("prepared", "yes")) || fault.record;
  if (client->loaded && stays) ExpectAfter("the same store", Ask(*client, *prepared.peer));
  ExpectAfter("a new store", Ask(Client(source), *prepared.peer));
}

/// In a child. Does not return.
[[noreturn]] void Child(const Fault& fault, const Prepared& prepared, int log) {
  dup2(log, STDERR_FILENO);
  alarm(kPatience);
  const int here = 0;
  if (row.Is("mode", "load") || row.Is("mode", "explicit")) {
    RunLoading(fault, &here);
  } else {
    Run(fault, prepared, &here);
  }
  if (__lsan_do_recoverable_leak_check != nullptr && __lsan_do_recoverable_leak_check() != 0) {
    Wrong("memory is lost");
  }
  OPENSSL_cleanup();
  _exit(told->wrong[0] == '\0' ? 0 : 1);
}

// --- all of them ---------------------------------------------------------------------------------

std::string Lines(const std::string& text, const char* before) {
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    result += before + text.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return result;
}

/// Whose code a process died in: the first that is neither the C library's nor this program's.
/// OpenSSL's own, unless the module had just called it, or that of p11-kit's module.
bool DiedElsewhere(const std::string& places) {
  int of_openssl = 0;
  for (std::size_t begin = 0; begin < places.size();) {
    const std::size_t end = std::min(places.find('\n', begin), places.size());
    const std::string place = places.substr(begin, end - begin);
    begin = end + 1;
    if (place.rfind("libcrypto", 0) == 0 || place.rfind("libssl", 0) == 0) {
      if (++of_openssl > 1) return true;
    } else if (place.rfind("p11-kit-trust.so", 0) == 0 || place.rfind("libtasn1.so", 0) == 0) {
      return true;
    } else if (place.rfind("ostrust", 0) == 0) {
      return false;
    }
  }
  return false;
}

std::string Json(const std::map<std::string, std::size_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    std::string escaped;
    for (const char c : name) {
      if (c == '"' || c == '\\') escaped += '\\';
      escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    text += (text.empty() ? "\"" : ", \"") + escaped + "\": " + std::to_string(count);
  }
  return "{" + text + "}";
}

struct Tally {
  std::size_t runs = 0;
  std::size_t missed = 0;  // the call did not happen again
  std::size_t wrong = 0;
  std::map<std::string, std::size_t> kinds;
  std::map<std::string, std::size_t> answers;
  std::map<std::string, std::size_t> died_elsewhere;
};

bool IsShortage(fault::Kind kind, std::size_t way) {
  const std::string name = fault::WayOf(kind, way);
  return name == "ENOMEM" || name == "EMFILE" || name == "ENOBUFS";
}

/// True: as it should be.
bool RunOnce(const Fault& fault, const Prepared& prepared, Tally& tally) {
  if (!row.Get("store").empty()) PutStore(row.Get("store"));
  if (!row.Get("empty").empty()) std::filesystem::remove_all(row.Get("empty"));
  told->under[0] = told->wrong[0] = '\0';
  told->report.signal = 0;
  told->report.fired = false;
  told->report.fired_in_p11_kit = false;
  told->report.fired_at[0] = told->report.died_at[0] = '\0';
  const int log = memfd_create("log", MFD_CLOEXEC);
  const pid_t child = fork();
  if (child == 0) Child(fault, prepared, log);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) std::abort();
  ++tally.runs;
  if (!told->report.fired) {
    ++tally.missed;
  } else {
    ++tally.kinds[fault::NameOf(told->report.fired_kind)];
    ++tally.answers[told->under];
  }
  bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (good && !fault.record && row.Is("kept", "yes")) {
    const pid_t other = fork();
    if (other == 0) Child({.record = true}, prepared, log);
    if (other < 0 || waitpid(other, &status, 0) != other) std::abort();
    good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!good) Wrong("so another process said");
  }
  if (!good && told->report.signal != 0 && told->report.signal != SIGALRM &&
      DiedElsewhere(told->report.died_at)) {
    ++tally.died_elsewhere[told->report.died_at];
  } else if (!good || !row.Get("call").empty()) {
    if (!good) ++tally.wrong;
    const char* const kind = fault.record ? "none" : fault::NameOf(told->report.fired_kind);
    std::fprintf(stderr, "call %zu, way %zu (%s, %s): status %d, signal %d, answered: %s\n%s",
                 fault.call, fault.way, kind,
                 fault.record ? "" : fault::WayOf(told->report.fired_kind, fault.way), status,
                 told->report.signal, told->under, Lines(told->wrong, "  ").c_str());
    std::fprintf(stderr, "%s%s", Lines(told->report.fired_at, "    fault: ").c_str(),
                 Lines(told->report.died_at, "    died: ").c_str());
    std::string said(65536, '\0');
    const ssize_t size = pread(log, said.data(), said.size(), 0);
    said.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    std::fprintf(stderr, "%s", Lines(said, "    | ").c_str());
  }
  close(log);
  return good;
}

}  // namespace

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos) {
      std::fputs("usage: faults NAME=VALUE...\n", stderr);
      return 2;
    }
    row.values[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  void* const shared =
      mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 2;
  told = new (shared) Told;
  const std::string module =
      std::filesystem::path(Environment("OSTRUST_MODULE")).filename().string();
  if (!fault::Begin(module.c_str(), &told->report)) return 2;

  Prepared prepared;
  if (!row.Is("mode", "load") && !row.Is("mode", "explicit")) {
    OPENSSL_init_ssl(0, nullptr);
    if (!row.Get("store").empty()) PutStore(row.Get("store"));
    prepared.peer = std::make_unique<Peer>(row.Get("server"));
    if (!row.Is("mode", "first")) {
      prepared.client = std::make_unique<Client>(row.Get("source"));
      Ask(*prepared.client, *prepared.peer);
    }
  }
  Tally tally;
  if (!RunOnce({.record = true}, prepared, tally)) {
    std::fputs("without a fault it is not as expected\n", stderr);
    return 1;
  }
  const std::size_t calls = std::min(told->report.calls, fault::kMostCalls);
  const std::vector<fault::Kind> kinds(told->report.kinds, told->report.kinds + calls);
  const std::vector<bool> confirmed(told->report.confirmed, told->report.confirmed + calls);
  const auto points =
      static_cast<std::size_t>(std::count(confirmed.begin(), confirmed.end(), true));
  tally.runs = tally.missed = 0;
  const std::size_t only = row.Number("call", calls);
  const std::size_t stride = row.Number("stride", 1);
  const std::size_t ways = row.Number("ways", 1);
  std::size_t point = 0;
  std::size_t rank = 0;
  for (std::size_t call = 0; call < calls; ++call) {
    if (!confirmed[call]) continue;
    const bool of_memory =
        kinds[call] == fault::Kind::kMemory || kinds[call] == fault::Kind::kOpenSslMemory;
    const bool chosen = only < calls ? call == only : !of_memory || point % stride == 0;
    ++point;
    if (!chosen) continue;
    for (std::size_t way = 0; way < fault::WaysOf(kinds[call]); ++way) {
      if (only < calls && way != row.Number("way", 0)) continue;
      if (row.Is("lasting", "yes") && !IsShortage(kinds[call], way)) continue;
      if (only >= calls && !of_memory && rank++ % ways != 0) continue;
      RunOnce({.record = false, .call = call, .way = way}, prepared, tally);
    }
  }
  std::printf(
      "{\"points\": %zu, \"runs\": %zu, \"missed\": %zu, \"wrong\": %zu, \"kinds\": %s, "
      "\"answers\": %s, \"died elsewhere\": %s}\n",
      points, tally.runs, tally.missed, tally.wrong, Json(tally.kinds).c_str(),
      Json(tally.answers).c_str(), Json(tally.died_elsewhere).c_str());
  return tally.wrong == 0 ? 0 : 1;
}
