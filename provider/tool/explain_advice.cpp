// What follows from the answers of `ostrust explain`: where each certificate came from, who
// decided, and what to do.
#include <algorithm>
#include <ctime>
#include <string_view>

#include <openssl/x509_vfy.h>

#include "provider/host/file.hpp"
#include "provider/tool/explanation.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

bool Contains(const std::string& text, std::string_view words) {
  return text.find(words) != std::string::npos;
}

/// What stands behind the last `words`; empty when they are not there.
std::string After(const std::string& text, std::string_view words) {
  const std::size_t at = text.rfind(words);
  return at == std::string::npos ? std::string() : text.substr(at + words.size());
}

/// The module's sentence about the certificate, without what it was done about it.
std::string SentenceOf(const std::vector<LogLine>& log, std::string_view what) {
  for (const LogLine& line : log) {
    if (line.text.starts_with(what)) return line.text.substr(line.text.find("certificate "));
  }
  return {};
}

/// As the module's debug log has it (NoteAnchor() and OwnCompletion).
void FindOrigins(Explanation& explanation) {
  using From = ChainCertificate::From;
  Governed& governed = explanation.governed;
  std::vector<std::string> completing;
  for (const LogLine& line : governed.log) {
    if (line.text.starts_with("completing: ")) completing.push_back(line.text);
  }
  std::size_t next = 0;
  for (std::size_t depth = 0; depth < governed.result.chain.size(); ++depth) {
    ChainCertificate& one = governed.result.chain[depth];
    if (static_cast<int>(depth) >= governed.result.untrusted) {
      one.from = governed.governed ? From::kSystem : From::kCaFile;
      one.from_where = explanation.options.ca;
      if (!governed.governed) continue;
      const std::string sentence = SentenceOf(governed.log, "anchor: certificate ");
      one.from_where = After(sentence, " is trusted by ");
      if (one.from_where.empty() && explanation.status.module) {
        one.from_where = explanation.status.module->source;
      }
    } else if (one.from == From::kUnknownHere && next < completing.size()) {
      one.from_where = After(completing[next], " was fetched from ");
      one.from = one.from_where.empty() ? From::kKnownHere : From::kFetched;
      ++next;
    }
  }
}

/// How a root gets into the trust store of this machine.
std::string HowToAddRoot(const Explanation& explanation) {
  const auto& keys = explanation.status.Entry().ostrust_keys;
  const auto source = keys.find("trust-source");
  if (source != keys.end() && host::IsAbsolute(source->second)) {
    return "add the root to " + source->second + ", which trust-source names";
  }
  const auto is_there = [](const char* path) { return KindOf(path) == FileKind::kDirectory; };
  std::string how;
  if (is_there("/etc/pki/ca-trust/source/anchors")) {  // Fedora, RHEL
    how = "sudo cp ROOT.pem /etc/pki/ca-trust/source/anchors/ && sudo update-ca-trust";
  } else if (is_there("/etc/ca-certificates/trust-source/anchors")) {  // Arch
    how = "sudo trust anchor --store ROOT.pem";
  } else if (is_there("/etc/pki/trust/anchors")) {  // openSUSE
    how = "sudo cp ROOT.pem /etc/pki/trust/anchors/ && sudo update-ca-certificates";
  } else {  // Debian, Ubuntu, Alpine
    how =
        "sudo cp ROOT.pem /usr/local/share/ca-certificates/ROOT.crt && "
        "sudo update-ca-certificates";
  }
  return "add the root to the system's store: " + how;
}

class Adviser {
 public:
  explicit Adviser(Explanation& explanation)
      : explanation_(explanation),
        result_(explanation.governed.result),
        from_file_(explanation.options.target.empty()) {}

  void Advise() {
    AdviseWhoIsAsked();
    if (!result_.accepted) AdviseRefusal();
    AdviseModes();
    AdviseDifferences();
  }

 private:
  void Add(const char* id, std::string text, std::string fix) {
    explanation_.advice.push_back({id, std::move(text), std::move(fix)});
  }
  void Note(const char* id, std::string text) { Add(id, std::move(text), {}); }

  std::string Who() const { return from_file_ ? "the file" : "the server"; }

  /// The certificate that the error is about; null when there is none.
  const ChainCertificate* Subject() const {
    const auto depth = static_cast<std::size_t>(std::max(result_.depth, 0));
    return depth < result_.chain.size() ? &result_.chain[depth] : nullptr;
  }

