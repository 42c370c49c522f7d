// What is made of Windows' answers. Nothing here was run on Windows itself, only under Wine.
#include "platform/chain_verifier.hpp"

#include <windows.h>

#include <wincrypt.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "platform/verdict_cache.hpp"
#include "platform/windows/chain_status.hpp"
#include "platform/windows/crypt32_chains.hpp"

namespace ostrust::platform {
namespace windows {
namespace {

using Clock = std::chrono::steady_clock;

ChainVerdict Undecided(std::string why) {
  ChainVerdict verdict;
  verdict.error = ChainError::kUndecided;
  verdict.detail = std::move(why);
  return verdict;
}

/// As in FILETIME; nullopt where that cannot say it.
std::optional<std::uint64_t> FileTimeOf(std::time_t time) {
  constexpr std::int64_t kFrom1601To1970 = 11'644'473'600;  // seconds
  constexpr std::int64_t kUnitsPerSecond = 10'000'000;
  constexpr std::int64_t kLast =
      std::numeric_limits<std::int64_t>::max() / kUnitsPerSecond - kFrom1601To1970;
  const std::int64_t seconds{time};
  if (seconds < -kFrom1601To1970 || seconds > kLast) return std::nullopt;
  return static_cast<std::uint64_t>((seconds + kFrom1601To1970) * kUnitsPerSecond);
}

/// What the answers are allowed to cost. Where anything may be fetched,
/// CERT_CHAIN_DISABLE_AUTH_ROOT_AUTO_UPDATE is never set: a root that Windows downloads on demand
/// is one that the system trusts.
std::uint32_t ChainFlags(const ChainQuestion& question, bool may_fetch) {
  std::uint32_t flags = CERT_CHAIN_CACHE_END_CERT | CERT_CHAIN_RETURN_LOWER_QUALITY_CONTEXTS;
  if (!may_fetch) flags |= CERT_CHAIN_DISABLE_AUTH_ROOT_AUTO_UPDATE;
  if (!may_fetch || question.network.intermediates == Intermediates::kOff) {
    flags |= CERT_CHAIN_DISABLE_AIA;
  }
  if (!may_fetch || question.network.intermediates == Intermediates::kLocal) {
    flags |= CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL;
  }
  if (question.network.revocation == Revocation::kOff) return flags;
  flags |= CERT_CHAIN_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT;
  if (!may_fetch || question.network.revocation == Revocation::kLocal) {
    return flags | CERT_CHAIN_REVOCATION_CHECK_CACHE_ONLY;
  }
  return flags | CERT_CHAIN_REVOCATION_ACCUMULATIVE_TIMEOUT;
}

/// What is left until `deadline`; at least the shortest time there is, as 0 would mean the
/// system's own.
std::chrono::duration<std::uint32_t, std::milli> Until(Clock::time_point deadline) {
  using std::chrono::milliseconds;
  constexpr milliseconds::rep kMost = std::numeric_limits<std::uint32_t>::max();
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
  return std::chrono::duration<std::uint32_t, std::milli>(
      static_cast<std::uint32_t>(std::clamp<milliseconds::rep>(left, 1, kMost)));
}

/// That somebody looked whether an element was revoked, and what was found.
constexpr std::uint32_t kRevocationBits = CERT_TRUST_IS_REVOKED | kRevocationUnknownBits;
/// What is said about a certificate wherever it stands.
constexpr std::uint32_t kOfTheCertificate = CERT_TRUST_IS_REVOKED | CERT_TRUST_IS_EXPLICIT_DISTRUST;

/// Every certificate bears what any chain says about it; and in a chain of lower quality what is
/// known from the best one. Nobody says whether Windows looks at usages and revocation in those as
/// well; Wine does not. Chains of lower quality in which revocation was asked for and not looked at
/// are dropped.
void MakeComparable(std::vector<SystemChain>& chains, bool revocation) {
  std::map<std::string_view, std::uint32_t> said;
  std::map<std::string_view, std::uint32_t> checked;
  for (const SystemChain& chain : chains) {
    for (const ChainElement& element : chain.elements) {
      said[AsText(element.certificate)] |= element.error_status & kOfTheCertificate;
    }
  }
  const auto& best = chains.front().elements;
  for (std::size_t i = 0; i + 1 < best.size(); ++i) {
    checked[AsText(best[i].certificate)] |= best[i].error_status & kRevocationBits;
  }
  const std::uint32_t usage =
      best.empty() ? 0 : best[0].error_status & CERT_TRUST_IS_NOT_VALID_FOR_USAGE;

  std::vector<SystemChain> comparable;  // moving a chain does not move its certificates
  for (SystemChain& chain : chains) {
    const bool lower_quality = &chain != &chains.front();
    bool is_checked = true;
    for (std::size_t i = 0; i < chain.elements.size(); ++i) {
      ChainElement& element = chain.elements[i];
      element.error_status |= said[AsText(element.certificate)];
      if (!lower_quality) continue;
      if (i == 0) element.error_status |= usage;
      if (!revocation || i + 1 == chain.elements.size() || element.revocation_checked ||
          (element.error_status & kRevocationUnknownBits) != 0) {
        continue;
      }
      const auto known = checked.find(AsText(element.certificate));
      is_checked = is_checked && known != checked.end();
      if (known != checked.end()) element.error_status |= known->second;
    }
    if (is_checked) comparable.push_back(std::move(chain));
  }
  chains = std::move(comparable);
}

/// What is wrong with one chain.
struct Finding {
  ChainError error = ChainError::kNone;
  /// Which of the chain's elements it is about; nullopt when it is about none of them.
  std::optional<std::size_t> element;
  std::string detail;
};

class ChainJudge {
 public:
  ChainJudge(const SystemChain& chain, ByteView peer, bool hard)
      : chain_(chain), peer_(peer), hard_(hard) {}

