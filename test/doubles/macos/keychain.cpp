// A Mac for the module ostrust-macos: the script of the double is the folder $OSTRUST_TEST_MAC, so
// that a test can change it while any program runs. Its files are read at every call.
//
// "mac" is what macOS knows: one statement a line, words separated by single spaces. "#" begins a
// comment, and a FILE is PEM, in the folder unless its path is absolute.
//
//   DOMAIN FILE [SETTINGS...]  FILE's certificates are in DOMAIN (admin, user, system), whose trust
//                              settings for them are an array of SETTINGS; without any it is empty
//   DOMAIN fails STATUS        SecTrustSettingsCopyCertificates() returns STATUS
//   keychain FILE              certificates that SecTrust may build chains with
//   anchor FILE                certificates that SecTrust trusts and that are in no domain
//   verdict FILE STATUS DETAILS [TEXT]
//                              SecTrust refuses the peers of FILE, or every one where FILE is *,
//                              with STATUS and TEXT. DETAILS: "-", then SecTrustCopyResult() tells
//                              nothing, or DEPTH:STATUS,... of the chain that SecTrust built
//
// SETTINGS is a result (TrustRoot, TrustAsRoot, Deny, Unspecified, a number, or "none": the key is
// missing) and what it is limited to: ,policy=ssl ,policy=smime ,host=NAME ,application=NAME.
//
// Without a verdict SecTrust builds a chain by names: of what it was given, what is in a domain,
// and what "keychain" and "anchor" name. The administrator's settings count before the user's and
// the system's, as in trustd. It looks at no signature, date or extension: OpenSSL has done that.
//
// The other files:
//   notify   com.apple.security.certificatetrust is posted when it is another file than before, or
//            was changed
//   bare     where it is there when the program starts: SecPolicyCreateSSL() returns null
//   asked    the double appends a line for each evaluation: what SecTrust was told, and its status
//   exited   the double appends how many objects are alive when a program ends, and a line for each
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <sstream>
#include <tuple>

#include "platform/bundle.hpp"
#include "platform/certificate_fields.hpp"
#include "test/doubles/macos/double.hpp"

namespace ostrust::macos_double {
namespace {

namespace macos = platform::macos;
using platform::AsText;
using platform::Bytes;

const pid_t program = getpid();

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "the double's Mac: %s\n", why.c_str());
  std::abort();
}

const std::string& Folder() {
  static const auto& folder = *new std::string([] {
    const char* const path = std::getenv("OSTRUST_TEST_MAC");
    if (path == nullptr) Die("OSTRUST_TEST_MAC is not set");
    return std::string(path) + "/";
  }());
  return folder;
}

