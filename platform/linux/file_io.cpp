#include "platform/linux/file_io.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace ostrust::platform {
namespace {

void Say(int why, std::string& error, bool* lacking) {
  if (lacking != nullptr) *lacking = IsLackOfMeans(why);
  error = ErrorText(why);
}

std::string TooLarge(std::size_t max_size) {
  return "larger than " + std::to_string(max_size >> 20) + " MiB";
}

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};

// Whether the type in a directory entry rules a certificate file out. Some file systems give none.
bool IsNoFile(const struct dirent& entry) {
#ifdef DT_UNKNOWN
  return entry.d_type != DT_REG && entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN;
#else
  static_cast<void>(entry);
  return false;
#endif
}

}  // namespace

std::string ErrorText(int error) {
  const locale_t english = newlocale(LC_ALL_MASK, "C", nullptr);
  if (english == nullptr) return "error " + std::to_string(error);
  std::string text = strerror_l(error, english);
  freelocale(english);
  return text;
}

bool IsLackOfMeans(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM;
}

std::string PathIn(const std::string& directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  path.append(directory).append(1, '/').append(name);
  return path;
}

OpenedPath OpenPath(const std::string& path, std::chrono::nanoseconds racy_window,
                    std::size_t max_size) {
  // O_NONBLOCK: opening a FIFO would wait for its writer. It does nothing to a regular file.
  UniqueFd fd(-1);
  do {
    fd = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  } while (fd.Get() < 0 && errno == EINTR);
  struct stat status {};
  if (fd.Get() < 0 || fstat(fd.Get(), &status) != 0) {
    const int error = errno;
    OpenedPath unopened{UniqueFd(-1), FileStamp::OfUnopened(path, error), {}, ErrorText(error)};
    unopened.lacking = IsLackOfMeans(error);
    return unopened;
  }
  auto stamp = FileStamp::Of(path, status, racy_window);
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    return {UniqueFd(-1), std::move(stamp), {}, "neither a file nor a directory"};
  }
  if (S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) > max_size) {
    return {UniqueFd(-1), std::move(stamp), {}, TooLarge(max_size)};
  }
  return {std::move(fd), std::move(stamp), status, {}, max_size};
}

std::optional<Bytes> ReadContent(const OpenedPath& file, std::string& error, bool* lacking) {
  // Read, not mapped: a mapped file that is truncated by somebody else is a SIGBUS for the program.
  // The size may change while it is read, and is 0 in /proc.
  Bytes content(static_cast<std::size_t>(file.status.st_size) + 1);
  std::size_t size = 0;
  for (;;) {
    if (size > file.max_size) {
      error = TooLarge(file.max_size);
      return std::nullopt;
    }
    if (size == content.size()) content.resize(std::min(2 * size + 4096, file.max_size + 1));
    const ssize_t count = read(file.fd.Get(), content.data() + size, content.size() - size);
    if (count < 0) {
      if (errno == EINTR) continue;
      Say(errno, error, lacking);
      return std::nullopt;
    }
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  content.resize(size);
  return content;
}

std::optional<std::vector<std::string>> ListNames(OpenedPath& directory, std::string& error,
                                                  bool* lacking) {
  const std::unique_ptr<DIR, DirectoryCloser> stream(fdopendir(directory.fd.Get()));
  if (stream == nullptr) {
    Say(errno, error, lacking);
    return std::nullopt;
  }
  directory.fd.Release();  // the stream's now
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    // Safe: the stream is this thread's alone (POSIX.1-2024).
    const struct dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] == '.' || IsNoFile(*entry)) continue;
    names.emplace_back(entry->d_name);
  }
  if (errno != 0) {
    Say(errno, error, lacking);
    return std::nullopt;
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace ostrust::platform
