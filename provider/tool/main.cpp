// The `ostrust` program: what a person at a shell needs beside the module.
#include <algorithm>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "provider/tool/enable.hpp"
#include "provider/tool/escaped.hpp"
#include "provider/tool/explain.hpp"
#include "provider/tool/export.hpp"
#include "provider/tool/probe_child.hpp"
#include "provider/tool/run.hpp"
#include "provider/tool/status.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

constexpr int kWell = 0;
constexpr int kSomethingIsOff = 1;

int ShowStatus(const std::string& program, bool json) {
  const Status status = Examine(program, /*with_layers=*/true);
  if (status.program.openssl == Program::OpenSsl::kNotFound) {
    PrintError("ostrust status: " + Escaped(status.program.because) + "\n");
    return kUsageError;
  }
  Print(json ? StatusAsJson(status) : StatusAsText(status));
  return status.AllIsWell() ? kWell : kSomethingIsOff;
}

int Main(std::vector<std::string> arguments) {
  RunOptions run;
  // What follows "--" belongs to the command and is nobody else's to parse.
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  const bool has_command = end != arguments.end() && end + 1 != arguments.end();
  if (has_command) run.command.assign(end + 1, arguments.end());
  arguments.erase(end, arguments.end());

  CLI::App app("Makes OpenSSL programs trust what the operating system trusts.", "ostrust");
  app.set_version_flag("--version", std::string("ostrust ") + OSTRUST_VERSION);
  app.require_subcommand(1);

  std::string program = "openssl";
  bool json = false;
  CLI::App* const status_verb =
      app.add_subcommand("status", "Say whether it is on for a program, and what to do if not");
  status_verb->add_option("--program", program, "The program in question (default: openssl)");
  status_verb->add_flag("--json", json, "Print one JSON object");

  CLI::App* const run_verb = app.add_subcommand("run", "Start a command with ostrust loaded");
  run_verb->add_option("--trust-source", run.trust_source, "A bundle file or directory to trust");
  run_verb->add_option("--set", run.settings, "A key of ostrust's section, as KEY=VALUE")
      ->allow_extra_args(false);
  run_verb->add_flag("--keep-environment", run.keep_environment,
                     "Leave SSL_CERT_FILE, SSL_CERT_DIR and NODE_OPTIONS as they are");
  run_verb->footer("The command follows --, as in: ostrust run -- openssl s_client ...");

  ExplainOptions explain;
  CLI::App* const explain_verb =
      app.add_subcommand("explain", "Say why a server's certificate is accepted or refused");
  explain_verb->add_option("server", explain.target, "HOST[:PORT]; port 443 if not given");
  explain_verb->add_option("--chain", explain.chain,
                           "Instead of a server: a PEM file, the leaf first (-: standard input)");
  explain_verb->add_option("--name", explain.name,
                           "With --chain: the host name (default: the certificate's first)");
  explain_verb->add_option("--time", explain.time,
                           "With --chain: seconds since 1970, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ");
  explain_verb->add_option("--program", explain.program,
                           "The program in question (default: openssl)");
  explain_verb->add_option("--ca", explain.ca,
                           "The CA file that the program names (default: OpenSSL's default paths)");
  explain_verb->add_flag("--strict", explain.strict, "Verify as Python 3.13 and later do");
  explain_verb->add_option("--timeout", explain.timeout, "Seconds for the connection (10)");
  explain_verb->add_flag("--json", explain.json, "Print one JSON object");

  ExportOptions bundle;
  CLI::App* const export_verb = app.add_subcommand(
      "export", "Write the system's anchors as PEM, for programs that ostrust cannot reach");
  export_verb->add_option("--output", bundle.output, "The file to replace (standard output)");
  export_verb->add_option("--purpose", bundle.purpose,
                          "server-auth (default), client-auth, email or code-signing");
  export_verb->add_flag("--trust-settings", bundle.trust_settings,
                        "Write limits as TRUSTED CERTIFICATE, which only OpenSSL reads");
  export_verb->add_option("--program", bundle.program,
                          "Whose configuration names the trust store (default: openssl)");
  export_verb->add_option("--trust-source", bundle.trust_source,
                          "What to export instead: auto, p11-kit[:DIR], a file or directory");
  export_verb->add_flag("--json", bundle.json, "Print one JSON object; needs --output");

  EnableOptions enable;
  bool system = false;
  CLI::App* const enable_verb =
      app.add_subcommand("enable", "Turn it on for all programs of the system or of a user");
  CLI::App* const disable_verb = app.add_subcommand("disable", "Undo what enable did");
  for (CLI::App* const verb : {enable_verb, disable_verb}) {
    auto* const user = verb->add_flag("--user", enable.user, "For this user only");
    verb->add_flag("--system", system, "For the whole system (this is so if nothing is said)")
        ->excludes(user);
    verb->add_flag("--print", enable.print, "Only show what would be changed");
    verb->add_flag("--force", enable.force,
                   "Also over what was changed since in files of enable's");
    verb->add_option("--root", enable.root, "A directory to be taken for /, as of an image");
  }
  enable_verb->add_flag("--edit", enable.edit,
                        "Edit the distribution's openssl.cnf, which reaches cron and sudo, too");
  enable_verb->add_flag("--with-default", enable.with_default,
                        "Where FIPS is active: activate OpenSSL's default provider");
  enable_verb->add_option("--module", enable.module, "The module (default: the installed one)");
  enable_verb->add_option("--set", enable.settings, "A key of ostrust's section, as KEY=VALUE")
      ->allow_extra_args(false);

  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = app.exit(error, out, err);
    Print(out.str());
    PrintError(err.str());
    return status == 0 ? kWell : kUsageError;
  }
  if (status_verb->parsed()) {
    if (!has_command) return ShowStatus(program, json);
    PrintError("ostrust status: takes no command; name a program with --program\n");
    return kUsageError;
  }
  if (explain_verb->parsed()) {
    if (!has_command) return Explain(explain);
    PrintError("ostrust explain: takes no command; name a program with --program\n");
    return kUsageError;
  }
  if (export_verb->parsed()) {
    if (!has_command) return Export(bundle);
    PrintError("ostrust export: takes no command\n");
    return kUsageError;
  }
  if (enable_verb->parsed() || disable_verb->parsed()) {
    if (!has_command) return enable_verb->parsed() ? Enable(enable) : Disable(enable);
    PrintError("ostrust enable and disable take no command\n");
    return kUsageError;
  }
  if (!has_command) {
    PrintError("ostrust run: which command? It follows --, as in: ostrust run -- curl URL\n");
    return kUsageError;
  }
  return Run(run);
}

}  // namespace
}  // namespace ostrust::tool

int main(int argc, char** argv) {
  try {
    ostrust::tool::OpenStandardStreams();
    const auto arguments = ostrust::tool::Arguments(argc, argv);
    if (const auto status = ostrust::tool::RunAsProbeChild(arguments)) return *status;
    return ostrust::tool::Main(arguments);
  } catch (const std::exception& error) {
    ostrust::tool::PrintError("ostrust: " + ostrust::tool::Escaped(error.what()) + "\n");
    return ostrust::tool::kRunFailed;
  }
}
