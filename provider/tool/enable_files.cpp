#include "provider/tool/enable_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "provider/tool/system.hpp"
#include "provider/tool/write_all.hpp"

namespace ostrust::tool {
namespace {

using platform::FileLock;
using platform::UniqueFd;

constexpr std::size_t kMaxSize = std::size_t{1} << 20;
constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::string NameBeside(const std::string& name) {
  return "." + name + ".ostrust-new";
}

/// Whether nobody but root and us can change it.
bool IsOurs(const struct stat& status) {
  return (status.st_uid == 0 || status.st_uid == ::geteuid()) &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool ReadAll(int fd, std::string& text) {
  text.clear();
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxSize) {
      errno = EFBIG;
      return false;
    }
  }
}

std::string Attribute(int fd, const std::string& name) {
  std::string value(XATTR_SIZE_MAX, '\0');
  const ssize_t size = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
  value.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return value;
}

/// SELinux's label, access lists and what else `from` has, to `to`. False with errno.
bool CopyAttributes(int from, int to) {
  std::string names(XATTR_LIST_MAX, '\0');
  const ssize_t size = ::flistxattr(from, names.data(), names.size());
  if (size < 0) return errno == ENOTSUP;
  names.resize(static_cast<std::size_t>(size));
  for (std::size_t at = 0; at < names.size();) {
    const std::string name = names.c_str() + at;
    at += name.size() + 1;
    if (name == "security.ima" || name == "security.evm") continue;  // of the content
    const std::string value = Attribute(from, name);
    if (Attribute(to, name) == value) continue;  // also where the file system has one for all
    if (::fsetxattr(to, name.c_str(), value.data(), value.size(), 0) != 0) return false;
  }
  return true;
}

std::vector<std::string> Parts(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at) parts.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

}  // namespace

std::optional<FileTree> FileTree::Open(const std::string& directory, std::string& why) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    why = directory + ": " + std::strerror(errno);
    return std::nullopt;
  }
  FileTree tree(directory == "/" ? "" : directory, fd);
  // openat2() is in Linux since 5.6, and old containers forbid it.
  if (UniqueFd(tree.OpenFollowing("/", O_PATH | O_DIRECTORY)).Get() < 0) {
    why = directory + ": nothing can be opened below it without leaving it: openat2(2): " +
          std::strerror(errno);
    return std::nullopt;
  }
  return tree;
}

std::string FileTree::Shown(const std::string& path) const {
  return directory_ + path;
}

int FileTree::OpenFollowing(const std::string& path, int flags) const {
  flags |= O_CLOEXEC;
  if ((flags & O_PATH) == 0) flags |= O_NONBLOCK;  // openat2() refuses the two together
  if (directory_.empty()) return ::open(path.c_str(), flags);
  open_how how{};
  how.flags = static_cast<unsigned>(flags);
  how.resolve = RESOLVE_IN_ROOT;
  return static_cast<int>(::syscall(SYS_openat2, base_.Get(), path.c_str(), &how, sizeof(how)));
}

std::optional<std::string> FileTree::Read(const std::string& path) const {
  const UniqueFd file(OpenFollowing(path, O_RDONLY));
  struct stat status {};
  if (file.Get() < 0 || ::fstat(file.Get(), &status) != 0) return std::nullopt;
  std::string text;
  if (!S_ISREG(status.st_mode)) {
    errno = EINVAL;
    return std::nullopt;
  }
  if (!ReadAll(file.Get(), text)) return std::nullopt;
  return text;
}

bool FileTree::IsFile(const std::string& path) const {
  const UniqueFd file(OpenFollowing(path, O_PATH));
  struct stat status {};
  return file.Get() >= 0 && ::fstat(file.Get(), &status) == 0 && S_ISREG(status.st_mode);
}

bool FileTree::IsDirectory(const std::string& path) const {
  return UniqueFd(OpenFollowing(path, O_PATH | O_DIRECTORY)).Get() >= 0;
}

