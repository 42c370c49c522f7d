#include "platform/linux/file_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ostrust::platform {

bool IsLackOfLocks(int error) {
  return error == ENOLCK || error == EINVAL || error == EOPNOTSUPP;
}

FileLock::Result FileLock::Take(UniqueFd directory, const std::string& name, std::string& why) {
  const auto failed = [this, &why] {
    error_ = errno;
    why = ErrorText(error_);
    return Result::kImpossible;
  };
  error_ = 0;
  // Whoever has it removes the file before he gives it back, so what was opened may no longer be
  // what the name leads to. Where that happens again and again others are at it.
  for (int attempt = 0; attempt < 3; ++attempt) {
    UniqueFd file(openat(directory.Get(), name.c_str(),
                         O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
    struct stat opened {};
    struct stat named {};
    if (file.Get() < 0 || fstat(file.Get(), &opened) != 0) return failed();
    if (!S_ISREG(opened.st_mode) || (opened.st_uid != 0 && opened.st_uid != geteuid()) ||
        (opened.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
      why = "this is no regular file, belongs to another user or can be written by others";
      return Result::kImpossible;
    }
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (fcntl(file.Get(), F_SETLK, &whole) != 0) {
      if (errno != EACCES && errno != EAGAIN) {
        const Result result = failed();
        if (IsLackOfLocks(error_)) unlinkat(directory.Get(), name.c_str(), 0);
        return result;
      }
      const bool is_known = fcntl(file.Get(), F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
      holder_ = is_known ? std::max<pid_t>(whole.l_pid, 0) : 0;
      return Result::kTakenByOther;
    }
    if (fstatat(directory.Get(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        named.st_dev != opened.st_dev || named.st_ino != opened.st_ino) {
      continue;
    }
    directory_ = std::move(directory);
    file_ = std::move(file);
    name_ = name;
    process_ = getpid();
    return Result::kTaken;
  }
  return Result::kTakenByOther;
}

FileLock::~FileLock() {
  if (file_.Get() >= 0 && process_ == getpid()) unlinkat(directory_.Get(), name_.c_str(), 0);
}

}  // namespace ostrust::platform
