#include "platform/linux/system_trust_source.hpp"

#include <utility>
#include <vector>

#include "platform/linux/locations.hpp"

namespace ostrust::platform {
namespace {

constexpr std::string_view kP11Kit = "p11-kit";

P11KitOptions WithPolicyDirectories(P11KitOptions options, const std::string& root) {
  if (options.policy_directories.empty()) {
    for (const char* const directory : PolicyDirectories()) {
      options.policy_directories.push_back(root + directory);
    }
  }
  return options;
}

}  // namespace

AutoTrustSource::AutoTrustSource(SystemTrustOptions options)
    : p11_kit_(WithPolicyDirectories(std::move(options.p11_kit), options.files.root)),
      files_(std::string(), std::move(options.files)) {}

LoadResult AutoTrustSource::Load() {
  std::vector<std::string> unusable;
  if (p11_kit_.SystemKeepsPolicy() || p11_kit_was_read_) {
    LoadResult result = p11_kit_.Load();
    const bool used = result.error.empty() && p11_kit_.ReadPolicyDirectories();
    p11_kit_was_read_ = p11_kit_was_read_ || used;
    if (p11_kit_was_read_ || result.lacking) return result;
    unusable.push_back(result.error.empty()
                           ? "p11-kit does not look through the policy directories of this system"
                           : result.error);
  }
  return files_.LoadAfter(std::move(unusable));
}

bool AutoTrustSource::Changed() {
  return p11_kit_.Changed() || (!p11_kit_was_read_ && files_.Changed());
}

std::unique_ptr<TrustSource> MakeSystemTrustSource(std::string_view trust_source,
                                                   SystemTrustOptions options, std::string& error) {
  error.clear();
  if (trust_source.empty() || trust_source == "auto") {
    return std::make_unique<AutoTrustSource>(std::move(options));
  }
  if (trust_source.substr(0, kP11Kit.size()) != kP11Kit) {
    return MakeFileTrustSource(trust_source, std::move(options.files), error);
  }
  if (!P11KitSupported()) {
    error = "trust-source: this build has no p11-kit support";
    return nullptr;
  }
  std::string_view directory = trust_source.substr(kP11Kit.size());
  if (!directory.empty()) {
    std::string why = "\"" + std::string(trust_source) + "\" is not possible";
    if (directory.front() == ':') {
      directory.remove_prefix(1);
      why = WhyNoPolicyDirectory(directory);
    }
    if (!why.empty()) {
      error = "trust-source: " + why;
      return nullptr;
    }
    while (directory.size() > 1 && directory.back() == '/') directory.remove_suffix(1);
    options.p11_kit.directory = directory;
  }
  return std::make_unique<P11KitTrustSource>(
      WithPolicyDirectories(std::move(options.p11_kit), options.files.root));
}

}  // namespace ostrust::platform
