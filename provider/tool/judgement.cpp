// What follows from the facts: the findings of `ostrust status`, causes before consequences, so
// that the first problem is the one to mend.
#include <algorithm>
#include <utility>

#include "platform/system_bundle.hpp"
#include "provider/config.hpp"
#include "provider/host/file.hpp"
#include "provider/standing.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/module_file.hpp"
#include "provider/tool/status.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

void Problem(Status& status, const char* id, std::string text, std::string fix) {
  status.findings.push_back({Finding::Level::kProblem, id, std::move(text), std::move(fix)});
}

void Note(Status& status, const char* id, std::string text) {
  status.findings.push_back({Finding::Level::kNote, id, std::move(text), {}});
}

/// A problem of the program in question, or a note about others.
void Elsewhere(Status& status, bool affected, const char* id, std::string text, std::string fix) {
  if (affected) return Problem(status, id, std::move(text), std::move(fix));
  Note(status, id, std::move(text));
}

std::string HowToConfigure() {
  const std::string file = CustomaryFile("openssl.cnf");
  std::string set = HowToSet("OPENSSL_CONF", file);
  bool exists = false;
  std::string why;
  if (CanRead(file, exists, why)) return set;
  return "copy openssl.cnf.example to " + file + ", look at its lines marked CHECK, and " + set +
         "; or, for one command: ostrust run -- COMMAND";
}

/// False when the questions that follow make no sense.
bool JudgeProgram(Status& status) {
  const Program& program = status.program;
  switch (program.openssl) {
    case Program::OpenSsl::kNotFound:
      Problem(status, "no-program", program.because, "name another one with --program");
      return false;
    case Program::OpenSsl::kUnknown:
      Problem(status, "openssl-unknown", program.because,
              "name the program that makes the TLS connections with --program");
      return true;
    case Program::OpenSsl::kHidden:
      Note(status, "openssl-hidden",
           program.because +
               ": only os:// opened as an OpenSSL store can work in it, and whether "
               "the module loads cannot be seen from outside");
      Problem(status, "store-loader-only",
              "neither default paths nor CA files are served in " + program.path,
              "use a build of " + program.name + " that links the system's OpenSSL");
      return true;
    case Program::OpenSsl::kExported:
      if (!program.is_node) {
        Problem(status, "openssl-unknown", program.because + ": it cannot be asked from outside",
                "start it once with OSTRUST_LOG=info in the environment: the module says on "
                "standard error that it is loaded");
      }
      return true;
    case Program::OpenSsl::kShared:
      break;
  }
  if (program.set_user_id) {
    Note(status, "set-user-id",
         program.path +
             " is set-user-ID or set-group-ID: it reads OpenSSL's default configuration "
             "file and no environment variable");
  }
  if (!status.loads_modules) {
    Problem(status, "no-module-loading",
            program.libcrypto + " (" + status.openssl_version +
                ") is built without the loading of modules (no-module or no-dso): ostrust cannot "
                "be loaded into it",
            "use a build of " + program.name +
                " whose OpenSSL loads modules, or give it the system's certificates as a CA file");
    return false;
  }
  if (status.loaded) return true;
  if (status.Next() != nullptr) return false;
  Problem(status, "openssl-too-old",
          program.libcrypto + " is " +
              (status.openssl_version.empty() ? "not OpenSSL 3 or later" : status.openssl_version) +
              ": it has no providers",
          "use a build of " + program.name + " that links OpenSSL 3 or later");
  return false;
}

/// Whether this was a path of Windows with single backslashes: "C:\new\ostrust.dll" is read as
/// "C:", a line feed, "ewostrust.dll".
bool LostItsBackslashes(const std::string& path) {
  const bool has_drive = path.size() > 2 && path[1] == ':' && path[2] != '/' && path[2] != '\\';
  return has_drive ||
         std::any_of(path.begin(), path.end(), [](char c) { return c > 0 && c < ' '; });
}

