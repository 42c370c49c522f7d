#include "provider/tool/run.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "provider/config.hpp"
#include "provider/standing.hpp"
#include "provider/tool/escaped.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/execute.hpp"
#include "provider/tool/module_file.hpp"
#include "provider/tool/node_witness.hpp"
#include "provider/tool/private_file.hpp"
#include "provider/tool/probe.hpp"
#include "provider/tool/program.hpp"
#include "provider/tool/run_configuration.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

int Fail(int status, const std::string& text) {
  PrintError("ostrust run: " + EscapedLines(text) + "\n");
  return status;
}

using Keys = std::vector<std::pair<std::string, std::string>>;

/// Empty, or what is wrong with the options.
std::string ReadKeys(const RunOptions& options, Keys& keys) {
  std::string wrong = ReadSettings(options.settings, keys);
  if (!wrong.empty() || options.trust_source.empty()) return wrong;
  const bool is_path = KindOf(options.trust_source) != FileKind::kNone;  // not a word as "auto"
  keys.emplace_back("trust-source", is_path ? InConfiguration(Absolute(options.trust_source))
                                            : options.trust_source);
  return ReadSettings({}, keys);
}

std::string WhyNotGoverned(const Witness& witness) {
  if (!witness.failure.empty()) return witness.failure;
  return witness.loaded ? witness.error : "ostrust does not load into Node.js";
}

void SetEnvironment(const RunOptions& options, const std::string& configuration) {
  SetVariable("OPENSSL_CONF", configuration);
  if (options.keep_environment) return;
  UnsetVariable("SSL_CERT_FILE");
  UnsetVariable("SSL_CERT_DIR");
  // Node.js asks OpenSSL for its default paths only then. No other program reads this.
  std::string node = GetVariable("NODE_OPTIONS").value_or("");
  if (node.find("--use-openssl-ca") == std::string::npos &&
      node.find("--use-bundled-ca") == std::string::npos) {
    node += (node.empty() ? "" : " ") + std::string("--use-openssl-ca");
    SetVariable("NODE_OPTIONS", node);
  }
}

int Start(const std::vector<std::string>& command) {
  std::string why;
  const int status = Execute(command, why);
  return why.empty() ? status : Fail(status, why);
}

}  // namespace

std::string ReadSettings(const std::vector<std::string>& settings,
                         std::vector<std::pair<std::string, std::string>>& keys) {
  const auto known = KnownConfigKeys();
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    const std::string key = setting.substr(0, equals);
    if (equals == std::string::npos) return "--set " + setting + ": KEY=VALUE is wanted";
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return "--set " + setting + ": ostrust knows no key " + key;
    }
    keys.emplace_back(key, setting.substr(equals + 1));
  }
  for (const auto& [key, value] : keys) {
    if (value.find_first_of("\r\n") != std::string::npos) return key + ": the value has two lines";
  }
  const Config config = ReadConfig([&](const char* name) -> std::optional<std::string> {
    std::optional<std::string> found;
    for (const auto& [key, value] : keys) {
      if (key == name) found = value;
    }
    return found;
  });
  return config.ErrorText();
}

std::string WhyNotGoverned(const Probe& probe) {
  if (!probe.failure.empty()) return probe.failure;
  if (!probe.loads_modules) return "this OpenSSL is built without the loading of modules";
  if (!probe.module) return "ostrust does not load: " + probe.why_not_loaded;
  if (!probe.module->bad_values.empty()) return probe.module->bad_values;
  if (probe.module->source.empty()) return "nothing to serve: " + probe.module->error;
  if (!probe.has_algorithms) return "the configuration leaves no provider that has algorithms";
  if (!IsHard(probe.configuration.openssl)) return {};
  if (probe.module->reach == standing_params::kReachNone) {
    return "revocation = hard cannot be kept in this OpenSSL: " + probe.module->limited_by;
  }
  if (probe.module->revocation == NameOf(platform::Revocation::kOff)) {
    return "revocation = hard would refuse every server: this OpenSSL lacks what it takes to look "
           "for it";
  }
  return {};
}

int Run(const RunOptions& options) {
  RunConfiguration run;
  if (const std::string wrong = ReadKeys(options, run.keys); !wrong.empty()) {
    return Fail(kUsageError, wrong);
  }
  const ModuleFile module = FindModule(OwnPath());
  if (module.path.empty()) {
    std::string tried;
    for (const std::string& path : module.tried) tried += "\n  " + path;
    return Fail(kRunFailed, "the module " + std::string(kModuleName) +
                                " is not where it belongs. Looked for:" + tried);
  }
  run.module = module.path;

  const std::string& name = options.command.front();
  if (FindExecutable(name).empty()) return Start(options.command);  // says why it cannot
  const Program program = FindProgram(name);
  if (program.set_user_id) {
    return Fail(kRunFailed, program.path +
                                " is set-user-ID or set-group-ID and reads no "
                                "OPENSSL_CONF: it cannot be governed");
  }

  const auto file = GetVariable("OPENSSL_CONF");
  ProbeQuestion question;
  const bool shared = program.openssl == Program::OpenSsl::kShared;
  question.libcrypto = shared ? program.libcrypto : AnyLibcrypto();
  if (file) question.file = Absolute(*file);
  const Probe before = ScanConfiguration(question);
  // A machine may have no libcrypto but the one inside Node.js; then nothing is there to be kept,
  // unless somebody named a file.
  const bool has_reader = before.failure.empty();
  if (!has_reader && (!program.is_node || shared || file)) {
    return Fail(kRunFailed, before.failure);
  }
  if (has_reader && !before.has_providers) {
    return Fail(kRunFailed, question.libcrypto + " is " + before.version +
                                ": only OpenSSL 3 and later has providers");
  }
  run.original = before.configuration;
  if (!run.original.error.empty() && run.original.exists) {
    return Fail(kRunFailed, run.original.file + ": " + run.original.error);
  }

  std::string why;
  const std::string made = KeepPrivateFile(RunConfigurationText(run), why);
  if (made.empty()) return Fail(kRunFailed, "no place for a configuration file: " + why);
  SetEnvironment(options, made);

  // A provider that does not load is silent, so it is tried before the command is started.
  question.file = made;
  why =
      has_reader ? WhyNotGoverned(AskLibcrypto(question)) : WhyNotGoverned(WatchNode(program.path));
  if (!why.empty()) return Fail(kRunFailed, why);
  if (program.openssl == Program::OpenSsl::kHidden) {
    PrintError("ostrust run: note: " + Escaped(program.because) +
               ": only os:// opened as an OpenSSL store can work in it\n");
  }
  return Start(options.command);
}

}  // namespace ostrust::tool
