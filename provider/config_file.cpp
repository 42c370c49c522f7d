#include "provider/config_file.hpp"

#include "provider/config.hpp"
#include "provider/host/dropped_errors.hpp"

namespace ostrust {
namespace {

// Where a program's configuration starts: OpenSSL's default, and Node.js's.
constexpr const char* kEntryPoints[] = {"openssl_conf", "nodejs_conf"};

class Configuration {
 public:
  explicit Configuration(const host::Symbols& symbols)
      : symbols_(symbols), conf_(symbols.NCONF_new_ex(nullptr, nullptr)) {}
  ~Configuration() { symbols_.NCONF_free(conf_); }
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;

  bool Load(const char* path) const {
    return conf_ != nullptr && symbols_.NCONF_load(conf_, path, nullptr) == 1;
  }
  const char* Value(const char* section, const char* name) const {
    return section == nullptr ? nullptr : symbols_.NCONF_get_string(conf_, section, name);
  }
  /// The section of the provider called ostrust, from this entry point on; null when there is none.
  const OPENSSL_STACK* OstrustSection(const char* entry_point) const {
    const char* const init = symbols_.NCONF_get_string(conf_, nullptr, entry_point);
    const char* const section = Value(Value(init, "providers"), "ostrust");
    return section == nullptr
               ? nullptr
               : reinterpret_cast<const OPENSSL_STACK*>(symbols_.NCONF_get_section(conf_, section));
  }

 private:
  const host::Symbols& symbols_;
  CONF* const conf_;
};

}  // namespace

std::string UnknownKeys(const host::Symbols& symbols) {
  std::string unknown;
  if (symbols.CONF_get1_default_config_file == nullptr || symbols.NCONF_new_ex == nullptr ||
      symbols.NCONF_load == nullptr || symbols.NCONF_get_section == nullptr ||
      symbols.NCONF_get_string == nullptr || symbols.NCONF_free == nullptr) {
    return unknown;
  }
  char* const path = symbols.CONF_get1_default_config_file();
  if (path == nullptr) return unknown;
  const host::DroppedErrors dropped(symbols);
  const Configuration configuration(symbols);
  const bool loaded = configuration.Load(path);
  symbols.CRYPTO_free(path, "ostrust", 0);
  if (!loaded) return unknown;

  for (const char* const entry_point : kEntryPoints) {
    const OPENSSL_STACK* const section = configuration.OstrustSection(entry_point);
    if (section == nullptr) continue;
    for (int i = 0; i < symbols.OPENSSL_sk_num(section); ++i) {
      const auto* const value =
          static_cast<const CONF_VALUE*>(symbols.OPENSSL_sk_value(section, i));
      if (IsKnownInSection(value->name)) continue;
      if (!unknown.empty()) unknown += ", ";
      unknown += value->name;
    }
    break;
  }
  return unknown;
}

}  // namespace ostrust
