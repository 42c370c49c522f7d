#include "platform/linux/upki.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>

#include "platform/fork_safe_mutex.hpp"
#include "platform/linux/root_directory.hpp"
#include "platform/linux/secure_execution.hpp"
#include "platform/live_trust_store.hpp"
#include "platform/made_once.hpp"

namespace ostrust::platform {
namespace {

// upki.h of 1.0.0-beta.3. Its enumeration is an unsigned int to the compilers of C.
using Result = unsigned;
struct Config;
struct Certificate {
  const std::uint8_t* data;
  std::uintptr_t len;
};
using ConfigNew = Result(const char* path, Config** out);
using ConfigFree = void(Config* config);
using CheckRevocation = Result(const Config* config, const Certificate* certificates,
                               std::uintptr_t certificates_len);

constexpr Result kOk = 0;
constexpr Result kNotCovered = 1;
constexpr Result kRevoked = 2;
constexpr Result kNotRevoked = 3;

constexpr const char* kSystemConfiguration = "/etc/upki/config.toml";

struct Meaning {
  Result result;
  std::string_view words;
};

// Not those that only fetching returns.
constexpr Meaning kMeanings[] = {
    {kNotCovered, "the data does not cover the certificate"},
    {18, "an unknown error, or the index of the data is damaged"},
    {19, "it panicked"},
    {32, "the configuration file is not understood"},
    {33, "the configuration file cannot be read"},
    {34, "there is no cache directory"},
    {35, "there is no configuration directory"},
    {36, "there is no home directory"},
    {66, "a file of the data is damaged"},
    {67, "the data cannot be read, or was never fetched"},
    {71, "the certificate is not understood"},
    {72, "the issuer's certificate is not understood"},
    {75, "an SCT in the certificate is not understood"},
    {78, "the issuer's certificate is another's"},
    {79, "the data is outdated"},
    {81, "there is no issuer's certificate"},
};

std::string Explain(Result result) {
  const auto* const found =
      std::find_if(std::begin(kMeanings), std::end(kMeanings),
                   [&](const Meaning& meaning) { return meaning.result == result; });
  return "libupki: " + (found != std::end(kMeanings) ? std::string(found->words)
                                                     : "it answered " + std::to_string(result));
}

/// Null lets libupki look for its configuration, beginning with the user's. It finds the user's
/// home by HOME and, without it, through the name service, which may do TLS itself: not while a
/// certificate is being verified.
const char* ConfigurationFile() {
  const char* const home = InSecureExecution() ? nullptr : std::getenv("HOME");
  return home != nullptr && *home != '\0' ? nullptr : kSystemConfiguration;
}

class Upki final : public RevocationFilter {
 public:
  Upki(ConfigNew* config_new, ConfigFree* config_free, CheckRevocation* check_revocation)
      : config_new_(config_new), config_free_(config_free), check_revocation_(check_revocation) {}

  FilterAnswer Check(std::span<const ByteView> chain, std::string& why) const override {
    if (chain.size() < 2) {
      why = Explain(81);
      return FilterAnswer::kNotCovered;
    }
    // Where its data is depends on what was there when the configuration was read.
    Config* made = nullptr;
    Result result = config_new_(ConfigurationFile(), &made);
    const std::unique_ptr<Config, ConfigFree*> config(result == kOk ? made : nullptr, config_free_);
    if (config != nullptr) {
      // Not the whole chain: it takes the first that has the issuer's name.
      std::array<Certificate, 2> certificates{};
      std::transform(chain.begin(), chain.begin() + 2, certificates.begin(), [](ByteView der) {
        return Certificate{reinterpret_cast<const std::uint8_t*>(der.data()), der.size()};
      });
      result = check_revocation_(config.get(), certificates.data(), certificates.size());
      if (result == kRevoked) return FilterAnswer::kRevoked;
      if (result == kNotRevoked) return FilterAnswer::kNotRevoked;
    }
    why = Explain(result);
    return FilterAnswer::kNotCovered;
  }

 private:
  ConfigNew* const config_new_;
  ConfigFree* const config_free_;
  CheckRevocation* const check_revocation_;
};

}  // namespace

std::unique_ptr<const RevocationFilter> LoadUpki(const char* file, std::string& why) {
  void* const library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const error = dlerror();
    why = error != nullptr ? error : std::string(file) + " cannot be loaded";
    return nullptr;
  }
  const auto find = [&](const char* name) {
    void* const symbol = dlsym(library, name);
    if (symbol == nullptr) why = std::string(file) + " has no " + name + "()";
    return symbol;
  };
  auto* const config_new = reinterpret_cast<ConfigNew*>(find("upki_config_new"));
  auto* const config_free = reinterpret_cast<ConfigFree*>(find("upki_config_free"));
  auto* const check = reinterpret_cast<CheckRevocation*>(find("upki_check_revocation"));
  if (config_new == nullptr || config_free == nullptr || check == nullptr) return nullptr;
  return std::make_unique<Upki>(config_new, config_free, check);
}

const RevocationFilter* SystemRevocationFilter(std::string& why) {
  struct System {
    ForkSafeMutex mutex{mutex_rank::kRevocationFilter};
    bool loaded = false;
    std::unique_ptr<const RevocationFilter> filter;
    std::string why;
  };
  if (!FirstRoot().IsTheSame()) {
    why = std::string(kUpkiLibrary) + " is not asked in a process that called chroot()";
    return nullptr;
  }
  static constinit MadeOnce<System> made;
  System& system = made.Get();
  const std::lock_guard lock(system.mutex);
  if (!system.loaded) {
    system.filter = LoadUpki(kUpkiLibrary, system.why);
    system.loaded = true;
  }
  why = system.why;
  return system.filter.get();
}

}  // namespace ostrust::platform
