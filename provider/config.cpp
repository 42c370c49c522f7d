#include "provider/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <system_error>
#include <utility>

#include "platform/trust_source.hpp"
#include "provider/host/file.hpp"

namespace ostrust {
namespace {

constexpr std::int64_t kMaxRefreshSeconds = 86400;
constexpr int kMaxNetworkTimeoutSeconds = 600;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// A plain decimal number of seconds, as "0.25", in milliseconds; further decimals are cut off.
/// Nullopt for anything else. By hand: libc++ up to 19 has no std::from_chars() for double, and
/// strtod() depends on the locale.
std::optional<std::int64_t> MillisecondsOf(std::string_view text) {
  constexpr std::int64_t kTooMany = 1'000'000'000'000;
  constexpr int kDecimals = 3;
  std::int64_t number = 0;
  int decimals = -1;  // before the point
  bool has_digits = false;
  for (const char c : text) {
    if (c == '.' && decimals < 0) {
      decimals = 0;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    has_digits = true;
    if (decimals == kDecimals) continue;
    number = std::min(number * 10 + (c - '0'), kTooMany);
    if (decimals >= 0) ++decimals;
  }
  if (!has_digits) return std::nullopt;
  for (int i = std::max(decimals, 0); i < kDecimals; ++i) number *= 10;
  return number;
}

char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), LowerAscii);
  return out;
}

/// The spellings of a switch that OpenSSL's own provider sections accept (provider_conf.c).
std::optional<bool> ParseSwitch(std::string_view value) {
  const std::string lower = Lower(value);
  if (lower == "yes" || lower == "on" || lower == "true" || lower == "1") return true;
  if (lower == "no" || lower == "off" || lower == "false" || lower == "0") return false;
  return std::nullopt;
}

bool IsOff(std::string_view value) {
  return ParseSwitch(value) == std::optional<bool>(false);
}

std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(Trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

// certifi itself, pip's copy of it, and botocore's.
constexpr const char* kCertifiPatterns[] = {
    "*/certifi/cacert.pem",
    "*/botocore/cacert.pem",
};

/// Reads the keys one after the other into a Config.
class Reader {
 public:
  Reader(const ConfigLookup& lookup, Config& config) : lookup_(lookup), config_(config) {}

  void Switch(const char* key, bool& out) {
    const auto value = Value(key);
    if (!value) return;
    if (const auto parsed = ParseSwitch(*value)) {
      out = *parsed;
    } else {
      Refuse(key, *value, "yes or no");
    }
  }

  /// One of `values` by its name; `off` and its other spellings are the last.
  template <typename Enum>
  void OneOf(const char* key, Enum& out, std::initializer_list<Enum> values,
             std::string_view allowed) {
    const auto value = Value(key);
    if (!value) return;
    if (IsOff(*value)) {
      out = *std::prev(values.end());
      return;
    }
    const auto* const named = std::find_if(values.begin(), values.end(), [&](const Enum candidate) {
      return Lower(*value) == NameOf(candidate);
    });
    if (named == values.end()) {
      Refuse(key, *value, allowed);
    } else {
      out = *named;
    }
  }

  void Refresh(const char* key, std::chrono::milliseconds& out) {
    const auto value = Value(key);
    if (!value) return;
    const auto milliseconds = MillisecondsOf(*value);
    if (!milliseconds || *milliseconds > kMaxRefreshSeconds * 1000) {
      Refuse(key, *value, "a number of seconds from 0 to 86400");
      return;
    }
    out = std::chrono::milliseconds(*milliseconds);
  }

  void Seconds(const char* key, std::chrono::milliseconds& out) {
    const auto value = Value(key);
    if (!value) return;
    int seconds = 0;
    const char* const end = value->data() + value->size();
    const auto [stop, error] = std::from_chars(value->data(), end, seconds);
    if (error != std::errc() || stop != end || seconds < 1 || seconds > kMaxNetworkTimeoutSeconds) {
      Refuse(key, *value, "a number of seconds from 1 to 600");
      return;
    }
    out = std::chrono::seconds(seconds);
  }

  void TrustSource(const char* key, std::string& out) {
    const auto value = Value(key);
    if (!value) return;
    std::string why;
    if (platform::MakeTrustSource(*value, {}, why) == nullptr) {
      config_.errors.push_back(why);  // names the key
      return;
    }
    out = *value;
  }

  void PreloadPrograms(const char* key, Preload& out) {
    const auto value = Value(key);
    if (!value) return;
    if (const auto all = ParseSwitch(*value)) {
      out = Preload{*all, {}};
      return;
    }
    const auto names = SplitAtCommas(*value);
    if (std::any_of(names.begin(), names.end(), [](const std::string& name) {
          return name.empty() || name.find('/') != std::string::npos;
        })) {
      Refuse(key, *value, "yes, no, or program names without a path, separated by commas");
      return;
    }
    out = Preload{false, names};
  }

  void Patterns(const char* key, std::vector<std::string>& out) {
    const auto value = Value(key);
    if (!value || IsOff(*value) || Lower(*value) == "none") return;
    std::vector<std::string> patterns;
    for (const std::string& name : SplitAtCommas(*value)) {
      if (name == "certifi") {
        patterns.insert(patterns.end(), std::begin(kCertifiPatterns), std::end(kCertifiPatterns));
      } else if (!name.empty() && (name.front() == '*' || host::IsAbsolute(name))) {
        patterns.push_back(name);
      } else {
        Refuse(key, *value,
               "none, or certifi and shell patterns that begin with / or *, separated by commas");
        return;
      }
    }
    out = std::move(patterns);
  }

  void Log(const char* key, LogTarget& out) {
    const auto value = Value(key);
    if (!value) return;
    if (const auto target = ParseLogTarget(*value)) {
      out = *target;
    } else {
      Refuse(key, *value, kLogTargetSyntax);
    }
  }

  void CacheDirectory(const char* key, std::string& out) {
    const auto value = Value(key);
    if (!value) return;
    if (IsOff(*value)) {
      out = *value;
      return;
    }
#ifdef OSTRUST_SYSTEM_VERIFIES
    Refuse(key, *value, "off: the operating system keeps what it fetches itself");
#else
    if (!host::IsAbsolute(*value)) {
      Refuse(key, *value, "an absolute path");
      return;
    }
    out = *value;
#endif
  }

 private:
  /// The value without the space around it. An empty value counts as a bad one, so that
  /// `refresh =` is not taken for a default by accident.
  std::optional<std::string> Value(const char* key) {
    const auto raw = lookup_(key);
    if (!raw) return std::nullopt;
    const std::string_view value = Trim(*raw);
    if (value.empty()) {
      config_.errors.push_back(std::string(key) + " is empty: remove the line or give it a value");
      return std::nullopt;
    }
    return std::string(value);
  }

  void Refuse(const char* key, std::string_view value, std::string_view allowed) {
    config_.errors.push_back(std::string(key) + " = " + std::string(value) +
                             " is not a value ostrust knows: it can be " + std::string(allowed));
  }

  const ConfigLookup& lookup_;
  Config& config_;
};

constexpr std::array kKeys = {
    "default-paths",
    "system-bundles",
    "replace-bundles",
    "verify",
    "revocation",
    "intermediates",
    "network-allow-private",
    "network-timeout",
    "cache-dir",
    "trust-source",
    "refresh",
    "preload",
    "log",
};

// What OpenSSL itself reads in a provider's section (crypto/provider_conf.c).
constexpr std::string_view kOpenSslKeys[] = {"identity", "soft_load", "module", "activate"};

}  // namespace

