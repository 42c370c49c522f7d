// That one process at a time does something: a lock on a file that is there only meanwhile.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "platform/linux/file_io.hpp"

namespace ostrust::platform {

/// Whether this errno of fcntl() says that the file system has no locks: NFS without its lock
/// service, for one. Thread-safe.
bool IsLackOfLocks(int error);

/// The file is made with mode 0600: only root and the user this process runs as can open it, and so
/// nobody else can have the lock and keep it.
///
/// The lock is fcntl()'s, which belongs to the process: a child that is forked meanwhile has no
/// part in it, so it cannot hold it longer than its parent wants to, as it would with flock() or an
/// open file description's (the descriptor is close-on-exec, not close-on-fork). And it ends with
/// the process, however that ends: what a kill leaves is a file that the next one takes and
/// removes. The price: it keeps no other thread of this process away, and is lost when one of them
/// closes the file; whoever takes it sees to it that none opens it.
class FileLock {
 public:
  enum class Result : std::uint8_t { kTaken, kTakenByOther, kImpossible };

  FileLock() = default;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  /// Removes the file and gives the lock back. Does nothing in a child that was forked after it was
  /// taken.
  ~FileLock();

  /// Takes the lock on the file `name` in `directory`, in which nobody else may be able to make or
  /// replace one. Does not wait. kImpossible: `why` says it in a clause about the file, and nothing
  /// of it is left where IsLackOfLocks(). To be called until it returns kTaken, if at all.
  Result Take(UniqueFd directory, const std::string& name, std::string& why);

  /// After kTakenByOther: the process that has it. 0 when that is not known: it has just given it
  /// back, or is not visible from here (another container, another machine).
  pid_t Holder() const { return holder_; }

  /// After kImpossible: the errno. 0 where it is who else could have made or written to the file.
  int Error() const { return error_; }

 private:
  UniqueFd directory_{-1};
  UniqueFd file_{-1};
  std::string name_;
  pid_t process_ = 0;
  pid_t holder_ = 0;
  int error_ = 0;
};

}  // namespace ostrust::platform
