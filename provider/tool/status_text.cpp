// `ostrust status` for a person.
#include <ctime>
#include <string_view>

#include "provider/standing.hpp"
#include "provider/tool/escaped.hpp"
#include "provider/tool/status.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

/// Values come from the environment and from files: nothing in them may drive the terminal.
void Line(std::string& text, std::string_view name, const std::string& value) {
  if (value.empty()) return;
  text += "  ";
  text += name;
  text.append(name.size() < 12 ? 12 - name.size() : 1, ' ');
  text += Escaped(value) + "\n";
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string DescribeConfiguration(const Status& status) {
  const Configuration& configuration = status.configuration;
  if (!status.configuration_known) return "cannot be told: " + status.program.because;
  if (configuration.file.empty()) return "none";
  std::string text = configuration.file;
  if (GetVariable("OPENSSL_CONF") && !status.program.set_user_id) {
    text += " (OPENSSL_CONF)";
  }
  if (!configuration.error.empty()) return text + ": " + configuration.error;
  const EntryPoint& entry = status.Entry();
  text += entry.ostrust_section.empty() ? ", no section for ostrust"
                                        : ", section [" + entry.ostrust_section + "]";
  if (status.entry_point == "openssl_conf" && !entry.ostrust_section.empty()) {
    text += configuration.nodejs.ostrust_section.empty() ? ", not for Node.js" : ", Node.js too";
  }
  return text;
}

std::string DescribeModule(const Status& status) {
  if (!status.loaded) return "whether it is loaded cannot be told";
  if (!*status.loaded) return "not loaded";
  std::string text = status.module->file.empty() ? "loaded" : status.module->file;
  if (!status.module->version.empty()) text += ", version " + status.module->version;
  return text;
}

std::string DescribeLayers(const std::string& reach) {
  if (reach == standing_params::kReachFull) return "store loader, binding";
  if (reach == standing_params::kReachMarker) return "store loader, marker file";
  if (reach == standing_params::kReachNone) return "store loader only";
  return {};
}

std::string DescribeVerification(const LoadedModule& module) {
  std::string text = module.verify;
  if (!module.intermediates.empty()) text += ", intermediates: " + module.intermediates;
  if (!module.revocation.empty()) text += ", revocation: " + module.revocation;
  return text;
}

}  // namespace

std::string StatusAsText(const Status& status) {
  const Program& program = status.program;
  std::string text = std::string("ostrust ") + OSTRUST_VERSION + ": " +
                     (status.AllIsWell() ? "on for " : "something is off for ") +
                     Escaped(program.name) + "\n\n";
  Line(text, "program", program.path);
  Line(text, "OpenSSL", status.openssl_version.empty() ? program.because : status.openssl_version);
  Line(text, "libcrypto",
       !program.libcrypto.empty() || status.openssl_version.empty() ? program.libcrypto
                                                                    : program.because);
  if (program.openssl != Program::OpenSsl::kNotFound) {
    Line(text, "config", DescribeConfiguration(status));
    Line(text, "module", DescribeModule(status));
  }
  if (status.module) {
    Line(text, "layers", DescribeLayers(status.module->reach));
    Line(text, "verify", DescribeVerification(*status.module));
    Line(text, "source", status.module->source);
    if (!status.module->source.empty()) {
      Line(text, "anchors", std::to_string(status.module->anchors));
    }
  }
  if (status.layers) {
    if (status.layers->policy) Line(text, "policy", DescribePolicy(*status.layers->policy));
    Line(text, "caches", DescribeCaches(status.layers->caches, std::time(nullptr)));
    Line(text, "crlite", DescribeFilter(status.layers->filter));
  }
  if (status.providers) Line(text, "providers", Joined(*status.providers));
  if (status.module && status.serves_default_paths) {
    Line(text, "defaults",
         *status.serves_default_paths ? "the system's trust store" : "not served by ostrust");
  }
  for (const std::string& bundle : status.python_bundles) {
    const auto served = status.served.find(bundle);
    if (served == status.served.end()) continue;
    Line(text, "certifi",
         bundle + (served->second ? ", served as the system's store"
                                  : ", a list of its own (replace-bundles = certifi)"));
  }
  if (!status.findings.empty()) text += "\n";
  for (const Finding& finding : status.findings) {
    Line(text, finding.level == Finding::Level::kProblem ? "problem" : "note", finding.text);
  }
  if (const Finding* const next = status.Next(); next != nullptr) {
    text += "\nnext: " + Escaped(next->fix) + "\n";
  }
  return text;
}

}  // namespace ostrust::tool
