// LayeredTrustStore: a bundle, and the hashed directory beside it, which is read as it is asked
// for.
//
// The bundle of a system and its hashed directory hold the same certificates, made by the same
// tool, until an administrator changes one of them. Reading both costs far more than reading one
// (144 files on a cold disk: 1.8 s), reading only the bundle misses what the directory says. So the
// directory is only listed. The files of a hash are read when a subject with that hash is first
// looked up, or at once where there are more of them than the bundle has certificates: somebody
// added one, and it must be there for a program that does a chroot() before its first lookup.
//
// Where the process has no descriptor or memory left to read them with, that lookup throws
// LackOfMeans and nothing is remembered: a file that was not read may distrust what the bundle
// trusts.
//
// What the reading of one hash gave is published with one compare-exchange and never changes: no
// lock, so nothing that a fork() could leave locked.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "platform/linux/file_stamp.hpp"
#include "platform/linux/hashed_directory.hpp"
#include "platform/memory_trust_store.hpp"
#include "platform/trust_store.hpp"

namespace ostrust::platform {

class LayeredTrustStore final : public TrustStore {
 public:
  /// A hashed directory as it was listed.
  struct Directory {
    std::string path;
    FileStamp stamp;                 // from before it was listed
    std::vector<HashedFiles> files;  // in the order of the hashes
    std::chrono::nanoseconds racy_window;
  };

  LayeredTrustStore(std::unique_ptr<const MemoryTrustStore> base, Directory directory);
  LayeredTrustStore(const LayeredTrustStore&) = delete;
  LayeredTrustStore& operator=(const LayeredTrustStore&) = delete;
  ~LayeredTrustStore() override;

  /// Reads the files of each hash of which the bundle has fewer certificates. May throw
  /// LackOfMeans.
  void ReadAddedFiles() const;

  std::vector<const StoreEntry*> FindBySubject(ByteView subject) const override;
  CertificateTrust TrustOf(ByteView certificate) const override;
  bool MayLimit(const CertificateFields& fields) const override;
  /// Reads every file that was not read yet.
  std::vector<const StoreEntry*> Entries() const override;
  /// Of what has been read so far; what Entries() holds once it was called.
  std::size_t AnchorCount() const override;
  const std::string& Source() const override { return base_->Source(); }
  /// Of what has been read so far. What one call returned stays as it is.
  const std::vector<std::string>& Problems() const override;

  /// Whether a file of the directory that was read may have changed since. One stat() for each.
  bool ReadFilesMayHaveChanged() const;

 private:
  // What the files of one hash add to the bundle.
  struct Content {
    // The bundle's certificates of this hash merged with the files'; null when they are the same.
    std::unique_ptr<const MemoryTrustStore> store;
    std::ptrdiff_t more_anchors = 0;
    std::vector<FileStamp> stamps;
  };
  struct Cell {
    HashedFiles files;
    std::vector<std::size_t> in_bundle;                    // the bundle's certificates of this hash
    mutable std::atomic<const Content*> content{nullptr};  // owned
  };
  struct ProblemList {
    std::vector<std::string> all;
    const ProblemList* previous = nullptr;  // owned; references into it were handed out
  };

  Cell* CellOf(std::uint32_t name_hash);
  const Cell* CellOf(std::uint32_t name_hash) const;
  // Reads the cell's files if nobody has.
  const Content& ContentOf(const Cell& cell) const;
  std::unique_ptr<Content> ReadCell(const Cell& cell, std::vector<std::string>& problems) const;
  void AddProblems(const std::vector<std::string>& problems) const;
  // The store that answers for subjects with this hash.
  const MemoryTrustStore& StoreFor(std::uint32_t name_hash) const;

  const std::unique_ptr<const MemoryTrustStore> base_;
  const std::string directory_;
  const FileStamp directory_stamp_;
  const std::chrono::nanoseconds racy_window_;
  std::vector<Cell> cells_;  // in the order of the hashes; only their content changes
  mutable std::atomic<const ProblemList*> problems_{nullptr};
};

}  // namespace ostrust::platform
