// What Windows is asked about a chain, and what it answers: the narrow interface between the
// decision (chain_verifier.cpp) and crypt32, so that the decision can be tested with answers that
// only a real Windows gives.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/chain_verifier.hpp"

namespace ostrust::platform::windows {

/// Views of the caller's; valid during the call only.
struct ChainRequest {
  /// The peer's first; behind it what chains may be built from. One that does not parse is left
  /// out; when it is the peer's, nothing can be answered.
  std::span<const ByteView> certificates;
  /// kClientAuth, or else servers: with their usages and with AUTHTYPE_SERVER.
  Purpose purpose = Purpose::kServerAuth;
  /// As in FILETIME: units of 100 ns since 1601.
  std::uint64_t time = 0;
  ByteView stapled_response;
  std::uint32_t chain_flags = 0;   // CERT_CHAIN_*, dwFlags of CertGetCertificateChain()
  std::uint32_t policy_flags = 0;  // CERT_CHAIN_POLICY_*
  /// CERT_CHAIN_PARA.dwUrlRetrievalTimeout. Never 0, which means the system's 15 s.
  std::chrono::duration<std::uint32_t, std::milli> timeout{1};
  std::uint64_t store_id = 0;  // ChainQuestion::store_id
};

/// CERT_CHAIN_ELEMENT.
struct ChainElement {
  Bytes certificate;
  std::uint32_t error_status = 0;  // CERT_TRUST_STATUS.dwErrorStatus
  /// There is a CERT_REVOCATION_INFO: somebody looked whether it was revoked.
  bool revocation_checked = false;
  /// CertVerifyTimeValidity() with the request's time: -1 before it is valid, 1 after, 0 otherwise.
  int validity = 0;
};

/// CERT_CHAIN_CONTEXT, and what CertVerifyCertificateChainPolicy() says about it.
struct SystemChain {
  /// The peer's first. Of all simple chains, when there are several.
  std::vector<ChainElement> elements;
  /// How many simple chains there are; with more than one, they are joined by certificate trust
  /// lists.
  std::size_t simple_chains = 1;
  std::uint32_t error_status = 0;
  std::uint32_t policy_error = 0;  // CERT_CHAIN_POLICY_STATUS.dwError
  /// Which element the policy's error is about; -1 when it is about none or all.
  std::int64_t policy_element = -1;
  /// Not empty: the policy could not be asked, and this says why.
  std::string policy_failure;
};

struct ChainAnswer {
  /// Not empty: nothing was answered, and this says why, with the system's words.
  std::string failure;
  /// The one that the system takes for the best first, then those of lower quality.
  std::vector<SystemChain> chains;
};

/// Thread-safe.
class SystemChains {
 public:
  virtual ~SystemChains() = default;
  /// Throws only std::bad_alloc.
  virtual ChainAnswer Build(const ChainRequest& request) const = 0;

 protected:
  SystemChains() = default;
  SystemChains(const SystemChains&) = default;
  SystemChains& operator=(const SystemChains&) = default;
};

/// crypt32's. Holds a chain engine (HCERTCHAINENGINE) of its own from the first question on. Lives
/// as long as the process (ForkSafeMutex).
std::unique_ptr<SystemChains> MakeCrypt32Chains();

/// The decision. MakeChainVerifier() gives it crypt32's chains.
std::unique_ptr<ChainVerifier> MakeSystemChainVerifier(std::unique_ptr<const SystemChains> chains);

}  // namespace ostrust::platform::windows