  /// The gravest first; none when the chain is good.
  std::vector<Finding> Judge() const {
    if (chain_.elements.empty() || AsText(chain_.elements[0].certificate) != AsText(peer_)) {
      return {{ChainError::kUndecided, std::nullopt,
               "the chain does not begin with the peer's certificate"}};
    }
    std::uint32_t bits = chain_.error_status;
    for (const ChainElement& element : chain_.elements) bits |= element.error_status;
    if (!hard_) bits &= ~kRevocationUnknownBits;
    // The bits before the policy: Wine's lets through partial chains, invalid basic constraints and
    // names that are not permitted, and they tell apart what it does not.
    std::vector<Finding> findings;
    for (const StatusBit& known : StatusBits()) {
      if ((bits & known.bit) != 0) AddAll(known, findings);
      bits &= ~known.bit;
    }
    if (!chain_.policy_failure.empty()) {
      findings.push_back({ChainError::kUndecided, std::nullopt, chain_.policy_failure});
    } else if (chain_.policy_error != 0) {
      Finding finding = PolicyFinding();
      const bool is_known =
          std::any_of(findings.begin(), findings.end(),
                      [&](const Finding& found) { return found.error == finding.error; });
      // Wine's does not know CERT_CHAIN_POLICY_IGNORE_ALL_REV_UNKNOWN_FLAGS.
      const bool counts = finding.error != ChainError::kRevocationUnknown || hard_;
      if (counts && !is_known) findings.push_back(std::move(finding));
    }
    if (bits != 0) {
      findings.push_back({ChainError::kUndecided, std::nullopt, DescribeUnknownBits(bits)});
    }
    if (chain_.simple_chains != 1) {
      findings.push_back({ChainError::kUndecided, std::nullopt,
                          "the chain passes through a certificate trust list"});
    }
    return findings;
  }

 private:
  /// One for every element with this bit, and one where it is said about the chain as a whole.
  /// Several bits can mean the same of an element, which is told once.
  void AddAll(const StatusBit& bit, std::vector<Finding>& findings) const {
    const auto add = [&](std::optional<std::size_t> element) {
      Finding finding{bit.error, element, DescribeBit(bit)};
      finding.error = Refine(finding);
      const auto is_same = [&](const Finding& found) {
        return found.error == finding.error && found.element == finding.element;
      };
      if (std::none_of(findings.begin(), findings.end(), is_same)) {
        findings.push_back(std::move(finding));
      }
    };
    bool is_said_of_one = false;
    for (std::size_t i = 0; i < chain_.elements.size(); ++i) {
      const std::uint32_t status = chain_.elements[i].error_status;
      if ((status & bit.bit) == 0) continue;
      is_said_of_one = true;
      const bool is_weak = bit.bit == CERT_TRUST_IS_NOT_SIGNATURE_VALID &&
                           (status & CERT_TRUST_HAS_WEAK_SIGNATURE) != 0;
      if (!is_weak) add(i);
    }
    if (is_said_of_one) return;
    // What is missing, or not trusted, is missing at the chain's end.
    if (bit.error == ChainError::kNoIssuer || bit.error == ChainError::kUntrustedRoot) {
      add(chain_.elements.size() - 1);
    } else {
      add(std::nullopt);
    }
  }

  Finding PolicyFinding() const {
    Finding finding{ErrorOfPolicy(chain_.policy_error), std::nullopt,
                    DescribeCode(chain_.policy_error)};
    const auto index = static_cast<std::size_t>(chain_.policy_element);
    if (chain_.policy_element >= 0 && index < chain_.elements.size()) finding.element = index;
    finding.error = Refine(finding);
    return finding;
  }

  /// Windows has one code for what has expired and what is not yet valid.
  ChainError Refine(const Finding& finding) const {
    if (finding.error != ChainError::kExpired) return finding.error;
    const auto not_yet = [](const ChainElement& element) { return element.validity < 0; };
    const auto expired = [](const ChainElement& element) { return element.validity > 0; };
    const bool before =
        finding.element ? not_yet(chain_.elements[*finding.element])
                        : std::any_of(chain_.elements.begin(), chain_.elements.end(), not_yet) &&
                              std::none_of(chain_.elements.begin(), chain_.elements.end(), expired);
    return before ? ChainError::kNotYetValid : ChainError::kExpired;
  }

