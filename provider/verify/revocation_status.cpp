#include "provider/verify/revocation_status.hpp"

#include <ctime>

#include "platform/utc_time.hpp"

namespace ostrust::verify {

VerificationTime TimeOf(const host::Symbols& symbols, const X509_VERIFY_PARAM* param) {
  const auto flags = symbols.X509_VERIFY_PARAM_get_flags(param);
  VerificationTime time;
  time.is_given = (flags & X509_V_FLAG_USE_CHECK_TIME) != 0;
  time.now = time.is_given ? symbols.X509_VERIFY_PARAM_get_time(param) : std::time(nullptr);
  // OpenSSL lets a time that is given matter all the same (X509_cmp_timeframe()).
  time.matters = time.is_given || (flags & X509_V_FLAG_NO_CHECK_TIME) == 0;
  time.strictness = flags & (X509_V_FLAG_X509_STRICT | X509_V_FLAG_SUITEB_128_LOS);
  if (symbols.X509_VERIFY_PARAM_get_auth_level != nullptr) {
    time.auth_level = symbols.X509_VERIFY_PARAM_get_auth_level(param);
  }
  return time;
}

std::optional<std::int64_t> SecondsOf(const host::Symbols& symbols, const ASN1_TIME* time) {
  std::tm parts{};
  // Without a time, it would be the time of day.
  if (time == nullptr || symbols.ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return platform::SecondsOf(parts);
}

}  // namespace ostrust::verify
