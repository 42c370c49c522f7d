// `ostrust run -- COMMAND`: starts a command with ostrust loaded, and touches no file of the
// system.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "provider/tool/probe.hpp"

namespace ostrust::tool {

struct RunOptions {
  std::string trust_source;           // empty: as configured
  std::vector<std::string> settings;  // KEY=VALUE
  bool keep_environment = false;
  std::vector<std::string> command;
};

// As env(1), nohup(1) and timeout(1) have it; see execute.hpp for two more.
inline constexpr int kUsageError = 2;
inline constexpr int kRunFailed = 125;

/// Starts the command as Execute() does. If that fails, returns the exit status after saying why on
/// standard error: a command is started governed or not at all.
int Run(const RunOptions& options);

/// Adds what each KEY=VALUE says to `keys`. Empty, or what is wrong.
std::string ReadSettings(const std::vector<std::string>& settings,
                         std::vector<std::pair<std::string, std::string>>& keys);

/// Empty, or why the module would not serve a program that was probed so.
std::string WhyNotGoverned(const Probe& probe);

}  // namespace ostrust::tool
