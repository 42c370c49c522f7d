#include "children.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace ostrust::platform {

pid_t StartChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  return child;
}

int WaitForChild(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) != child) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int InChild(const std::function<int()>& body) {
  return WaitForChild(StartChild(body));
}

}  // namespace ostrust::platform
