// A system that keeps its policy in p11-kit, below a temporary directory, and a module that reads
// it: every file in anchors/ is the DER of a trusted certificate, every one in blocklist/ of one
// whose issuer and serial number are distrusted.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "platform/linux/p11_kit_trust_source.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {

class P11KitSystem {
 public:
  /// With the module and its configuration, and an empty directory for what is kept.
  P11KitSystem();

  /// Time stamps are believed at once, so that tests need not wait.
  P11KitOptions Options() const;

  std::string Path(std::string_view name) const { return root.Path(name); }
  std::size_t KeptFiles() const;

  const TemporaryDirectory root;
  /// What the module looks through when it is told nothing. Options() names the first as the
  /// system's.
  std::vector<std::string> paths = {root.Path("source")};
  /// How often it was read.
  mutable int reads = 0;
  /// What it does instead, if it is not empty: the reason why it fails.
  std::string failure;
  /// Whether somebody else initialized it.
  bool shared = false;
  bool incomplete = false;
  bool lacking = false;
  /// A file that it takes no notice of.
  std::string passed_over;
  /// Called while it reads.
  std::function<void()> while_reading;

 private:
  P11KitReading Read(const P11KitModule& module, const BeforeReading& before_reading) const;
};

}  // namespace ostrust::platform
