#include "provider/tool/explain.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/tool/child_process.hpp"
#include "provider/tool/escaped.hpp"
#include "provider/tool/run.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

using std::chrono::seconds;

constexpr int kAccepted = 0;
constexpr int kRefused = 1;
// What the module may spend besides on what it fetches, and everything on a slow machine.
constexpr seconds kMargin{20};
// What a child process says that was ended while it looked the host up.
constexpr const char* kAlarm = "alarm";
constexpr std::size_t kMaxChainFile = std::size_t{16} << 20;

int Usage(const std::string& text) {
  PrintError("ostrust explain: " + Escaped(text) + "\n");
  return kUsageError;
}

bool IsNumber(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// Seconds since 1970, or YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ.
std::optional<std::int64_t> ReadTime(const std::string& text) {
  std::int64_t value = 0;
  if (IsNumber(text, value)) return value;
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') {
    parts = std::tm{};
    end = ::strptime(text.c_str(), "%Y-%m-%d", &parts);
  }
  if (end == nullptr || *end != '\0') return std::nullopt;
  const std::tm given = parts;
  const std::time_t time = ::timegm(&parts);  // makes March of the 30th of February
  const bool same = parts.tm_mday == given.tm_mday && parts.tm_sec == given.tm_sec;
  return same ? std::optional<std::int64_t>(time) : std::nullopt;
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

/// Empty, or what is wrong with a host name.
std::string WhyNoName(const std::string& name) {
  if (name.empty() || name.size() > 253) return "a host name is wanted";
  if (std::any_of(name.begin(), name.end(), [](char c) { return (c & 0x80) != 0; })) {
    return name + ": write the name as it is in DNS (xn--...)";
  }
  if (!std::all_of(name.begin(), name.end(), IsHostCharacter)) {
    return name + ": is no host name, nor HOST:PORT nor [ADDRESS]:PORT";
  }
  return {};
}

/// HOST, HOST:PORT, ADDRESS, [ADDRESS]:PORT, or an https URL, whose path does not matter. Empty, or
/// what is wrong with it.
std::string ReadTarget(std::string text, ChainQuestion& question) {
  constexpr std::string_view kScheme = "https://";
  const std::string given = text;
  if (text.starts_with(kScheme)) {
    text.erase(0, kScheme.size());
    if (const std::size_t end = text.find_first_of("/?#"); end != text.npos) text.resize(end);
  }
  question.host = text;
  question.port = "443";
  const std::size_t colon = text.rfind(':');
  const bool is_bracketed = !text.empty() && text.front() == '[';
  if (is_bracketed) {
    const std::size_t end = text.find(']');
    if (end == std::string::npos) return given + ": a ] is missing";
    question.host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return given + ": is not [ADDRESS]:PORT";
      question.port = text.substr(end + 2);
    }
  } else if (colon != std::string::npos && text.find(':') == colon) {
    question.host = text.substr(0, colon);
    question.port = text.substr(colon + 1);
  }
  std::int64_t port = 0;
  if (!IsNumber(question.port, port) || port < 1 || port > 65535) {
    return given + ": the port is a number from 1 to 65535";
  }
  question.port = std::to_string(port);
  question.host_is_address = IsAddress(question.host);
  if (question.host_is_address) return {};
  if (is_bracketed) return given + ": there is no address between [ and ]";
  // The dot at the end of a name as it is in DNS is in no certificate.
  if (!question.host.empty() && question.host.back() == '.') question.host.pop_back();
  return WhyNoName(question.host);
}

/// Empty, or why the file cannot be read.
std::string ReadChain(const std::string& path, std::string& content) {
  // O_NONBLOCK: a FIFO must not hang us.
  const int fd = path == "-" ? ::dup(STDIN_FILENO)
                             : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return path + ": " + std::strerror(errno);
  std::string why;
  struct stat status {};
  if (::fstat(fd, &status) == 0 && path != "-" && !S_ISREG(status.st_mode)) {
    why = path + ": is no file";
  }
  while (why.empty()) {
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) why = path + ": " + std::strerror(errno);
    if (got <= 0) break;
    content.append(buffer.data(), static_cast<std::size_t>(got));
    if (content.size() > kMaxChainFile) why = path + ": is larger than 16 MiB";
  }
  ::close(fd);
  return why;
}

