// Below the profile's local application data, whose access control list lets in its user, the
// system and administrators, and is inherited by what is made in it.
#include <cstddef>

#include <windows.h>
// After windows.h.
#include <knownfolders.h>
#include <objbase.h>
#include <shlobj.h>

#include "provider/host/handle.hpp"
#include "provider/host/wide.hpp"
#include "provider/tool/private_file.hpp"

namespace ostrust::tool {
namespace {

using host::Handle;

std::string LastError() {
  return "error " + std::to_string(::GetLastError());
}

std::wstring LocalAppData() {
  PWSTR path = nullptr;
  std::wstring result;
  if (SUCCEEDED(::SHGetKnownFolderPath(FOLDERID_LocalAppData, KF_FLAG_CREATE, nullptr, &path))) {
    result = path;
  }
  ::CoTaskMemFree(path);
  return result;
}

/// Whether this is the file or directory of that name itself: no link, junction or the like that
/// somebody put there.
bool IsPlain(const Handle& file, bool directory) {
  BY_HANDLE_FILE_INFORMATION information{};
  if (!file || ::GetFileType(file.Get()) != FILE_TYPE_DISK ||
      ::GetFileInformationByHandle(file.Get(), &information) == 0) {
    return false;
  }
  return (information.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0 &&
         ((information.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) == directory;
}

HANDLE Open(const std::wstring& path, DWORD access, DWORD share, DWORD creation) {
  return ::CreateFileW(
      path.c_str(), access, share, nullptr, creation,
      FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT | host::kNoImpersonation, nullptr);
}

bool Holds(const std::wstring& path, const std::string& content) {
  const Handle file(Open(path, GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING));
  LARGE_INTEGER size{};
  if (!IsPlain(file, false) || ::GetFileSizeEx(file.Get(), &size) == 0 ||
      static_cast<std::size_t>(size.QuadPart) != content.size()) {
    return false;
  }
  std::string found(content.size(), '\0');
  DWORD got = 0;
  return ::ReadFile(file.Get(), found.data(), static_cast<DWORD>(found.size()), &got, nullptr) !=
             0 &&
         found == content;
}

/// Written beside and renamed, so that nobody ever reads half of it.
bool Write(const std::wstring& path, const std::string& content) {
  const std::wstring beside = path + L"." + std::to_wstring(::GetCurrentProcessId());
  ::DeleteFileW(beside.c_str());
  DWORD written = 0;
  {
    const Handle file(Open(beside, GENERIC_WRITE, 0, CREATE_NEW));
    if (!file || ::WriteFile(file.Get(), content.data(), static_cast<DWORD>(content.size()),
                             &written, nullptr) == 0) {
      return false;
    }
  }
  if (written == content.size() &&
      ::MoveFileExW(beside.c_str(), path.c_str(), MOVEFILE_REPLACE_EXISTING) != 0) {
    return true;
  }
  const DWORD error = ::GetLastError();
  ::DeleteFileW(beside.c_str());
  ::SetLastError(error);
  return false;
}

}  // namespace

std::string KeepPrivateFile(const std::string& content, std::string& why) {
  const std::wstring parent = LocalAppData();
  if (parent.empty()) {
    why = "this account has no local application data";
    return {};
  }
  const std::wstring directory = parent + L"\\ostrust";
  if (::CreateDirectoryW(directory.c_str(), nullptr) == 0 &&
      ::GetLastError() != ERROR_ALREADY_EXISTS) {
    why = host::Narrow(directory) + ": " + LastError();
    return {};
  }
  // Kept open without sharing its deletion, so that it stays what it is.
  const Handle opened(Open(directory, FILE_READ_ATTRIBUTES | FILE_LIST_DIRECTORY,
                           FILE_SHARE_READ | FILE_SHARE_WRITE, OPEN_EXISTING));
  if (!IsPlain(opened, true)) {
    why = host::Narrow(directory) + ": it is no directory, or a link to one";
    return {};
  }
  const std::wstring path = directory + L"\\" + host::WidePath(PrivateFileName(content));
  if (!Holds(path, content) && !Write(path, content)) {
    why = host::Narrow(path) + ": " + LastError();
    return {};
  }
  return host::Narrow(path);
}

}  // namespace ostrust::tool
