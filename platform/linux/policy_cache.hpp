// What p11-kit's trust module said, kept in a file: the module parses every certificate with
// libtasn1 each time a process starts, which takes 25 to 50 ms for Mozilla's list, and reading what
// it said the last time takes one.
//
// Kept with it is what every file looked like that it was made from (file_stamp.hpp); it holds as
// long as they all look the same.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/linux/file_stamp.hpp"
#include "platform/trust_policy.hpp"

namespace ostrust::platform {

struct KeptPolicy {
  std::string setting;  // what was to be read: the directory, or nothing for the system's
  std::vector<FileStamp> stamps;
  TrustPolicy policy;
};

/// All stamps CanBeKept().
Bytes EncodeKeptPolicy(const KeptPolicy& kept);
/// Nullopt when `bytes` is not exactly what EncodeKeptPolicy() makes. The checksum in it finds what
/// a crash left behind; it keeps nobody out (cache_directory.hpp does).
std::optional<KeptPolicy> DecodeKeptPolicy(ByteView bytes);

class PolicyCache {
 public:
  /// `directories`: where to look, in this order (CacheDirectories()). It is kept in the first that
  /// is this user's.
  explicit PolicyCache(std::vector<std::string> directories)
      : directories_(std::move(directories)) {}

  /// What was kept for this setting, if it still holds.
  std::optional<KeptPolicy> Find(const std::string& setting) const;

  /// Returns why it was not kept, as a clause; empty when it was, or there are no directories.
  std::string Keep(const KeptPolicy& kept) const;

 private:
  std::vector<std::string> directories_;
};

}  // namespace ostrust::platform
