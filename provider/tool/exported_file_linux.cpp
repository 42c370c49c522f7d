#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "platform/linux/file_io.hpp"
#include "provider/tool/exported_file.hpp"
#include "provider/tool/system.hpp"
#include "provider/tool/write_all.hpp"

namespace ostrust::tool {
namespace {

std::string Why(const std::string& path) {
  return path + ": " + std::generic_category().message(errno);
}

/// Why root does not write into the directory `real`, which has no links in it.
std::string WhyOthersDecide(std::string real) {
  for (;;) {
    struct stat status {};
    if (::lstat(real.c_str(), &status) != 0) return Why(real);
    if (status.st_uid != 0) return real + " belongs to another user, and root writes nothing there";
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (status.st_mode & S_ISVTX) == 0) {
      return real + " can be written by others, and root writes nothing there";
    }
    if (real.size() <= 1) return {};
    real.resize(std::max<std::size_t>(real.rfind('/'), 1));
  }
}

}  // namespace

std::string ReplaceFile(const std::string& path, std::string_view content) {
  const std::string name = FileNameOf(path);
  if (name.empty() || name == "." || name == "..") return path + " is a directory";
  const std::string directory = DirectoryOf(path);
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  const std::unique_ptr<char, Free> real(
      ::realpath(directory.empty() ? "." : directory.c_str(), nullptr));
  if (real == nullptr) return Why(directory);
  if (::geteuid() == 0) {
    if (std::string why = WhyOthersDecide(real.get()); !why.empty()) return why;
  }
  const platform::UniqueFd parent(
      ::open(real.get(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (parent.Get() < 0) return Why(real.get());
  struct stat existing {};
  if (::fstatat(parent.Get(), name.c_str(), &existing, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISLNK(existing.st_mode)) return path + " is a link: name the file itself";
    if (S_ISDIR(existing.st_mode)) return path + " is a directory";
    if (!S_ISREG(existing.st_mode)) return path + " is no regular file";
  } else if (errno != ENOENT) {
    return Why(path);
  }
  // One that was killed may have left its file.
  platform::UniqueFd file(-1);
  std::string temporary;
  for (int attempt = 0; file.Get() < 0 && attempt < 100; ++attempt) {
    temporary = ".ostrust-export." + std::to_string(::getpid()) + "." + std::to_string(attempt);
    file = platform::UniqueFd(::openat(parent.Get(), temporary.c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.Get() < 0 && errno != EEXIST) break;
  }
  if (file.Get() < 0) return Why(real.get());
  if (WriteAll(file.Get(), content) && ::fchmod(file.Get(), 0644) == 0 &&
      ::fsync(file.Get()) == 0 &&
      ::renameat(parent.Get(), temporary.c_str(), parent.Get(), name.c_str()) == 0) {
    ::fsync(parent.Get());
    return {};
  }
  std::string why = Why(path);
  ::unlinkat(parent.Get(), temporary.c_str(), 0);
  return why;
}

}  // namespace ostrust::tool
