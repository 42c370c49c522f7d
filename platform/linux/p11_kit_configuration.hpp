// Where p11-kit's trust module is and how the system's administrator configured it: pkcs11.conf(5).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "platform/linux/file_stamp.hpp"

namespace ostrust::platform {

/// The directories that p11-kit was built with on the systems there are. Tests change them.
struct P11KitLocations {
  /// Of `*.module` files. What an earlier one says about a module counts more, key by key.
  std::vector<std::string> configurations;
  /// Of modules that are configured without a path.
  std::vector<std::string> modules;

  static P11KitLocations OfThisSystem();
};

struct P11KitModuleConfiguration {
  std::vector<std::string> files;  // where the module may be, absolute
  std::string arguments;           // x-init-reserved
};

/// The module that is p11-kit's own and marked `trust-policy: yes`. Nullopt, with a sentence in
/// `error`, when there is none. Configuration in the user's home is not looked at: it is not what
/// the system trusts. `stamps` gets everything that was looked at. May throw LackOfMeans.
std::optional<P11KitModuleConfiguration> FindP11KitModule(const P11KitLocations& locations,
                                                          std::chrono::nanoseconds racy_window,
                                                          std::vector<FileStamp>& stamps,
                                                          std::string& error);

}  // namespace ostrust::platform
