// `ostrust status`: is it on, for this program, in this shell; and if not, what to do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "provider/tool/environment.hpp"
#include "provider/tool/probe.hpp"
#include "provider/tool/program.hpp"

namespace ostrust::tool {

struct Finding {
  enum class Level { kProblem, kNote };
  Level level;
  std::string id;    // stable, for programs
  std::string text;  // what is so
  std::string fix;   // what to do; empty for a note
};

/// What is known. An empty optional: it cannot be known, and a finding says why.
struct Status {
  Program program;
  std::string openssl_version;
  bool configuration_known = false;
  Configuration configuration;
  std::string entry_point = "openssl_conf";  // where this program starts to read: or nodejs_conf
  std::vector<std::string> unknown_keys;
  std::optional<bool> loaded;
  std::optional<LoadedModule> module;
  std::string why_not_loaded;
  bool loads_modules = true;
  std::optional<std::vector<std::string>> providers;
  std::optional<bool> has_algorithms;
  std::optional<bool> serves_default_paths;
  std::vector<Variable> variables;
  std::map<std::string, bool> served;  // of the variables' values
  WorkingDirectory working_directory;
  std::vector<Finding> findings;  // causes before consequences

  bool AllIsWell() const;
  /// The one thing to do next; null when all is well.
  const Finding* Next() const;
  /// The entry point that this program reads.
  const EntryPoint& Entry() const;
};

/// Finds everything out. `program` as FindProgram() takes it.
Status Examine(const std::string& program);

/// Adds the findings that follow from the facts.
void Judge(Status& status);

std::string StatusAsText(const Status& status);
std::string StatusAsJson(const Status& status);

}  // namespace ostrust::tool
