// Whose files `ostrust enable` and `ostrust disable` change, that only one of them does so at a
// time, and how they say that they do not. For one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/linux/file_lock.hpp"
#include "provider/tool/enable.hpp"
#include "provider/tool/enable_files.hpp"
#include "provider/tool/enable_record.hpp"

namespace ostrust::tool {

/// Thrown where it ends with nothing changed: a sentence, and what to do. `status` is the
/// program's.
struct Refusal {
  std::string text;
  int status;
};

[[noreturn]] void Refuse(const std::string& what, const std::string& todo);
[[noreturn]] void RefuseUsage(const std::string& what);

/// Calls `work`, and says what it refuses; returns the exit status.
int Guarded(const std::string& verb, int (*work)(const EnableOptions&),
            const EnableOptions& options);

/// What to do where nothing else helps.
extern const char* const kByHand;

/// Each on a line of its own below what was said.
std::string Listed(const std::vector<std::string>& lines);

/// Where the record of what was done to the system is.
extern const char* const kSystemRecord;

struct Place {
  std::string root;    // in front of all paths; empty: this system
  std::string home;    // the same of a user; empty: it is about the system
  FileTree system;     // what is read: all below `root`
  FileTree tree;       // what is written to: the same, or the home
  std::string own;     // the configuration file, in `tree`
  std::string record;  // of what was done, in `tree`

  bool IsLive() const { return root.empty(); }
  std::string Whom() const { return home.empty() ? "the system" : "this user"; }
  /// The configuration file as programs see it.
  std::string OwnAsSeen() const { return home + own; }
};

/// Throws a Refusal when there is no such place, or it is another user's.
Place PlaceFor(const EnableOptions& options);

/// What ReadRecord() finds; nullopt when nothing was done. Throws a Refusal where it cannot be
/// read.
std::optional<EnableRecord> ReadRecord(const Place& place);

/// Keeps every other enable and disable away from `place`, from before anything is read that a
/// change depends on. The lock is on a file beside the record, which only root, or the user in
/// question, can open: nobody else can have the lock, and keep others from disabling. Nothing of it
/// is left after the object is gone; what a kill leaves, the next one takes, and removes. Where the
/// file system has no locks (NFS without its lock service), no room, or is read-only, it keeps
/// nobody away: what is there can still be looked at and taken away.
class PlaceLock {
 public:
  /// Makes the folders that are missing. Throws a Refusal when another process has it, which it
  /// names, or there can be none. `place` must outlive the object.
  explicit PlaceLock(const Place& place);
  PlaceLock(const PlaceLock&) = delete;
  PlaceLock& operator=(const PlaceLock&) = delete;
  /// Gives it back, and removes those folders that are empty then.
  ~PlaceLock();

  /// The record's folder, and those on the way to it that were made; the outermost first.
  const std::vector<std::string>& Folders() const { return folders_; }
  /// These, too, are removed then, if they are empty.
  void AlsoRemove(const std::vector<std::string>& folders) {
    folders_.insert(folders_.begin(), folders.begin(), folders.end());
  }

 private:
  platform::FileLock::Result Take(std::string& why);

  const Place& place_;
  std::vector<std::string> folders_;
  std::optional<platform::FileLock> lock_;
};

/// Those that are empty; what is inside of others must come later in the list.
void RemoveFolders(const FileTree& tree, const std::vector<std::string>& folders);

}  // namespace ostrust::tool
