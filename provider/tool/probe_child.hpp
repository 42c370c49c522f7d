// Where a libcrypto is asked: in a process of its own, so that a crash, a hang or an odd library
// cannot hurt the tool.
#pragma once

#include <chrono>

#include "provider/tool/child_process.hpp"
#include "provider/tool/probe.hpp"

namespace ostrust::tool {

/// Answers in a child process, whose environment is what the question wants. The outcome's `out` is
/// the Probe as ProbeToJson() writes it. Must be called while this process has one thread.
ChildOutcome AnswerInChild(const ProbeQuestion& question, bool load,
                           std::chrono::milliseconds limit);

/// What such a child process does, instead of anything else, where it is this program started anew
/// (Windows). Nullopt when this is no such process; else its exit status.
std::optional<int> RunAsProbeChild(const std::vector<std::string>& arguments);

}  // namespace ostrust::tool
