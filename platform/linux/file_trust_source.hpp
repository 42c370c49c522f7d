// FileTrustSource: the system's trust store where it is kept in files, on Linux and other Unix.
//
// Three kinds: a bundle file, a directory of certificate files, or `auto`, which takes the first
// bundle of the location table (locations.hpp) that holds an anchor and the hashed directory beside
// it, or else the first directory that holds one. It never reads a relative path: a file planted in
// the working directory must not become a trust store.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/linux/file_io.hpp"
#include "platform/linux/file_stamp.hpp"
#include "platform/linux/layered_trust_store.hpp"
#include "platform/linux/root_directory.hpp"
#include "platform/trust_source.hpp"

namespace ostrust::platform {

/// What tests change.
struct FileTrustOptions {
  /// Stands before the paths of the location table; not before a path that was named.
  std::string root;
  std::chrono::nanoseconds racy_window = FileStamp::kRacyWindow;
};

class FileTrustSource final : public TrustSource {
 public:
  /// An empty `path` is `auto`; any other is absolute.
  FileTrustSource(std::string path, FileTrustOptions options)
      : path_(std::move(path)), options_(std::move(options)) {}

  LoadResult Load() override { return LoadAfter({}); }
  /// The same, when other sources are `unusable`, one sentence each. They are among the problems of
  /// the store, and in the error if there is none.
  LoadResult LoadAfter(std::vector<std::string> unusable);
  /// False also in a process that called chroot() since: its paths lead elsewhere now, and a tree
  /// that somebody else may write to must not replace the system's store.
  bool Changed() override;

 private:
  using FileIdentity = std::pair<dev_t, ino_t>;

  /// `unusable`: what is there but gives no anchor.
  LoadResult LoadAuto(std::vector<std::string> unusable);
  LoadResult LoadPath(const std::string& path);
  LoadResult LoadBundle(const OpenedPath& file, const std::string& path,
                        const char* hashed_directory, std::vector<std::string> problems);
  LoadResult LoadDirectory(OpenedPath& directory, const std::string& path,
                           std::vector<std::string> problems);
  void ReadDirectoryFile(const std::string& path, std::set<FileIdentity>& seen,
                         std::vector<TrustedCertificate>& certificates,
                         std::vector<std::string>& problems);
  std::optional<LayeredTrustStore::Directory> ListHashedDirectory(
      const std::string& path, std::vector<std::string>& problems);
  OpenedPath Open(const std::string& path);
  /// Notes that `path` could not be read for `error`, and for a lack of means if so.
  void NoteUnread(const std::string& path, const std::string& error, bool lacking);

  const std::string path_;
  const FileTrustOptions options_;
  RootDirectory root_;
  // What the last Load() looked at: also what it did not find and what it could not use.
  std::vector<FileStamp> stamps_;
  // Why it must not be believed: what could not be read for lack of means may be what distrusts
  // somebody.
  std::string lack_;
  // It was left by an exception, so that the stamps are not all there.
  bool interrupted_ = false;
  // The store it made, if that goes on reading files. Kept to learn which.
  std::shared_ptr<const LayeredTrustStore> layered_;
};

/// The source for "auto", without p11-kit, and for a path. As MakeTrustSource().
std::unique_ptr<TrustSource> MakeFileTrustSource(std::string_view trust_source,
                                                 FileTrustOptions options, std::string& error);

}  // namespace ostrust::platform
