// The trust source of Linux and other Unix systems: p11-kit's policy where the system keeps one,
// and otherwise files.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "platform/linux/file_trust_source.hpp"
#include "platform/linux/p11_kit_trust_source.hpp"

namespace ostrust::platform {

/// What tests change.
struct SystemTrustOptions {
  FileTrustOptions files;
  P11KitOptions p11_kit;
};

/// `auto`: p11-kit if there is policy in one of the policy directories (locations.hpp) and the
/// module looks through it, else files, with the reason among the store's problems. Once p11-kit
/// was read, files take its place no more: they know less, and the last good policy is kept (rule
/// 7). Nor where it could not be read because no descriptor or memory was left.
class AutoTrustSource final : public TrustSource {
 public:
  explicit AutoTrustSource(SystemTrustOptions options);

  LoadResult Load() override;
  bool Changed() override;

 private:
  P11KitTrustSource p11_kit_;
  FileTrustSource files_;
  bool p11_kit_was_read_ = false;
};

/// MakeTrustSource() of these systems.
std::unique_ptr<TrustSource> MakeSystemTrustSource(std::string_view trust_source,
                                                   SystemTrustOptions options, std::string& error);

}  // namespace ostrust::platform
