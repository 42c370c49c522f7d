// open() that fails for one file: no descriptor is left just then, as the limit of a process cannot
// say.
#pragma once

#include <limits>
#include <string>

namespace ostrust::platform {

/// While it lives open() of exactly this path fails with this errno, in the whole process, so many
/// times. One at a time. The program's own open() comes before the C library's, and calls openat().
class FailingOpen {
 public:
  FailingOpen(std::string path, int error, int times = std::numeric_limits<int>::max());
  FailingOpen(const FailingOpen&) = delete;
  FailingOpen& operator=(const FailingOpen&) = delete;
  ~FailingOpen();

 private:
  const std::string path_;
};

}  // namespace ostrust::platform
