// p11-kit's trust module (p11-kit-trust.so), asked through PKCS#11 for everything it knows.
//
// The module is the system's own code and runs in this process: what it returns is checked as if a
// stranger had sent it, but a crash or a hang inside of it cannot be survived (docs/security.md).
// Other modules are never loaded, and libp11-kit is not needed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "platform/trust_policy.hpp"

namespace ostrust::platform {

struct P11KitModule {
  /// Where the module may be, absolute; the first that can be loaded is taken.
  std::vector<std::string> files;
  /// What p11-kit's configuration passes to it (`x-init-reserved`), or our own. Empty: nothing.
  std::string arguments;
  /// The directories and files it has to look through. Empty: those it was built with.
  std::vector<std::string> paths;
};

struct P11KitReading {
  /// Nullopt when the module cannot be used, for the reason in `error`.
  std::optional<TrustPolicy> policy;
  std::string error;
  std::string file;  // the module that was loaded; empty when none was
  /// Somebody else in this process had initialized it already, with arguments of his own.
  bool shared = false;
  /// Objects were skipped, and may be readable another time: one of them may be what distrusts
  /// somebody.
  bool incomplete = false;
  /// There is no policy because the process has no descriptor or memory left.
  bool lacking = false;
};

/// Whether this build can: PKCS#11's headers (libp11-kit-dev) were there.
bool P11KitSupported();

/// Called with the paths that the module looks through, before it reads any of them.
using BeforeReading = std::function<void(const std::vector<std::string>& paths)>;

/// Initializes the module, reads all certificates and stapled extensions of all its tokens, and
/// finalizes it again, so that nothing is left open: other users of the module in this process
/// (GnuTLS, GLib) come and go as they like. p11-kit counts its users, and the first one's arguments
/// hold for all: if others made it look through other paths than `module.paths`, that is an error.
/// If another user finalizes it for all in the middle, it is read again, twice at most. An object
/// that cannot be read is skipped and is a problem, unless it is for lack of memory. Once loaded,
/// the module stays loaded. Thread-safe.
P11KitReading ReadP11KitPolicy(const P11KitModule& module, const BeforeReading& before_reading);

}  // namespace ostrust::platform
