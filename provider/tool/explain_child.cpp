// The two child processes of `ostrust explain`.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <set>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "provider/tool/certificate_text.hpp"
#include "provider/tool/explain_libraries.hpp"
#include "provider/tool/explanation.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxEvents = 100;
constexpr std::size_t kMaxLog = std::size_t{256} << 10;
constexpr std::size_t kMaxChain = std::size_t{256} << 10;
constexpr std::size_t kMaxLines = 500;
constexpr unsigned long kStrict = X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN;
// SSL_OP_NO_RX_CERTIFICATE_COMPRESSION, since 3.2: a compressed chain cannot be read off the
// messages. Unknown before, and without effect.
constexpr std::uint64_t kNoCompressedCertificates = std::uint64_t{1} << 33;

// --- what happens in a verification

struct Recorder {
  explicit Recorder(const Verifier& library) : crypto(library) {}

  const Verifier& crypto;
  Verified result;
  std::vector<std::string> chain;  // DER, as it was when the callback was called last
  bool called = false;
  // Of the handshake:
  std::vector<std::string> sent;
  bool stapled = false;
  int auth_level = -1;
  unsigned long flags = 0;
};

// OpenSSL hands the callback of a verification nothing of ours.
Recorder* g_recorder = nullptr;

std::string ErrorText(const Verifier& crypto, int error) {
  return crypto.X509_verify_cert_error_string(error);
}

void Record(Recorder& recorder, int ok, X509_STORE_CTX* ctx) {
  const Verifier& crypto = recorder.crypto;
  recorder.called = true;
  X509_VERIFY_PARAM* const param = crypto.X509_STORE_CTX_get0_param(ctx);
  recorder.auth_level = crypto.X509_VERIFY_PARAM_get_auth_level(param);
  recorder.flags = crypto.X509_VERIFY_PARAM_get_flags(param);
  const auto* const chain =
      reinterpret_cast<const OPENSSL_STACK*>(crypto.X509_STORE_CTX_get0_chain(ctx));
  recorder.chain.clear();
  for (int i = 0; chain != nullptr && i < crypto.OPENSSL_sk_num(chain); ++i) {
    recorder.chain.push_back(
        DerOf(crypto, static_cast<const X509*>(crypto.OPENSSL_sk_value(chain, i))));
  }
  Verified& result = recorder.result;
  result.untrusted = crypto.X509_STORE_CTX_get_num_untrusted(ctx);
  result.error = crypto.X509_STORE_CTX_get_error(ctx);
  result.depth = crypto.X509_STORE_CTX_get_error_depth(ctx);
  if (ok != 0 || result.events.size() >= kMaxEvents) return;
  const X509* const current = crypto.X509_STORE_CTX_get_current_cert(ctx);
  result.events.push_back(
      {result.error, result.depth, ErrorText(crypto, result.error),
       current == nullptr ? std::string() : Describe(crypto, DerOf(crypto, current)).subject});
}

/// Goes on as without a callback: the first error ends the verification.
extern "C" int OstrustToolVerifyCallback(int ok, X509_STORE_CTX* ctx) {
  if (g_recorder != nullptr) Record(*g_recorder, ok, ctx);
  return ok;
}

/// What a Certificate message holds: RFC 5246 section 7.4.2, RFC 8446 section 4.4.2.
void ReadCertificateMessage(Recorder& recorder, bool tls13, const unsigned char* data,
                            std::size_t size) {
  std::size_t at = 4;  // its type and length
  const auto number = [&](std::size_t octets) -> std::size_t {
    std::size_t value = 0;
    for (; octets > 0 && at < size; --octets) value = value << 8 | data[at++];
    return octets == 0 ? value : size;  // more than there can be
  };
  if (tls13) at += number(1);
  number(3);
  recorder.sent.clear();
  while (at < size) {
    const std::size_t length = number(3);
    if (length > size - at) return;
    recorder.sent.emplace_back(reinterpret_cast<const char*>(data) + at, length);
    at += length;
    if (!tls13) continue;
    const std::size_t extensions = number(2);
    if (extensions > size - at) return;
    const std::size_t end = at + extensions;
    while (at + 4 <= end) {
      const std::size_t type = number(2);
      const std::size_t content = number(2);
      if (type == TLSEXT_TYPE_status_request && recorder.sent.size() == 1) recorder.stapled = true;
      if (content > end - at) break;
      at += content;
    }
    at = end;
  }
}

