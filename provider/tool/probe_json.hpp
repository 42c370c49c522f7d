// A Probe on its way from the child process to the tool, and the question on its way to it.
#pragma once

#include <optional>
#include <string>

#include "provider/tool/probe.hpp"

namespace ostrust::tool {

std::string ProbeToJson(const Probe& probe);

/// Nullopt when it is not the whole text.
std::optional<Probe> ProbeFromJson(const std::string& text);

/// All of it but `set_user_id`, which the child's environment stands for.
std::string QuestionToJson(const ProbeQuestion& question);
std::optional<ProbeQuestion> QuestionFromJson(const std::string& text);

}  // namespace ostrust::tool
