// KeepErrno: for what is done in the middle of a program that will look at errno.
//
// CPython and others look at errno first when a function of OpenSSL fails, and at OpenSSL's error
// queue only when it is 0: what ours left there would be the reason they name.
#pragma once

#include <cerrno>

namespace ostrust::platform {

/// Puts the calling thread's errno back when it goes.
class KeepErrno {
 public:
  KeepErrno() = default;
  ~KeepErrno() { errno = saved_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  const int saved_ = errno;
};

}  // namespace ostrust::platform
