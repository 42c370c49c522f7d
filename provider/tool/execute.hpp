// Becoming another program, as far as the system has that.
#pragma once

#include <string>
#include <vector>

namespace ostrust::tool {

// As env(1), nohup(1) and timeout(1) have it.
inline constexpr int kCannotExecute = 126;
inline constexpr int kCommandNotFound = 127;

/// Runs the command in this process's environment. On Windows it is a child that shares our
/// standard streams and console and ends with us, and its exit status is returned. Elsewhere it
/// replaces this process. Else the status to exit with is returned, and `why` says why it was not
/// started.
int Execute(const std::vector<std::string>& command, std::string& why);

}  // namespace ostrust::tool
