#include "provider/tool/probe_json.hpp"

#include <nlohmann/json.hpp>

namespace ostrust::tool {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(EntryPoint, init, providers, activated, default_section,
                                   ostrust_section, ostrust_key, ostrust_keys)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Configuration, file, exists, error, include_with_backslashes,
                                   openssl, nodejs)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LoadedModule, file, version, build_info, reach, limited_by,
                                   verify, intermediates, revocation, source, anchors, problems,
                                   error, bad_values)

std::string ProbeToJson(const Probe& probe) {
  nlohmann::json json = {
      {"failure", probe.failure},
      {"version", probe.version},
      {"has_providers", probe.has_providers},
      {"configuration", probe.configuration},
      {"providers", probe.providers},
      {"why_not_loaded", probe.why_not_loaded},
      {"loads_modules", probe.loads_modules},
      {"has_algorithms", probe.has_algorithms},
      {"serves_default_paths", probe.serves_default_paths},
      {"served", probe.served},
  };
  if (probe.module) json["module"] = *probe.module;
  // Paths and values are bytes; what is no UTF-8 in them is replaced.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<Probe> ProbeFromJson(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    Probe probe;
    json.at("failure").get_to(probe.failure);
    json.at("version").get_to(probe.version);
    json.at("has_providers").get_to(probe.has_providers);
    json.at("configuration").get_to(probe.configuration);
    json.at("providers").get_to(probe.providers);
    json.at("why_not_loaded").get_to(probe.why_not_loaded);
    json.at("loads_modules").get_to(probe.loads_modules);
    json.at("has_algorithms").get_to(probe.has_algorithms);
    json.at("serves_default_paths").get_to(probe.serves_default_paths);
    json.at("served").get_to(probe.served);
    if (json.contains("module")) probe.module = json.at("module").get<LoadedModule>();
    return probe;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::string QuestionToJson(const ProbeQuestion& question) {
  nlohmann::json json = {
      {"libcrypto", question.libcrypto},
      {"entry_point", question.entry_point},
      {"ca_paths", question.ca_paths},
  };
  if (question.file) json["file"] = *question.file;
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::optional<ProbeQuestion> QuestionFromJson(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    ProbeQuestion question;
    json.at("libcrypto").get_to(question.libcrypto);
    json.at("entry_point").get_to(question.entry_point);
    json.at("ca_paths").get_to(question.ca_paths);
    if (json.contains("file")) question.file = json.at("file").get<std::string>();
    return question;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace ostrust::tool
