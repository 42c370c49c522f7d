// Whether programs keep what they have when ostrust is added, tried in child processes with the
// OpenSSL of this system. Only while this process has one thread.
#pragma once

#include <optional>
#include <string>

#include "provider/tool/enable.hpp"
#include "provider/tool/enable_plan.hpp"
#include "provider/tool/probe.hpp"

namespace ostrust::tool {

/// What programs have without ostrust. Nothing is known of another root's.
struct StockAnswers {
  Probe probe;
  std::optional<std::string> tls;
  std::string why_no_tls;
};

/// Throws a Refusal when nothing can be found out.
StockAnswers AskStock(const Plan& plan);

/// Where FIPS is active ostrust must not bring the default provider with it, unless the options say
/// so: throws a Refusal, or sets `plan.run.with_default`. `live`: it is about this system.
void CheckFips(const EnableOptions& options, bool live, const StockAnswers& stock, Plan& plan);

/// Asks libcrypto with this configuration: ostrust serves programs, and they lose nothing.
/// Otherwise a clause in `why`.
Probe TryConfiguration(const Plan& plan, const StockAnswers& stock, const std::string& file,
                       std::string& why);

/// The same of `plan.after`, before there is such a file; and that programs lose nothing where the
/// module cannot be loaded: those of another architecture, or whose OpenSSL loads none. Throws a
/// Refusal otherwise.
void TryPlan(const Plan& plan, const StockAnswers& stock);

/// Empty, or why a program of this system with the configuration `file` would not be served.
std::string WhyNotServed(const Plan& plan, const std::string& file);

}  // namespace ostrust::tool
