#include "provider/tool/run_configuration.hpp"

#include <algorithm>
#include <string_view>

#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

std::string Or(const std::string& name, const std::string& otherwise) {
  return name.empty() ? otherwise : name;
}

bool ActivatesOthers(const EntryPoint& entry) {
  return std::any_of(entry.activated.begin(), entry.activated.end(),
                     [](const std::string& provider) { return provider != "ostrust"; });
}

/// `suffix` keeps the sections we add for one entry point apart from the other's: a file without
/// nodejs_conf gives Node.js none of its settings, and must not begin to.
std::string EntryPointText(const RunConfiguration& run, const EntryPoint& entry,
                           const std::string& name, const std::string& suffix) {
  const std::string init = Or(entry.init, run.prefix + "_init" + suffix);
  const std::string providers = Or(entry.providers, run.prefix + "_providers" + suffix);
  const std::string ours = Or(entry.ostrust_section, run.prefix + suffix);

  // "default" is OpenSSL's name of the unnamed section at the top of a file (conf_def.c). Said here
  // again, because what an included file assigns there comes later than what stands above it.
  std::string text = "\n";
  const auto say = [&](bool is_said) { return !run.only_additions || !is_said; };
  if (say(!entry.init.empty())) text += "[default]\n" + name + " = " + init + "\n";
  if (say(!entry.providers.empty())) text += "[" + init + "]\nproviders = " + providers + "\n";
  if (!ActivatesOthers(entry) || (run.with_default && !entry.Activates("default"))) {
    const std::string standard = Or(entry.default_section, run.prefix + "_default");
    if (say(!entry.default_section.empty())) {
      text += "[" + providers + "]\ndefault = " + standard + "\n";
    }
    text += "[" + standard + "]\nactivate = 1\n";
  }
  text += "[" + providers + "]\n";
  text += Or(entry.ostrust_key, "ostrust") + " = " + ours + "\n";
  text += "[" + ours + "]\nmodule = " + EscapeConfigValue(InConfiguration(run.module)) +
          "\nactivate = 1\n";
  for (const auto& [key, value] : run.keys) text += key + " = " + EscapeConfigValue(value) + "\n";
  return text;
}

}  // namespace

std::string EscapeConfigValue(const std::string& value) {
  static constexpr std::string_view kSpecial = "\\'\"`$#;";
  std::string text;
  for (const char c : value) {
    if (kSpecial.find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

std::string AddedText(const RunConfiguration& run) {
  return EntryPointText(run, run.original.openssl, "openssl_conf", "") +
         EntryPointText(run, run.original.nodejs, "nodejs_conf", "_nodejs");
}

std::string RunConfigurationText(const RunConfiguration& run) {
  std::string text = "# Made by ostrust run(1). Safe to remove when no program uses it any more.\n";
  if (run.original.exists)
    text += ".include " + EscapeConfigValue(InConfiguration(run.original.file)) + "\n";
  return text + AddedText(run);
}

}  // namespace ostrust::tool