extern "C" void OstrustToolMessageCallback(int written, int version, int content_type,
                                           const void* data, std::size_t size, SSL*, void*) {
  const auto* const bytes = static_cast<const unsigned char*>(data);
  if (g_recorder != nullptr && written == 0 && content_type == SSL3_RT_HANDSHAKE && size > 4 &&
      bytes[0] == SSL3_MT_CERTIFICATE) {
    ReadCertificateMessage(*g_recorder, version == TLS1_3_VERSION, bytes, size);
  }
}

/// Makes of what was recorded what is told. `accepted`, `error`: the end of it.
Verified Finish(Recorder& recorder, bool accepted, int error, const std::set<std::string>& sent) {
  Verified& result = recorder.result;
  result.accepted = accepted;
  result.error = error;
  result.text = ErrorText(recorder.crypto, error);
  if (accepted) result.depth = 0;
  for (const std::string& der : recorder.chain) {
    ChainCertificate certificate = Describe(recorder.crypto, der);
    certificate.from =
        sent.count(der) != 0 ? ChainCertificate::From::kSent : ChainCertificate::From::kUnknownHere;
    result.chain.push_back(std::move(certificate));
  }
  return result;
}

/// As much as can be handed on: none, if it is not all.
std::vector<std::string> BoundedChain(const Recorder& recorder) {
  std::size_t size = 0;
  for (const std::string& der : recorder.chain) size += der.size();
  return size <= kMaxChain ? recorder.chain : std::vector<std::string>();
}

void WantName(const Verifier& crypto, X509_VERIFY_PARAM* param, const std::string& name) {
  if (name.empty()) return;
  if (IsAddress(name)) {
    crypto.X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str());
  } else {
    crypto.X509_VERIFY_PARAM_set1_host(param, name.c_str(), name.size());
  }
}

/// A host that the certificate is for.
std::string OwnName(const ChainCertificate& leaf) {
  if (leaf.names.empty()) return {};
  const std::string& name = leaf.names.front();
  return name.starts_with("*.") ? "www" + name.substr(1) : name;
}

// --- the module's log

/// Standard error while it lives is a file of no name.
class CapturedLog {
 public:
  CapturedLog() : file_(::memfd_create("ostrust-log", MFD_CLOEXEC)) {
    if (file_ >= 0) ::dup2(file_, STDERR_FILENO);
    SetVariable("OSTRUST_LOG", "debug");
  }

  /// The last ones: the verdict comes after everything about the trust store.
  std::vector<LogLine> Lines() const {
    std::string text(kMaxLog, '\0');
    const off_t end_of_log = file_ < 0 ? 0 : ::lseek(file_, 0, SEEK_END);
    const off_t from = std::max<off_t>(end_of_log - static_cast<off_t>(kMaxLog), 0);
    const ssize_t size = file_ < 0 ? 0 : ::pread(file_, text.data(), text.size(), from);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    std::vector<LogLine> lines;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      const std::size_t level = line.find("] ");
      const std::size_t colon = line.find(": ", level);
      if (!line.starts_with("ostrust[") || colon == std::string::npos) continue;
      lines.push_back({line.substr(level + 2, colon - level - 2), line.substr(colon + 2)});
    }
    if (lines.size() > kMaxLines) lines.erase(lines.begin(), lines.end() - kMaxLines);
    return lines;
  }

 private:
  const int file_;
};

// --- connections

