#include "platform/macos/trust_notifications.hpp"

#include "platform/macos/fork_detection.hpp"
#include "platform/macos/frameworks.hpp"

namespace ostrust::platform::macos {
namespace {

constexpr const char* kCertificateTrust = "com.apple.security.certificatetrust";

}  // namespace

TrustNotifications::~TrustNotifications() {
  if (!IsForkedChild()) Cancel();
}

std::string TrustNotifications::Watch() {
  std::uint32_t status = kNotifyStatusOk;
  if (!token_) {
    int token = 0;
    status = notify_register_check(kCertificateTrust, &token);
    if (status != kNotifyStatusOk) return "notify_register_check: " + std::to_string(status);
    token_ = token;
  }
  int happened = 0;
  status = notify_check(*token_, &happened);  // the first one is always true
  if (status == kNotifyStatusOk) return {};
  Cancel();
  return "notify_check: " + std::to_string(status);
}

bool TrustNotifications::Happened() {
  if (!token_) return false;
  int happened = 0;
  return notify_check(*token_, &happened) != kNotifyStatusOk || happened != 0;
}

void TrustNotifications::Cancel() {
  if (token_) notify_cancel(*token_);
  token_.reset();
}

}  // namespace ostrust::platform::macos