/// Nothing of this matters once the module is loaded.
void JudgeWhyNotConfigured(Status& status) {
  const Configuration& configuration = status.configuration;
  const EntryPoint& entry = status.Entry();
  const bool from_environment = GetVariable("OPENSSL_CONF") && !status.program.set_user_id;
  if (!status.configuration_known) {
    Problem(status, "not-loaded",
            "ostrust is not loaded, and the configuration file that " + status.program.path +
                " reads without OPENSSL_CONF is known to it alone",
            HowToConfigure());
  } else if (configuration.file.empty()) {
    Problem(status, "no-configuration", "OPENSSL_CONF is set to nothing: no configuration is read",
            HowToConfigure());
  } else if (!configuration.exists) {
    Problem(status, "no-configuration",
            configuration.file + (from_environment ? ", which OPENSSL_CONF names, does not exist"
                                                   : " does not exist"),
            HowToConfigure());
  } else if (!configuration.error.empty()) {
    Problem(status, "configuration-error", configuration.file + ": " + configuration.error,
            "correct " + configuration.file);
  } else if (entry.init.empty() && status.entry_point == "nodejs_conf") {
    Problem(status, "no-nodejs-conf",
            "Node.js starts at nodejs_conf, which " + configuration.file + " does not set",
            configuration.openssl.ostrust_section.empty()
                ? HowToConfigure()
                : "add this line at the top of " + configuration.file +
                      ": nodejs_conf = " + configuration.openssl.init);
  } else if (entry.init.empty()) {
    Problem(status, "not-configured",
            configuration.file +
                " does not set openssl_conf in its unnamed section, so that "
                "nothing in it counts",
            "set openssl_conf at the top of " + configuration.file +
                ", before any .include and any [section]");
  } else if (entry.ostrust_section.empty()) {
    Problem(status, "not-configured",
            configuration.file + " does not configure ostrust" +
                (entry.providers.empty() ? ": [" + entry.init + "] has no providers"
                                         : ": [" + entry.providers + "] does not name it"),
            HowToConfigure());
  } else if (entry.ostrust_keys.count("activate") == 0) {
    Problem(
        status, "not-activated",
        "[" + entry.ostrust_section + "] of " + configuration.file + " does not say activate = 1",
        "add activate = 1 to [" + entry.ostrust_section + "] of " + configuration.file);
  } else {
    const auto module = entry.ostrust_keys.find("module");
    const std::string path = module == entry.ostrust_keys.end() ? "" : module->second;
    const std::string ours = InConfiguration(FindModule(OwnPath()).path);
    if (LostItsBackslashes(path)) {
      Problem(status, "module-backslashes",
              "module in [" + entry.ostrust_section + "] of " + configuration.file +
                  " is read as " + path +
                  ": a backslash is an escape there, and the module is silently not loaded",
              "write it with slashes: module = " + (ours.empty() ? "C:/FOLDER/ostrust.dll" : ours));
    } else if (host::IsAbsolute(path) && KindOf(path) == FileKind::kNone) {
      Problem(status, "no-module", "there is no module " + path,
              ours.empty() ? "install the module there, or correct module in [" +
                                 entry.ostrust_section + "] of " + configuration.file
                           : "write module = " + ours + " in [" + entry.ostrust_section + "] of " +
                                 configuration.file);
    } else {
      Problem(status, "not-loaded",
              "ostrust is configured and does not load" +
                  (status.why_not_loaded.empty() ? std::string() : ": " + status.why_not_loaded),
              "mend what OpenSSL says there");
    }
  }
}

void JudgeIncludes(Status& status) {
  const std::string& include = status.configuration.include_with_backslashes;
  if (include.empty()) return;
  Problem(status, "include-backslashes",
          status.configuration.file + " includes " + include +
              ": a backslash is an escape there, and a file that is not found is silently left out",
          "write it with slashes: .include " + InConfiguration(include));
}

/// The values that are refused, as the module sees them; as this tool does where it cannot be
/// asked.
std::string BadValues(const Status& status) {
  if (status.module && !status.module->build_info.empty()) return status.module->bad_values;
  return ConfigOf(status.Entry()).ErrorText();
}

void JudgeValues(Status& status) {
  const std::string where =
      "[" + status.Entry().ostrust_section + "] of " + status.configuration.file;
  const std::string bad = BadValues(status);
  if (!bad.empty()) {
    Problem(status, "bad-value", bad + "; until then nothing is served", "correct " + where);
  }
  if (!status.unknown_keys.empty()) {
    std::string keys;
    for (const std::string& key : status.unknown_keys) keys += (keys.empty() ? "" : ", ") + key;
    Problem(status, "unknown-key", "ostrust knows no key " + keys,
            "correct the spelling in " + where + " (man 7 ostrust lists the keys)");
  }
}

