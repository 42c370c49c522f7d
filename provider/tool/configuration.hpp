// What a configuration file says about providers, read by a libcrypto's own parser (NCONF): the
// same includes, variables and escapes as a program's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "provider/config.hpp"
#include "provider/tool/libcrypto.hpp"

namespace ostrust::tool {

/// What is found from one entry point on. Names that are not there are empty.
struct EntryPoint {
  std::string init;       // the section that `openssl_conf` or `nodejs_conf` names
  std::string providers;  // the section that its key `providers` names
  /// Providers that are activated, in order, ostrust among them. As OpenSSL 3.0 reads it: the key
  /// `activate` counts, whatever its value; but "no", "false", "off" and "0" do not, as in 3.4.
  std::vector<std::string> activated;
  std::string default_section;                      // of the provider `default`
  std::string ostrust_section;                      // of ours
  std::string ostrust_key;                          // its key in the providers' section
  std::map<std::string, std::string> ostrust_keys;  // what our section says

  bool Activates(const std::string& provider) const;
};

/// What our section says.
Config ConfigOf(const EntryPoint& entry);

/// `hard` refuses what cannot be looked for, and hands out nothing that cannot be judged.
bool IsHard(const EntryPoint& entry);

struct Configuration {
  std::string file;  // empty when OPENSSL_CONF is set to nothing
  bool exists = false;
  std::string error;  // why it cannot be read or parsed; empty otherwise
  /// What an .include of this file names with backslashes: OpenSSL takes them for escapes, finds no
  /// such file and goes on without. Empty elsewhere than on Windows, where they may be meant.
  std::string include_with_backslashes;
  EntryPoint openssl;
  EntryPoint nodejs;
};

/// Reads `file`, or the libcrypto's default configuration file when there is none. In a child
/// process only.
Configuration ReadConfiguration(const Libcrypto& crypto, const std::optional<std::string>& file);

/// What a file's sections say, in order, names and values as parsed. The unnamed one is "default".
using Sections = std::map<std::string, std::vector<std::pair<std::string, std::string>>>;

/// As ReadConfiguration() finds it from the key `name` on.
EntryPoint EntryPointIn(const Sections& sections, const std::string& name);

}  // namespace ostrust::tool
