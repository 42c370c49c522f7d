// Work done in a child process, so that a crash, a hang or an odd library in it cannot hurt the
// tool.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace ostrust::tool {

struct ChildOutcome {
  enum class End { kExited, kSignalled, kTimedOut, kNotStarted };
  End end = End::kNotStarted;
  int code = 0;     // the exit status, the number of the signal or of Windows' exception
  std::string out;  // what the work returned, or the command's standard output
  std::string err;  // the command's standard error

  bool Succeeded() const { return end == End::kExited && code == 0; }
  /// How it ended, as a clause: "was ended by signal 11 (Segmentation fault)".
  std::string Describe() const;
};

/// Runs `work` in a fork of this process and returns what it returned. Its standard streams are
/// /dev/null. Must be called while this process has one thread. Not on Windows.
ChildOutcome RunForked(const std::function<std::string()>& work, std::chrono::milliseconds limit);

/// Runs a command, whose first word is the path of a program, with nothing on its standard input.
/// `variables` are set in its environment.
ChildOutcome RunCommand(const std::vector<std::string>& command, std::chrono::milliseconds limit,
                        const std::vector<std::pair<std::string, std::string>>& variables = {});

}  // namespace ostrust::tool
