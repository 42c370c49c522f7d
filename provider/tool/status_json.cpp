// `ostrust status --json`. The keys are documented in ostrust(1): none is renamed or dropped
// without a new value of "format".
#include <nlohmann/json.hpp>

#include "provider/tool/status.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

/// Null for what is not known or not there.
Json OrNull(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

template <typename Value>
Json OrNull(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

const char* NameOf(Program::OpenSsl openssl) {
  switch (openssl) {
    case Program::OpenSsl::kShared:
      return "shared";
    case Program::OpenSsl::kExported:
      return "exported";
    case Program::OpenSsl::kHidden:
      return "hidden";
    case Program::OpenSsl::kUnknown:
      return "unknown";
    case Program::OpenSsl::kNotFound:
      break;
  }
  return "not-found";
}

Json Describe(const EntryPoint& entry) {
  return {
      {"init", OrNull(entry.init)},
      {"providers", OrNull(entry.providers)},
      {"section", OrNull(entry.ostrust_section)},
      {"keys", entry.ostrust_keys},
      {"activated", entry.activated},
  };
}

Json DescribeModule(const Status& status) {
  const LoadedModule module = status.module.value_or(LoadedModule{});
  Json json = {
      {"loaded", OrNull(status.loaded)},
      {"why_not_loaded", OrNull(status.why_not_loaded)},
      {"file", OrNull(module.file)},
      {"version", OrNull(module.version)},
      {"build_info", OrNull(module.build_info)},
      {"binding", OrNull(module.reach)},
      {"limited_by", OrNull(module.limited_by)},
      {"verify", OrNull(module.verify)},
      {"intermediates", OrNull(module.intermediates)},
      {"revocation", OrNull(module.revocation)},
      {"source", OrNull(module.source)},
      {"anchors", nullptr},
      {"error", OrNull(module.error)},
  };
  if (!module.source.empty()) json["anchors"] = module.anchors;
  return json;
}

Json ServedOrNull(const Status& status, const std::string& path) {
  const auto served = status.served.find(path);
  return served == status.served.end() ? Json(nullptr) : Json(served->second);
}

Json DescribeVariables(const Status& status) {
  Json json = Json::array();
  for (const Variable& variable : status.variables) {
    json.push_back({
        {"name", variable.name},
        {"value", variable.value},
        {"served", variable.effect == Variable::Effect::kPast
                       ? Json(false)
                       : ServedOrNull(status, variable.value)},
    });
  }
  return json;
}

Json DescribeSettings(const Status& status) {
  Json json = Json::array();
  for (const CaSetting& setting : status.settings) {
    json.push_back({
        {"program", setting.program},
        {"file", setting.file},
        {"line", setting.line},
        {"key", setting.key},
        {"value", setting.value},
        {"served", setting.by_openssl ? ServedOrNull(status, setting.value) : Json(false)},
    });
  }
  return json;
}

Json DescribePythonBundles(const Status& status) {
  Json json = Json::array();
  for (const std::string& file : status.python_bundles) {
    json.push_back({{"file", file}, {"served", ServedOrNull(status, file)}});
  }
  return json;
}

Json DescribeLayers(const std::optional<Layers>& layers) {
  if (!layers) return nullptr;
  Json policy = nullptr;
  if (layers->policy) {
    policy = {{"distrusted", layers->policy->distrusted},
              {"rules", layers->policy->rules},
              {"limited_by_purpose", layers->policy->by_purpose},
              {"limited_by_date", layers->policy->by_date},
              {"limited_by_constraints", layers->policy->by_constraints}};
  }
  Json caches = Json::array();
  for (const Cache& cache : layers->caches) {
    caches.push_back({{"directory", cache.directory},
                      {"exists", cache.exists},
                      {"not_used", OrNull(cache.not_used)},
                      {"policies", cache.policies},
                      {"intermediates", cache.intermediates},
                      {"revocation", cache.revocation},
                      {"not_read", cache.not_read},
                      {"newest", OrNull(cache.newest)}});
  }
  return {{"policy", policy},
          {"caches", caches},
          {"crlite",
           {{"library", OrNull(layers->filter.file)},
            {"why", OrNull(layers->filter.why)},
            {"configuration", OrNull(layers->filter.configuration)}}}};
}

}  // namespace

std::string StatusAsJson(const Status& status) {
  const Finding* const next = status.Next();
  Json findings = Json::array();
  for (const Finding& finding : status.findings) {
    findings.push_back({
        {"id", finding.id},
        {"level", finding.level == Finding::Level::kProblem ? "problem" : "note"},
        {"text", finding.text},
        {"fix", OrNull(finding.fix)},
    });
  }
  const Json json = {
      {"format", kFormat},
      {"ok", next == nullptr},
      {"next", next == nullptr ? Json(nullptr) : Json(next->fix)},
      {"tool", {{"version", OSTRUST_VERSION}, {"file", OwnPath()}}},
      {"program",
       {{"name", status.program.name},
        {"file", OrNull(status.program.path)},
        {"openssl", NameOf(status.program.openssl)},
        {"libcrypto", OrNull(status.program.libcrypto)},
        {"version", OrNull(status.openssl_version)},
        {"because", status.program.because},
        {"set_user_id", status.program.set_user_id}}},
      {"configuration",
       {{"known", status.configuration_known},
        {"file", OrNull(status.configuration.file)},
        {"exists", status.configuration.exists},
        {"error", OrNull(status.configuration.error)},
        {"entry_point", status.entry_point},
        {"openssl_conf", Describe(status.configuration.openssl)},
        {"nodejs_conf", Describe(status.configuration.nodejs)},
        {"unknown_keys", status.unknown_keys}}},
      {"module", DescribeModule(status)},
      {"providers", OrNull(status.providers)},
      {"algorithms", OrNull(status.has_algorithms)},
      {"default_paths_served", OrNull(status.serves_default_paths)},
      {"variables", DescribeVariables(status)},
      {"working_directory",
       {{"os_file", status.working_directory.os_file},
        {"os_directory", status.working_directory.os_directory}}},
      {"settings", DescribeSettings(status)},
      {"python_bundles", DescribePythonBundles(status)},
      {"layers", DescribeLayers(status.layers)},
      {"findings", findings},
  };
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace ostrust::tool
