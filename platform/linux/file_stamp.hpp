// FileStamp: what a file or directory looked like when it was read, to tell later whether it is
// still the same.
//
// For TrustSource::Changed(). One stat() tells, as in git's index: device, inode, size and both
// times. It never opens anything.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace ostrust::platform {

class FileStamp {
 public:
  /// How long after a change a file is not yet believed to be unchanged: a second change within the
  /// resolution of its time stamps (4 ms on Linux, up to 2 s on some file systems) shows in none of
  /// them, which git calls racily clean.
  static constexpr std::chrono::nanoseconds kRacyWindow = std::chrono::seconds(2);

  /// The stamp of `path`, from an fstat() of it that was made before it was read.
  static FileStamp Of(std::string path, const struct stat& status,
                      std::chrono::nanoseconds racy_window);
  /// The stamp of `path` as it is now, from a stat() of it.
  static FileStamp OfPath(std::string path, std::chrono::nanoseconds racy_window);
  /// The stamp of a path that could not be opened, for the reason `error` (an errno). If that is a
  /// lack of means of this process the path counts as changed until it can be read; if it was not
  /// allowed, as soon as it is: the process may have got another user.
  static FileStamp OfUnopened(std::string path, int error);

  /// Of something that could not be read although it is there: it counts as changed until it is.
  static FileStamp OfUnread(std::string path) { return FileStamp(std::move(path)); }

  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified = 0;  // nanoseconds since 1970
    std::int64_t changed = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  static Identity IdentityOf(const struct stat& status);
  /// A stamp that was kept: `identity` is nullopt where there was nothing.
  static FileStamp Kept(std::string path, std::optional<Identity> identity);
  /// Whether it tells the same to another process, later.
  bool CanBeKept() const { return state_ != State::kUnknown && !racy_; }
  const std::string& Path() const { return path_; }
  /// Nullopt where there was nothing.
  std::optional<Identity> GetIdentity() const {
    return state_ == State::kPresent ? std::optional(identity_) : std::nullopt;
  }

  /// The path led to nothing, or could not be followed: a link to nothing, a directory above it
  /// that may not be searched. To go on without what only distrusts, ask lstat() for ENOENT.
  bool IsMissing() const { return state_ == State::kMissing; }
  /// Whether the path now leads to something else than it did.
  bool Differs() const;
  /// Whether it leads to the same file or directory, changed or not: 0, or the errno that says why
  /// not, ENOENT where there is another one.
  int WhyNotTheSame() const;
  /// The same, or it was changed so shortly before it was read that a later change might not show.
  bool MayHaveChanged() const { return racy_ || Differs(); }

 private:
  enum class State : std::uint8_t { kPresent, kMissing, kUnknown };
  explicit FileStamp(std::string path) : path_(std::move(path)) {}

  std::string path_;
  State state_ = State::kUnknown;
  bool racy_ = false;
  bool forbidden_ = false;
  Identity identity_;
};

}  // namespace ostrust::platform