  void AdviseWhoIsAsked() {
    const Governed& governed = explanation_.governed;
    if (!governed.ca_error.empty()) {
      Add("ca-file",
          explanation_.options.ca + " cannot be loaded: " + governed.ca_error +
              "; a program that names it would end here",
          "name another one with --ca");
    }
    if (governed.governed) return;
    const std::size_t before = explanation_.advice.size();
    for (const Finding& finding : explanation_.status.findings) {
      if (finding.level != Finding::Level::kProblem) continue;
      // What the CA variables of others name is nothing that was asked here.
      if (finding.id == "variable-elsewhere" || finding.id.starts_with("trap-")) continue;
      if (finding.id == "variable-wins" && !explanation_.options.ca.empty()) continue;
      explanation_.advice.push_back({finding.id, finding.text, finding.fix});
    }
    if (!explanation_.options.ca.empty() && governed.ca_error.empty() &&
        explanation_.advice.size() == before) {
      Add("not-served",
          explanation_.options.ca +
              " is a CA file that ostrust does not serve: its own "
              "certificates are trusted, and nothing else",
          result_.accepted ? ""
                           : "let the program name os:// or " + CustomaryFile("os.pem") +
                                 " as its CA file, or add the root to " + explanation_.options.ca);
    } else if (explanation_.advice.size() == before) {
      Note("not-governed", "OpenSSL's default paths are not served by ostrust here");
    }
  }

  void AdviseUnknownIssuer() {
    const ChainCertificate* const top = result_.chain.empty() ? nullptr : &result_.chain.back();
    if (top == nullptr) return;
    const bool names_issuer = !top->ca_issuers.empty();
    const std::string failure = [&] {
      for (const LogLine& line : explanation_.governed.log) {
        if (line.text.starts_with("the server did not send its issuer's")) return line.text;
      }
      return std::string();
    }();
    // What signs a leaf is nearly always an intermediate; what signs an intermediate mostly a root.
    if (result_.chain.size() == 1 && (names_issuer || !failure.empty())) {
      std::string text =
          Who() + " did not send the certificate of " + top->issuer + ", which issued this one";
      if (!failure.empty()) {
        text += ", and it could not be fetched: " + After(failure, "certificate: ");
      } else if (names_issuer) {
        text += "; the certificate says that it is at " + top->ca_issuers.front();
      }
      const auto& module = explanation_.status.module;
      Add("missing-intermediate", text,
          std::string("have the server send its whole chain (fullchain.pem)") +
              (module && module->intermediates != "fetch"
                   ? "; until then set intermediates = fetch in ostrust's section of " +
                         explanation_.status.configuration.file
                   : std::string()));
      Note("unknown-root", "if " + top->issuer +
                               " is a root, it is in no store that is trusted "
                               "here: " +
                               HowToAddRoot(explanation_));
      return;
    }
    Add("unknown-root",
        top->issuer + ", which issued " + (result_.chain.size() == 1 ? "this" : "the last") +
            " certificate, is neither in the trust store nor among what " + Who() + " sent",
        "if it is a root that you trust, " + HowToAddRoot(explanation_) +
            "; if it is an intermediate, have the server send it");
  }

  void AdviseTime(bool expired) {
    const ChainCertificate* const one = Subject();
    const std::string now =
        UtcText(explanation_.question.time.value_or(static_cast<std::int64_t>(std::time(nullptr))));
    const std::string when = one == nullptr ? std::string()
                                            : (expired ? " ended at " + UtcText(one->not_after)
                                                       : " begins at " + UtcText(one->not_before));
    const std::string text = (one == nullptr ? "the certificate" : one->subject) + when +
                             ", and it was verified as of " + now;
    if (!expired) {
      Add("not-yet-valid", text,
          "look at this machine's clock (date -u); if it is right, the certificate was put in "
          "place too early");
    } else if (result_.depth == 0) {
      Add("expired", text,
          "renew the server's certificate, and have the server load it; and look at this "
          "machine's clock (date -u)");
    } else if (result_.depth < result_.untrusted) {
      Add("expired-ca", text, "have the server send the intermediate that is in force now");
    } else {
      Add("expired-root", text,
          "update the system's certificates; if the root is your own, issue a new one");
    }
  }

  void AdviseName() {
    const ChainCertificate* const leaf = result_.chain.empty() ? nullptr : &result_.chain.front();
    std::string names;
    for (std::size_t i = 0; leaf != nullptr && i < leaf->names.size() && i < 6; ++i) {
      names += (i == 0 ? "" : ", ") + leaf->names[i];
    }
    if (leaf != nullptr && leaf->names.size() > 6) names += " and others";
    const std::string& asked = explanation_.governed.name;
    Add("wrong-name",
        names.empty() ? "the certificate names no host and no address (subjectAltName)"
                      : "the certificate is for " + names + ", and not for " + asked,
        names.empty() ? "issue one that names " + asked + " in subjectAltName"
                      : "connect to a name that it is for, or issue one that names " + asked);
  }