/// Waits until `fd` is ready for `events`; false when the deadline passes first.
bool WaitFor(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd polled = {fd, events, 0};
    const int ready = ::poll(&polled, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

std::string InSeconds(int timeout) {
  return " within " + std::to_string(timeout) + (timeout == 1 ? " second" : " seconds");
}

/// A connected, non-blocking socket; -1 with a sentence in `why`. Ends this process with SIGALRM
/// when the addresses are not found in time.
int Connect(const ChainQuestion& question, Clock::time_point deadline, std::string& address,
            std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = question.host_is_address ? AI_NUMERICHOST : 0;
  addrinfo* found = nullptr;
  ::alarm(static_cast<unsigned>(question.timeout));  // nothing else ends getaddrinfo() in time
  const int error = ::getaddrinfo(question.host.c_str(), question.port.c_str(), &hints, &found);
  ::alarm(0);
  if (error != 0) {
    why = question.host + " has no address here: " +
          (error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error));
    return -1;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, ::freeaddrinfo);
  int left = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) ++left;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next, --left) {
    std::array<char, NI_MAXHOST> text{};
    ::getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0,
                  NI_NUMERICHOST);
    address = text.data();
    const auto by = Clock::now() + (deadline - Clock::now()) / left;
    const int fd = ::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int result = fd < 0 ? errno : 0;
    if (fd >= 0 && ::connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
      result = errno;
      if (result == EINPROGRESS) {
        socklen_t size = sizeof(result);
        if (!WaitFor(fd, POLLOUT, by)) {
          result = ETIMEDOUT;
        } else if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) != 0) {
          result = errno;
        }
      }
    }
    if (result == 0) return fd;
    if (fd >= 0) ::close(fd);
    why += (why.empty() ? "" : "; ") + address + " port " + question.port + ": " +
           std::strerror(result);
  }
  why = "cannot connect: " + why;
  return -1;
}

/// What became of a handshake that brought no certificate to verify.
std::string WhyNoCertificate(const std::string& errors, int error, bool timed_out, int timeout) {
  if (timed_out) return "it did not answer the TLS handshake" + InSeconds(timeout);
  if (errors.find("alert") != std::string::npos) return "it refused the TLS handshake: " + errors;
  if (errors.find("unexpected eof") != std::string::npos || error == SSL_ERROR_SYSCALL ||
      error == SSL_ERROR_ZERO_RETURN) {
    return "it closed the connection before it sent a certificate";
  }
  return "what it sent is no TLS handshake: " +
         (errors.empty() ? "an error of OpenSSL's without a name" : errors);
}

