#undef _FORTIFY_SOURCE  // whose fcntl.h may have an open() of its own to be inlined
#include "failing_open.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <utility>

namespace ostrust::platform {
namespace {

const char* failing = nullptr;
int how = 0;
int left = 0;

}  // namespace

FailingOpen::FailingOpen(std::string path, int error, int times) : path_(std::move(path)) {
  failing = path_.c_str();
  how = error;
  left = times;
}

FailingOpen::~FailingOpen() {
  failing = nullptr;
}

}  // namespace ostrust::platform

extern "C" int open(const char* path, int flags, ...) {
  using namespace ostrust::platform;
  if (failing != nullptr && left > 0 && std::strcmp(path, failing) == 0) {
    --left;
    errno = how;
    return -1;
  }
  unsigned mode = 0;
  if ((flags & O_CREAT) != 0) {
    std::va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, unsigned);
    va_end(arguments);
  }
  return openat(AT_FDCWD, path, flags, mode);
}
