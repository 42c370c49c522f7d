#include "platform/trust_source.hpp"

#include "platform/linux/root_directory.hpp"
#include "platform/linux/system_trust_source.hpp"

namespace ostrust::platform {

std::unique_ptr<TrustSource> MakeTrustSource(std::string_view trust_source,
                                             std::string_view cache_dir, std::string& error) {
  FirstRoot();  // called while the configuration is read
  SystemTrustOptions options;
  options.p11_kit.cache_dir = cache_dir;
  return MakeSystemTrustSource(trust_source, std::move(options), error);
}

}  // namespace ostrust::platform
