#include "platform/system_bundle.hpp"

namespace ostrust::platform {

// macOS keeps what it trusts in keychains and trust settings. /etc/ssl/cert.pem comes with it, but
// is not made from them: who names it must not get what somebody added to a keychain.
bool IsSystemBundle(const std::string& /*path*/) {
  return false;
}

bool IsSystemDirectory(const std::string& /*path*/) {
  return false;
}

}  // namespace ostrust::platform