/// Empty, or what is wrong with the options.
std::string ReadOptions(const ExplainOptions& options, ChainQuestion& question) {
  if (options.target.empty() == options.chain.empty()) {
    return "name a server, HOST[:PORT], or a file with --chain";
  }
  if (!options.target.empty() && !(options.name.empty() && options.time.empty())) {
    return "--name and --time go with --chain";
  }
  if (options.timeout < 1 || options.timeout > 3600) return "--timeout: 1 to 3600 seconds";
  question.timeout = options.timeout;
  question.strict = options.strict;
  question.ca = options.ca;
  if (!options.target.empty()) return ReadTarget(options.target, question);
  if (!options.name.empty()) {
    if (!IsAddress(options.name)) {
      const std::string why = WhyNoName(options.name);
      if (!why.empty()) return "--name " + why;
    }
    question.name = options.name;
  }
  if (!options.time.empty()) {
    question.time = ReadTime(options.time);
    if (!question.time) {
      return "--time " + options.time + ": seconds since 1970, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ";
    }
  }
  return ReadChain(options.chain, question.pem);
}

/// Empty, or why the program's OpenSSL cannot be asked from outside.
std::string WhyNotAsked(const Program& program) {
  switch (program.openssl) {
    case Program::OpenSsl::kShared:
      return {};
    case Program::OpenSsl::kExported:
    case Program::OpenSsl::kHidden:
      return program.because +
             ": it cannot be asked from outside; without --program the openssl "
             "command is asked, in the same environment";
    case Program::OpenSsl::kUnknown:
    case Program::OpenSsl::kNotFound:
      break;
  }
  return program.because + "; name the program that makes the TLS connections with --program";
}

/// What a child process answered; `failed` makes the answer of one that ended in another way.
template <typename Read, typename Work>
auto Ask(const Work& work, const Read& read, seconds limit, const std::string& libcrypto) {
  const ChildOutcome outcome = RunForked(work, limit);
  if (outcome.Succeeded()) {
    if (const auto answer = read(outcome.out)) return *answer;
  }
  std::decay_t<decltype(*read(outcome.out))> failed;
  if (outcome.end == ChildOutcome::End::kTimedOut) {
    failed.failure = "there was no answer within " + std::to_string(limit.count()) + " seconds";
  } else if (outcome.end == ChildOutcome::End::kSignalled && outcome.code == SIGALRM) {
    failed.failure = kAlarm;
  } else if (outcome.Succeeded()) {
    failed.failure = "the answer of the process that asked " + libcrypto + " cannot be read";
  } else {
    failed.failure = "the process that asked " + libcrypto + " " + outcome.Describe();
  }
  return failed;
}

/// network-timeout, which the module may take for itself.
seconds NetworkTimeout(const Status& status) {
  const auto& keys = status.Entry().ostrust_keys;
  const auto found = keys.find("network-timeout");
  std::int64_t value = 0;
  return found != keys.end() && IsNumber(found->second, value) && value > 0 && value < 3600
             ? seconds(value)
             : seconds(3);
}

std::size_t Width() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return kUsual;
  return std::clamp<std::size_t>(size.ws_col, 40, 120);
}

bool Colour() {
  const char* const no = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) != 0 && (no == nullptr || *no == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

}  // namespace

bool IsAddress(const std::string& name) {
  std::array<unsigned char, 16> address{};
  return ::inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

int Explain(const ExplainOptions& options) {
  Explanation explanation;
  explanation.options = options;
  ChainQuestion& question = explanation.question;
  const std::string wrong = ReadOptions(options, question);
  if (!wrong.empty()) return Usage(wrong);
  explanation.status = Examine(options.program);
  const Program& program = explanation.status.program;
  if (program.openssl == Program::OpenSsl::kNotFound) return Usage(program.because);
  Governed& governed = explanation.governed;
  governed.failure = WhyNotAsked(program);
  if (governed.failure.empty()) {
    question.libcrypto = program.libcrypto;
    question.set_user_id = program.set_user_id;
    const seconds limit = seconds(options.timeout) + NetworkTimeout(explanation.status) + kMargin;
    governed = Ask([&] { return GovernedToJson(AskGoverned(question)); }, GovernedFromJson, limit,
                   program.libcrypto);
    if (!options.target.empty() && governed.failure == kAlarm) {
      governed.failure = question.host + " was not looked up in the " +
                         std::to_string(options.timeout) + " s of --timeout: DNS does not answer";
    }
    if (governed.is_usage) return Usage(options.chain + ": " + governed.failure);
    if (governed.verified) {
      explanation.stock = Ask([&] { return StockToJson(AskStock(question, governed)); },
                              StockFromJson, limit, program.libcrypto);
    }
  }
  Conclude(explanation);
  if (options.json) Print(ExplanationAsJson(explanation));
  if (!governed.verified) {
    PrintError("ostrust explain: " + Escaped(governed.failure) + "\n");
    return kRunFailed;
  }
  if (!options.json) Print(ExplanationAsText(explanation, Width(), Colour()));
  return governed.result.accepted ? kAccepted : kRefused;
}

}  // namespace ostrust::tool
