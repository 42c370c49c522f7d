#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/host/process.hpp"

namespace ostrust::host {
namespace {

/// In one write, so that lines of several processes do not mix. Without the SIGPIPE that would end
/// a program whose standard error is a pipe that nobody reads any more.
void WriteLine(int fd, std::string_view line) {
  sigset_t broken_pipe;
  sigset_t previous;
  sigset_t pending;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  if (::pthread_sigmask(SIG_BLOCK, &broken_pipe, &previous) != 0) return;
  const bool was_pending = ::sigpending(&pending) != 0 || sigismember(&pending, SIGPIPE) == 1;
  // The signal goes to the thread that writes. One that was pending before is the program's.
  if (::write(fd, line.data(), line.size()) < 0 && errno == EPIPE && !was_pending &&
      ::sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1) {
    int taken = 0;
    ::sigwait(&broken_pipe, &taken);
  }
  ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

}  // namespace

long ProcessId() {
  return static_cast<long>(::getpid());
}

void AppendLine(const std::string& path, std::string_view line) noexcept {
  int fd = STDERR_FILENO;
  if (!path.empty()) {
    // O_NONBLOCK: a FIFO planted at the path must not hang the process.
    fd = ::open(path.c_str(),
                O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
                0600);
    if (fd < 0) return;
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(fd);
      return;
    }
  }
  WriteLine(fd, line);
  if (!path.empty()) ::close(fd);
}

}  // namespace ostrust::host
