// Directories for what is expensive to find out: the machine's, which root's processes write for
// all, and the user's own.
//
// What is read from one becomes part of what a program trusts, so nobody but root and the user
// himself may have been able to write it, to put another file in its place, or to put another
// directory in the place of a parent.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/bytes.hpp"

namespace ostrust::platform {

/// The machine's directory. It is used if it is there; the package makes it, no program does.
inline constexpr const char* kMachineCacheDirectory = "/var/cache/ostrust";

/// The directories to look into, in this order. `cache_dir` is the configuration key: `off` or `no`
/// for none at all; an absolute path in place of the user's, which is `$XDG_CACHE_HOME/ostrust` or
/// else `.cache/ostrust` in the home that /etc/passwd names (no name service is asked: it may do
/// TLS itself). A set-user-ID or set-group-ID process has the machine's only: what the user who
/// started it could have written is not what it trusts.
std::vector<std::string> CacheDirectories(std::string_view cache_dir);

/// The content of the file `name` in `directory`. Nullopt when there is none, or when anybody else
/// than root and the user this process runs as could have written it.
std::optional<Bytes> ReadCached(const std::string& directory, const std::string& name);

/// Whether WriteCached() can be expected to work, or else why not, as a clause. The directory and
/// its parent are made if they are missing and may be (mode 0700).
bool PrepareCacheDirectory(const std::string& directory, std::string& why);

/// Puts the file there with one rename(), readable by all. False when it could not.
bool WriteCached(const std::string& directory, const std::string& name, ByteView content);

/// Calls `write` with each directory that can be expected to work (PrepareCacheDirectory()) until
/// it returns no reason why it could not write. Returns the reasons of them all, as a clause; empty
/// when one was written, or there are no directories.
std::string WriteInFirst(const std::vector<std::string>& directories,
                         const std::function<std::string(const std::string& directory)>& write);

}  // namespace ostrust::platform