  void AdviseObjection() {
    const std::string reason = After(explanation_.rule, " at depth ");
    const std::string is = reason.substr(std::min(reason.find(" is "), reason.size()));
    if (result_.error == X509_V_ERR_CERT_REVOKED) {
      Add("revoked", explanation_.rule,
          "the server needs a new certificate; only the CA can take a revocation back");
    } else if (result_.error == X509_V_ERR_OCSP_VERIFY_NEEDED) {
      Add("must-staple", explanation_.rule, "have the server staple OCSP responses");
    } else if (Contains(is, "of unknown revocation status")) {
      Add("revocation-unknown", explanation_.rule,
          "make what is named there reachable, or put the CA's CRL beside the system's "
          "certificates; revocation = soft accepts what nobody knows");
    } else if (Contains(is, "distrusted")) {
      Add("distrusted", explanation_.rule,
          "the server needs a certificate of another CA; if this is wrong, take the rule out of " +
              After(is, " by "));
    } else {
      Add("limited", explanation_.rule,
          "the server needs a certificate of a CA that is trusted for this; if this is wrong, "
          "change " +
              After(is, " by "));
    }
  }

  void AdviseRefusal() {
    if (explanation_.decided_by == "ostrust") return AdviseObjection();
    switch (result_.error) {
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return AdviseUnknownIssuer();
      case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return Add("unknown-root",
                   (result_.chain.empty() ? "the root" : result_.chain.back().subject) +
                       ", a root that " + Who() + " sent, is not in the trust store",
                   "if you trust it, " + HowToAddRoot(explanation_));
      case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return Add("self-signed", "the certificate is signed with its own key, by no CA",
                   "give the server a certificate of a CA; or, if you know it is the right one, " +
                       HowToAddRoot(explanation_));
      case X509_V_ERR_CERT_HAS_EXPIRED:
        return AdviseTime(true);
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return AdviseTime(false);
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return AdviseName();
      case X509_V_ERR_CERT_REJECTED:
      case X509_V_ERR_CERT_UNTRUSTED:
        return Add("limited", "the anchor is not trusted for servers where it was found",
                   "look at its entry in the trust store");
      case X509_V_ERR_EE_KEY_TOO_SMALL:
      case X509_V_ERR_CA_KEY_TOO_SMALL:
      case X509_V_ERR_CA_MD_TOO_WEAK:
        return Add("security-level",
                   "a key or a signature of the chain is weaker than the configuration allows "
                   "(SECLEVEL in CipherString)",
                   "have the certificate issued anew with a stronger one");
      default:
        break;
    }
    if (explanation_.options.strict) {
      return Add("strict",
                 "RFC 5280 is not kept: " + result_.text +
                     "; only strict programs, as Python 3.13 and later, refuse that",
                 "have the certificate at depth " + std::to_string(result_.depth) +
                     " issued anew; or, in Python, take ssl.VERIFY_X509_STRICT out of "
                     "context.verify_flags");
    }
    Add("openssl", "OpenSSL: " + result_.text, "see openssl-verification-options(1)");
  }

  void AdviseModes() {
    if (explanation_.reports_only) {
      Add("report-only",
          "verify = report: only logged is what would be refused otherwise: " + explanation_.rule,
          "set verify = platform to refuse it");
    }
    const auto& module = explanation_.status.module;
    if (explanation_.governed.governed && module && module->verify == "roots") {
      Note("roots-only", "verify = roots: what else the system says of the chain is not asked for");
    }
    if (!explanation_.governed.handshake.empty()) {
      Note("handshake", "the certificate is accepted, and the handshake failed afterwards: " +
                            explanation_.governed.handshake);
    }
  }

  void AdviseDifferences() {
    const Stock& stock = explanation_.stock;
    if (stock.verified && explanation_.governed.governed &&
        stock.result.accepted != result_.accepted) {
      Note("stock-differs", result_.accepted
                                ? "without ostrust it would be refused: " + stock.result.text
                                : "without ostrust it would be accepted, with " + stock.anchors);
    }
    if (stock.strict && !stock.strict->accepted) {
      Note("strict",
           "Python 3.13 and later refuse it in their default contexts: " + stock.strict->text +
               " at depth " + std::to_string(stock.strict->depth) + " (try --strict)");
    }
  }

  Explanation& explanation_;
  const Verified& result_;
  const bool from_file_;
};

}  // namespace

const Advice* Explanation::Next() const {
  for (const Advice& one : advice) {
    if (!one.fix.empty()) return &one;
  }
  return nullptr;
}

void Conclude(Explanation& explanation) {
  const Governed& governed = explanation.governed;
  if (!governed.verified) return;
  FindOrigins(explanation);
  explanation.rule = SentenceOf(governed.log, "refused: certificate ");
  explanation.decided_by = "OpenSSL";
  if (!governed.result.accepted && !explanation.rule.empty()) {
    explanation.decided_by = "ostrust";
  } else if (governed.result.accepted) {
    explanation.rule = SentenceOf(governed.log, "would be refused: certificate ");
    explanation.reports_only = !explanation.rule.empty();
    if (!explanation.reports_only) {
      explanation.rule = SentenceOf(governed.log, "anchor: certificate ");
      if (!explanation.rule.empty()) explanation.decided_by = "OpenSSL and ostrust";
    }
  }
  Adviser(explanation).Advise();
}

}  // namespace ostrust::tool