  const SystemChain& chain_;
  const ByteView peer_;
  const bool hard_;
};

/// The index in the question's chain; past its end when it is not in there.
std::size_t DepthOf(const ChainElement& element, std::span<const ByteView> chain) {
  const auto found = std::find_if(chain.begin(), chain.end(), [&](ByteView certificate) {
    return AsText(certificate) == AsText(element.certificate);
  });
  return static_cast<std::size_t>(found - chain.begin());
}

ChainVerdict Refused(const std::vector<Finding>& findings, const SystemChain& chain,
                     const ChainQuestion& question) {
  const auto depth = [&](const Finding& finding) {
    return finding.element ? DepthOf(chain.elements[*finding.element], question.chain)
                           : question.chain.size();
  };
  const Finding& first = findings.front();
  ChainVerdict verdict{first.error, depth(first), first.detail, {}};
  for (std::size_t i = 1; i < findings.size(); ++i) {
    verdict.others.push_back({findings[i].error, depth(findings[i]), findings[i].detail});
  }
  return verdict;
}

/// Of the first chain that is good; else about the best one.
ChainVerdict Decide(ChainAnswer answer, const ChainQuestion& question) {
  if (!answer.failure.empty()) return Undecided(std::move(answer.failure));
  if (answer.chains.empty()) return Undecided("CertGetCertificateChain: no chain");
  MakeComparable(answer.chains, question.network.revocation != Revocation::kOff);
  const bool hard = question.network.revocation == Revocation::kHard;
  std::optional<ChainVerdict> refusal;
  for (SystemChain& chain : answer.chains) {
    const std::vector<Finding> findings = ChainJudge(chain, question.chain.front(), hard).Judge();
    if (findings.empty()) {
      ChainVerdict verdict;
      for (ChainElement& element : chain.elements) {
        verdict.chain.push_back(std::move(element.certificate));
      }
      return verdict;
    }
    if (!refusal) refusal = Refused(findings, chain, question);
  }
  return *std::move(refusal);
}

class SystemChainVerifier final : public ChainVerifier {
 public:
  explicit SystemChainVerifier(std::unique_ptr<const SystemChains> chains)
      : chains_(std::move(chains)) {}

  ChainVerdict Verify(const ChainQuestion& question) const override {
    const bool client = question.purpose == Purpose::kClientAuth;
    if (question.chain.empty()) return Undecided("no certificate");
    if (!client && question.purpose != Purpose::kServerAuth) {
      return Undecided("only servers and clients of TLS are verified");
    }
    const bool may_fetch = question.network.may_fetch && !client;  // rule 9
    const auto time = FileTimeOf(question.time);
    if (!time) return Undecided("the time cannot be expressed as FILETIME");
    const Clock::time_point deadline = Clock::now() + question.network.timeout;

    ChainRequest request;
    request.certificates = question.chain;
    request.purpose = question.purpose;
    request.time = *time;
    request.stapled_response = question.stapled_response;
    request.chain_flags = ChainFlags(question, may_fetch);
    if (question.network.revocation != Revocation::kHard) {
      request.policy_flags = CERT_CHAIN_POLICY_IGNORE_ALL_REV_UNKNOWN_FLAGS;
    }
    request.timeout = Until(deadline);
    request.store_id = question.store_id;
    ChainVerdict verdict = Decide(chains_->Build(request), question);

    // CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL may also keep Windows from downloading the root. So once
    // more without it where a root may be what is missing; with CERT_CHAIN_DISABLE_AIA, so that no
    // intermediate is fetched, which `local` forbids. (Not run on Windows.)
    const bool root_may_be_missing =
        verdict.error == ChainError::kNoIssuer || verdict.error == ChainError::kUntrustedRoot;
    if (!may_fetch || question.network.intermediates != Intermediates::kLocal ||
        !root_may_be_missing || Clock::now() >= deadline) {
      return verdict;
    }
    request.chain_flags &= ~std::uint32_t{CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL};
    request.chain_flags |= CERT_CHAIN_DISABLE_AIA;
    request.timeout = Until(deadline);
    ChainVerdict second = Decide(chains_->Build(request), question);
    return second.error != ChainError::kUndecided ? second : verdict;
  }

 private:
  const std::unique_ptr<const SystemChains> chains_;
};

}  // namespace

std::unique_ptr<ChainVerifier> MakeSystemChainVerifier(std::unique_ptr<const SystemChains> chains) {
  return std::make_unique<SystemChainVerifier>(std::move(chains));
}

}  // namespace windows

std::unique_ptr<ChainVerifier> MakeChainVerifier() {
  return std::make_unique<VerdictCache>(
      windows::MakeSystemChainVerifier(windows::MakeCrypt32Chains()));
}

}  // namespace ostrust::platform
