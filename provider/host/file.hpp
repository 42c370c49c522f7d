// The files that a program or the configuration names.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ostrust::host {

/// The contents of the regular file `path`, symbolic links followed; nullopt when it is anything
/// else, larger than `limit`, or cannot be read. Keeps errno.
std::optional<std::string> ReadRegularFile(const std::string& path, std::size_t limit);

/// What tells whether a file was changed.
struct FileState {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified = 0;  // nanoseconds since 1970
  friend auto operator<=>(const FileState&, const FileState&) = default;
};

/// Nullopt when `path` leads to no regular file. Keeps errno.
std::optional<FileState> RegularFileState(const std::string& path);

/// Whether `path` means the same file whatever the working directory is.
bool IsAbsolute(const std::string& path);

/// `path` without symbolic links and dots; `path` itself when it cannot be told. Keeps errno.
std::string RealPath(const std::string& path);

/// fnmatch(3), POSIX shell patterns; `*` matches slashes too. On Windows only `*` and `?` are
/// special, letters match without case, and a slash matches a backslash.
bool MatchesShellPattern(const std::string& pattern, const std::string& path);

/// The files whose path is `before`, anything without a slash, and `after`, sorted. Keeps errno.
std::vector<std::string> FilesMatching(const std::string& before, const std::string& after);

}  // namespace ostrust::host
