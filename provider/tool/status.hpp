// `ostrust status`: is it on, for this program, in this shell; and if not, what to do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "provider/tool/ca_settings.hpp"
#include "provider/tool/environment.hpp"
#include "provider/tool/layers.hpp"
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
  std::vector<CaSetting> settings;
  std::vector<std::string> python_bundles;
  std::map<std::string, bool> served;  // of the values of all these
  std::optional<Layers> layers;        // where they were asked for, and ostrust is loaded
  WorkingDirectory working_directory;
  std::vector<Finding> findings;  // causes before consequences

  bool AllIsWell() const;
  /// The one thing to do next; null when all is well.
  const Finding* Next() const;
  /// The entry point that this program reads.
  const EntryPoint& Entry() const;
};

/// Finds everything out. `program` as FindProgram() takes it. `with_layers`: also Status::layers,
/// settings and python_bundles, which take longer.
Status Examine(const std::string& program, bool with_layers = false);

/// Adds the findings that follow from the facts.
void Judge(Status& status);

std::string StatusAsText(const Status& status);
std::string StatusAsJson(const Status& status);

}  // namespace ostrust::tool