std::vector<std::string> FileTree::FilesIn(const std::string& directory,
                                           const std::string& end) const {
  std::vector<std::string> paths;
  const int fd = OpenFollowing(directory, O_RDONLY | O_DIRECTORY);
  DIR* const stream = fd < 0 ? nullptr : ::fdopendir(fd);
  if (stream == nullptr) {
    if (fd >= 0) ::close(fd);
    return paths;
  }
  while (const dirent* const entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    std::string path = directory;
    if (path.back() != '/') path += '/';
    path += name;
    if (name.size() > end.size() && name.ends_with(end) && IsFile(path)) paths.push_back(path);
  }
  ::closedir(stream);
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string FileTree::Target(const std::string& path) const {
  const UniqueFd file(OpenFollowing(path, O_PATH));
  if (file.Get() < 0) return path;
  std::array<char, PATH_MAX> name{};
  const std::string link = "/proc/self/fd/" + std::to_string(file.Get());
  const ssize_t size = ::readlink(link.c_str(), name.data(), name.size());
  if (size <= 0) return path;
  const std::string target(name.data(), static_cast<std::size_t>(size));
  if (!target.starts_with(directory_ + "/")) return path;
  return target.substr(directory_.size());
}

UniqueFd FileTree::OpenParent(const std::string& path, std::string& why) const {
  UniqueFd folder(::fcntl(base_.Get(), F_DUPFD_CLOEXEC, 0));
  struct stat base {};
  if (::fstat(folder.Get(), &base) != 0 || !IsOurs(base)) {
    why = (directory_.empty() ? "/" : directory_) +
          " belongs to somebody else, or others can write to it";
    errno = EPERM;
    return UniqueFd(-1);
  }
  std::string so_far;
  const auto parts = Parts(path);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    so_far += "/" + parts[i];
    UniqueFd next(::openat(folder.Get(), parts[i].c_str(), kFolder));
    struct stat status {};
    if (next.Get() < 0 || ::fstat(next.Get(), &status) != 0) {
      const int error = errno;
      why = Shown(so_far) + ": " +
            (error == ELOOP || error == ENOTDIR ? "this is a link or no directory"
                                                : std::strerror(error));
      errno = error;
      return UniqueFd(-1);
    }
    if (!IsOurs(status)) {
      why = Shown(so_far) + " belongs to somebody else, or others can write to it";
      errno = EPERM;
      return UniqueFd(-1);
    }
    folder = std::move(next);
  }
  return folder;
}

