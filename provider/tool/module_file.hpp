// The module that belongs to this tool: beside it, or where an installation puts it, so that a
// folder with both can be moved anywhere.
#pragma once

#include <string>
#include <vector>

namespace ostrust::tool {

struct ModuleFile {
  std::string path;                // empty when there is none
  std::vector<std::string> tried;  // where it was looked for
};

/// Looks beside the executable `tool`, then in ../LIBDIR/ostrust (of the build, if it is unusual),
/// ../lib/ostrust, ../lib64/ostrust and ../lib/*/ostrust. Only modules of this
/// machine's architecture count.
ModuleFile FindModule(const std::string& tool);

}  // namespace ostrust::tool
