#include "platform/linux/file_stamp.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ostrust::platform {
namespace {

std::int64_t Nanoseconds(const struct timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

FileStamp::Identity FileStamp::IdentityOf(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::int64_t>(status.st_size), Nanoseconds(status.st_mtim),
          Nanoseconds(status.st_ctim)};
}

FileStamp FileStamp::Of(std::string path, const struct stat& status,
                        std::chrono::nanoseconds racy_window) {
  FileStamp stamp(std::move(path));
  stamp.state_ = State::kPresent;
  stamp.identity_ = IdentityOf(status);
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  // A time far in the future says nothing about when the file was changed; ctime is the kernel's.
  const auto is_recent = [&](std::int64_t time) {
    return time > now - racy_window.count() && time < now + racy_window.count();
  };
  stamp.racy_ = is_recent(stamp.identity_.modified) || is_recent(stamp.identity_.changed);
  return stamp;
}

FileStamp FileStamp::OfUnopened(std::string path, int error) {
  FileStamp stamp(std::move(path));
  if (error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR || error == EIO) {
    return stamp;
  }
  struct stat status;
  if (stat(stamp.path_.c_str(), &status) == 0) {
    stamp.state_ = State::kPresent;
    stamp.identity_ = IdentityOf(status);
    stamp.forbidden_ = error == EACCES || error == EPERM;
  } else {
    stamp.state_ = State::kMissing;
  }
  return stamp;
}

FileStamp FileStamp::OfPath(std::string path, std::chrono::nanoseconds racy_window) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0) return Of(std::move(path), status, racy_window);
  const int error = errno;
  return OfUnopened(std::move(path), error);
}

FileStamp FileStamp::Kept(std::string path, std::optional<Identity> identity) {
  FileStamp stamp(std::move(path));
  stamp.state_ = identity ? State::kPresent : State::kMissing;
  if (identity) stamp.identity_ = *identity;
  return stamp;
}

bool FileStamp::Differs() const {
  if (state_ == State::kUnknown) return true;
  struct stat status;
  if (stat(path_.c_str(), &status) != 0) return state_ != State::kMissing;
  if (state_ != State::kPresent || identity_ != IdentityOf(status)) return true;
  return forbidden_ && faccessat(AT_FDCWD, path_.c_str(), R_OK, AT_EACCESS) == 0;
}

int FileStamp::WhyNotTheSame() const {
  struct stat status;
  if (stat(path_.c_str(), &status) != 0) return errno;
  const Identity now = IdentityOf(status);
  return state_ == State::kPresent && identity_.device == now.device && identity_.inode == now.inode
             ? 0
             : ENOENT;
}

}  // namespace ostrust::platform
