// Whether macOS announced a change of its trust settings.
//
// securityd posts "com.apple.security.certificatetrust" through libnotify (notify.3) when trust
// settings change (kSecServerCertificateTrustNotification in Apple's Security). The name is not
// documented, so nobody may rely on it alone. notify_check() needs no thread and no run loop, which
// SecKeychainAddCallback() would.
#pragma once

#include <optional>
#include <string>

namespace ostrust::platform::macos {

/// Not thread-safe. Not to be used in a forked child, but it may be destroyed there.
class TrustNotifications {
 public:
  TrustNotifications() = default;
  TrustNotifications(const TrustNotifications&) = delete;
  TrustNotifications& operator=(const TrustNotifications&) = delete;
  ~TrustNotifications();

  /// From now on, what Happened() tells is counted from here. To be called before the settings are
  /// read: what changes while they are read counts. Returns why nothing will be announced; empty
  /// when it will.
  std::string Watch();

  /// Whether a change was announced since; each is told once. True, too, when that cannot be told
  /// any more: the next Watch() says why. False when nothing is watched.
  bool Happened();

 private:
  void Cancel();

  std::optional<int> token_;
};

}  // namespace ostrust::platform::macos
