// What can be said of one certificate, and the time it is said for.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <string>

#include "platform/bytes.hpp"
#include "provider/host/symbols.hpp"

namespace ostrust::verify {

/// In this order: what says more is greater.
enum class RevocationStatus : std::uint8_t { kUnknown, kGood, kRevoked };

/// `why` is a clause for a person: who says so, or why nobody does. It may be empty for kUnknown.
struct RevocationFinding {
  RevocationStatus status = RevocationStatus::kUnknown;
  std::string why;
  /// In seconds since 1970: nextUpdate of what says so, or the end of its signer's certificate if
  /// that is earlier: after that it says nothing. Nullopt where it has none.
  std::optional<std::int64_t> until = std::nullopt;
};

/// A certificate and the one above it in its chain.
struct CertificateAndIssuer {
  X509* x509;
  X509* issuer;
};

/// What the parameters of a verification say that holds for what is verified beside it, too.
struct VerificationTime {
  std::time_t now = 0;
  bool is_given = false;  // X509_V_FLAG_USE_CHECK_TIME: it is not the time of day
  bool matters = true;    // not X509_V_FLAG_NO_CHECK_TIME
  int auth_level = -1;    // X509_VERIFY_PARAM_set_auth_level(3)
  /// Those of X509_V_FLAG_X509_STRICT and X509_V_FLAG_SUITEB_* that are set.
  unsigned long strictness = 0;

  /// From when on, until when. Clocks differ: what is not yet valid may be so in five minutes.
  bool IsWithin(std::int64_t from, std::optional<std::int64_t> until) const {
    constexpr std::int64_t kSkew = 300;
    return !matters || (from <= now + kSkew && (!until || now <= *until));
  }
};

VerificationTime TimeOf(const host::Symbols& symbols, const X509_VERIFY_PARAM* param);

/// Seconds since 1970; nullopt for what is no time.
std::optional<std::int64_t> SecondsOf(const host::Symbols& symbols, const ASN1_TIME* time);

/// Whether the system refuses a certificate wherever it stands.
using Distrusts = std::function<bool(const X509* x509)>;

}  // namespace ostrust::verify
