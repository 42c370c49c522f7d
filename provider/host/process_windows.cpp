#include <windows.h>

#include "provider/host/file.hpp"
#include "provider/host/handle.hpp"
#include "provider/host/process.hpp"
#include "provider/host/wide.hpp"

namespace ostrust::host {

std::optional<std::string> SecureGetenv(const char* name) {
  // Not getenv(): each C runtime in a process has a copy of its own of the environment.
  const std::wstring wide = WidePath(name);
  std::wstring value(256, L'\0');
  for (;;) {
    ::SetLastError(ERROR_SUCCESS);
    const DWORD size =
        ::GetEnvironmentVariableW(wide.c_str(), value.data(), static_cast<DWORD>(value.size()));
    if (size == 0 && ::GetLastError() == ERROR_ENVVAR_NOT_FOUND) return std::nullopt;
    if (size < value.size()) return Narrow(std::wstring_view(value).substr(0, size));
    value.resize(size);
  }
}

std::string ProgramName() {
  std::wstring path(0x8000, L'\0');
  const DWORD size = ::GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size()));
  const std::wstring_view all = std::wstring_view(path).substr(0, size);
  return Narrow(all.substr(all.find_last_of(L"\\/") + 1));
}

bool KeepLoaded() {
  HMODULE module = nullptr;
  return ::GetModuleHandleExW(
             GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
             reinterpret_cast<LPCWSTR>(&KeepLoaded), &module) != 0;
}

long ProcessId() {
  return static_cast<long>(::GetCurrentProcessId());
}

void AppendLine(const std::string& path, std::string_view line) noexcept {
  DWORD written = 0;
  const auto size = static_cast<DWORD>(line.size());
  if (path.empty()) {
    ::WriteFile(::GetStdHandle(STD_ERROR_HANDLE), line.data(), size, &written, nullptr);
    return;
  }
  try {
    // FILE_APPEND_DATA alone: each write goes to the end, whoever else writes. Who may read it is
    // what the directory says, as for any file there.
    const Handle file(::CreateFileW(
        WidePath(path).c_str(), FILE_APPEND_DATA | FILE_READ_ATTRIBUTES,
        FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_ALWAYS,
        FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT | kNoImpersonation, nullptr));
    BY_HANDLE_FILE_INFORMATION information{};
    if (file && ::GetFileType(file.Get()) == FILE_TYPE_DISK &&
        ::GetFileInformationByHandle(file.Get(), &information) != 0 &&
        (information.dwFileAttributes &
         (FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY)) == 0) {
      ::WriteFile(file.Get(), line.data(), size, &written, nullptr);
    }
  } catch (...) {
    // Out of memory: the line is lost.
  }
}

}  // namespace ostrust::host