void JudgeReach(Status& status) {
  const LoadedModule& module = *status.module;
  const std::string soften = "use another OpenSSL; or set revocation = soft in [" +
                             status.Entry().ostrust_section + "] of " + status.configuration.file +
                             ": nothing is looked for then";
  if (module.revocation == NameOf(platform::Revocation::kOff) && IsHard(status.Entry())) {
    Problem(status, "no-revocation",
            "every server is refused: revocation = hard, and this OpenSSL lacks what it takes to "
            "look for it",
            soften);
  }
  if (module.reach == standing_params::kReachNone && IsHard(status.Entry())) {
    Problem(
        status, "store-loader-only",
        "nothing is served: revocation = hard cannot be kept in this OpenSSL: " + module.limited_by,
        soften);
  } else if (module.reach == standing_params::kReachNone) {
    Problem(status, "store-loader-only",
            "only os:// opened as an OpenSSL store works: " + module.limited_by,
            "report this libcrypto to ostrust; " + status.openssl_version);
  } else if (module.reach == standing_params::kReachMarker) {
    Problem(
        status, "marker-only",
        "default paths and os:// as a CA file are not served: " + module.limited_by,
        "name the marker file where a CA file is wanted: SSL_CERT_FILE=" + CustomaryFile("os.pem"));
  }
}

void JudgeModule(Status& status) {
  const LoadedModule& module = *status.module;
  if (!module.version.empty() && module.version != OSTRUST_VERSION) {
    Problem(status, "version",
            "the module is ostrust " + module.version + ", this tool " + OSTRUST_VERSION,
            "install both from one build");
  }
  if (status.has_algorithms == false) {
    Problem(status, "no-algorithms",
            "the configuration activates ostrust and no provider that has algorithms",
            "activate OpenSSL's default provider beside ostrust in " + status.configuration.file +
                ": default = default_sect, and activate = 1 in [default_sect]");
  }
  JudgeReach(status);
  // A module of another version may not say; Node.js has no reason to read the store when
  // SSL_CERT_FILE is set.
  const bool asked = !module.reach.empty() && (!module.source.empty() || !module.error.empty() ||
                                               !module.build_info.empty());
  if (!asked || !BadValues(status).empty()) return;
  if (module.source.empty()) {
    Problem(status, "no-anchors", "nothing is served: " + module.error,
            "make the trust store readable, or name another with trust-source in [" +
                status.Entry().ostrust_section + "] of " + status.configuration.file);
  } else if (!module.error.empty()) {
    Problem(status, "stale", "an older state is served: " + module.error,
            "make the trust store readable");
  }
  if (!module.problems.empty()) {
    Problem(status, "source", "of the trust store: " + module.problems,
            "mend what is named there; until then it is not applied");
  }
}

std::string Assigned(const Variable& variable) {
  return variable.name + "=" + variable.value;
}

void JudgeDefaultPaths(Status& status) {
  if (status.serves_default_paths != false || status.program.set_user_id) return;
  if (!ConfigOf(status.Entry()).default_paths) {
    Note(status, "default-paths-off",
         "default-paths = no: OpenSSL's own default paths stay as they are");
    return;
  }
  std::string set;
  std::string names;
  for (const Variable& variable : status.variables) {
    if (variable.effect != Variable::Effect::kDefaults) continue;
    set += (set.empty() ? "" : " and ") + Assigned(variable);
    names += (names.empty() ? "" : " ") + variable.name;
  }
  if (!set.empty()) {
    Problem(
        status, "variable-wins",
        set + ": set by hand, this wins over ostrust in programs that use OpenSSL's default paths",
        HowToUnset(names) + " (or unset SSL_CERT_DIR and set SSL_CERT_FILE=os://)");
    return;
  }
  // Whatever else keeps them from being served has been said.
  if (status.Next() == nullptr) {
    Problem(status, "default-paths-not-served", "OpenSSL's default paths are not served",
            "start the program with OSTRUST_LOG=info in the environment and see what it says");
  }
}

