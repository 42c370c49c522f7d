// `ostrust explain` for a person.
#include <array>
#include <ctime>
#include <string_view>

#include "provider/tool/escaped.hpp"
#include "provider/tool/explanation.hpp"

namespace ostrust::tool {
namespace {

constexpr const char* kGood = "\x1b[32m";
constexpr const char* kBad = "\x1b[31m";
constexpr const char* kPlain = "\x1b[0m";
constexpr std::size_t kColumn = 14;  // where values begin
constexpr std::size_t kMaxNamesShown = 6;

/// Words one after the other, broken before `width`; what follows the first line is indented.
std::string Wrapped(const std::string& text, std::size_t column, std::size_t width) {
  std::string out;
  std::size_t used = column;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    std::size_t columns = 0;  // of what is escaped already, roughly
    for (const char c : word) columns += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    if (used > column && used + 1 + columns > width) {
      out += "\n" + std::string(column, ' ');
      used = column;
    } else if (used > column) {
      out += ' ';
      ++used;
    }
    out += word;
    used += columns;
  }
  return out;
}

class Page {
 public:
  Page(std::size_t width, bool colour) : width_(width), colour_(colour) {}

  void Line(std::string_view name, const std::string& value, const char* colour = nullptr) {
    Put("  ", name, kColumn, value, colour);
  }
  void Blank() { text_ += '\n'; }
  void Plain(const std::string& text) { text_ += Wrapped(Escaped(text), 0, width_) + "\n"; }

  /// With a drawn line at its left.
  void OfCertificate(bool last, std::string_view name, const std::string& value) {
    Put(last ? "       " : "  |    ", name, kColumn + 3, value, nullptr);
  }
  void Certificate(std::size_t depth, const std::string& subject, const std::string& mark) {
    std::string line = Wrapped(Escaped(subject.empty() ? "(no subject)" : subject), 5, width_);
    const std::string number = std::to_string(depth);
    text_ += "  " + number + std::string(number.size() < 3 ? 3 - number.size() : 1, ' ') + line;
    if (!mark.empty()) text_ += "\n     " + Coloured("<- " + Escaped(mark), kBad);
    text_ += '\n';
  }

  std::string Take() { return std::move(text_); }
  std::string Coloured(const std::string& text, const char* colour) const {
    return colour_ && colour != nullptr ? colour + text + kPlain : text;
  }

 private:
  void Put(std::string_view left, std::string_view name, std::size_t column,
           const std::string& value, const char* colour) {
    if (value.empty()) return;
    text_ += left;
    text_ += name;
    const std::size_t used = left.size() + name.size();
    text_.append(used < column ? column - used : 1, ' ');
    text_ += Coloured(Wrapped(Escaped(value), column, width_), colour) + "\n";
  }

  const std::size_t width_;
  const bool colour_;
  std::string text_;
};

std::string ErrorOf(const Verified& result) {
  return result.text + " (error " + std::to_string(result.error) + " at depth " +
         std::to_string(result.depth) + ")";
}

std::string Summary(const Verified& result) {
  return result.accepted ? "accepted" : "refused: " + ErrorOf(result);
}

std::string FromText(const ChainCertificate& certificate, bool from_file) {
  const std::string where =
      certificate.from_where.empty() ? std::string() : ": " + certificate.from_where;
  switch (certificate.from) {
    case ChainCertificate::From::kSent:
      return from_file ? "the file" : "sent by the server";
    case ChainCertificate::From::kKnownHere:
      return "known here, from the caches of intermediates: the server did not send it";
    case ChainCertificate::From::kFetched:
      return "fetched, the server did not send it" + where;
    case ChainCertificate::From::kSystem:
      return "the system's store" + where;
    case ChainCertificate::From::kCaFile:
      return "the program's own CA certificates" + where;
    case ChainCertificate::From::kUnknownHere:
      break;
  }
  return "not known: the server did not send it";
}

std::string DayOf(std::int64_t seconds) {
  std::string text = UtcText(seconds);  // 2026-11-23T01:02:03Z
  if (text.size() < 20) return text;
  text[10] = ' ';
  return text.substr(0, text.size() - 4);
}

std::string Some(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size() && i < kMaxNamesShown; ++i) {
    text += (i == 0 ? "" : ", ") + words[i];
  }
  if (words.size() > kMaxNamesShown) {
    text += " and " + std::to_string(words.size() - kMaxNamesShown) + " more";
  }
  return text;
}

