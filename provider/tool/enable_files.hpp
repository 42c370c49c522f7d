// The files that `ostrust enable` reads and writes, below one directory: / or another root, or a
// home. Nothing outside of it is reached, whatever the links in it say.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "platform/linux/file_io.hpp"
#include "platform/linux/file_lock.hpp"

namespace ostrust::tool {

/// Paths begin with a slash and are meant below the directory. For one thread.
class FileTree {
 public:
  /// Nullopt, with a sentence in `why`, when `directory`, an absolute path, is none.
  static std::optional<FileTree> Open(const std::string& directory, std::string& why);

  /// How a path is shown to a person.
  std::string Shown(const std::string& path) const;

  // --- what others have there; links are followed, but never out of the tree

  /// The text of a regular file of at most 1 MiB; nullopt with errno when there is none.
  std::optional<std::string> Read(const std::string& path) const;
  bool IsFile(const std::string& path) const;
  bool IsDirectory(const std::string& path) const;
  /// The paths of the files in a directory whose names end so, sorted.
  std::vector<std::string> FilesIn(const std::string& directory, const std::string& end) const;
  /// What a link leads to, within the tree; `path` itself when it is none.
  std::string Target(const std::string& path) const;

  // --- what is ours, or becomes it. No link is followed. The directory itself, every folder on the
  // way, and the file, must belong to root or to us, and nobody else may write to it: else a
  // sentence in `why`.

  struct Found {
    bool there = false;
    std::string text;
    mode_t mode = 0644;
    uid_t owner = 0;
    gid_t group = 0;

    bool operator==(const Found&) const = default;
  };

  /// False, with `why`, when it is there and may not be touched.
  bool Look(const std::string& path, Found& found, std::string& why) const;

  /// Replaces the file as a whole: beside it, fsync, rename. `like`: owner and mode, of a file that
  /// is edited, which also keeps its extended attributes (SELinux's label, access lists) but those
  /// that sign its content; null: ours and 0644.
  bool Write(const std::string& path, const std::string& text, const Found* like,
             std::string& why) const;

  /// What a Write() that was killed left beside it.
  void RemoveLeftover(const std::string& path) const;

  /// With what was left beside it. True when it is not there.
  bool Remove(const std::string& path, std::string& why) const;

  /// Those of the folders on the way to `path` that are not there, the first first.
  std::vector<std::string> MissingFolders(const std::string& path) const;
  bool MakeFolder(const std::string& path, std::string& why) const;
  /// If it is empty.
  void RemoveFolder(const std::string& path) const;

  /// Whether nobody but root and us can replace the file or anything on the way to it.
  bool IsSafe(const std::string& path, std::string& why) const;

  /// Takes `lock` on the file. kImpossible: with a sentence in `why`; lock.Error() is 0 where it is
  /// a folder on the way.
  platform::FileLock::Result Lock(const std::string& path, platform::FileLock& lock,
                                  std::string& why) const;

 private:
  FileTree(const std::string& directory, int fd) : directory_(directory), base_(fd) {}

  int OpenFollowing(const std::string& path, int flags) const;
  /// The directory in which the last part of `path` is; -1 with errno and a sentence in `why`.
  platform::UniqueFd OpenParent(const std::string& path, std::string& why) const;

  std::string directory_;
  platform::UniqueFd base_;
};

}  // namespace ostrust::tool