void Handshake(const Verifier& crypto, const Libssl& tls, const ChainQuestion& question,
               Governed& answer, Clock::time_point deadline) {
  SSL_CTX* const context = tls.SSL_CTX_new(tls.TLS_client_method());
  if (context == nullptr) {
    answer.failure = "no TLS context can be made: " + crypto.TakeErrors();
    return;
  }
  X509_STORE* const store = tls.SSL_CTX_get_cert_store(context);
  const auto stock_get_issuer = crypto.X509_STORE_get_get_issuer(store);
  crypto.ERR_clear_error();
  if (question.ca.empty()) {
    tls.SSL_CTX_set_default_verify_paths(context);
  } else if ((KindOf(question.ca) == FileKind::kDirectory
                  ? tls.SSL_CTX_load_verify_dir(context, question.ca.c_str())
                  : tls.SSL_CTX_load_verify_file(context, question.ca.c_str())) != 1) {
    answer.ca_error = crypto.TakeErrors();
  }
  crypto.ERR_clear_error();
  answer.governed = crypto.X509_STORE_get_get_issuer(store) != stock_get_issuer;
  tls.SSL_CTX_set_verify(context, SSL_VERIFY_PEER, OstrustToolVerifyCallback);
  tls.SSL_CTX_set_options(context, kNoCompressedCertificates);
  tls.SSL_CTX_set_msg_callback(context, OstrustToolMessageCallback);

  SSL* const ssl = tls.SSL_new(context);
  if (ssl == nullptr) {
    answer.failure = "no TLS connection can be made: " + crypto.TakeErrors();
    return;
  }
  X509_VERIFY_PARAM* const param = tls.SSL_get0_param(ssl);
  WantName(crypto, param, question.host);
  if (question.strict) crypto.X509_VERIFY_PARAM_set_flags(param, kStrict);
  std::string host = question.host;
  if (!question.host_is_address) {
    tls.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data());
  }
  std::string why;
  const int fd = Connect(question, deadline, answer.address, why);
  if (fd < 0) {
    answer.failure = why;
    return;
  }
  tls.SSL_set_fd(ssl, fd);
  Recorder recorder(crypto);
  g_recorder = &recorder;
  bool timed_out = false;
  int result = 0;
  int error = 0;
  for (;;) {
    const auto before = Clock::now();
    crypto.ERR_clear_error();
    result = tls.SSL_connect(ssl);
    deadline += Clock::now() - before;  // the verification has a limit of its own
    error = result == 1 ? SSL_ERROR_NONE : tls.SSL_get_error(ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) break;
    if (!WaitFor(fd, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) {
      timed_out = true;
      break;
    }
  }
  g_recorder = nullptr;
  answer.errors = crypto.TakeErrors();
  ::close(fd);
  answer.protocol = tls.SSL_get_version(ssl);
  if (!recorder.called && result == 1) {
    answer.failure = question.host + " port " + question.port +
                     ": the handshake had no certificate, so that nothing was verified: the "
                     "configuration allows cipher suites without authentication (aNULL)";
    return;
  }
  if (!recorder.called) {
    answer.failure = question.host + " port " + question.port + ": " +
                     WhyNoCertificate(answer.errors, error, timed_out, question.timeout);
    return;
  }
  const auto verify_result = static_cast<int>(tls.SSL_get_verify_result(ssl));
  answer.verified = true;
  answer.result = Finish(recorder, verify_result == X509_V_OK, verify_result,
                         {recorder.sent.begin(), recorder.sent.end()});
  if (answer.result.accepted && result != 1) {
    answer.handshake =
        timed_out ? "the server did not finish it" + InSeconds(question.timeout) : answer.errors;
  }
  answer.chain = BoundedChain(recorder);
  answer.sent = recorder.sent;
  answer.sent_count = recorder.sent.size();
  answer.stapled = recorder.stapled;
  answer.auth_level = recorder.auth_level;
  answer.flags = recorder.flags;
}

// --- without a connection

struct StoreDeleter {
  const Verifier& crypto;
  void operator()(X509_STORE* store) const { crypto.X509_STORE_free(store); }
};
using StorePtr = std::unique_ptr<X509_STORE, StoreDeleter>;

struct PlainQuestion {
  const std::vector<X509Ptr>& certificates;  // the leaf first
  std::string name;
  std::optional<std::int64_t> time;
  unsigned long flags = 0;
  int auth_level = -1;
};

