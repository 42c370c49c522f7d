#include "platform/macos/trust_status.hpp"

#include "platform/macos/core_foundation.hpp"

namespace ostrust::platform::macos {
namespace {

constexpr TrustStatus kStatuses[] = {
    {errSecNotTrusted, ChainError::kUntrustedRoot, "errSecNotTrusted"},
    {errSecCreateChainFailed, ChainError::kNoIssuer, "errSecCreateChainFailed"},
    // Or not yet valid: whoever has the certificates can tell.
    {errSecCertificateExpired, ChainError::kExpired, "errSecCertificateExpired"},
    {errSecCertificateNotValidYet, ChainError::kNotYetValid, "errSecCertificateNotValidYet"},
    // Or on Apple's block list.
    {errSecCertificateRevoked, ChainError::kRevoked, "errSecCertificateRevoked"},
    {errSecIncompleteCertRevocationCheck, ChainError::kRevocationUnknown,
     "errSecIncompleteCertRevocationCheck"},
    {errSecTrustSettingDeny, ChainError::kDistrusted, "errSecTrustSettingDeny"},
    // Pinned to other CAs: by macOS, and by the program's information dictionary.
    {errSecInvalidRoot, ChainError::kUntrustedCa, "errSecInvalidRoot"},
    {errSSLATSCertificateTrustViolation, ChainError::kUntrustedCa,
     "errSSLATSCertificateTrustViolation"},
    // Or address: whoever asked for it can tell.
    {errSecHostNameMismatch, ChainError::kHostnameMismatch, "errSecHostNameMismatch"},
    {errSecInvalidExtendedKeyUsage, ChainError::kWrongPurpose, "errSecInvalidExtendedKeyUsage"},
    {errSecInvalidKeyUsageForPolicy, ChainError::kWrongPurpose, "errSecInvalidKeyUsageForPolicy"},
    {errSecNoBasicConstraints, ChainError::kInvalidCa, "errSecNoBasicConstraints"},
    {errSecNoBasicConstraintsCA, ChainError::kInvalidCa, "errSecNoBasicConstraintsCA"},
    {errSecPathLengthConstraintExceeded, ChainError::kPathTooLong,
     "errSecPathLengthConstraintExceeded"},
    {errSecUnknownCriticalExtensionFlag, ChainError::kUnhandledCriticalExtension,
     "errSecUnknownCriticalExtensionFlag"},
    {errSecInvalidIDLinkage, ChainError::kInvalidExtension, "errSecInvalidIDLinkage"},
    {errSecUnknownCertExtension, ChainError::kInvalidExtension, "errSecUnknownCertExtension"},
    {errSecCertificateDuplicateExtension, ChainError::kInvalidExtension,
     "errSecCertificateDuplicateExtension"},
    {errSecUnsupportedKeySize, ChainError::kWeakKey, "errSecUnsupportedKeySize"},
    {errSecInvalidDigestAlgorithm, ChainError::kWeakDigest, "errSecInvalidDigestAlgorithm"},
    {errSecInvalidName, ChainError::kNotPermittedName, "errSecInvalidName"},
    // What Apple allows this CA to certify, and not what stands in the CA's certificate.
    {errSecCertificateNameNotAllowed, ChainError::kNotPermittedName,
     "errSecCertificateNameNotAllowed"},
    {errSecCertificatePolicyNotAllowed, ChainError::kInvalidPolicy,
     "errSecCertificatePolicyNotAllowed"},
    {errSecInvalidPolicyIdentifiers, ChainError::kInvalidPolicy, "errSecInvalidPolicyIdentifiers"},
    {errSecVerifyActionFailed, ChainError::kNoTransparency, "errSecVerifyActionFailed"},
    {errSecCertificateValidityPeriodTooLong, ChainError::kDistrusted,
     "errSecCertificateValidityPeriodTooLong"},
    // Neither has an error to call it.
    {errSecInvalidSubjectName, ChainError::kUndecided, "errSecInvalidSubjectName"},
    {errSecInvalidCertificateRef, ChainError::kUndecided, "errSecInvalidCertificateRef"},
    // The system did not decide; errSecInternal where trustd cannot be reached.
    {errSecInternal, ChainError::kUndecided, "errSecInternal"},
    {errSecNotAvailable, ChainError::kUndecided, "errSecNotAvailable"},
    {errSecInternalComponent, ChainError::kUndecided, "errSecInternalComponent"},
    {errSecInternalError, ChainError::kUndecided, "errSecInternalError"},
    {errSecIO, ChainError::kUndecided, "errSecIO"},
    {errSecParam, ChainError::kUndecided, "errSecParam"},
    {errSecAllocate, ChainError::kUndecided, "errSecAllocate"},
};

const TrustStatus* Find(OSStatus status) {
  for (const TrustStatus& known : kStatuses) {
    if (known.status == status) return &known;
  }
  return nullptr;
}

constexpr std::size_t kMaxText = 512;  // bytes

/// How many bytes at the start of `text` are a character that is not shown: of ASCII, of C1, the
/// separators of lines and what turns the direction of writing (U+2028 to U+202E, U+2066 to
/// U+2069). Spaces are among them. 0 when it is another.
std::size_t UnseenAtStart(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  if (byte(0) <= ' ' || byte(0) == 0x7f) return 1;
  if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) <= 0x9f) return 2;
  if (byte(0) != 0xe2) return 0;
  const bool turns = (byte(1) == 0x80 && byte(2) >= 0xa8 && byte(2) <= 0xae) ||
                     (byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9);
  return turns ? 3 : 0;
}

bool ContinuesCharacter(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80;
}

}  // namespace

std::span<const TrustStatus> TrustStatuses() {
  return kStatuses;
}

ChainError ErrorOfStatus(OSStatus status) {
  const TrustStatus* const known = Find(status);
  return known != nullptr ? known->error : ChainError::kUndecided;
}

std::string OneLine(std::string_view text) {
  std::string line;
  while (!text.empty() && line.size() <= kMaxText) {
    if (const std::size_t unseen = UnseenAtStart(text); unseen != 0) {
      if (!line.empty() && line.back() != ' ') line += ' ';
      text.remove_prefix(unseen);
    } else {
      line += text.front();
      text.remove_prefix(1);
    }
  }
  if (line.size() > kMaxText) {
    std::size_t end = kMaxText;
    while (end > 0 && ContinuesCharacter(line[end])) --end;
    line.resize(end);
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string DescribeRefusal(std::string_view text, OSStatus status) {
  const TrustStatus* const known = Find(status);
  const std::string number = std::to_string(status);
  const std::string code = known != nullptr ? known->name + (", " + number) : "OSStatus " + number;
  const std::string line = OneLine(text);
  return line.empty() ? code : line + " (" + code + ")";
}

std::string DescribeFailure(OSStatus status) {
  const auto message = Own(SecCopyErrorMessageString(status, nullptr));
  return DescribeRefusal(message == nullptr ? std::string() : TextOf(message.get()), status);
}

}  // namespace ostrust::platform::macos
