#include "platform/trust_source.hpp"

#include <chrono>

#include "platform/windows/certificate_stores.hpp"
#include "platform/windows/registry_changes.hpp"
#include "platform/windows/store_trust_source.hpp"

namespace ostrust::platform {
namespace {

std::int64_t SecondsNow() {
  using std::chrono::floor;
  using std::chrono::seconds;
  using std::chrono::system_clock;
  return floor<seconds>(system_clock::now()).time_since_epoch().count();
}

}  // namespace

std::unique_ptr<TrustSource> MakeTrustSource(std::string_view trust_source,
                                             std::string_view /*cache_dir*/, std::string& error) {
  error.clear();
  if (!trust_source.empty() && trust_source != "auto") {
    error = "trust-source: \"" + std::string(trust_source) +
            "\" is not possible; on Windows there are only the system's certificate stores, and "
            "auto is the only value";
    return nullptr;
  }
  return std::make_unique<StoreTrustSource>(
      MakeSystemCertificateStores(), std::make_unique<RegistryChanges>(StoreKeys()), SecondsNow);
}

}  // namespace ostrust::platform
