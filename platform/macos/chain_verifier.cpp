#include "platform/macos/chain_verifier.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/certificate_fields.hpp"
#include "platform/macos/core_foundation.hpp"
#include "platform/macos/fork_detection.hpp"
#include "platform/macos/trust_status.hpp"
#include "platform/verdict_cache.hpp"

namespace ostrust::platform {
namespace macos {
namespace {

/// Bound on what a peer can make us do, its own certificate not counted.
constexpr std::size_t kMaxCertificates = 32;

ChainVerdict Undecided(std::string why) {
  ChainVerdict verdict;
  verdict.error = ChainError::kUndecided;
  verdict.detail = std::move(why);
  return verdict;
}

ChainVerdict Failure(const char* function, OSStatus status) {
  return Undecided(function + (": " + DescribeFailure(status)));
}

ChainVerdict NothingFrom(const char* function) {
  return Undecided(std::string(function) + " returned nothing");
}

bool IsAddress(const std::string& name) {
  std::array<unsigned char, 16> address{};
  return inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

/// Null when memory is short.
template <typename Object>
Owned<CFArrayRef> MakeArray(const std::vector<std::unique_ptr<Object, CFReleaser>>& elements) {
  std::vector<const void*> values;
  values.reserve(elements.size());
  for (const auto& element : elements) values.push_back(element.get());
  return Own(CFArrayCreate(nullptr, values.data(), static_cast<CFIndex>(values.size()),
                           &kCFTypeArrayCallBacks));
}

/// Null when it does not parse, or memory is short.
Owned<SecCertificateRef> MakeCertificate(ByteView der) {
  const auto data = MakeData(der);
  return Own(data == nullptr ? nullptr : SecCertificateCreateWithData(nullptr, data.get()));
}

/// The peer's first; of the others those that parse. Null when the peer's does not.
Owned<CFArrayRef> MakeCertificates(std::span<const ByteView> ders) {
  std::vector<Owned<SecCertificateRef>> certificates;
  certificates.push_back(MakeCertificate(ders.front()));
  if (certificates.front() == nullptr) return nullptr;
  for (const ByteView der : ders.subspan(1).first(std::min(ders.size() - 1, kMaxCertificates))) {
    if (auto certificate = MakeCertificate(der)) certificates.push_back(std::move(certificate));
  }
  return MakeArray(certificates);
}

/// How a chain is looked for and judged.
struct Terms {
  bool network = false;
  Revocation revocation = Revocation::kOff;
};

/// Made anew for every question: SecTrustSetNetworkFetchAllowed() changes policies in place.
struct Policies {
  Owned<CFArrayRef> array;
  bool is_basic = false;  // SecPolicyCreateSSL() returned null
};

Owned<SecPolicyRef> MakeRevocationPolicy(const Terms& terms) {
  CFOptionFlags flags = kSecRevocationUseAnyAvailableMethod;
  if (terms.revocation == Revocation::kHard) flags |= kSecRevocationRequirePositiveResponse;
  if (!terms.network) flags |= kSecRevocationNetworkAccessDisabled;
  return Own(SecPolicyCreateRevocation(flags));
}

/// Without an array when one of them cannot be made.
Policies MakePolicies(const ChainQuestion& question, const Terms& terms) {
  const bool server = question.purpose == Purpose::kServerAuth;
  Owned<CFStringRef> name;
  // A name with a dot in front means every name below it, to OpenSSL only, which checked that.
  if (server && !question.name.empty() && question.name.front() != '.') {
    name = MakeString(question.name);
    if (name == nullptr) return {};
  }
  std::vector<Owned<SecPolicyRef>> policies;
  policies.push_back(Own(SecPolicyCreateSSL(server ? 1 : 0, name.get())));
  Policies made;
  made.is_basic = policies.front() == nullptr;
  if (made.is_basic) policies.front() = Own(SecPolicyCreateBasicX509());
  if (terms.revocation != Revocation::kOff) policies.push_back(MakeRevocationPolicy(terms));
  const auto missing = [](const Owned<SecPolicyRef>& policy) { return policy == nullptr; };
  if (std::none_of(policies.begin(), policies.end(), missing)) made.array = MakeArray(policies);
  return made;
}

/// The DER of every certificate; empty when macOS names no chain, or one of them cannot be had.
std::vector<Bytes> ChainOf(SecTrustRef trust) {
  const auto certificates = Own(SecTrustCopyCertificateChain(trust));
  if (certificates == nullptr) return {};
  std::vector<Bytes> chain;
  const CFIndex count = CFArrayGetCount(certificates.get());
  for (CFIndex i = 0; i < count; ++i) {
    const auto certificate = As<SecCertificateRef>(CFArrayGetValueAtIndex(certificates.get(), i),
                                                   SecCertificateGetTypeID());
    const auto data = Own(certificate == nullptr ? nullptr : SecCertificateCopyData(certificate));
    if (data == nullptr) return {};
    chain.push_back(BytesOf(data.get()));
  }
  return chain;
}

/// What macOS has against a chain, beside the status that it names.
struct Findings {
  /// The only certificate that it has anything against; nullopt where it is none, more than one, or
  /// macOS does not tell.
  std::optional<std::size_t> blamed;
  /// How many, of every certificate. Zero where macOS does not tell.
  std::size_t count = 0;
};

/// What stands for a check that failed is CSSM's code for it, and several checks have one code
/// (SecPolicyChecks.list of Apple's Security): of CSSMERR_TP_INVALID_CERTIFICATE one is that the
/// key is too small, and another that the name is not permitted. These are the codes of which every
/// check ends in the same status, so that who forgives that has forgiven all of them.
bool HasOneStatus(std::int64_t code) {
  constexpr std::uint32_t kCodes[] = {
      0x8001210a,  // CSSMERR_TP_CERT_EXPIRED: the certificate, and once more as the leaf
      0x8001210c,  // CSSMERR_TP_CERT_REVOKED: revoked, blocked
      0x8001210d,  // CSSMERR_TP_CERT_SUSPENDED: valid for too long
      0x80012407,  // CSSMERR_APPLETP_INVALID_EXTENDED_KEY_USAGE: as the policy, and the anchor,
                   // wants
      0x80012409,  // CSSMERR_APPLETP_PATH_LEN_CONSTRAINT
  };
  return std::any_of(std::begin(kCodes), std::end(kCodes),
                     [code](std::uint32_t one) { return code == static_cast<std::int32_t>(one); });
}

/// How many findings are in `codes`: each is one of its own, unless it says the same again.
std::size_t CountFindings(CFArrayRef codes) {
  std::vector<std::int64_t> known;
  std::size_t findings = 0;
  const CFIndex count = CFArrayGetCount(codes);
  for (CFIndex i = 0; i < count; ++i) {
    const auto number = As<CFNumberRef>(CFArrayGetValueAtIndex(codes, i), CFNumberGetTypeID());
    const auto code = number == nullptr ? std::nullopt : IntegerOf(number);
    if (code && HasOneStatus(*code)) {
      if (std::find(known.begin(), known.end(), *code) != known.end()) continue;
      known.push_back(*code);
    }
    ++findings;
  }
  return findings;
}

Findings FindingsOf(SecTrustRef trust) {
  Findings findings;
  const auto result = Own(SecTrustCopyResult(trust));
  if (result == nullptr) return findings;
  const auto details =
      As<CFArrayRef>(ValueOf(result.get(), kTrustResultDetailsKey), CFArrayGetTypeID());
  const CFIndex count = details == nullptr ? 0 : CFArrayGetCount(details);
  std::size_t certificates = 0;
  for (CFIndex i = 0; i < count; ++i) {
    const auto detail =
        As<CFDictionaryRef>(CFArrayGetValueAtIndex(details, i), CFDictionaryGetTypeID());
    const auto codes = As<CFArrayRef>(
        detail == nullptr ? nullptr : ValueOf(detail, kDetailStatusCodesKey), CFArrayGetTypeID());
    if (codes == nullptr || CFArrayGetCount(codes) == 0) continue;
    findings.count += CountFindings(codes);
    findings.blamed.reset();
    if (++certificates == 1) findings.blamed = static_cast<std::size_t>(i);
  }
  return findings;
}

/// That who forgives the status macOS named has not forgiven everything, unless it was the only
/// finding.
std::vector<ChainFinding> OthersOf(const Findings& findings, const ChainQuestion& question) {
  if (findings.count == 1) return {};
  return {{ChainError::kUndecided, question.chain.size(),
           findings.count == 0 ? "macOS does not say whether it has more against the chain"
                               : "macOS has " + std::to_string(findings.count - 1) +
                                     " more against the chain, and names the gravest only"}};
}

/// The index in the question's chain; past its end when it is not in there.
std::size_t DepthOf(ByteView certificate, std::span<const ByteView> chain) {
  const auto found = std::find_if(chain.begin(), chain.end(), [&](ByteView other) {
    return AsText(other) == AsText(certificate);
  });
  return static_cast<std::size_t>(found - chain.begin());
}

/// macOS has one code for what has expired and what is not yet valid: of these certificates, is one
/// not yet valid and none expired?
bool NotYetValid(std::span<const Bytes> certificates, std::time_t time) {
  bool not_yet = false;
  for (const Bytes& certificate : certificates) {
    const auto validity = ValidityOf(certificate);
    if (validity && time > validity->not_after) return false;
    not_yet = not_yet || (validity && time < validity->not_before);
  }
  return not_yet;
}

/// The status of a refusal; errSecSuccess, which is none, where there is no OSStatus.
OSStatus StatusOf(CFErrorRef error) {
  if (error == nullptr) return errSecSuccess;
  const CFStringRef domain = CFErrorGetDomain(error);
  const CFIndex code = CFErrorGetCode(error);
  if (domain == nullptr || CFEqual(domain, kCFErrorDomainOSStatus) == 0 ||
      code < std::numeric_limits<OSStatus>::min() || code > std::numeric_limits<OSStatus>::max()) {
    return errSecSuccess;
  }
  return static_cast<OSStatus>(code);
}

ChainVerdict Refused(SecTrustRef trust, CFErrorRef error, const ChainQuestion& question) {
  const auto description = Own(error == nullptr ? nullptr : CFErrorCopyDescription(error));
  const std::string text = description == nullptr ? std::string() : TextOf(description.get());
  const OSStatus status = StatusOf(error);
  if (status == errSecSuccess) {
    const std::string line = OneLine(text);
    return Undecided("SecTrustEvaluateWithError: refused without a status" +
                     (line.empty() ? line : ": " + line));
  }
  ChainVerdict verdict;
  verdict.error = ErrorOfStatus(status);
  verdict.detail = DescribeRefusal(text, status);
  verdict.depth = question.chain.size();
  if (verdict.error == ChainError::kUndecided) return verdict;

  const std::vector<Bytes> chain = ChainOf(trust);
  std::span<const Bytes> concerned = chain;
  const Findings findings = FindingsOf(trust);
  verdict.others = OthersOf(findings, question);
  if (findings.blamed && *findings.blamed < chain.size()) {
    concerned = concerned.subspan(*findings.blamed, 1);
    verdict.depth = DepthOf(chain[*findings.blamed], question.chain);
  }
  if (verdict.error == ChainError::kExpired && NotYetValid(concerned, question.time)) {
    verdict.error = ChainError::kNotYetValid;
  }
  if (verdict.error == ChainError::kHostnameMismatch && IsAddress(question.name)) {
    verdict.error = ChainError::kIpAddressMismatch;
  }
  return verdict;
}

ChainVerdict Accepted(SecTrustRef trust, const ChainQuestion& question) {
  ChainVerdict verdict;
  verdict.chain = ChainOf(trust);
  if (verdict.chain.empty()) return NothingFrom("SecTrustCopyCertificateChain");
  if (AsText(verdict.chain.front()) != AsText(question.chain.front())) {
    return Undecided("the chain does not begin with the peer's certificate");
  }
  return verdict;
}

/// Tells a SecTrust everything before it is asked. Nullopt, or the verdict where that fails.
/// SecTrustSetAnchorCertificates() is not needed: the system's anchors are those that count, and a
/// chain that ends in an application's own is not asked about.
std::optional<ChainVerdict> Prepare(SecTrustRef trust, const ChainQuestion& question,
                                    const Terms& terms) {
  const auto date = Own(CFDateCreate(
      nullptr, static_cast<CFTimeInterval>(question.time) - kCFAbsoluteTimeIntervalSince1970));
  if (date == nullptr) return NothingFrom("CFDateCreate");
  OSStatus status = SecTrustSetVerifyDate(trust, date.get());
  if (status != errSecSuccess) return Failure("SecTrustSetVerifyDate", status);
  if (terms.revocation != Revocation::kOff && !question.stapled_response.empty()) {
    const auto response = MakeData(question.stapled_response);
    if (response == nullptr) return NothingFrom("CFDataCreate");
    status = SecTrustSetOCSPResponse(trust, response.get());
    if (status != errSecSuccess) return Failure("SecTrustSetOCSPResponse", status);
  }
  // Last, and in any case: basic X.509 comes without the network, a revocation policy with it, and
  // this overrides both.
  status = SecTrustSetNetworkFetchAllowed(trust, terms.network ? 1 : 0);
  if (status != errSecSuccess) return Failure("SecTrustSetNetworkFetchAllowed", status);
  return std::nullopt;
}

/// Asks macOS once, with a SecTrust of its own: no state is shared, and nothing is locked.
ChainVerdict Ask(const ChainQuestion& question, std::span<const ByteView> ders,
                 const Terms& terms) {
  const auto certificates = MakeCertificates(ders);
  if (certificates == nullptr) {
    return Undecided("SecCertificateCreateWithData: the peer's certificate does not parse");
  }
  const Policies policies = MakePolicies(question, terms);
  if (policies.array == nullptr) return Undecided("SecPolicy: the policies cannot be made");
  SecTrustRef made = nullptr;
  const OSStatus status =
      SecTrustCreateWithCertificates(certificates.get(), policies.array.get(), &made);
  const auto trust = Own(made);
  if (status != errSecSuccess) return Failure("SecTrustCreateWithCertificates", status);
  if (trust == nullptr) return NothingFrom("SecTrustCreateWithCertificates");
  if (auto failure = Prepare(trust.get(), question, terms)) return *std::move(failure);

  CFErrorRef error_made = nullptr;
  const bool accepted = SecTrustEvaluateWithError(trust.get(), &error_made);
  const auto error = Own(error_made);
  ChainVerdict verdict =
      accepted ? Accepted(trust.get(), question) : Refused(trust.get(), error.get(), question);
  if (policies.is_basic) {
    if (!verdict.detail.empty()) verdict.detail += "; ";
    verdict.detail += "SecPolicyCreateSSL returned nothing, so basic X.509 was asked for";
  }
  return verdict;
}

/// The same about a chain that macOS found. The question is still about the peer.
ChainVerdict AskAbout(const ChainQuestion& question, const std::vector<Bytes>& chain,
                      const Terms& terms) {
  const std::vector<ByteView> ders(chain.begin(), chain.end());
  return Ask(question, ders, terms);
}

class SecTrustVerifier final : public ChainVerifier {
 public:
  SecTrustVerifier() { WatchForForks(); }

  ChainVerdict Verify(const ChainQuestion& question) const override {
    if (IsForkedChild()) {
      return Undecided("macOS cannot be asked in a process that was forked and has not exec'd");
    }
    if (question.chain.empty()) return Undecided("no certificate");
    if (question.purpose != Purpose::kServerAuth && question.purpose != Purpose::kClientAuth) {
      return Undecided("only servers and clients of TLS are verified");
    }
    const NetworkUse& use = question.network;
    const bool fetch = use.may_fetch && question.purpose == Purpose::kServerAuth;  // rule 9
    const bool fetch_issuers = fetch && use.intermediates == Intermediates::kFetch;
    const bool fetch_revocation =
        fetch && (use.revocation == Revocation::kSoft || use.revocation == Revocation::kHard);
    if (fetch_issuers == fetch_revocation) {
      return Ask(question, question.chain, {fetch_issuers, use.revocation});
    }
    return fetch_issuers ? FetchIssuersOnly(question) : FetchRevocationOnly(question);
  }

 private:
  /// A refusal by a question that left revocation out, of which nothing is known then: who forgives
  /// the refusal has not forgiven that.
  static ChainVerdict WithoutRevocation(ChainVerdict refused, const ChainQuestion& question) {
    if (question.network.revocation != Revocation::kOff) {
      refused.others.push_back({ChainError::kUndecided, question.chain.size(),
                                "macOS was not asked about revocation, after that"});
    }
    return refused;
  }

  static ChainVerdict FetchRevocationOnly(const ChainQuestion& question) {
    ChainVerdict found = Ask(question, question.chain, {false, Revocation::kOff});
    if (found.error != ChainError::kNone) return WithoutRevocation(std::move(found), question);
    return AskAbout(question, found.chain, {true, question.network.revocation});
  }

  static ChainVerdict FetchIssuersOnly(const ChainQuestion& question) {
    const Terms judged{false, question.network.revocation};
    ChainVerdict known = Ask(question, question.chain, judged);
    if (known.error != ChainError::kNoIssuer && known.error != ChainError::kUntrustedRoot) {
      return known;
    }
    ChainVerdict fetched = Ask(question, question.chain, {true, Revocation::kOff});
    if (fetched.error == ChainError::kUndecided) return known;
    if (fetched.error != ChainError::kNone) {
      return WithoutRevocation(std::move(fetched), question);
    }
    return AskAbout(question, fetched.chain, judged);
  }
};

}  // namespace

std::unique_ptr<ChainVerifier> MakeSecTrustVerifier() {
  return std::make_unique<SecTrustVerifier>();
}

}  // namespace macos

std::unique_ptr<ChainVerifier> MakeChainVerifier() {
  return std::make_unique<VerdictCache>(macos::MakeSecTrustVerifier());
}

}  // namespace ostrust::platform
