#include "provider/tool/enable_trial.hpp"

#include <algorithm>

#include "provider/host/file.hpp"
#include "provider/tool/enable_proof.hpp"
#include "provider/tool/run.hpp"
#include "provider/tool/system.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {
namespace {

bool KernelIsFips() {
  const std::string text = host::ReadRegularFile("/proc/sys/crypto/fips_enabled", 16).value_or("");
  return text.starts_with("1");
}

Probe Load(const Plan& plan, const std::string& file) {
  ProbeQuestion question;
  question.libcrypto = plan.libcrypto;
  question.file = file;
  return AskLibcrypto(question);
}

bool MustServeDefaultPaths(const Plan& plan, const Probe& probe) {
  return !GetVariable("SSL_CERT_FILE") && !GetVariable("SSL_CERT_DIR") &&
         probe.module->reach == "full" &&
         std::none_of(plan.run.keys.begin(), plan.run.keys.end(),
                      [](const auto& key) { return key.first == "default-paths"; });
}

/// Empty, or what programs lose that have the configuration `file`, of which `probe` is.
std::string WhatIsLost(const Plan& plan, const StockAnswers& stock, const Probe& probe,
                       const std::string& file) {
  if (!probe.failure.empty()) return probe.failure;
  for (const std::string& provider : stock.probe.providers) {
    if (!Has(probe.providers, provider)) {
      return "the provider " + provider + " is not active any more";
    }
  }
  if (Has(stock.probe.providers, "fips") && !Has(stock.probe.providers, "default") &&
      Has(probe.providers, "default") && !plan.run.with_default) {
    return "OpenSSL's default provider would be active beside fips";
  }
  if (stock.probe.has_algorithms && !probe.has_algorithms) return "no provider has algorithms";
  if (!stock.tls) return {};
  std::string why;
  const auto tls = TlsSettings(plan.libcrypto, file, why);
  if (!tls) return "TLS contexts: " + why;
  return *tls == *stock.tls
             ? ""
             : "protocols, security level or cipher suites of TLS would not be what they were";
}

std::string WhatIsLostWithoutModule(const Plan& plan, const StockAnswers& stock) {
  std::string text = plan.after;
  const std::string line = "module = " + EscapeConfigValue(plan.run.module) + "\n";
  for (std::size_t at = text.find(line); at != std::string::npos; at = text.find(line, at + 1)) {
    text.replace(at, line.size(), "module = /ostrust-asks-for-no-such-module\n");
  }
  const TextAsFile file(text);
  return WhatIsLost(plan, stock, Load(plan, file.Path()), file.Path());
}

}  // namespace

StockAnswers AskStock(const Plan& plan) {
  const TextAsFile file(plan.before);
  StockAnswers stock{Load(plan, file.Path()), std::nullopt, ""};
  if (!stock.probe.failure.empty()) Refuse(stock.probe.failure, "mend that first");
  stock.tls = TlsSettings(plan.libcrypto, file.Path(), stock.why_no_tls);
  return stock;
}

void CheckFips(const EnableOptions& options, bool live, const StockAnswers& stock, Plan& plan) {
  const EntryPoint& entry = plan.run.original.openssl;
  const bool loaded = live && (Has(stock.probe.providers, "fips") || KernelIsFips());
  const bool fips = entry.Activates("fips") || loaded;
  const bool needs_default = entry.activated.empty();
  if (fips && needs_default && !options.with_default) {
    Refuse("FIPS is active on this system, and " +
               (plan.distribution.empty() ? "no file" : plan.distribution) +
               " activates no provider. Once a configuration activates one, as this one would, "
               "OpenSSL loads no other by itself",
           "activate fips and base there as your FIPS documentation says; or repeat this with "
           "--with-default, which activates the default provider, whose algorithms are not "
           "validated, for every program");
  }
  plan.run.with_default = fips && options.with_default;
}

Probe TryConfiguration(const Plan& plan, const StockAnswers& stock, const std::string& file,
                       std::string& why) {
  Probe probe = Load(plan, file);
  why = WhyNotGoverned(probe);
  if (why.empty() && !probe.serves_default_paths && MustServeDefaultPaths(plan, probe)) {
    why = "OpenSSL's default paths are not served";
  }
  if (why.empty()) why = WhatIsLost(plan, stock, probe, file);
  return probe;
}

void TryPlan(const Plan& plan, const StockAnswers& stock) {
  const TextAsFile file(plan.after);
  std::string why;
  TryConfiguration(plan, stock, file.Path(), why);
  if (why.empty()) {
    why = WhatIsLostWithoutModule(plan, stock);
    if (!why.empty()) why += " where the module cannot be loaded";
  }
  if (!why.empty()) Refuse("tried with " + plan.libcrypto + ": " + why, kByHand);
}

std::string WhyNotServed(const Plan& plan, const std::string& file) {
  return WhyNotGoverned(Load(plan, file));
}

}  // namespace ostrust::tool
