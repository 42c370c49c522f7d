// A Windows handle that is closed with its owner.
#pragma once

#include <windows.h>

namespace ostrust::host {

/// For CreateFile(): a path may lead to a pipe, and who is at its other end may act as us only if
/// that is allowed.
inline constexpr DWORD kNoImpersonation = SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS;

class Handle {
 public:
  /// Takes the handle over; INVALID_HANDLE_VALUE and null stand for none.
  explicit Handle(HANDLE handle) : handle_(handle) {}
  ~Handle() {
    if (*this) ::CloseHandle(handle_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  explicit operator bool() const { return handle_ != INVALID_HANDLE_VALUE && handle_ != nullptr; }
  HANDLE Get() const { return handle_; }

 private:
  const HANDLE handle_;
};

}  // namespace ostrust::host
