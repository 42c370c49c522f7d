#include "platform/trust_source.hpp"

#include <chrono>

#include "platform/macos/trust_settings_source.hpp"

namespace ostrust::platform {

std::unique_ptr<TrustSource> MakeTrustSource(std::string_view trust_source,
                                             std::string_view /*cache_dir*/, std::string& error) {
  error.clear();
  if (!trust_source.empty() && trust_source != "auto") {
    error = "trust-source: \"" + std::string(trust_source) +
            "\" is not possible; on macOS there are only the system's trust settings, and auto is "
            "the only value";
    return nullptr;
  }
  return std::make_unique<macos::TrustSettingsSource>(std::chrono::steady_clock::now);
}

}  // namespace ostrust::platform