const char* NameOf(VerifyMode mode) {
  switch (mode) {
    case VerifyMode::kPlatform:
      return "platform";
    case VerifyMode::kReport:
      return "report";
    case VerifyMode::kRoots:
      break;
  }
  return "roots";
}

const char* NameOf(platform::Intermediates intermediates) {
  switch (intermediates) {
    case platform::Intermediates::kFetch:
      return "fetch";
    case platform::Intermediates::kLocal:
      return "local";
    case platform::Intermediates::kOff:
      break;
  }
  return "off";
}

const char* NameOf(platform::Revocation revocation) {
  switch (revocation) {
    case platform::Revocation::kHard:
      return "hard";
    case platform::Revocation::kSoft:
      return "soft";
    case platform::Revocation::kLocal:
      return "local";
    case platform::Revocation::kOff:
      break;
  }
  return "off";
}

bool Preload::AppliesTo(std::string_view program) const {
  return all || std::find(programs.begin(), programs.end(), program) != programs.end();
}

std::string Config::ErrorText() const {
  std::string text;
  for (const std::string& error : errors) {
    if (!text.empty()) text += "; ";
    text += error;
  }
  return text;
}

Config ReadConfig(const ConfigLookup& lookup) {
  Config config;
  Reader reader(lookup, config);
  reader.Switch("default-paths", config.default_paths);
  reader.Switch("system-bundles", config.system_bundles);
  reader.Patterns("replace-bundles", config.replace_bundles);
  reader.OneOf("verify", config.verify,
               {VerifyMode::kPlatform, VerifyMode::kReport, VerifyMode::kRoots},
               "platform, report or roots");
  using platform::Revocation;
  reader.OneOf("revocation", config.network.revocation,
               {Revocation::kHard, Revocation::kSoft, Revocation::kLocal, Revocation::kOff},
               "off, local, soft or hard");
  using platform::Intermediates;
  reader.OneOf("intermediates", config.network.intermediates,
               {Intermediates::kFetch, Intermediates::kLocal, Intermediates::kOff},
               "off, local or fetch");
  reader.Switch("network-allow-private", config.network_allow_private);
  reader.Seconds("network-timeout", config.network.timeout);
  reader.CacheDirectory("cache-dir", config.cache_dir);
  reader.TrustSource("trust-source", config.trust_source);
  reader.Refresh("refresh", config.refresh);
  reader.PreloadPrograms("preload", config.preload);
  reader.Log("log", config.log);
  return config;
}

std::span<const char* const> KnownConfigKeys() {
  return kKeys;
}

bool IsKnownInSection(std::string_view key) {
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end() ||
         std::find(std::begin(kOpenSslKeys), std::end(kOpenSslKeys), key) != std::end(kOpenSslKeys);
}

}  // namespace ostrust
