// `ostrust enable` and `ostrust disable`: ostrust for all programs of a system or of a user, and
// back. Linux only so far; elsewhere both say so.
#pragma once

#include <string>
#include <vector>

namespace ostrust::tool {

struct EnableOptions {
  bool user = false;                  // for this user; otherwise for the system
  bool print = false;                 // only shows what would be changed
  bool edit = false;                  // edits the distribution's own openssl.cnf
  bool with_default = false;          // activates the default provider where FIPS is active
  bool force = false;                 // also over what somebody edited since
  std::string root;                   // in front of all paths; empty: this system
  std::string module;                 // as programs see it; empty: the installed one
  std::vector<std::string> settings;  // KEY=VALUE
};

/// Both show the difference on standard output before they do anything, and return the exit status:
/// 0 done or already so, 1 refused or failed with nothing changed, 2 usage error. Only while this
/// process has one thread.
int Enable(const EnableOptions& options);
int Disable(const EnableOptions& options);

}  // namespace ostrust::tool
