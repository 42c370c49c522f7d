#include <cerrno>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/keep_errno.hpp"
#include "provider/host/file.hpp"

namespace ostrust::host {
namespace {

using platform::KeepErrno;

/// Closed when it goes.
struct Descriptor {
  explicit Descriptor(int of) : fd(of) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  const int fd;
};

std::optional<std::string> ReadAll(int fd, std::size_t limit) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0 ||
      static_cast<std::size_t>(status.st_size) > limit) {
    return std::nullopt;
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

/// A glob(3) pattern that matches this text only.
std::string Literally(const std::string& text) {
  std::string pattern;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

#ifdef __APPLE__
timespec Modified(const struct stat& status) {
  return status.st_mtimespec;
}
#else
timespec Modified(const struct stat& status) {
  return status.st_mtim;
}
#endif

}  // namespace

std::optional<std::string> ReadRegularFile(const std::string& path, std::size_t limit) {
  const KeepErrno keep;
  std::optional<std::string> text;
  // Looked at before it is opened: opening a FIFO, even for a moment, disturbs its writer.
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.fd >= 0) text = ReadAll(file.fd, limit);
  }
  return text;
}

std::optional<FileState> RegularFileState(const std::string& path) {
  const KeepErrno keep;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  const timespec modified = Modified(status);
  return FileState{static_cast<std::uint64_t>(status.st_dev),
                   static_cast<std::uint64_t>(status.st_ino), status.st_size,
                   modified.tv_sec * kNanosecondsPerSecond + modified.tv_nsec};
}

bool IsAbsolute(const std::string& path) {
  return !path.empty() && path.front() == '/';
}

std::string RealPath(const std::string& path) {
  const KeepErrno keep;
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real == nullptr ? path : std::string(real.get());
}

bool MatchesShellPattern(const std::string& pattern, const std::string& path) {
  return ::fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
}

std::vector<std::string> FilesMatching(const std::string& before, const std::string& after) {
  const KeepErrno keep;
  const std::string pattern = Literally(before) + "*" + Literally(after);
  glob_t found{};
  const std::unique_ptr<glob_t, decltype(&::globfree)> freed(&found, &::globfree);
  if (::glob(pattern.c_str(), 0, nullptr, &found) != 0) return {};
  return {found.gl_pathv, found.gl_pathv + found.gl_pathc};
}

}  // namespace ostrust::host
