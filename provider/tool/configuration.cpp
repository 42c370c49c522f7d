#include "provider/tool/configuration.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string_view>
#include <utility>

#include "provider/host/file.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

constexpr const char* kOurName = "ostrust";

class Parsed {
 public:
  explicit Parsed(const Libcrypto& crypto)
      : crypto_(crypto), conf_(crypto.NCONF_new_ex(nullptr, nullptr)) {}
  ~Parsed() { crypto_.NCONF_free(conf_); }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;

  /// Empty, or what is wrong.
  std::string Load(const std::string& file) const {
    long line = -1;
    if (conf_ != nullptr && crypto_.NCONF_load(conf_, file.c_str(), &line) == 1) return {};
    const std::string errors = crypto_.TakeErrors();
    std::string text = line > 0 ? "line " + std::to_string(line) : std::string("it cannot be read");
    if (!errors.empty()) text += ": " + errors;
    return text;
  }

  /// Empty when it is not there. A null section is the unnamed one at the top.
  std::string Value(const char* section, const char* name) const {
    const char* const value = crypto_.NCONF_get_string(conf_, section, name);
    crypto_.ERR_clear_error();
    return value == nullptr ? std::string() : value;
  }

  using Line = std::pair<std::string, std::string>;

  std::vector<Line> Section(const std::string& name) const {
    std::vector<Line> lines;
    const auto* const section = reinterpret_cast<const OPENSSL_STACK*>(
        name.empty() ? nullptr : crypto_.NCONF_get_section(conf_, name.c_str()));
    crypto_.ERR_clear_error();
    if (section == nullptr) return lines;
    for (int i = 0; i < crypto_.OPENSSL_sk_num(section); ++i) {
      const auto* const value =
          static_cast<const CONF_VALUE*>(crypto_.OPENSSL_sk_value(section, i));
      lines.emplace_back(value->name, value->value == nullptr ? "" : value->value);
    }
    return lines;
  }

 private:
  const Libcrypto& crypto_;
  CONF* const conf_;
};

/// provider_conf.c ignores what stands before the last dot, so that a key can be there twice.
std::string SkipDot(const std::string& key) {
  return key.substr(key.rfind('.') + 1);
}

bool MeansNo(const std::string& value) {
  static constexpr const char* kNo[] = {"0", "no", "NO", "off", "OFF", "false", "FALSE"};
  return std::any_of(std::begin(kNo), std::end(kNo), [&](const char* no) { return value == no; });
}

bool IsOurModule(const std::string& path) {
  return FileNameOf(path) == kModuleName;
}

/// The first path after .include in which a single backslash stands; it does no escaping there that
/// anybody wants.
std::string IncludeWithBackslashes(const std::string& file) {
  constexpr std::size_t kLimit = std::size_t{1} << 20;
  std::istringstream lines(host::ReadRegularFile(file, kLimit).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view kInclude = ".include";
    std::size_t at = line.find_first_not_of(" \t");
    if (at == std::string::npos || line.compare(at, kInclude.size(), kInclude) != 0) continue;
    at = line.find_first_not_of(" \t=", at + kInclude.size());
    if (at == std::string::npos) continue;
    std::string path = line.substr(at, line.find_last_not_of(" \t\r") + 1 - at);
    for (std::size_t i = path.find('\\'); i != std::string::npos; i = path.find('\\', i)) {
      if (i + 1 >= path.size() || path[i + 1] != '\\') return path;
      i += 2;
    }
  }
  return {};
}

/// Sections in the place of what Parsed reads.
class InSections {
 public:
  explicit InSections(const Sections& sections) : sections_(sections) {}

  /// As NCONF_get_string(): what a section does not say, the unnamed one may.
  std::string Value(const char* section, const char* name) const {
    for (const std::string in : {section == nullptr ? "default" : section, "default"}) {
      for (const auto& [key, value] : Section(in)) {
        if (key == name) return value;
      }
    }
    return {};
  }

  std::vector<Parsed::Line> Section(const std::string& name) const {
    const auto found = sections_.find(name);
    return found == sections_.end() ? std::vector<Parsed::Line>() : found->second;
  }

 private:
  const Sections& sections_;
};

template <typename Source>
EntryPoint ReadEntryPoint(const Source& parsed, const char* name) {
  EntryPoint entry;
  entry.init = parsed.Value(nullptr, name);
  if (entry.init.empty()) return entry;
  entry.providers = parsed.Value(entry.init.c_str(), "providers");
  for (const auto& [key, section] : parsed.Section(entry.providers)) {
    std::string provider = SkipDot(key);
    std::map<std::string, std::string> keys;
    for (const auto& [line, value] : parsed.Section(section)) keys[SkipDot(line)] = value;
    if (keys.count("identity") != 0) provider = keys["identity"];
    if (keys.count("activate") != 0 && !MeansNo(keys["activate"])) {
      entry.activated.push_back(provider);
    }
    if (provider == "default") entry.default_section = section;
    if (entry.ostrust_section.empty() && (provider == kOurName || IsOurModule(keys["module"]))) {
      if (keys["module"].empty()) keys.erase("module");
      entry.ostrust_section = section;
      entry.ostrust_key = key;
      entry.ostrust_keys = keys;
    }
  }
  return entry;
}

}  // namespace

bool EntryPoint::Activates(const std::string& provider) const {
  return std::find(activated.begin(), activated.end(), provider) != activated.end();
}

Config ConfigOf(const EntryPoint& entry) {
  const auto& keys = entry.ostrust_keys;
  return ReadConfig([&](const char* key) -> std::optional<std::string> {
    const auto found = keys.find(key);
    if (found == keys.end()) return std::nullopt;
    return found->second;
  });
}

bool IsHard(const EntryPoint& entry) {
  const Config config = ConfigOf(entry);
  return config.verify == VerifyMode::kPlatform &&
         config.network.revocation == platform::Revocation::kHard;
}

EntryPoint EntryPointIn(const Sections& sections, const std::string& name) {
  return ReadEntryPoint(InSections(sections), name.c_str());
}

Configuration ReadConfiguration(const Libcrypto& crypto, const std::optional<std::string>& file) {
  Configuration configuration;
  if (file) {
    configuration.file = *file;
  } else if (char* const name = crypto.CONF_get1_default_config_file(); name != nullptr) {
    configuration.file = name;
    crypto.CRYPTO_free(name, "ostrust", 0);
  }
  if (configuration.file.empty()) return configuration;
  if (!CanRead(configuration.file, configuration.exists, configuration.error)) {
    return configuration;
  }
  if (kBackslashSeparates) {
    configuration.include_with_backslashes = IncludeWithBackslashes(configuration.file);
  }
  const Parsed parsed(crypto);
  configuration.error = parsed.Load(configuration.file);
  if (!configuration.error.empty()) return configuration;
  configuration.openssl = ReadEntryPoint(parsed, "openssl_conf");
  configuration.nodejs = ReadEntryPoint(parsed, "nodejs_conf");
  return configuration;
}

}  // namespace ostrust::tool