/// Verifies a TLS server's certificate in `store`. False when it could not be begun.
bool VerifyPlainly(const Verifier& crypto, X509_STORE* store, const PlainQuestion& question,
                   Recorder& recorder, Verified& result) {
  // Before X509_STORE_CTX_init(), which copies it.
  crypto.X509_STORE_set_verify_cb(store, OstrustToolVerifyCallback);
  OPENSSL_STACK* const untrusted = crypto.OPENSSL_sk_new_null();
  std::set<std::string> sent;
  for (const X509Ptr& certificate : question.certificates) {
    if (certificate != question.certificates.front()) {
      crypto.OPENSSL_sk_push(untrusted, certificate.get());
    }
    sent.insert(DerOf(crypto, certificate.get()));
  }
  X509_STORE_CTX* const ctx = crypto.X509_STORE_CTX_new();
  const bool begun = ctx != nullptr &&
                     crypto.X509_STORE_CTX_init(ctx, store, question.certificates.front().get(),
                                                reinterpret_cast<STACK_OF(X509)*>(untrusted)) == 1;
  if (begun) {
    crypto.X509_STORE_CTX_set_default(ctx, "ssl_server");
    X509_VERIFY_PARAM* const param = crypto.X509_STORE_CTX_get0_param(ctx);
    WantName(crypto, param, question.name);
    crypto.X509_VERIFY_PARAM_set_flags(param, question.flags);
    if (question.auth_level >= 0) {
      crypto.X509_VERIFY_PARAM_set_auth_level(param, question.auth_level);
    }
    if (question.time) crypto.X509_VERIFY_PARAM_set_time(param, *question.time);
    g_recorder = &recorder;
    const bool accepted = crypto.X509_verify_cert(ctx) == 1;
    g_recorder = nullptr;
    int error = crypto.X509_STORE_CTX_get_error(ctx);
    if (!accepted && error == X509_V_OK) error = X509_V_ERR_UNSPECIFIED;
    result = Finish(recorder, accepted, accepted ? X509_V_OK : error, sent);
  }
  crypto.X509_STORE_CTX_free(ctx);
  crypto.OPENSSL_sk_free(untrusted);
  return begun;
}

void VerifyFile(const Verifier& crypto, const ChainQuestion& question, Governed& answer) {
  std::string why;
  const auto certificates = ParseFile(crypto, question.pem, why);
  if (!certificates) {
    answer.is_usage = true;
    answer.failure = why;
    return;
  }
  const StorePtr store(crypto.X509_STORE_new(), StoreDeleter{crypto});
  const auto stock_get_issuer = crypto.X509_STORE_get_get_issuer(store.get());
  crypto.ERR_clear_error();
  if (question.ca.empty()) {
    crypto.X509_STORE_set_default_paths(store.get());
  } else if ((KindOf(question.ca) == FileKind::kDirectory
                  ? crypto.X509_STORE_load_path(store.get(), question.ca.c_str())
                  : crypto.X509_STORE_load_file(store.get(), question.ca.c_str())) != 1) {
    answer.ca_error = crypto.TakeErrors();
  }
  crypto.ERR_clear_error();
  answer.governed = crypto.X509_STORE_get_get_issuer(store.get()) != stock_get_issuer;
  answer.name = !question.name.empty()
                    ? question.name
                    : OwnName(Describe(crypto, DerOf(crypto, certificates->front().get())));
  Recorder recorder(crypto);
  answer.verified =
      VerifyPlainly(crypto, store.get(),
                    {*certificates, answer.name, question.time, question.strict ? kStrict : 0, -1},
                    recorder, answer.result);
  if (!answer.verified) answer.failure = "the verification cannot be begun";
  answer.chain = BoundedChain(recorder);
  answer.errors = crypto.TakeErrors();
  answer.sent_count = certificates->size();
  answer.auth_level = recorder.auth_level;
  answer.flags = recorder.flags;
}

/// As an unprivileged user's environment is for a set-user-ID program.
void ForgetEnvironment() {
  for (const char* const name : {"OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_CONF_INCLUDE",
                                 "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    UnsetVariable(name);
  }
}

bool NamesTheSystemsStore(const std::string& ca) {
  return ca.starts_with("os:");
}

/// The accepted chain again, with nothing but its anchor to trust.
std::optional<Verified> Strictly(const Verifier& crypto, const PlainQuestion& question,
                                 const Governed& governed) {
  std::vector<X509Ptr> chain;
  for (const std::string& der : governed.chain) {
    X509Ptr x509 = Parse(crypto, der);
    if (x509 == nullptr) return std::nullopt;
    chain.push_back(std::move(x509));
  }
  if (chain.empty()) return std::nullopt;
  const StorePtr store(crypto.X509_STORE_new(), StoreDeleter{crypto});
  crypto.X509_STORE_add_cert(store.get(), chain.back().get());
  const PlainQuestion strict{chain, question.name, question.time, question.flags | kStrict,
                             question.auth_level};
  Recorder recorder(crypto);
  Verified result;
  if (!VerifyPlainly(crypto, store.get(), strict, recorder, result)) return std::nullopt;
  return result;
}

}  // namespace

