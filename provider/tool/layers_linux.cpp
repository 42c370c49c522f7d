#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "platform/linux/cache_directory.hpp"
#include "platform/linux/upki.hpp"
#include "platform/trust_source.hpp"
#include "provider/config.hpp"
#include "provider/host/file.hpp"
#include "provider/tool/child_process.hpp"
#include "provider/tool/layers.hpp"
#include "provider/tool/library.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PolicyCounts, distrusted, rules, by_purpose, by_date,
                                   by_constraints)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Filter, file, why, configuration)

namespace {

using platform::Purpose;

constexpr std::chrono::seconds kLimit{10};

std::optional<PolicyCounts> Count(const Config& config) {
  std::string ignored;
  const auto source = platform::MakeTrustSource(config.trust_source, config.cache_dir, ignored);
  const auto store = source == nullptr ? nullptr : source->Load().store;
  if (store == nullptr) return std::nullopt;
  PolicyCounts counts;
  for (const platform::StoreEntry* const entry : store->Entries()) {
    const platform::CertificateTrust trust = store->TrustOf(entry->der);
    if (trust.IsDistrusted()) ++counts.distrusted;
    if (!trust.IsAnchor()) continue;
    constexpr auto kNever = platform::CertificateTrust::kNever;
    const auto constraints = store->ConstraintsOf(entry->der);
    if (!trust.Rejected().Empty()) ++counts.by_purpose;
    if (trust.DistrustAfter(Purpose::kServerAuth) != kNever ||
        trust.DistrustAfter(Purpose::kEmailProtection) != kNever) {
      ++counts.by_date;
    }
    if (!constraints.name_constraints.empty() || constraints.path_length || !trust.MayIssue()) {
      ++counts.by_constraints;
    }
  }
  counts.rules = store->OtherRules().size();
  return counts;
}

/// Loads it: for the child process.
Filter FindFilter() {
  Filter filter;
  if (platform::LoadUpki(platform::kUpkiLibrary, filter.why) == nullptr) return filter;
  filter.why.clear();
  filter.file = LoadedFile(platform::kUpkiLibrary);
  if (filter.file.empty()) filter.file = platform::kUpkiLibrary;
  // As libupki looks for it, and only there without HOME (platform/linux/upki.cpp).
  const std::string home = GetVariable("HOME").value_or("");
  const std::string set = GetVariable("XDG_CONFIG_HOME").value_or("");
  const std::string users = host::IsAbsolute(set) ? set : home + "/.config";
  for (const std::string& path : {home.empty() ? std::string() : users + "/upki/config.toml",
                                  std::string("/etc/upki/config.toml")}) {
    if (filter.configuration.empty() && KindOf(path) == FileKind::kRegular) {
      filter.configuration = path;
    }
  }
  return filter;
}

Cache LookAt(const std::string& directory) {
  Cache cache;
  cache.directory = directory;
  cache.exists = IsThere(directory);
  if (!cache.exists) return cache;
  cache.not_used = platform::WhyCacheIsNotUsed(directory);
  if (!cache.not_used.empty()) return cache;
  constexpr std::pair<const char*, std::size_t Cache::*> kKinds[] = {
      {"/trust-policy-", &Cache::policies},
      {"/intermediates-", &Cache::intermediates},
      {"/crl-", &Cache::revocation},
      {"/ocsp-", &Cache::revocation},
  };
  for (const auto& [prefix, count] : kKinds) {
    for (const std::string& path : host::FilesMatching(directory + prefix, "")) {
      const auto file = platform::OpenCached(directory, FileNameOf(path));
      struct stat status {};
      if (!file.IsOpen() || ::fstat(file.fd.Get(), &status) != 0) {
        ++cache.not_read;
        continue;
      }
      ++(cache.*count);
      cache.newest = std::max<std::int64_t>(cache.newest.value_or(0), status.st_mtime);
    }
  }
  return cache;
}

}  // namespace

std::optional<Layers> LookAtLayers(const std::map<std::string, std::string>& keys) {
  const Config config = ReadConfig([&](const char* key) -> std::optional<std::string> {
    const auto found = keys.find(key);
    return found == keys.end() ? std::nullopt : std::optional(found->second);
  });
  Layers layers;
  // p11-kit's module and libupki are other people's code.
  const ChildOutcome outcome = RunForked(
      [&] {
        nlohmann::json json = {{"filter", FindFilter()}};
        if (const auto counts = Count(config)) json["policy"] = *counts;
        return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
      },
      kLimit);
  layers.filter.why = "the process that looked " + outcome.Describe();
  if (outcome.Succeeded()) {
    const auto json = nlohmann::json::parse(outcome.out, nullptr, /*allow_exceptions=*/false);
    if (json.is_object()) layers.filter = json.at("filter").get<Filter>();
    if (json.contains("policy")) layers.policy = json.at("policy").get<PolicyCounts>();
  }
  for (const std::string& directory : platform::CacheDirectories(config.cache_dir)) {
    layers.caches.push_back(LookAt(directory));
  }
  return layers;
}

}  // namespace ostrust::tool
