// RevocationStore: what this machine knows of revocation: the CRLs beside the system's
// certificates, and the CRLs and OCSP responses that were fetched.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/revocation_list.hpp"

namespace ostrust::platform {

/// Nothing in it is verified: whoever asks verifies it (RevocationList::IsSignedBy(), and an OCSP
/// response's own signature). What it holds is bounded, in memory and on disk. Thread-safe; no lock
/// is held while a file is read or written. Lives as long as the process (ForkSafeMutex). Every
/// function may throw std::bad_alloc; no other failure is an error to the caller: what cannot be
/// read is not there.
class RevocationStore {
 public:
  using ListPtr = std::shared_ptr<const RevocationList>;

  /// `cache_dir` and `trust_source` are the configuration keys.
  RevocationStore(const std::string& cache_dir, const std::string& trust_source);
  /// For tests: the cache directories and the hashed directories, in this order.
  RevocationStore(std::function<std::vector<std::string>()> cache_directories,
                  std::vector<std::string> hashed_directories);
  ~RevocationStore();

  /// The lists of this issuer (a Name in DER, which counts as X509_NAME_cmp() says) in the hashed
  /// directories: <hash>.r0 and so on, PEM or DER. A file that has not changed is not read again,
  /// and of a large one the index is kept in a cache directory. `verifier` as in Discard().
  std::vector<ListPtr> InDirectories(ByteView issuer, std::string_view verifier = {});

  /// The lists that were fetched from `url`, in memory and in every cache directory. `verifier` as
  /// in Discard().
  std::vector<ListPtr> Fetched(std::string_view url, std::string_view verifier = {});
  /// Puts a list that was fetched and verified (IsSignedBy(); by which keys is kept with it) into
  /// the first cache directory that is this user's, in place of an older one (thisUpdate). Returns
  /// why not, as a clause; empty when it was, when a newer one is there, or when there are no
  /// directories. Where it is not written it is in memory.
  /// One of the same issuer that claims to be newer stays, unless it is of the future: then it is
  /// damaged, or the clock was, and would stay for ever.
  std::string Keep(std::string_view url, const ListPtr& list);

  /// That a list is damaged, or nobody's: if it comes from a file of a cache directory, that file
  /// is not read again by this process until it is another one, so that it is made, or fetched,
  /// again. True if so: once for each file in a process, for it may be made of a list that is
  /// nobody's. All of that for this `verifier` only (RevocationList::IsSignedBy()).
  bool Discard(const ListPtr& list, std::string_view verifier = {});

  /// The OCSP responses kept under this name, which the caller makes of what they are about: in
  /// memory and in every cache directory. Each once.
  std::vector<Bytes> Responses(std::string_view about);
  /// As Keep(). It replaces what was there: the caller has found it newer. With `to_disk` false in
  /// memory only. One that is empty or longer than 64 KiB is not kept.
  std::string KeepResponse(std::string_view about, ByteView response, bool to_disk);

  /// The right to fetch one thing, which one thread of one process has at a time. Ended by the
  /// destructor, or by the process. A child that is forked meanwhile does not have it.
  class Turn {
   public:
    virtual ~Turn() = default;

   protected:
    Turn() = default;
  };
  /// Null while somebody else fetches `what`: another thread, or another process that shares the
  /// cache directory. Where nothing can be written, threads of this process only. Does not wait.
  std::unique_ptr<Turn> TakeTurn(std::string_view what);

 private:
  struct State;

  const std::unique_ptr<State> state_;
};

}  // namespace ostrust::platform
