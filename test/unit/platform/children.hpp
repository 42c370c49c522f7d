// What tests of files do in a child process: as another user, or to be killed.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace ostrust::platform {

inline constexpr uid_t kNobody = 65534;  // as Unprivileged

/// A copy of a program, run as that user, whose libraries it cannot reach: of the dynamic linker.
inline constexpr int kNotLoaded = 127;

#define SKIP_UNLESS_ROOT() \
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files to others"

/// Forks; the child exits with what `body` returns.
pid_t StartChild(const std::function<int()>& body);
/// The exit status of a child; -1 if it was killed.
int WaitForChild(pid_t child);
/// Both.
int InChild(const std::function<int()>& body);

}  // namespace ostrust::platform
