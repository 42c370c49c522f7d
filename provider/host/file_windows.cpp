#include <algorithm>
#include <array>

#include <windows.h>
// After windows.h.
#include <shlwapi.h>

#include "provider/host/file.hpp"
#include "provider/host/handle.hpp"
#include "provider/host/wide.hpp"

namespace ostrust::host {
namespace {

/// For reading, whatever others do with it meanwhile.
HANDLE Open(const std::string& path, DWORD access) {
  return ::CreateFileW(WidePath(path).c_str(), access,
                       FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                       OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | kNoImpersonation, nullptr);
}

/// No pipe, no console.
bool IsOnDisk(const Handle& file) {
  return file && ::GetFileType(file.Get()) == FILE_TYPE_DISK;
}

/// A file on a disk, and no directory.
bool Describe(const Handle& file, BY_HANDLE_FILE_INFORMATION& information) {
  return IsOnDisk(file) && ::GetFileInformationByHandle(file.Get(), &information) != 0 &&
         (information.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

constexpr std::uint64_t Join(DWORD high, DWORD low) {
  return std::uint64_t{high} << 32 | low;
}

/// With slashes, as both are separators and a pattern may have either.
std::wstring Slashed(std::wstring path) {
  std::replace(path.begin(), path.end(), L'\\', L'/');
  return path;
}

}  // namespace

std::optional<std::string> ReadRegularFile(const std::string& path, std::size_t limit) {
  const Handle file(Open(path, GENERIC_READ));
  // Not GetFileInformationByHandle(), which asks for the volume's serial number as well.
  FILE_STANDARD_INFO information{};
  if (!IsOnDisk(file) ||
      ::GetFileInformationByHandleEx(file.Get(), FileStandardInfo, &information,
                                     sizeof information) == 0 ||
      information.Directory != FALSE) {
    return std::nullopt;
  }
  const auto size = static_cast<std::uint64_t>(information.EndOfFile.QuadPart);
  if (size > limit) return std::nullopt;
  std::string text(static_cast<std::size_t>(size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    constexpr std::size_t kMost = std::size_t{1} << 30;
    DWORD got = 0;
    if (::ReadFile(file.Get(), text.data() + done,
                   static_cast<DWORD>(std::min(text.size() - done, kMost)), &got, nullptr) == 0) {
      return std::nullopt;
    }
    if (got == 0) break;
    done += got;
  }
  text.resize(done);
  return text;
}

std::optional<FileState> RegularFileState(const std::string& path) {
  const Handle file(Open(path, FILE_READ_ATTRIBUTES));
  BY_HANDLE_FILE_INFORMATION information{};
  if (!Describe(file, information)) return std::nullopt;
  // FILETIME: units of 100 ns since 1601.
  constexpr std::int64_t kUnitsTo1970 = 116'444'736'000'000'000;
  const auto modified = static_cast<std::int64_t>(
      Join(information.ftLastWriteTime.dwHighDateTime, information.ftLastWriteTime.dwLowDateTime));
  return FileState{
      information.dwVolumeSerialNumber, Join(information.nFileIndexHigh, information.nFileIndexLow),
      static_cast<std::int64_t>(Join(information.nFileSizeHigh, information.nFileSizeLow)),
      (modified - kUnitsTo1970) * 100};
}

bool IsAbsolute(const std::string& path) {
  const auto is_slash = [](char c) { return c == '/' || c == '\\'; };
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  if (path.size() < 3) return false;
  return (is_slash(path[0]) && is_slash(path[1])) ||
         (is_letter(path[0]) && path[1] == ':' && is_slash(path[2]));
}

std::string RealPath(const std::string& path) {
  const Handle file(Open(path, 0));
  if (!file) return path;
  std::array<wchar_t, 32768> buffer{};  // no path is longer
  const DWORD size =
      ::GetFinalPathNameByHandleW(file.Get(), buffer.data(), static_cast<DWORD>(buffer.size()), 0);
  if (size == 0 || size >= buffer.size()) return path;
  const std::wstring_view real(buffer.data(), size);
  constexpr std::wstring_view kPrefix = L"\\\\?\\";
  constexpr std::wstring_view kShare = L"\\\\?\\UNC\\";
  if (real.starts_with(kShare)) return "\\\\" + Narrow(real.substr(kShare.size()));
  return Narrow(real.starts_with(kPrefix) ? real.substr(kPrefix.size()) : real);
}

bool MatchesShellPattern(const std::string& pattern, const std::string& path) {
  return ::PathMatchSpecW(Slashed(WidePath(path)).c_str(), Slashed(WidePath(pattern)).c_str()) != 0;
}

std::vector<std::string> FilesMatching(const std::string& before, const std::string& after) {
  std::vector<std::string> files;
  const std::size_t slash = before.find_last_of("/\\");
  const std::string directory = slash == std::string::npos ? "" : before.substr(0, slash + 1);
  WIN32_FIND_DATAW found{};
  const HANDLE search = ::FindFirstFileW(WidePath(before + "*").c_str(), &found);
  if (search == INVALID_HANDLE_VALUE) return files;
  // `after` may go on below what is found, and FindFirstFile() also matches short names.
  const std::string after_name = after.substr(0, after.find_first_of("/\\"));
  do {
    const std::string name = Narrow(found.cFileName);
    const std::string path = directory + name + after.substr(after_name.size());
    if (name != "." && name != ".." && (directory + name).starts_with(before) &&
        name.ends_with(after_name) &&
        ::GetFileAttributesW(WidePath(path).c_str()) != INVALID_FILE_ATTRIBUTES) {
      files.push_back(path);
    }
  } while (::FindNextFileW(search, &found) != 0);
  ::FindClose(search);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace ostrust::host
