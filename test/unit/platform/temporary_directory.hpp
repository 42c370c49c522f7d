// A directory that is gone when the test is, and the things tests do in one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ostrust::platform {

/// Readable by everybody, so that tests can look at it as another user.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  /// Its absolute path, or that of something in it.
  std::string Path(std::string_view name = {}) const;

  /// Writes a file in place, making the directories above it.
  void Write(std::string_view name, std::string_view content) const;
  /// Writes a file beside and renames it to `name`, as package tools do.
  void Replace(std::string_view name, std::string_view content) const;
  void Remove(std::string_view name) const;
  /// Makes or replaces a link, and no directory above it.
  void Link(std::string_view name, const std::string& target) const;
  void MakeDirectory(std::string_view name) const;
  /// The names of all there is in one of its directories, hidden ones too, in no order.
  std::vector<std::string> NamesIn(std::string_view name) const;

 private:
  std::string path_;
};

/// Until a change of a file has another time than those before: the kernel's clock for them ticks
/// every 4 to 10 ms.
void WaitForFileClock();

/// While it lives the process has no right to read what is not readable by everybody, also if the
/// tests run as root: it is another user then, in every respect.
class Unprivileged {
 public:
  Unprivileged();
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;
  ~Unprivileged();

 private:
  const bool was_root_;
};

}  // namespace ostrust::platform
