// What Windows' chain verification says about a chain, in numbers, and what that means here: the
// HRESULTs of CertVerifyCertificateChainPolicy() and the bits of CERT_TRUST_STATUS.dwErrorStatus.
//
// Nothing here was run on Windows itself, only under Wine.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "platform/chain_verifier.hpp"

namespace ostrust::platform::windows {

/// A bit of CERT_TRUST_STATUS.dwErrorStatus (wincrypt.h).
struct StatusBit {
  std::uint32_t bit;
  ChainError error;
  const char* name;
  /// The HRESULT that Microsoft documents for it, for the system's words; 0 where there is none.
  std::uint32_t code;
};

/// The bits that are known, in the order in which they are reported when several are set: what
/// speaks against a certificate for good first, what another chain or time could mend after it. No
/// bit is harmless, CERT_TRUST_CTL_* and CERT_TRUST_HAS_WEAK_SIGNATURE included: the first say that
/// what vouches for the root is not valid, and crypto/x509 of Go, which refuses a chain for any bit
/// whatever, shows that good chains have none. Only the last two depend on the configuration.
std::span<const StatusBit> StatusBits();

/// The bits that say no more than that nobody knows whether a certificate was revoked:
/// CERT_TRUST_REVOCATION_STATUS_UNKNOWN and CERT_TRUST_IS_OFFLINE_REVOCATION.
inline constexpr std::uint32_t kRevocationUnknownBits = 0x01000040;

/// CERT_CHAIN_POLICY_STATUS.dwError. kNone for 0, kUndecided for a code that is not known.
ChainError ErrorOfPolicy(std::uint32_t code);

/// "A certificate was explicitly revoked by its issuer. (CRYPT_E_REVOKED, 0x80092010)": the
/// system's own words for an HRESULT or a Win32 error, in the user's language, on one line, in
/// UTF-8. Only what is in parentheses where the system has no words for it (Wine often has none).
std::string DescribeCode(std::uint32_t code);

/// The same for a bit: the words for its HRESULT, or the bit's name and value.
std::string DescribeBit(const StatusBit& bit);

/// "CERT_TRUST_STATUS 0x00200000", for bits that are not known.
std::string DescribeUnknownBits(std::uint32_t bits);

}  // namespace ostrust::platform::windows
