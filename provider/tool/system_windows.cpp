#include "provider/tool/system.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include <windows.h>
// After windows.h.
#include <shellapi.h>

#include "provider/host/file.hpp"
#include "provider/host/handle.hpp"
#include "provider/host/process.hpp"
#include "provider/host/wide.hpp"

namespace ostrust::tool {
namespace {

using host::Narrow;
using host::WidePath;

constexpr const char* kSeparators = "/\\:";

/// Whether all of it was written.
bool Write(DWORD stream, const std::string& text) {
  const HANDLE handle = ::GetStdHandle(stream);
  DWORD mode = 0;
  DWORD written = 0;
  if (::GetConsoleMode(handle, &mode) != 0) {
    const std::wstring wide = WidePath(text);
    const auto size = static_cast<DWORD>(wide.size());
    return ::WriteConsoleW(handle, wide.data(), size, &written, nullptr) != 0 && written == size;
  }
  const auto size = static_cast<DWORD>(text.size());
  return ::WriteFile(handle, text.data(), size, &written, nullptr) != 0 && written == size;
}

}  // namespace

const char* const kModuleName = "ostrust.dll";
const bool kBackslashSeparates = true;

std::vector<std::string> Arguments(int, char**) {
  // main() gets them in the process's code page.
  std::vector<std::string> arguments;
  int count = 0;
  const std::unique_ptr<LPWSTR, decltype(&::LocalFree)> wide(
      ::CommandLineToArgvW(::GetCommandLineW(), &count), &::LocalFree);
  for (int i = 1; wide != nullptr && i < count; ++i) arguments.push_back(Narrow(wide.get()[i]));
  return arguments;
}

void OpenStandardStreams() {}

void Print(const std::string& text) {
  if (!Write(STD_OUTPUT_HANDLE, text)) {
    throw std::runtime_error("standard output cannot be written");
  }
}

void PrintError(const std::string& text) {
  Write(STD_ERROR_HANDLE, text);
}

std::optional<std::string> GetVariable(const char* name) {
  return host::SecureGetenv(name);
}

void SetVariable(const char* name, const std::string& value) {
  ::SetEnvironmentVariableW(WidePath(name).c_str(), WidePath(value).c_str());
}

void UnsetVariable(const char* name) {
  ::SetEnvironmentVariableW(WidePath(name).c_str(), nullptr);
}

std::string HowToSet(const std::string& name, const std::string& value) {
  return "set the environment variable " + name + " to " + value;
}

std::string HowToUnset(const std::string& names) {
  return "remove from the environment: " + names;
}

FileKind KindOf(const std::string& path) {
  const host::Handle file(
      ::CreateFileW(WidePath(path).c_str(), FILE_READ_ATTRIBUTES,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                    FILE_FLAG_BACKUP_SEMANTICS | host::kNoImpersonation, nullptr));
  if (!file) return FileKind::kNone;
  BY_HANDLE_FILE_INFORMATION information{};
  if (::GetFileType(file.Get()) != FILE_TYPE_DISK ||
      ::GetFileInformationByHandle(file.Get(), &information) == 0) {
    return FileKind::kOther;
  }
  return (information.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? FileKind::kDirectory
                                                                        : FileKind::kRegular;
}

bool IsThere(const std::string& path) {
  return ::GetFileAttributesW(WidePath(path).c_str()) != INVALID_FILE_ATTRIBUTES;
}

bool CanRead(const std::string& path, bool& exists, std::string& why) {
  const host::Handle file(::CreateFileW(
      WidePath(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
      nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL | host::kNoImpersonation, nullptr));
  exists = true;
  if (file) return true;
  const DWORD error = ::GetLastError();
  exists = error != ERROR_FILE_NOT_FOUND && error != ERROR_PATH_NOT_FOUND &&
           error != ERROR_INVALID_NAME && error != ERROR_BAD_PATHNAME;
  why = exists ? "it cannot be opened (error " + std::to_string(error) + ")" : "no such file";
  return false;
}

std::string DirectoryOf(const std::string& path) {
  return path.substr(0, path.find_last_of(kSeparators) + 1);
}

std::string FileNameOf(const std::string& path) {
  return path.substr(path.find_last_of(kSeparators) + 1);
}

std::string Absolute(const std::string& path) {
  if (path.empty()) return path;
  std::wstring full(0x8000, L'\0');
  const DWORD size = ::GetFullPathNameW(WidePath(path).c_str(), static_cast<DWORD>(full.size()),
                                        full.data(), nullptr);
  return size == 0 || size >= full.size() ? path : Narrow(full.substr(0, size));
}

std::string InConfiguration(std::string path) {
  std::replace(path.begin(), path.end(), '\\', '/');
  return path;
}

std::string CustomaryFile(const char* name) {
  return InConfiguration(DirectoryOf(OwnPath())) + name;  // a folder that can be anywhere
}

std::string OwnPath() {
  std::wstring path(0x8000, L'\0');
  const DWORD size = ::GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size()));
  return Narrow(std::wstring_view(path).substr(0, size));
}

}  // namespace ostrust::tool
