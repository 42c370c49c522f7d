// Opening and reading what an administrator's path leads to, without surprises: a FIFO does not
// hang, a device or an endless file is refused, and nobody who changes a file while it is read can
// do more than change what is read.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/linux/file_stamp.hpp"

namespace ostrust::platform {

/// The largest file that is read. The bundles of the systems are below 1 MiB.
inline constexpr std::size_t kMaxFileSize = std::size_t{32} << 20;

/// Closes its descriptor.
class UniqueFd {
 public:
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }

  int Get() const { return fd_; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

/// An opened file or directory, or the reason why it is not.
struct OpenedPath {
  UniqueFd fd;
  FileStamp stamp;
  struct stat status {};  // all zero when it could not be opened
  std::string error;      // a clause without the path, as "No such file or directory"
  std::size_t max_size = kMaxFileSize;
  bool lacking = false;  // not opened because of IsLackOfMeans()

  bool IsOpen() const { return fd.Get() >= 0; }
  bool IsDirectory() const { return S_ISDIR(status.st_mode); }
};

/// What an errno means, in English whatever the program's language is: strerror() reads a
/// catalogue, in a process that called chroot() one of the new tree, and the C library loads the
/// converter that it names from there. Thread-safe. May throw std::bad_alloc.
std::string ErrorText(int error);

/// Whether this errno of stat(), open() or read() says that the process has no descriptor or memory
/// left, and nothing about the file.
bool IsLackOfMeans(int error);

/// The path of `name` in `directory`.
std::string PathIn(const std::string& directory, std::string_view name);

/// Opens `path`, following symbolic links, if it leads to a regular file of at most `max_size`
/// bytes or to a directory. Its stamp is taken before anything is read.
OpenedPath OpenPath(const std::string& path, std::chrono::nanoseconds racy_window,
                    std::size_t max_size = kMaxFileSize);

/// The content of the regular file that was opened; nullopt, with a clause in `error`, when it
/// cannot be read or grew larger than its max_size. `lacking`, if it is asked for: whether the
/// reason is IsLackOfMeans().
std::optional<Bytes> ReadContent(const OpenedPath& file, std::string& error,
                                 bool* lacking = nullptr);

/// The names in the directory that was opened, sorted, without hidden ones and without what is
/// neither a file nor a link. Nullopt, with a clause in `error`, when it cannot be read.
/// `directory` is closed. `lacking` as for ReadContent().
std::optional<std::vector<std::string>> ListNames(OpenedPath& directory, std::string& error,
                                                  bool* lacking = nullptr);

}  // namespace ostrust::platform