Governed AskGoverned(const ChainQuestion& question) {
  const auto deadline = Clock::now() + std::chrono::seconds(question.timeout);
  // For a server that has gone. Fails for no signal that there is.
  static_cast<void>(::signal(SIGPIPE, SIG_IGN));
  if (question.set_user_id) ForgetEnvironment();
  const CapturedLog log;
  Governed answer;
  const auto crypto = Verifier::Load(question.libcrypto, answer.failure);
  if (!crypto) return answer;
  std::optional<Libssl> tls;
  if (!question.host.empty()) {
    tls = Libssl::Load(question.libcrypto, *crypto, answer.failure);
    if (!tls) return answer;
    answer.libssl = tls->path;
    answer.name = question.host;
  }
  // The first use of OpenSSL loads the configuration, as in a program.
  crypto->OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr);
  crypto->ERR_clear_error();
  if (tls) {
    tls->OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr);
    Handshake(*crypto, *tls, question, answer, deadline);
  } else {
    VerifyFile(*crypto, question, answer);
  }
  answer.log = log.Lines();
  return answer;
}

Stock AskStock(const ChainQuestion& question, const Governed& governed) {
  if (question.set_user_id) ForgetEnvironment();
  // A CA variable that leads to the system's store means nothing without ostrust.
  if (governed.governed && question.ca.empty()) {
    UnsetVariable("SSL_CERT_FILE");
    UnsetVariable("SSL_CERT_DIR");
  }
  Stock answer;
  const auto crypto = Verifier::Load(question.libcrypto, answer.failure);
  if (!crypto) return answer;
  crypto->OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                              nullptr);
  std::vector<X509Ptr> certificates;
  if (!question.host.empty()) {
    for (const std::string& der : governed.sent) {
      X509Ptr x509 = Parse(*crypto, der);
      if (x509 != nullptr) certificates.push_back(std::move(x509));
    }
    crypto->ERR_clear_error();
  } else if (auto parsed = ParseFile(*crypto, question.pem, answer.failure)) {
    certificates = std::move(*parsed);
  }
  if (certificates.empty()) {
    if (answer.failure.empty()) answer.failure = "what the server sent could not be kept";
    return answer;
  }
  const StorePtr store(crypto->X509_STORE_new(), StoreDeleter{*crypto});
  if (question.ca.empty() || NamesTheSystemsStore(question.ca)) {
    crypto->X509_STORE_set_default_paths(store.get());
    answer.anchors = GetVariable("SSL_CERT_FILE").value_or(crypto->X509_get_default_cert_file()) +
                     " and " +
                     GetVariable("SSL_CERT_DIR").value_or(crypto->X509_get_default_cert_dir());
  } else {
    if (KindOf(question.ca) == FileKind::kDirectory) {
      crypto->X509_STORE_load_path(store.get(), question.ca.c_str());
    } else {
      crypto->X509_STORE_load_file(store.get(), question.ca.c_str());
    }
    answer.anchors = question.ca;
  }
  crypto->ERR_clear_error();
  const PlainQuestion plain{certificates, governed.name, question.time,
                            static_cast<unsigned long>(governed.flags), governed.auth_level};
  Recorder recorder(*crypto);
  answer.verified = VerifyPlainly(*crypto, store.get(), plain, recorder, answer.result);
  if (governed.result.accepted && !question.strict)
    answer.strict = Strictly(*crypto, plain, governed);
  return answer;
}

}  // namespace ostrust::tool
