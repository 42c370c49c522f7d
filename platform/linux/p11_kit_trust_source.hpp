// P11KitTrustSource: the trust policy that Fedora, RHEL, Arch and openSUSE keep for all programs,
// read through p11-kit's trust module, or from what it said the last time (policy_cache.hpp).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/linux/file_io.hpp"
#include "platform/linux/file_stamp.hpp"
#include "platform/linux/p11_kit_configuration.hpp"
#include "platform/linux/p11_kit_module.hpp"
#include "platform/linux/policy_cache.hpp"
#include "platform/linux/root_directory.hpp"
#include "platform/trust_source.hpp"

namespace ostrust::platform {

struct P11KitOptions {
  /// A directory with `anchors` and `blocklist` to look through, absolute. Empty: the system's.
  std::string directory;
  P11KitLocations locations = P11KitLocations::OfThisSystem();
  /// Where a system that keeps its policy in p11-kit has it (locations.hpp).
  std::vector<std::string> policy_directories;
  /// The configuration key `cache-dir`: CacheDirectories() is asked each time the policy is read,
  /// for the user who the process is then.
  std::string cache_dir = "off";
  /// The answer in its place, if there is one here.
  std::vector<std::string> cache_directories;
  std::chrono::nanoseconds racy_window = FileStamp::kRacyWindow;
  /// When a module that failed, for whatever reason of its own, is tried again, and one that reads
  /// what cannot be watched.
  std::chrono::steady_clock::duration retry = std::chrono::minutes(1);
  /// Reads the module. Tests count the calls.
  std::function<P11KitReading(const P11KitModule&, const BeforeReading&)> read = ReadP11KitPolicy;
};

class P11KitTrustSource final : public TrustSource {
 public:
  explicit P11KitTrustSource(P11KitOptions options) : options_(std::move(options)) {}

  LoadResult Load() override;
  bool Changed() override;

  /// Whether there is a file in one of the policy directories. Cheap; asked before Load(), and then
  /// part of what Changed() compares.
  bool SystemKeepsPolicy();
  /// Whether the module looked through one of the policy directories in the last Load().
  bool ReadPolicyDirectories() const { return read_policy_directories_; }

 private:
  /// What the module is about to read.
  struct Inputs {
    std::vector<FileStamp> stamps;
    std::vector<std::string> files;        // those that can be read
    std::vector<std::string> distrusting;  // those of them that say so in p11-kit's format
    std::vector<std::string> problems;
    /// Whether all that is there can be read. If not, another process may be allowed to, and must
    /// not be told what this one made of the rest.
    bool readable = true;
    /// Why the module is not to be believed: what was to be read and was not, for lack of means,
    /// may not be read by it either, and it says nothing of that.
    std::string lack;
    void Add(const OpenedPath& opened);
    void AddUnlisted(const std::string& path, int error);
  };

  /// May throw LackOfMeans.
  LoadResult LoadThroughModule(const PolicyCache& cache);
  Inputs Look(const std::vector<std::string>& paths) const;
  void LookAt(const std::string& path, Inputs& inputs) const;
  /// `note`: what else there is to say about the source, or nothing.
  LoadResult MakeStore(TrustPolicy policy, const std::string& note);
  LoadResult Fail(const std::string& why) const;

  const P11KitOptions options_;
  RootDirectory root_;
  std::vector<FileStamp> stamps_;         // of what the last Load() was made from
  std::vector<FileStamp> policy_stamps_;  // of what SystemKeepsPolicy() looked at
  bool read_policy_directories_ = false;
  // Set when the last Load() failed for a reason that no stamp shows, read what none shows or less
  // than there may be, or did not end.
  std::optional<std::chrono::steady_clock::time_point> try_again_;
};

/// A sentence when `directory` cannot be given to the module, which takes a list of paths in
/// quotes.
std::string WhyNoPolicyDirectory(std::string_view directory);

}  // namespace ostrust::platform
