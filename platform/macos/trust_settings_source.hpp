// The trust source of macOS: what the trust settings of its three domains, taken together, trust
// and deny. Not yet run on a Mac: written after Apple's published source and headers.
//
// - What the domain of the administrator or of the user denies is denied.
// - Otherwise what the administrator's says holds, and the user's is not asked where the
//   administrator has settings for the certificate: trustd decides so since macOS 11
//   (SecLegacyAnchorSourceCopyUsageConstraints in SecCertificateSource.c of Apple's Security),
//   whatever SecTrustSettings.h says.
// - Otherwise the user's, and after that the system's: a certificate that is there is trusted for
//   every purpose. SecTrustSettingsCopyCertificates() has left out those that Apple distrusts; its
//   settings are not asked for one by one, which took other programs minutes.
//
// What macOS knows beyond that has its own verdict on the chain (chain_verifier.hpp): settings for
// one host or one application, certificates that are denied and in no keychain, Apple's block list,
// roots that are limited by date or by transparency.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "platform/macos/trust_notifications.hpp"
#include "platform/trust_source.hpp"

namespace ostrust::platform::macos {

/// Not thread-safe; of several, in several threads, one at a time calls SecTrustSettings.
class TrustSettingsSource final : public TrustSource {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  /// How old what was read may become if nothing announces a change: the announcement is not
  /// documented.
  static constexpr std::chrono::minutes kTimeLimit{5};
  /// When it is tried again after a failure. Apple's own limit of time, after which it answers
  /// errSecIO, is 5 seconds for each domain (SecTrustSettingsCopyCertificates).
  static constexpr std::chrono::seconds kRetry{10};

  explicit TrustSettingsSource(Clock now);

  /// A domain that cannot be read fails the whole: what is denied may be there (rule 7). In a
  /// forked child it fails, with the reason, and calls nothing of the system.
  LoadResult Load() override;
  /// Once true in a forked child, so that Load() says what holds there.
  bool Changed() override;

 private:
  const Clock now_;
  TrustNotifications notifications_;
  std::optional<std::chrono::steady_clock::time_point> next_read_;  // nullopt before the first
  bool refused_after_fork_ = false;
};

}  // namespace ostrust::platform::macos
