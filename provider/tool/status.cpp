#include "provider/tool/status.hpp"

#include "provider/config.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/node_witness.hpp"
#include "provider/tool/python_bundles.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

/// Node.js reads the section that nodejs_conf names, unless it is told otherwise.
bool NodeSharesTheConfiguration() {
  return GetVariable("NODE_OPTIONS").value_or("").find("--openssl-shared-config") !=
         std::string::npos;
}

void TakeProbe(Status& status, const Probe& probe) {
  status.openssl_version = probe.version;
  status.configuration_known = probe.has_providers;
  status.configuration = probe.configuration;
  if (!probe.has_providers) return;
  status.loaded = probe.module.has_value();
  status.module = probe.module;
  status.why_not_loaded = probe.why_not_loaded;
  status.loads_modules = probe.loads_modules;
  status.providers = probe.providers;
  status.has_algorithms = probe.has_algorithms;
  status.serves_default_paths = probe.serves_default_paths;
  status.served = probe.served;
}

void AskItsLibcrypto(Status& status) {
  ProbeQuestion question;
  question.libcrypto = status.program.libcrypto;
  question.entry_point = status.entry_point;
  question.set_user_id = status.program.set_user_id;
  for (const Variable& variable : status.variables) question.ca_paths.push_back(variable.value);
  for (const CaSetting& setting : status.settings) {
    if (setting.by_openssl) question.ca_paths.push_back(setting.value);
  }
  question.ca_paths.insert(question.ca_paths.end(), status.python_bundles.begin(),
                           status.python_bundles.end());
  const Probe probe = AskLibcrypto(question);
  if (!probe.failure.empty()) {
    status.findings.push_back({Finding::Level::kProblem, "libcrypto-does-not-answer",
                               status.program.libcrypto + ": " + probe.failure,
                               "find out why " + status.program.libcrypto + " does not work"});
    return;
  }
  TakeProbe(status, probe);
}

/// The program's own OpenSSL cannot be asked for the file it reads; but if OPENSSL_CONF names one,
/// any libcrypto can read that.
void ReadItsConfiguration(Status& status) {
  const auto file = GetVariable("OPENSSL_CONF");
  if (!file || status.program.set_user_id) return;
  ProbeQuestion question;
  question.libcrypto = AnyLibcrypto();
  question.file = *file;
  const Probe probe = ScanConfiguration(question);
  status.configuration_known = probe.failure.empty() && probe.has_providers;
  status.configuration = probe.configuration;
}

void WatchIt(Status& status) {
  const Witness witness = WatchNode(status.program.path);
  status.loaded = witness.loaded;
  status.why_not_loaded = witness.failure;
  if (!witness.loaded) return;
  LoadedModule module;
  module.reach = witness.reach;
  module.limited_by = witness.limited_by;
  module.verify = witness.verify;
  module.intermediates = witness.intermediates;
  module.revocation = witness.revocation;
  module.source = witness.source;
  module.anchors = witness.anchors;
  module.problems = witness.problems;
  module.error = witness.error;
  status.module = module;
  status.serves_default_paths = witness.serves_default_paths;
}

/// Nothing is known of a source that the module cannot be told of.
void AddLayers(Status& status) {
  const bool served = status.module && !status.module->source.empty();
  if (served && status.configuration_known) {
    status.layers = LookAtLayers(status.Entry().ostrust_keys);
  }
}

void ListUnknownKeys(Status& status) {
  for (const auto& [key, value] : status.Entry().ostrust_keys) {
    if (!IsKnownInSection(key)) status.unknown_keys.push_back(key);
  }
}

}  // namespace

bool Status::AllIsWell() const {
  return Next() == nullptr;
}

const Finding* Status::Next() const {
  for (const Finding& finding : findings) {
    if (finding.level == Finding::Level::kProblem) return &finding;
  }
  return nullptr;
}

const EntryPoint& Status::Entry() const {
  return entry_point == "nodejs_conf" ? configuration.nodejs : configuration.openssl;
}

Status Examine(const std::string& program, bool with_layers) {
  Status status;
  status.program = FindProgram(program);
  status.variables = CaVariables();
  status.working_directory = LookAtWorkingDirectory();
  if (with_layers) {
    status.settings = CaSettings();
    status.python_bundles = PythonBundles(status.program);
  }
  if (status.program.is_node && !NodeSharesTheConfiguration()) status.entry_point = "nodejs_conf";
  switch (status.program.openssl) {
    case Program::OpenSsl::kShared:
      AskItsLibcrypto(status);
      break;
    case Program::OpenSsl::kExported:
    case Program::OpenSsl::kHidden:
      if (status.program.is_node) {
        status.program.version = AskNodeForVersion(status.program.path);
      }
      status.openssl_version =
          status.program.version.empty() ? "" : "OpenSSL " + status.program.version;
      ReadItsConfiguration(status);
      if (status.program.is_node) WatchIt(status);
      break;
    case Program::OpenSsl::kUnknown:
    case Program::OpenSsl::kNotFound:
      ReadItsConfiguration(status);
      break;
  }
  ListUnknownKeys(status);
  if (with_layers) AddLayers(status);
  Judge(status);
  return status;
}

}  // namespace ostrust::tool
