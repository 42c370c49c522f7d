// The provider's section of openssl.cnf, as one value.
//
// A bad value never turns the product off silently: it is kept as an error, os: then fails with it,
// and OpenSSL's own default paths stay as they are.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/chain_verifier.hpp"
#include "provider/log.hpp"

namespace ostrust {

/// Which programs get every anchor copied into their store at once (key `preload`).
struct Preload {
  bool all = false;
  std::vector<std::string> programs;

  /// `program`: the last component of the program's name.
  bool AppliesTo(std::string_view program) const;
};

/// What the operating system's verdict is for (key `verify`).
enum class VerifyMode {
  kPlatform,  // it decides
  kReport,    // it is logged
  kRoots,     // it is not asked for: only anchors are served
};

/// As they are written in the configuration.
const char* NameOf(VerifyMode mode);
const char* NameOf(platform::Intermediates intermediates);
const char* NameOf(platform::Revocation revocation);

struct Config {
  bool default_paths = true;
  bool system_bundles = true;
  /// Shell patterns of bundle files to serve from the system's store; `certifi` is expanded.
  std::vector<std::string> replace_bundles;
  VerifyMode verify = VerifyMode::kPlatform;
  /// What is fetched, and for how long (keys `intermediates`, `revocation`, `network-timeout`).
  platform::NetworkUse network;
  /// Whether fetching may reach addresses that are not public, and ports other than 80.
  bool network_allow_private = false;
  /// `off`, `no`, an absolute path, or empty for the default.
  std::string cache_dir;
  std::string trust_source = "auto";
  std::chrono::milliseconds refresh{1000};
  Preload preload{false, {"haproxy"}};
  LogTarget log;

  /// One sentence for each value that was refused, naming the key and the allowed values. When it
  /// is not empty, nothing is served from the operating system's store.
  std::vector<std::string> errors;

  /// The errors in one line.
  std::string ErrorText() const;
};

/// Looks one key up; nullopt when it is not set.
using ConfigLookup = std::function<std::optional<std::string>(const char* key)>;

/// Reads every key. Bad values end up in Config::errors; throws only std::bad_alloc.
Config ReadConfig(const ConfigLookup& lookup);

/// Every key that ReadConfig() understands.
std::span<const char* const> KnownConfigKeys();

/// Whether `key` means something in the provider's section, to ReadConfig() or to OpenSSL itself.
bool IsKnownInSection(std::string_view key);

}  // namespace ostrust