void JudgeVariables(Status& status) {
  const bool marker_only = status.module->reach != standing_params::kReachFull;
  for (const Variable& variable : status.variables) {
    const auto served = status.served.find(variable.value);
    const bool affected =
        variable.command.empty() || IsCommandOf(variable.command, CommandName(status.program.name));
    if (variable.effect == Variable::Effect::kPast) {
      if (platform::IsSystemBundle(variable.value)) continue;  // the same anchors
      Elsewhere(status, affected, "variable-elsewhere",
                Assigned(variable) + " gives " + variable.whose +
                    " CA certificates of its own, past ostrust",
                HowToUnset(variable.name));
      continue;
    }
    // Node.js reads none of the others.
    if (variable.effect == Variable::Effect::kDefaults ||
        (status.program.is_node && variable.effect != Variable::Effect::kAdds) ||
        (served != status.served.end() && served->second)) {
      continue;
    }
    if (variable.effect == Variable::Effect::kAdds) {
      Note(status, "variable-adds", Assigned(variable) + " adds certificates in " + variable.whose);
    } else if (served == status.served.end() || marker_only) {
      Note(status, "variable-names-file",
           Assigned(variable) + " names the CA file of " + variable.whose +
               "; whether ostrust serves it cannot be told here");
    } else {
      Elsewhere(status, affected, "variable-elsewhere",
                Assigned(variable) + " gives " + variable.whose +
                    " a CA file that ostrust does not serve",
                HowToUnset(variable.name) + ", or set it to " + CustomaryFile("os.pem"));
    }
  }
}

void JudgeSettings(Status& status) {
  const bool marker_only = status.module->reach != standing_params::kReachFull;
  for (const CaSetting& setting : status.settings) {
    const auto served = status.served.find(setting.value);
    const bool is_served = served != status.served.end() && served->second;
    // What npm reads itself holds the same anchors, and no limits on them.
    if (setting.by_openssl ? is_served : platform::IsSystemBundle(setting.value)) continue;
    const std::string where = setting.file + ", line " + std::to_string(setting.line);
    const std::string what = where + ": " + setting.key + " = " + setting.value;
    if (setting.by_openssl && (served == status.served.end() || marker_only)) {
      Note(status, "setting-names-file",
           what + " names the CA file of " + setting.program +
               "; whether ostrust serves it cannot be told here");
      continue;
    }
    Elsewhere(status, IsCommandOf(setting.program, CommandName(status.program.name)),
              "setting-elsewhere",
              what + " gives " + setting.program +
                  (setting.by_openssl ? " a CA file that ostrust does not serve"
                                      : " CA certificates of its own, past ostrust"),
              "remove " + setting.key + " from " + where +
                  (setting.by_openssl ? ", or set it to " + CustomaryFile("os.pem") : ""));
  }
}

void JudgeNode(Status& status) {
  if (!status.program.is_node) return;
  const std::string options = GetVariable("NODE_OPTIONS").value_or("");
  if (options.find("--use-openssl-ca") != std::string::npos) return;
  Problem(status, "node-uses-its-own-roots",
          "Node.js asks for OpenSSL's default paths only with --use-openssl-ca",
          HowToSet("NODE_OPTIONS", "--use-openssl-ca"));
}

void JudgeWorkingDirectory(Status& status) {
  if (status.working_directory.os_file) {
    Problem(status, "trap-file",
            "there is a file \"os:\" in the working directory: a program without ostrust that is "
            "given os: reads its CA certificates from there",
            "remove it, and write os:// instead of os:");
  }
  if (status.working_directory.os_directory_has_certificates) {
    Problem(status, "trap-directory",
            "the directory \"os\" in the working directory holds CA certificates: a program "
            "without ostrust that is given os:// as a directory reads them",
            "remove it, and name os:// as a CA file or store only");
  } else if (status.working_directory.os_directory) {
    Note(status, "trap-directory",
         "there is a directory \"os\" in the working directory: name os:// as a CA file or store, "
         "never as a directory");
  }
}

}  // namespace

void Judge(Status& status) {
  if (JudgeProgram(status)) {
    JudgeIncludes(status);
    if (status.loaded == false ||
        (!status.loaded && status.configuration_known && status.Entry().ostrust_section.empty())) {
      JudgeWhyNotConfigured(status);
    }
    JudgeValues(status);
    if (status.module) {
      JudgeModule(status);
      JudgeDefaultPaths(status);
      JudgeVariables(status);
      JudgeSettings(status);
      JudgeNode(status);
    }
  }
  JudgeWorkingDirectory(status);
}

}  // namespace ostrust::tool
