// ChainVerifier: would the operating system's own verifier accept this chain?
//
// For systems that verify chains themselves and know more than a list of roots can say. Windows and
// macOS have one; Linux has none, and MakeChainVerifier() returns null there. It is asked about TLS
// peers only: after OpenSSL accepted a chain, where it can only turn that into a refusal, and
// before that, where OpenSSL would find no trust anchor, for the chain that the system would build.
// OpenSSL then verifies that one itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/certificate_trust.hpp"

namespace ostrust::platform {

/// Where a certificate may come from that the peer should have sent and did not (configuration key
/// `intermediates`).
enum class Intermediates : std::uint8_t {
  kOff,
  kLocal,  // what is known here: this process's memory, the caches, the system's stores
  kFetch,  // also the network: caIssuers (RFC 5280, 4.2.2.1)
};

/// Whether revocation is looked for (configuration key `revocation`).
enum class Revocation : std::uint8_t {
  kOff,
  kLocal,  // what needs no network: stapled, kept, local lists and filters
  kSoft,   // also the network; what nobody knows is accepted
  kHard,   // also the network; what nobody knows is refused
};

/// What may be fetched for one verification, and how long all of it may take.
struct NetworkUse {
  Intermediates intermediates = Intermediates::kLocal;
  Revocation revocation = Revocation::kLocal;
  std::chrono::milliseconds timeout{3000};
  /// False: nothing is fetched, whatever the others say. kHard still refuses what nobody knows.
  bool may_fetch = true;
};

/// What is asked. Views of the caller's; valid during the call only.
struct ChainQuestion {
  /// The peer's certificate first. Behind it what the system may use to build its chain: the rest
  /// of the chain that OpenSSL built, the anchor last, or what the peer sent, in any order. None of
  /// it is trusted because it is here.
  std::span<const ByteView> chain;
  /// kServerAuth or kClientAuth: what the peer must be trusted for.
  Purpose purpose = Purpose::kServerAuth;
  /// The host name or IP address the application wants; empty when it wants none. OpenSSL has
  /// checked it already.
  std::string name;
  /// The time the chain must be valid at, in seconds since 1970.
  std::time_t time = 0;
  /// Nothing is fetched because of a client's certificate, whatever this says (rule 9).
  NetworkUse network;
  /// The OCSP response that the server stapled; empty when it did not.
  ByteView stapled_response;
  /// TrustStore::Id() of the snapshot that this verification sees: with another, the system's
  /// stores may have changed, and what it said before counts no more.
  std::uint64_t store_id = 0;
};

/// What is wrong with a chain: the union of what the systems tell apart (SecTrust's OSStatus,
/// Windows' HRESULT and CERT_TRUST_STATUS).
enum class ChainError : std::uint8_t {
  kNone,
  kUntrustedRoot,
  kUntrustedCa,
  kNoIssuer,
  kDistrusted,
  kRevoked,
  kRevocationUnknown,
  kExpired,
  kNotYetValid,
  kHostnameMismatch,
  kIpAddressMismatch,
  kNotPermittedName,
  kExcludedName,
  kWrongPurpose,
  kInvalidCa,
  kPathTooLong,
  kUnhandledCriticalExtension,
  kInvalidExtension,
  kInvalidPolicy,
  kBadSignature,
  kWeakDigest,
  kWeakKey,
  kPathLoop,
  kNoTransparency,
  kUndecided,  // the system failed to decide: refused, and `detail` says why
};

struct ChainFinding {
  ChainError error = ChainError::kNone;
  /// Which certificate of the question's chain it is about. An index past its end means the leaf.
  std::size_t depth = 0;
  /// The system's own words, and its code where there is one.
  std::string detail;
};

struct ChainVerdict {
  /// The gravest finding: see ChainFinding.
  ChainError error = ChainError::kNone;
  std::size_t depth = 0;
  std::string detail;
  /// Without an error: the chain that the system accepted, the peer's certificate first and the
  /// root last; empty where the system does not tell.
  std::vector<Bytes> chain;
  /// With an error: whatever else the system has against the chain, so that who forgives the first
  /// finding has not forgiven these. Where the system has more, or may have, and does not say
  /// what: one that is kUndecided.
  std::vector<ChainFinding> others = {};
};

/// Thread-safe.
class ChainVerifier {
 public:
  virtual ~ChainVerifier() = default;
  /// kNone only where the system said yes to this very question: what it did not say, or failed to,
  /// is kUndecided. Throws only std::bad_alloc, which refuses the chain. Where the system must not
  /// be called in a child of fork(), it is not, and the answer is kUndecided.
  virtual ChainVerdict Verify(const ChainQuestion& question) const = 0;

 protected:
  ChainVerifier() = default;
  ChainVerifier(const ChainVerifier&) = default;
  ChainVerifier& operator=(const ChainVerifier&) = default;
};

/// This system's verifier; null where it has none, and only there: the module is built with
/// OSTRUST_SYSTEM_VERIFIES where it has one (platform/SYSTEM/system.cmake). Throws only
/// std::bad_alloc.
std::unique_ptr<ChainVerifier> MakeChainVerifier();

}  // namespace ostrust::platform