bool FileTree::Look(const std::string& path, Found& found, std::string& why) const {
  found = {};
  const UniqueFd folder = OpenParent(path, why);
  if (folder.Get() < 0) return errno == ENOENT;
  const std::string name = FileNameOf(path);
  const UniqueFd file(
      ::openat(folder.Get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.Get() < 0 && errno == ENOENT) return true;
  if (file.Get() < 0 || ::fstat(file.Get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    why = Shown(path) + (file.Get() < 0 && errno != ELOOP ? std::string(": ") + std::strerror(errno)
                                                          : " is a link or no regular file");
    return false;
  }
  if (!IsOurs(status)) {
    why = Shown(path) + " belongs to somebody else, or others can write to it";
    return false;
  }
  if (!ReadAll(file.Get(), found.text)) {
    why = Shown(path) + ": " + std::strerror(errno);
    return false;
  }
  found.there = true;
  found.mode = status.st_mode & 07777;
  found.owner = status.st_uid;
  found.group = status.st_gid;
  return true;
}

bool FileTree::Write(const std::string& path, const std::string& text, const Found* like,
                     std::string& why) const {
  const UniqueFd folder = OpenParent(path, why);
  if (folder.Get() < 0) return false;
  const std::string name = FileNameOf(path);
  const std::string beside = NameBeside(name);
  ::unlinkat(folder.Get(), beside.c_str(), 0);
  bool done = false;
  {
    const UniqueFd file(::openat(folder.Get(), beside.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    done = file.Get() >= 0 && WriteAll(file.Get(), text) &&
           (like == nullptr || ::fchown(file.Get(), like->owner, like->group) == 0) &&
           ::fchmod(file.Get(), like == nullptr ? 0644 : like->mode) == 0;
    if (const UniqueFd old(done && like != nullptr
                               ? ::openat(folder.Get(), name.c_str(),
                                          O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
                               : -1);
        old.Get() >= 0) {
      done = CopyAttributes(old.Get(), file.Get());
    }
    done = done && ::fsync(file.Get()) == 0;
  }
  done = done && ::renameat(folder.Get(), beside.c_str(), folder.Get(), name.c_str()) == 0;
  if (!done) {
    why = Shown(path) + ": " + std::strerror(errno);
    ::unlinkat(folder.Get(), beside.c_str(), 0);
    return false;
  }
  ::fsync(folder.Get());
  return true;
}

void FileTree::RemoveLeftover(const std::string& path) const {
  std::string why;
  const UniqueFd folder = OpenParent(path, why);
  if (folder.Get() >= 0) ::unlinkat(folder.Get(), NameBeside(FileNameOf(path)).c_str(), 0);
}

bool FileTree::Remove(const std::string& path, std::string& why) const {
  const UniqueFd folder = OpenParent(path, why);
  if (folder.Get() < 0) return errno == ENOENT;
  const std::string name = FileNameOf(path);
  ::unlinkat(folder.Get(), NameBeside(name).c_str(), 0);
  if (::unlinkat(folder.Get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    why = Shown(path) + ": " + std::strerror(errno);
    return false;
  }
  ::fsync(folder.Get());
  return true;
}

std::vector<std::string> FileTree::MissingFolders(const std::string& path) const {
  std::vector<std::string> missing;
  std::string so_far;
  const auto parts = Parts(path);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    so_far += "/" + parts[i];
    if (!missing.empty() || !IsDirectory(so_far)) missing.push_back(so_far);
  }
  return missing;
}

bool FileTree::MakeFolder(const std::string& path, std::string& why) const {
  const UniqueFd folder = OpenParent(path, why);
  if (folder.Get() < 0) return false;
  const std::string name = FileNameOf(path);
  if (::mkdirat(folder.Get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
    why = Shown(path) + ": " + std::strerror(errno);
    return false;
  }
  const UniqueFd made(::openat(folder.Get(), name.c_str(), kFolder));  // whatever the umask is
  if (made.Get() < 0 || ::fchmod(made.Get(), 0755) != 0) {
    why = Shown(path) + ": " + std::strerror(errno);
    return false;
  }
  ::fsync(folder.Get());
  return true;
}

void FileTree::RemoveFolder(const std::string& path) const {
  std::string why;
  const UniqueFd folder = OpenParent(path, why);
  if (folder.Get() >= 0) ::unlinkat(folder.Get(), FileNameOf(path).c_str(), AT_REMOVEDIR);
}

bool FileTree::IsSafe(const std::string& path, std::string& why) const {
  const UniqueFd folder = OpenParent(path, why);
  struct stat status {};
  if (folder.Get() < 0) return false;
  if (::fstatat(folder.Get(), FileNameOf(path).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    why = Shown(path) + ": " + std::strerror(errno);
    return false;
  }
  if (S_ISREG(status.st_mode) && IsOurs(status)) return true;
  why = Shown(path) + " is no regular file, belongs to somebody else, or others can write to it";
  return false;
}

FileLock::Result FileTree::Lock(const std::string& path, FileLock& lock, std::string& why) const {
  UniqueFd folder = OpenParent(path, why);
  if (folder.Get() < 0) return FileLock::Result::kImpossible;
  const auto result = lock.Take(std::move(folder), FileNameOf(path), why);
  if (result == FileLock::Result::kImpossible) why = Shown(path) + ": " + why;
  return result;
}

}  // namespace ostrust::tool
