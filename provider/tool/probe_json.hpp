// A Probe on its way from the child process to the tool.
#pragma once

#include <optional>
#include <string>

#include "provider/tool/probe.hpp"

namespace ostrust::tool {

std::string ProbeToJson(const Probe& probe);

/// Nullopt when it is not the whole text.
std::optional<Probe> ProbeFromJson(const std::string& text);

}  // namespace ostrust::tool
