// Asks a libcrypto, in a child process, what a program that uses it would get.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "provider/tool/configuration.hpp"

namespace ostrust::tool {

/// What the loaded module says about itself (provider/standing.hpp).
struct LoadedModule {
  std::string file;
  std::string version;
  std::string build_info;
  std::string reach;  // full, marker, none; empty when this version of the module does not say
  std::string limited_by;
  std::string verify;         // platform, report, roots
  std::string intermediates;  // off, local, fetch
  std::string revocation;     // off, local, soft, hard
  std::string source;
  int anchors = 0;
  std::string problems;
  std::string error;
  std::string bad_values;
};

struct Probe {
  std::string failure;  // why nothing below is known; empty otherwise
  std::string version;  // "OpenSSL 3.0.19 27 Jan 2026"
  bool has_providers = false;
  Configuration configuration;

  // After the configuration was loaded as a program loads it:
  std::vector<std::string> providers;  // those that are active
  std::optional<LoadedModule> module;  // ostrust, if it is one of them
  std::string why_not_loaded;          // what OpenSSL says when it is not, and does not tell
  bool loads_modules = true;           // false: this OpenSSL is built without that
  bool has_algorithms = false;         // SHA-256 can be fetched
  bool serves_default_paths = false;   // a store with the default verify paths is governed
  /// For each CA file or directory asked about, whether naming it is asking for the OS's store.
  std::map<std::string, bool> served;
};

struct ProbeQuestion {
  std::string libcrypto;                     // a path, or a name for the dynamic loader
  std::optional<std::string> file;           // instead of the configuration file of the environment
  std::string entry_point = "openssl_conf";  // or nodejs_conf
  std::vector<std::string> ca_paths;         // asked about in Probe::served
  bool set_user_id = false;  // as a set-user-ID program: without OPENSSL_* variables
};

/// Asks in this very process, which is the child. The environment must be what the question wants.
/// `load`: also what AskLibcrypto() wants to know.
Probe Answer(const ProbeQuestion& question, bool load);

/// Loads the configuration and everything it names into a child process.
Probe AskLibcrypto(const ProbeQuestion& question);

/// Only reads the configuration: no module is loaded. Probe::failure, version and configuration.
Probe ScanConfiguration(const ProbeQuestion& question);

}  // namespace ostrust::tool
