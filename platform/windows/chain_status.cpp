#include "platform/windows/chain_status.hpp"

#include <windows.h>

#include <wincrypt.h>

#include <array>
#include <cstdio>
#include <string_view>

namespace ostrust::platform::windows {
namespace {

constexpr std::uint32_t Code(HRESULT result) {
  return static_cast<std::uint32_t>(result);
}

constexpr StatusBit kBits[] = {
    {CERT_TRUST_IS_EXPLICIT_DISTRUST, ChainError::kDistrusted, "CERT_TRUST_IS_EXPLICIT_DISTRUST",
     Code(TRUST_E_EXPLICIT_DISTRUST)},
    {CERT_TRUST_IS_REVOKED, ChainError::kRevoked, "CERT_TRUST_IS_REVOKED", Code(CRYPT_E_REVOKED)},
    // Set together with CERT_TRUST_IS_NOT_SIGNATURE_VALID, which says less.
    {CERT_TRUST_HAS_WEAK_SIGNATURE, ChainError::kWeakDigest, "CERT_TRUST_HAS_WEAK_SIGNATURE", 0},
    {CERT_TRUST_IS_NOT_SIGNATURE_VALID, ChainError::kBadSignature,
     "CERT_TRUST_IS_NOT_SIGNATURE_VALID", Code(TRUST_E_CERT_SIGNATURE)},
    {CERT_TRUST_IS_CYCLIC, ChainError::kPathLoop, "CERT_TRUST_IS_CYCLIC", 0},
    // Set together with CERT_TRUST_INVALID_EXTENSION, which says less.
    {CERT_TRUST_HAS_NOT_SUPPORTED_CRITICAL_EXT, ChainError::kUnhandledCriticalExtension,
     "CERT_TRUST_HAS_NOT_SUPPORTED_CRITICAL_EXT", Code(CERT_E_CRITICAL)},
    {CERT_TRUST_INVALID_EXTENSION, ChainError::kInvalidExtension, "CERT_TRUST_INVALID_EXTENSION",
     0},
    {CERT_TRUST_INVALID_BASIC_CONSTRAINTS, ChainError::kInvalidCa,
     "CERT_TRUST_INVALID_BASIC_CONSTRAINTS", Code(TRUST_E_BASIC_CONSTRAINTS)},
    {CERT_TRUST_INVALID_NAME_CONSTRAINTS, ChainError::kInvalidExtension,
     "CERT_TRUST_INVALID_NAME_CONSTRAINTS", 0},
    {CERT_TRUST_HAS_EXCLUDED_NAME_CONSTRAINT, ChainError::kExcludedName,
     "CERT_TRUST_HAS_EXCLUDED_NAME_CONSTRAINT", Code(CERT_E_INVALID_NAME)},
    {CERT_TRUST_HAS_NOT_PERMITTED_NAME_CONSTRAINT, ChainError::kNotPermittedName,
     "CERT_TRUST_HAS_NOT_PERMITTED_NAME_CONSTRAINT", Code(CERT_E_INVALID_NAME)},
    // There is a constraint, and whether the name meets it was not found out.
    {CERT_TRUST_HAS_NOT_SUPPORTED_NAME_CONSTRAINT, ChainError::kNotPermittedName,
     "CERT_TRUST_HAS_NOT_SUPPORTED_NAME_CONSTRAINT", Code(CERT_E_INVALID_NAME)},
    {CERT_TRUST_HAS_NOT_DEFINED_NAME_CONSTRAINT, ChainError::kNotPermittedName,
     "CERT_TRUST_HAS_NOT_DEFINED_NAME_CONSTRAINT", Code(CERT_E_INVALID_NAME)},
    {CERT_TRUST_INVALID_POLICY_CONSTRAINTS, ChainError::kInvalidPolicy,
     "CERT_TRUST_INVALID_POLICY_CONSTRAINTS", Code(CERT_E_INVALID_POLICY)},
    {CERT_TRUST_NO_ISSUANCE_CHAIN_POLICY, ChainError::kInvalidPolicy,
     "CERT_TRUST_NO_ISSUANCE_CHAIN_POLICY", Code(CERT_E_INVALID_POLICY)},
    {CERT_TRUST_IS_PARTIAL_CHAIN, ChainError::kNoIssuer, "CERT_TRUST_IS_PARTIAL_CHAIN",
     Code(CERT_E_CHAINING)},
    {CERT_TRUST_IS_UNTRUSTED_ROOT, ChainError::kUntrustedRoot, "CERT_TRUST_IS_UNTRUSTED_ROOT",
     Code(CERT_E_UNTRUSTEDROOT)},
    {CERT_TRUST_CTL_IS_NOT_TIME_VALID, ChainError::kUntrustedRoot,
     "CERT_TRUST_CTL_IS_NOT_TIME_VALID", 0},
    {CERT_TRUST_CTL_IS_NOT_SIGNATURE_VALID, ChainError::kUntrustedRoot,
     "CERT_TRUST_CTL_IS_NOT_SIGNATURE_VALID", 0},
    {CERT_TRUST_CTL_IS_NOT_VALID_FOR_USAGE, ChainError::kUntrustedRoot,
     "CERT_TRUST_CTL_IS_NOT_VALID_FOR_USAGE", 0},
    {CERT_TRUST_IS_NOT_VALID_FOR_USAGE, ChainError::kWrongPurpose,
     "CERT_TRUST_IS_NOT_VALID_FOR_USAGE", Code(CERT_E_WRONG_USAGE)},
    // Or not yet valid: whoever has the certificate can tell.
    {CERT_TRUST_IS_NOT_TIME_VALID, ChainError::kExpired, "CERT_TRUST_IS_NOT_TIME_VALID",
     Code(CERT_E_EXPIRED)},
    // Obsolete, and no rule of RFC 5280; there is no error to call it.
    {CERT_TRUST_IS_NOT_TIME_NESTED, ChainError::kUndecided, "CERT_TRUST_IS_NOT_TIME_NESTED",
     Code(CERT_E_VALIDITYPERIODNESTING)},
    {CERT_TRUST_IS_OFFLINE_REVOCATION, ChainError::kRevocationUnknown,
     "CERT_TRUST_IS_OFFLINE_REVOCATION", Code(CRYPT_E_REVOCATION_OFFLINE)},
    {CERT_TRUST_REVOCATION_STATUS_UNKNOWN, ChainError::kRevocationUnknown,
     "CERT_TRUST_REVOCATION_STATUS_UNKNOWN", Code(CRYPT_E_NO_REVOCATION_CHECK)},
};
static_assert(kRevocationUnknownBits ==
              (CERT_TRUST_REVOCATION_STATUS_UNKNOWN | CERT_TRUST_IS_OFFLINE_REVOCATION));

struct PolicyCode {
  std::uint32_t code;
  ChainError error;
  const char* name;
};

constexpr PolicyCode kPolicyCodes[] = {
    {Code(CERT_E_EXPIRED), ChainError::kExpired, "CERT_E_EXPIRED"},
    {Code(CERT_E_CN_NO_MATCH), ChainError::kHostnameMismatch, "CERT_E_CN_NO_MATCH"},
    {Code(CERT_E_INVALID_NAME), ChainError::kNotPermittedName, "CERT_E_INVALID_NAME"},
    {Code(CERT_E_UNTRUSTEDROOT), ChainError::kUntrustedRoot, "CERT_E_UNTRUSTEDROOT"},
    {Code(CERT_E_CHAINING), ChainError::kNoIssuer, "CERT_E_CHAINING"},
    {Code(CRYPT_E_REVOKED), ChainError::kRevoked, "CRYPT_E_REVOKED"},
    {Code(CERT_E_REVOKED), ChainError::kRevoked, "CERT_E_REVOKED"},
    {Code(CRYPT_E_NO_REVOCATION_CHECK), ChainError::kRevocationUnknown,
     "CRYPT_E_NO_REVOCATION_CHECK"},
    {Code(CRYPT_E_REVOCATION_OFFLINE), ChainError::kRevocationUnknown,
     "CRYPT_E_REVOCATION_OFFLINE"},
    {Code(CERT_E_REVOCATION_FAILURE), ChainError::kRevocationUnknown, "CERT_E_REVOCATION_FAILURE"},
    {Code(CERT_E_WRONG_USAGE), ChainError::kWrongPurpose, "CERT_E_WRONG_USAGE"},
    {Code(CERT_E_PURPOSE), ChainError::kWrongPurpose, "CERT_E_PURPOSE"},
    {Code(CERT_E_ROLE), ChainError::kWrongPurpose, "CERT_E_ROLE"},
    {Code(TRUST_E_CERT_SIGNATURE), ChainError::kBadSignature, "TRUST_E_CERT_SIGNATURE"},
    {Code(TRUST_E_BASIC_CONSTRAINTS), ChainError::kInvalidCa, "TRUST_E_BASIC_CONSTRAINTS"},
    {Code(CERT_E_PATHLENCONST), ChainError::kPathTooLong, "CERT_E_PATHLENCONST"},
    {Code(CERT_E_CRITICAL), ChainError::kUnhandledCriticalExtension, "CERT_E_CRITICAL"},
    {Code(TRUST_E_EXPLICIT_DISTRUST), ChainError::kDistrusted, "TRUST_E_EXPLICIT_DISTRUST"},
    {Code(CERT_E_INVALID_POLICY), ChainError::kInvalidPolicy, "CERT_E_INVALID_POLICY"},
    {Code(CERT_E_UNTRUSTEDCA), ChainError::kUntrustedCa, "CERT_E_UNTRUSTEDCA"},
    {Code(CERT_E_UNTRUSTEDTESTROOT), ChainError::kUntrustedCa, "CERT_E_UNTRUSTEDTESTROOT"},
    {Code(CERT_E_VALIDITYPERIODNESTING), ChainError::kUndecided, "CERT_E_VALIDITYPERIODNESTING"},
};

const PolicyCode* Find(std::uint32_t code) {
  for (const PolicyCode& known : kPolicyCodes) {
    if (known.code == code) return &known;
  }
  return nullptr;
}

std::string Hexadecimal(std::uint32_t value) {
  std::array<char, 11> text{};
  static_cast<void>(
      std::snprintf(text.data(), text.size(), "0x%08lX", static_cast<unsigned long>(value)));
  return text.data();
}

std::string ToUtf8(std::wstring_view text) {
  // At most three bytes for each code unit.
  std::string utf8(3 * text.size(), '\0');
  const int size =
      WideCharToMultiByte(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), utf8.data(),
                          static_cast<int>(utf8.size()), nullptr, nullptr);
  utf8.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return utf8;
}

// Empty when the system has no words for it.
std::string SystemText(std::uint32_t code) {
  std::array<wchar_t, 512> buffer{};
  const DWORD size =
      FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, code, 0,
                     buffer.data(), static_cast<DWORD>(buffer.size()), nullptr);
  std::wstring line;
  for (const wchar_t unit : std::wstring_view(buffer.data(), size)) {
    if (unit > L' ') {
      line += unit;
    } else if (!line.empty() && line.back() != L' ') {
      line += L' ';
    }
  }
  if (!line.empty() && line.back() == L' ') line.pop_back();
  return line.empty() ? std::string() : ToUtf8(line);
}

}  // namespace

std::span<const StatusBit> StatusBits() {
  return kBits;
}

ChainError ErrorOfPolicy(std::uint32_t code) {
  if (code == 0) return ChainError::kNone;
  const PolicyCode* known = Find(code);
  return known != nullptr ? known->error : ChainError::kUndecided;
}

std::string DescribeCode(std::uint32_t code) {
  const PolicyCode* known = Find(code);
  const std::string number =
      known != nullptr ? known->name + (", " + Hexadecimal(code)) : Hexadecimal(code);
  const std::string text = SystemText(code);
  return text.empty() ? number : text + " (" + number + ")";
}

std::string DescribeBit(const StatusBit& bit) {
  if (bit.code != 0) return DescribeCode(bit.code);
  return bit.name + (", " + Hexadecimal(bit.bit));
}

std::string DescribeUnknownBits(std::uint32_t bits) {
  return "CERT_TRUST_STATUS " + Hexadecimal(bits);
}

}  // namespace ostrust::platform::windows
