#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/host/process.hpp"

namespace ostrust::host {

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
  // One write, so that lines of several processes do not mix.
  [[maybe_unused]] const ssize_t written = ::write(fd, line.data(), line.size());
  if (!path.empty()) ::close(fd);
}

}  // namespace ostrust::host
