#include "platform/trust_source.hpp"

#include "platform/linux/file_trust_source.hpp"

namespace ostrust::platform {

std::unique_ptr<TrustSource> MakeTrustSource(std::string_view trust_source, std::string& error) {
  return MakeFileTrustSource(trust_source, FileTrustOptions(), error);
}

}  // namespace ostrust::platform
