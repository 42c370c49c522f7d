#include "platform/linux/cache_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <utility>

#include "platform/linux/secure_execution.hpp"
#include "platform/sha1.hpp"

namespace ostrust::platform {
namespace {

constexpr const char* kName = "/ostrust";

/// What stands before the next `separator`, or the rest; `text` is what follows.
std::string_view Cut(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::string HomeOfAccount() {
  const OpenedPath file = OpenPath("/etc/passwd", FileStamp::kRacyWindow);
  std::string ignored;
  const auto content =
      file.IsOpen() && !file.IsDirectory() ? ReadContent(file, ignored) : std::nullopt;
  std::string_view accounts = content ? AsText(*content) : std::string_view();
  const std::string user = std::to_string(geteuid());
  while (!accounts.empty()) {
    // passwd(5): name:password:UID:GID:GECOS:directory:shell
    std::string_view account = Cut(accounts, '\n');
    std::array<std::string_view, 6> fields;
    for (std::string_view& field : fields) field = Cut(account, ':');
    if (fields[2] == user) return std::string(fields[5]);
  }
  return {};
}

/// False in a process of one user that acts for another for a while, as servers of files and mail
/// do (seteuid(2)): what it reads then it will still believe as who it was.
bool IsOneUser() {
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  return getresuid(&real, &effective, &saved) == 0 && real == effective && saved == effective;
}

/// Root or the user this process runs as, and nobody else, decides what is in a file or directory.
bool IsOurs(const struct stat& status) {
  return (status.st_uid == 0 || (status.st_uid == geteuid() && IsOneUser())) &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// The same for what a parent directory contains. In one with the sticky bit others can add
/// entries, but not replace ours.
bool IsOursOrSticky(const struct stat& status) {
  return IsOurs(status) || (status.st_uid == 0 && (status.st_mode & S_ISVTX) != 0);
}

std::string ParentOf(const std::string& path) {
  return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
}

/// The directory, opened; invalid, with a clause in `why`, when somebody else could have put it
/// there.
UniqueFd OpenDirectory(const std::string& directory, std::string& why) {
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  const std::unique_ptr<char, Free> real(realpath(directory.c_str(), nullptr));
  if (real == nullptr) {
    why = directory + ": " + ErrorText(errno);
    return UniqueFd(-1);
  }
  std::string path = real.get();
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (fd.Get() < 0 || fstat(fd.Get(), &status) != 0) {
    why = directory + ": " + ErrorText(errno);
    return UniqueFd(-1);
  }
  if (!IsOurs(status)) {
    why = directory + " belongs to another user or can be written by others";
    return UniqueFd(-1);
  }
  while (path.size() > 1) {
    path = ParentOf(path);
    if (lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || !IsOursOrSticky(status)) {
      why = path + " belongs to another user or can be written by others";
      return UniqueFd(-1);
    }
  }
  return fd;
}

/// Only where nobody else decides what is there: root makes none in a user's home.
bool MakeDirectory(const std::string& path) {
  std::string ignored;
  const UniqueFd parent = OpenDirectory(ParentOf(path), ignored);
  return parent.Get() >= 0 &&
         mkdirat(parent.Get(), path.substr(path.rfind('/') + 1).c_str(), 0700) == 0;
}

/// A file this large would end the process with SIGXFSZ.
bool IsTooLarge(std::size_t size) {
  rlimit limit{};
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         size > static_cast<std::uintmax_t>(limit.rlim_cur);  // FreeBSD's is signed
}

bool WriteAll(int fd, ByteView content) {
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    content = content.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

std::string CachedName(std::string_view prefix, ByteView of) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name(prefix);
  for (const std::uint8_t byte : Sha1(of)) {
    name += kDigits[byte >> 4];
    name += kDigits[byte & 0xf];
  }
  return name;
}

std::string MakeRoom(const std::string& directory, std::string_view prefix) {
  constexpr std::time_t kLeftBehind = 86400;  // seconds
  std::string ignored;
  UniqueFd fd = OpenDirectory(directory, ignored);
  if (fd.Get() < 0) return {};
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(fd.Get()), closedir);
  if (stream == nullptr) return {};
  const int parent = fd.Release();  // the stream's now

  using File = std::pair<std::time_t, std::string>;
  std::vector<File> files;
  // Safe: the stream is this thread's alone (POSIX.1-2024).
  while (const struct dirent* const entry = readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    const bool is_temporary = name.starts_with('.') && name.substr(1).starts_with(prefix);
    if (!is_temporary && !name.starts_with(prefix)) continue;
    struct stat status {};
    if (fstatat(parent, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!is_temporary) {
      files.emplace_back(status.st_mtime, name);
    } else if (status.st_mtime < std::time(nullptr) - kLeftBehind) {
      unlinkat(parent, entry->d_name, 0);
    }
  }
  if (files.size() < kMaxCachedFiles) return {};
  const auto removed = files.begin() + static_cast<std::ptrdiff_t>(files.size() / 8);
  std::nth_element(files.begin(), removed, files.end());
  bool has_room = false;
  std::for_each(files.begin(), removed, [&](const File& file) {
    if (unlinkat(parent, file.second.c_str(), 0) == 0) has_room = true;
  });
  return has_room ? std::string()
                  : directory + " holds " + std::to_string(files.size()) + " files " +
                        std::string(prefix) + "*, and none can be removed";
}

std::vector<std::string> CacheDirectories(std::string_view cache_dir) {
  if (cache_dir == "off" || cache_dir == "no") return {};
  std::vector<std::string> directories = {kMachineCacheDirectory};
  if (InSecureExecution()) return directories;
  if (!cache_dir.empty()) {
    directories.emplace_back(cache_dir);
    return directories;
  }
  const char* const xdg = std::getenv("XDG_CACHE_HOME");
  if (xdg != nullptr && *xdg == '/') {
    directories.push_back(std::string(xdg) + kName);
  } else if (const std::string home = HomeOfAccount(); home.size() > 1 && home.front() == '/') {
    directories.push_back(home + "/.cache" + kName);
  }
  return directories;
}

std::string WhyCacheIsNotUsed(const std::string& directory) {
  std::string why;
  OpenDirectory(directory, why);
  return why;
}

CachedFile OpenCached(const std::string& directory, const std::string& name) {
  std::string ignored;
  CachedFile file{UniqueFd(-1), {}};
  const UniqueFd parent = OpenDirectory(directory, ignored);
  struct stat parent_status {};
  struct stat status {};
  if (parent.Get() < 0 || fstat(parent.Get(), &parent_status) != 0) return file;
  UniqueFd fd(openat(parent.Get(), name.c_str(),
                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (fd.Get() < 0 || fstat(fd.Get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      !IsOurs(status)) {
    return file;
  }
  file.fd = std::move(fd);
  file.identity = FileStamp::IdentityOf(status);
  file.is_machines =
      directory == kMachineCacheDirectory && parent_status.st_uid == 0 && status.st_uid == 0;
  return file;
}

std::optional<Bytes> ReadCached(const std::string& directory, const std::string& name) {
  CachedFile cached = OpenCached(directory, name);
  OpenedPath file{std::move(cached.fd), FileStamp::OfUnread(name), {}, {}};
  std::string ignored;
  if (!file.IsOpen() || static_cast<std::uint64_t>(cached.identity.size) > kMaxFileSize) {
    return std::nullopt;
  }
  file.status.st_size = cached.identity.size;
  return ReadContent(file, ignored);
}

bool PrepareCacheDirectory(const std::string& directory, std::string& why) {
  struct stat existing {};
  if (directory != kMachineCacheDirectory && lstat(directory.c_str(), &existing) != 0) {
    const std::string parent = ParentOf(directory);
    if (lstat(parent.c_str(), &existing) == 0 || MakeDirectory(parent)) MakeDirectory(directory);
  }
  const UniqueFd fd = OpenDirectory(directory, why);
  if (fd.Get() < 0) return false;
  struct stat status {};
  if (fstat(fd.Get(), &status) == 0 && status.st_uid == geteuid()) return true;
  why = directory + " belongs to another user";
  return false;
}

bool WriteCached(const std::string& directory, const std::string& name, ByteView content) {
  return content.size() <= kMaxFileSize && WriteCachedParts(directory, name, {content});
}

bool WriteCachedParts(const std::string& directory, const std::string& name,
                      std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  static std::atomic<unsigned> count{0};
  std::string ignored;
  const UniqueFd parent = OpenDirectory(directory, ignored);
  if (parent.Get() < 0 || IsTooLarge(size)) return false;
  // With the time, too: in a container the process number is the same each time, and one that was
  // killed may have left its file.
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const std::string temporary = "." + name + "." + std::to_string(getpid()) + "." +
                                std::to_string(now) + "." + std::to_string(count.fetch_add(1));
  const UniqueFd file(openat(parent.Get(), temporary.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.Get() < 0) return false;
  const bool written = std::all_of(parts.begin(), parts.end(),
                                   [&](ByteView part) { return WriteAll(file.Get(), part); });
  if (written && fchmod(file.Get(), 0644) == 0 &&
      renameat(parent.Get(), temporary.c_str(), parent.Get(), name.c_str()) == 0) {
    return true;
  }
  unlinkat(parent.Get(), temporary.c_str(), 0);
  return false;
}

FileLock::Result LockCached(const std::string& directory, const std::string& name, FileLock& lock) {
  std::string ignored;
  UniqueFd parent = OpenDirectory(directory, ignored);
  if (parent.Get() < 0) return FileLock::Result::kImpossible;
  return lock.Take(std::move(parent), name, ignored);
}

std::string WriteInFirst(const std::vector<std::string>& directories,
                         const std::function<std::string(const std::string& directory)>& write) {
  std::string reasons;
  for (const std::string& directory : directories) {
    std::string why;
    if (PrepareCacheDirectory(directory, why)) why = write(directory);
    if (why.empty()) return {};
    if (!reasons.empty()) reasons += "; ";
    reasons += why;
  }
  return reasons;
}

}  // namespace ostrust::platform