void DrawChain(Page& page, const Explanation& explanation) {
  const Verified& result = explanation.governed.result;
  const bool from_file = explanation.options.target.empty();
  const std::size_t count = result.chain.size();
  for (std::size_t depth = 0; depth < count; ++depth) {
    const ChainCertificate& one = result.chain[depth];
    const bool is_it = !result.accepted && static_cast<std::size_t>(result.depth) == depth;
    const bool last = depth + 1 == count;
    page.Certificate(depth, one.subject, is_it ? result.text : std::string());
    page.OfCertificate(last, "issuer", one.issuer);
    if (depth == 0) page.OfCertificate(last, "for", Some(one.names));
    page.OfCertificate(last, "valid",
                       DayOf(one.not_before) + " to " + DayOf(one.not_after) + " UTC");
    page.OfCertificate(last, "key", one.key);
    page.OfCertificate(last, "serial", one.serial);
    page.OfCertificate(last, "from", FromText(one, from_file));
  }
}

}  // namespace

std::string UtcText(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return std::to_string(seconds);
  std::array<char, 40> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

std::string ExplanationAsText(const Explanation& explanation, std::size_t width, bool colour) {
  const Governed& governed = explanation.governed;
  const Verified& result = governed.result;
  const Status& status = explanation.status;
  const ExplainOptions& options = explanation.options;
  Page page(width, colour);
  page.Plain(std::string("ostrust ") + OSTRUST_VERSION + ": " +
             (options.target.empty() ? options.chain : options.target) + " is " +
             (result.accepted ? "accepted" : "refused") + " for " + status.program.name);
  page.Blank();
  page.Line("verdict", Summary(result), result.accepted ? kGood : kBad);
  page.Line("decided by", explanation.decided_by);
  page.Line("rule", explanation.rule);
  page.Line("trust", governed.governed
                         ? "the system's store" + (status.module && !status.module->source.empty()
                                                       ? ": " + status.module->source
                                                       : std::string())
                         : "not the system's store: ostrust does not serve this program");
  if (governed.governed && status.module) {
    page.Line("settings", "verify: " + status.module->verify +
                              ", intermediates: " + status.module->intermediates +
                              ", revocation: " + status.module->revocation +
                              (options.strict ? ", strict" : ""));
  }
  page.Line("verified",
            (governed.name.empty() ? "for no name" : "for " + governed.name) +
                (explanation.question.time ? ", as of " + UtcText(*explanation.question.time)
                                           : std::string()));
  if (!governed.address.empty()) {
    page.Line("connection", governed.address + " port " + explanation.question.port + ", " +
                                governed.protocol +
                                (governed.stapled ? ", with an OCSP response stapled" : ""));
    page.Line("", governed.handshake.empty() ? std::string()
                                             : "then the handshake failed: " + governed.handshake);
  }
  page.Line("OpenSSL", status.openssl_version + ", " + status.program.libcrypto);
  for (const LogLine& line : governed.log) {
    // What was refused is the verdict; where a certificate is from is said in the chain.
    if (line.text.starts_with("revocation: ")) {
      page.Line("revocation", line.text.substr(12));
    } else if (line.text.starts_with("the server did not send") ||
               line.text.starts_with("the root that the server sent")) {
      page.Line("chain", line.text);
    } else if (line.level == "error" && !line.text.starts_with("refused: ")) {
      page.Line("log", line.text);
    }
  }
  if (explanation.stock.verified) {
    page.Line("stock", "without ostrust: " + Summary(explanation.stock.result) + ", with " +
                           explanation.stock.anchors);
  } else {
    page.Line("stock", "not known: " + explanation.stock.failure);
  }
  page.Blank();
  if (result.chain.empty()) {
    page.Plain("  no chain was built");
  } else {
    DrawChain(page, explanation);
  }
  if (!explanation.advice.empty()) page.Blank();
  for (const Advice& one : explanation.advice) {
    page.Line(one.fix.empty() ? "note" : "problem", one.text);
  }
  if (const Advice* const next = explanation.Next()) {
    page.Blank();
    page.Plain("next: " + next->fix);
  }
  return page.Take();
}

}  // namespace ostrust::tool
