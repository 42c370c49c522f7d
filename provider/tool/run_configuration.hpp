// The configuration that `ostrust run` gives a command: the one it would have read anyway, and
// ostrust in it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "provider/tool/configuration.hpp"

namespace ostrust::tool {

struct RunConfiguration {
  Configuration original;                                 // what the command would have read
  std::string module;                                     // an absolute path
  std::vector<std::pair<std::string, std::string>> keys;  // for ostrust's section
  std::string prefix = "ostrust_run";  // of the names of sections that the original does not have
  bool only_additions = false;  // says nothing again that the original says, as order can matter
  bool with_default = false;    // the default provider, whatever else is active
};

/// What is added to the original: its sections reopened, and ours. Can stand after it, or wherever
/// nothing but a new section follows.
std::string AddedText(const RunConfiguration& run);

/// Includes the original, reopens the sections it starts from and adds to them, so that everything
/// else in it stays in force. The default provider is activated where it would have been active
/// anyway: where the original activates none.
std::string RunConfigurationText(const RunConfiguration& run);

/// `value` as it must be written in a configuration file to be read as it is.
std::string EscapeConfigValue(const std::string& value);

}  // namespace ostrust::tool