std::string ContentOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Die(path + " cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void Append(const char* name, const std::string& lines) {
  const int file =
      open((Folder() + name).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);  // NOLINT
  if (file < 0 || write(file, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) {
    Die(std::string(name) + " cannot be written");
  }
  close(file);
}

std::vector<std::string> SplitAt(char separator, const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::int64_t NumberIn(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  if (const auto result = std::from_chars(text.data(), end, number);
      result.ec != std::errc() || result.ptr != end) {
    Die("no number: " + text);
  }
  return number;
}

// One dictionary of usage constraints.
struct Settings {
  std::optional<std::int64_t> result;
  std::string policy;
  std::string host;
  std::string application;

  explicit Settings(const std::string& word) {
    const std::vector<std::string> parts = SplitAt(',', word);
    static constexpr const char* kResults[] = {"Invalid", "TrustRoot", "TrustAsRoot", "Deny",
                                               "Unspecified"};
    const auto* const named = std::find(std::begin(kResults), std::end(kResults), parts.at(0));
    if (named != std::end(kResults)) {
      result = named - std::begin(kResults);
    } else if (parts[0] != "none") {
      result = NumberIn(parts[0]);
    }
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const std::size_t equals = parts[i].find('=');
      const std::string key = parts[i].substr(0, equals);
      std::string* const value = key == "policy"        ? &policy
                                 : key == "host"        ? &host
                                 : key == "application" ? &application
                                                        : nullptr;
      if (value == nullptr || equals == std::string::npos) Die("no limit: " + parts[i]);
      *value = parts[i].substr(equals + 1);
    }
    if (!policy.empty() && policy != "ssl" && policy != "smime") Die("no policy: " + policy);
  }

  Value Made() const {
    std::vector<std::pair<std::string, Value>> members;
    if (result) members.emplace_back(macos::kTrustSettingsResultKey, Number(*result));
    if (policy == "ssl") members.emplace_back(macos::kTrustSettingsPolicyKey, SslPolicy());
    if (policy == "smime") {
      const auto smime = Policy([] { return CFRetain(kSecPolicyAppleSMIME); });
      members.emplace_back(macos::kTrustSettingsPolicyKey, smime);
    }
    if (!host.empty()) members.emplace_back(macos::kTrustSettingsPolicyStringKey, Text(host));
    if (!application.empty()) {
      // A SecTrustedApplication, whose bytes only macOS reads.
      members.emplace_back(macos::kTrustSettingsApplicationKey,
                           Data({application.size(), std::byte{1}}));
    }
    return Dictionary(std::move(members));
  }

  // Whether SecTrust would look at it for a server of this name.
  bool AppliesTo(const std::string& name) const {
    return policy != "smime" && application.empty() && (host.empty() || host == name);
  }
};

struct Listed {
  Bytes der;
  std::vector<Settings> settings;
};

struct Domain {
  OSStatus status = macos::errSecSuccess;
  std::vector<Listed> certificates;

  const Listed* Find(const Bytes& der) const {
    const auto found = std::find_if(certificates.begin(), certificates.end(),
                                    [&](const Listed& listed) { return listed.der == der; });
    return found == certificates.end() ? nullptr : &*found;
  }
};

struct Verdict {
  std::vector<Bytes> peers;  // empty: every one
  OSStatus status = 0;
  std::string details;
  std::string text;
};

bool IsSelfIssued(const Bytes& der) {
  const auto fields = platform::ReadCertificateFields(der);
  return fields && AsText(fields->issuer) == AsText(fields->subject);
}

enum class Trust : std::uint8_t { kNone, kAnchor, kDenied };

class Mac {
 public:
  Mac() {
    std::istringstream lines(ContentOf(Folder() + "mac"));
    for (std::string line; std::getline(lines, line);) {
      if (line.empty() || line.front() == '#') continue;
      const std::vector<std::string> words = SplitAt(' ', line);
      if (words.size() < 2) Die("no statement: " + line);
      Read(words, line);
    }
  }

  void Script(TrustSettingsScript& script) const {
    for (const auto& [domain, scripted] :
         {std::pair(&admin_, &script.admin), {&user_, &script.user}, {&system_, &script.system}}) {
      *scripted = {};
      scripted->Fail(domain->status);
      for (const Listed& listed : domain->certificates) {
        std::vector<Value> dictionaries;
        for (const Settings& settings : listed.settings) dictionaries.push_back(settings.Made());
        scripted->Add(listed.der, Array(std::move(dictionaries)));
      }
    }
  }

  // What SecTrust answers, and its status.
  std::pair<TrustAnswer, OSStatus> Evaluate(const TrustQuestion& question) const {
    const std::string& name = question.policies.front().name;
    std::vector<Bytes> chain = {question.certificates.front()};
    const bool anchored = Extend(chain, CandidatesFor(question), name);
    for (const Verdict& verdict : verdicts_) {
      if (verdict.peers.empty() || std::count(verdict.peers.begin(), verdict.peers.end(),
                                              question.certificates.front()) != 0) {
        return {Refusal(chain, verdict.status, verdict.details, verdict.text), verdict.status};
      }
    }
    for (std::size_t depth = 0; depth < chain.size(); ++depth) {
      if (TrustOf(chain[depth], name) == Trust::kDenied) {
        return RefusedAt(chain, depth, macos::errSecTrustSettingDeny, "is denied");
      }
    }
    if (anchored) {
      TrustAnswer answer;
      answer.chain = Made(chain);
      return {answer, macos::errSecSuccess};
    }
    // AnchorTrusted and MissingIntermediate of SecPolicyChecks.list.
    const bool complete = IsSelfIssued(chain.back());
    return RefusedAt(chain, chain.size() - 1,
                     complete ? macos::errSecNotTrusted : macos::errSecCreateChainFailed,
                     complete ? "is not trusted" : "has no issuer");
  }

 private:
  void Read(const std::vector<std::string>& words, const std::string& line) {
    const std::string& kind = words[0];
    if (kind == "keychain" || kind == "anchor") {
      for (Bytes& der : CertificatesIn(words[1])) {
        (kind == "anchor" ? anchors_ : keychain_).push_back(std::move(der));
      }
    } else if (kind == "verdict" && words.size() > 3) {
      Verdict verdict;
      if (words[1] != "*") verdict.peers = CertificatesIn(words[1]);
      verdict.status = static_cast<OSStatus>(NumberIn(words[2]));
      verdict.details = words[3];
      for (std::size_t i = 4; i < words.size(); ++i) {
        verdict.text += (i == 4 ? "" : " ") + words[i];
      }
      verdicts_.push_back(std::move(verdict));
    } else if (Domain* const domain = DomainOf(kind); domain == nullptr) {
      Die("no statement: " + line);
    } else if (words[1] == "fails") {
      domain->status = static_cast<OSStatus>(NumberIn(words.at(2)));
    } else {
      const std::vector<Settings> settings(words.begin() + 2, words.end());
      for (Bytes& der : CertificatesIn(words[1])) {
        domain->certificates.push_back({std::move(der), settings});
      }
    }
  }

  Domain* DomainOf(const std::string& name) {
    return name == "admin"    ? &admin_
           : name == "user"   ? &user_
           : name == "system" ? &system_
                              : nullptr;
  }

  static std::vector<Bytes> CertificatesIn(const std::string& name) {
    const std::string path = name.front() == '/' ? name : Folder() + name;
    std::vector<Bytes> ders;
    const std::string content = ContentOf(path);
    for (auto& certificate : platform::ReadBundle(platform::AsBytes(content), path).certificates) {
      ders.push_back(std::move(certificate.der));
    }
    if (ders.empty()) Die(path + " has no certificate");
    return ders;
  }

  Trust TrustOf(const Bytes& der, const std::string& name) const {
    const bool self_issued = IsSelfIssued(der);
    for (const Domain* domain : {&admin_, &user_}) {
      const Listed* const listed = domain->Find(der);
      if (listed == nullptr) continue;
      if (listed->settings.empty()) return self_issued ? Trust::kAnchor : Trust::kNone;
      for (const Settings& settings : listed->settings) {
        if (!settings.AppliesTo(name)) continue;
        const auto result = settings.result.value_or(macos::kSecTrustSettingsResultTrustRoot);
        if (result == macos::kSecTrustSettingsResultDeny) return Trust::kDenied;
        if (result == (self_issued ? macos::kSecTrustSettingsResultTrustRoot
                                   : macos::kSecTrustSettingsResultTrustAsRoot)) {
          return Trust::kAnchor;
        }
        break;  // the first that applies is what counts
      }
      break;  // and the domains behind are not asked
    }
    const bool known = system_.Find(der) != nullptr ||
                       std::find(anchors_.begin(), anchors_.end(), der) != anchors_.end();
    return known ? Trust::kAnchor : Trust::kNone;
  }

  std::vector<Bytes> CandidatesFor(const TrustQuestion& question) const {
    std::vector<Bytes> candidates(question.certificates.begin() + 1, question.certificates.end());
    candidates.insert(candidates.end(), keychain_.begin(), keychain_.end());
    candidates.insert(candidates.end(), anchors_.begin(), anchors_.end());
    for (const Domain* domain : {&admin_, &user_, &system_}) {
      for (const Listed& listed : domain->certificates) candidates.push_back(listed.der);
    }
    return candidates;
  }

  // The first chain that ends in an anchor; false, and the first there is, where none does.
  bool Extend(std::vector<Bytes>& chain, const std::vector<Bytes>& candidates,
              const std::string& name) const {
    if (TrustOf(chain.back(), name) == Trust::kAnchor) return true;
    if (IsSelfIssued(chain.back())) return false;
    std::optional<std::vector<Bytes>> first;
    const auto last = platform::ReadCertificateFields(chain.back());
    for (const Bytes& candidate : candidates) {
      const auto fields = platform::ReadCertificateFields(candidate);
      if (!last || !fields || AsText(last->issuer) != AsText(fields->subject) ||
          std::find(chain.begin(), chain.end(), candidate) != chain.end()) {
        continue;
      }
      std::vector<Bytes> longer = chain;
      longer.push_back(candidate);
      const bool anchored = Extend(longer, candidates, name);
      if (anchored || !first) first = std::move(longer);
      if (anchored) {
        chain = *std::move(first);
        return true;
      }
    }
    if (first) chain = *std::move(first);
    return false;
  }

  static Value Made(const std::vector<Bytes>& chain) {
    std::vector<Value> certificates;
    for (const Bytes& der : chain) certificates.push_back(Certificate(der));
    return Array(std::move(certificates));
  }

  static std::pair<TrustAnswer, OSStatus> RefusedAt(const std::vector<Bytes>& chain,
                                                    std::size_t depth, OSStatus status,
                                                    const std::string& words) {
    const std::string number = std::to_string(status);
    return {
        Refusal(chain, status, std::to_string(depth) + ":" + number, "The certificate " + words),
        status};
  }

  static TrustAnswer Refusal(const std::vector<Bytes>& chain, OSStatus status,
                             const std::string& details, const std::string& text) {
    TrustAnswer answer;
    answer.accepted = false;
    answer.error = Error(status, text);
    answer.chain = Made(chain);
    if (details == "-") return answer;
    std::vector<std::vector<Value>> codes(chain.size());
    for (const std::string& detail : SplitAt(',', details)) {
      const std::vector<std::string> parts = SplitAt(':', detail);
      if (parts.size() != 2) Die("no detail: " + detail);
      const auto depth = static_cast<std::size_t>(NumberIn(parts[0]));
      if (depth >= codes.size()) Die("the chain of SecTrust is shorter: " + detail);
      codes[depth].push_back(Number(NumberIn(parts[1])));
    }
    std::vector<Value> dictionaries;
    for (const std::vector<Value>& some : codes) {
      dictionaries.push_back(some.empty()
                                 ? Dictionary({})
                                 : Dictionary({{macos::kDetailStatusCodesKey, Array(some)}}));
    }
    answer.result = Dictionary({{macos::kTrustResultDetailsKey, Array(std::move(dictionaries))}});
    return answer;
  }

  Domain admin_;
  Domain user_;
  Domain system_;
  std::vector<Bytes> keychain_;
  std::vector<Bytes> anchors_;
  std::vector<Verdict> verdicts_;
};

void Record(const TrustQuestion& question, OSStatus status) {
  const TrustQuestion::Policy& first = question.policies.front();
  std::ostringstream line;
  line << "certificates=" << question.certificates.size() << " policy=" << first.oid
       << " client=" << first.client << " name=" << first.name << " revocation=";
  for (std::size_t i = 1; i < question.policies.size(); ++i) {
    line << question.policies[i].revocation_flags;
  }
  line << " network=" << question.network_allowed.value_or(false) << " date="
       << static_cast<std::int64_t>(question.date.value_or(0) + kCFAbsoluteTimeIntervalSince1970)
       << " response=" << question.response.size() << " status=" << status << '\n';
  Append("asked", line.str());
}

void PostIfAnnounced() {
  using State = std::tuple<ino_t, off_t, std::time_t, long>;
  static auto& mutex = *new std::mutex;
  static auto& last = *new State;
  struct stat now {};
  State state;
  if (stat((Folder() + "notify").c_str(), &now) == 0) {
    state = State(now.st_ino, now.st_size, now.st_mtim.tv_sec, now.st_mtim.tv_nsec);
  }
  const std::lock_guard lock(mutex);
  if (std::exchange(last, state) != state) {
    ScriptedNotify().Post("com.apple.security.certificatetrust");
  }
}

[[gnu::constructor]] void Install() {
  ScriptedTrustSettings().during = [] { Mac().Script(ScriptedTrustSettings()); };
  ScriptedTrust().decide = [](const TrustQuestion& question) {
    auto [answer, status] = Mac().Evaluate(question);
    Record(question, status);
    return answer;
  };
  ScriptedNotify().during = PostIfAnnounced;
  CanCreateSslPolicies() = access((Folder() + "bare").c_str(), F_OK) != 0;
}

// What the backend keeps of CoreFoundation between two calls: nothing.
[[gnu::destructor]] void Exit() {
  if (getpid() != program) return;  // a forked child's objects are the parent's
  const std::vector<std::string> alive = LiveObjects();
  std::string lines = std::to_string(alive.size()) + " alive\n";
  for (const std::string& line : alive) lines += line + '\n';
  Append("exited", lines);
}

}  // namespace
}  // namespace ostrust::macos_double
