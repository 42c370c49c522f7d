// Directories for what is expensive to find out: the machine's, which root's processes write for
// all, and the user's own.
//
// What is read from one becomes part of what a program trusts, so nobody but root and the user
// himself may have been able to write it, to put another file in its place, or to put another
// directory in the place of a parent. A process that is one user and acts for another has no user's
// own: only what is root's is read then, and nothing is written.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/linux/file_io.hpp"
#include "platform/linux/file_lock.hpp"
#include "platform/linux/file_stamp.hpp"

namespace ostrust::platform {

/// The machine's directory. It is used if it is there; the package makes it, no program does.
inline constexpr const char* kMachineCacheDirectory = "/var/cache/ostrust";

/// How many files there may be in a directory whose names begin alike.
inline constexpr std::size_t kMaxCachedFiles = 4096;

/// The name of the file of something: `prefix` and its SHA-1, which is no boundary. A file must say
/// what it is of, or be harmless when it is of something else.
std::string CachedName(std::string_view prefix, ByteView of);

/// To be called before a new file with this prefix is written. Where there are kMaxCachedFiles of
/// them, the eighth of them that is the oldest is removed; so is what processes that were killed
/// while they wrote one have left a day ago. Returns why there is no room all the same, as a
/// clause; empty when there is, or when writing will say why not.
std::string MakeRoom(const std::string& directory, std::string_view prefix);

/// The directories to look into, in this order. `cache_dir` is the configuration key: `off` or `no`
/// for none at all; an absolute path in place of the user's, which is `$XDG_CACHE_HOME/ostrust` or
/// else `.cache/ostrust` in the home that /etc/passwd names (no name service is asked: it may do
/// TLS itself). A set-user-ID or set-group-ID process has the machine's only: what the user who
/// started it could have written is not what it trusts.
std::vector<std::string> CacheDirectories(std::string_view cache_dir);

/// Why nothing in `directory`, which is there, is read, as a clause; empty when it is.
std::string WhyCacheIsNotUsed(const std::string& directory);

/// The content of the file `name` in `directory`. Nullopt when there is none, or when anybody else
/// than root and the user this process runs as could have written it.
std::optional<Bytes> ReadCached(const std::string& directory, const std::string& name);

/// The file, opened, of any size; not open when ReadCached() would not read it because of who could
/// have written it.
struct CachedFile {
  UniqueFd fd;
  FileStamp::Identity identity;
  /// It is root's, in the machine's directory, and that is root's: who wrote it could as well have
  /// changed what the system trusts.
  bool is_machines = false;

  bool IsOpen() const { return fd.Get() >= 0; }
};
CachedFile OpenCached(const std::string& directory, const std::string& name);

/// Whether WriteCached() can be expected to work, or else why not, as a clause. The directory and
/// its parent are made if they are missing and may be (mode 0700).
bool PrepareCacheDirectory(const std::string& directory, std::string& why);

/// Puts the file there with one rename(), readable by all. False when it could not, or `content` is
/// longer than ReadCached() reads.
bool WriteCached(const std::string& directory, const std::string& name, ByteView content);
/// The same with the parts one after the other, for OpenCached(), of any size.
bool WriteCachedParts(const std::string& directory, const std::string& name,
                      std::initializer_list<ByteView> parts);

/// Takes `lock` on the file `name` in `directory`. kImpossible also where WriteCached() writes
/// nothing because of who could have written there.
FileLock::Result LockCached(const std::string& directory, const std::string& name, FileLock& lock);

/// Calls `write` with each directory that can be expected to work (PrepareCacheDirectory()) until
/// it returns no reason why it could not write. Returns the reasons of them all, as a clause; empty
/// when one was written, or there are no directories.
std::string WriteInFirst(const std::vector<std::string>& directories,
                         const std::function<std::string(const std::string& directory)>& write);

}  // namespace ostrust::platform
