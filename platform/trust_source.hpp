// TrustSource: one way to read the operating system's trust store, and the factory that picks it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "platform/trust_store.hpp"

namespace ostrust::platform {

/// What reading a source gave: a store with at least one anchor, or the reason why there is none.
struct LoadResult {
  /// Null when nothing could be read. With an error, it holds distrusted certificates and no
  /// anchor: nothing to begin with, but no reason to go on trusting what the system distrusts now.
  std::shared_ptr<const TrustStore> store;
  /// Set when there is no anchor: a sentence that names everything that was tried.
  std::string error;
  /// It is because of LackOfMeans: what could not be read may be what distrusts somebody, so no
  /// other source takes its place.
  bool lacking = false;
};

/// A place where the operating system keeps what it trusts. Not thread-safe: LiveTrustStore calls
/// it from one thread at a time, also in children of fork(), and keeps the last good store where
/// Load() fails (rule 7). So it fails rather than guesses, on every system:
///
/// - What is missing may be what distrusts somebody. Where memory or descriptors ran out, or a
///   place that only distrusts is there and cannot be read, there is an error and no store
///   (Windows, whose verifier is asked as well: where it could be read before). The same for a file
///   in such a place (p11-kit's: what its module passes over is a problem), and, where it can be
///   told, for a store that the system's tool is still writing. One certificate that does not parse
///   is a problem of the store, and hides no other (rule 11); so is a link that leads to nothing.
/// - All places are one store, in which distrust wins (CertificateTrust::MergedWith()). A limit of
///   the system's that CertificateTrust cannot say is a refusal, here or by its verifier.
/// - The system names the places: no relative path, and none of a variable of the environment. In a
///   process that called chroot() since the first Load(), nothing is read: paths lead elsewhere.
class TrustSource {
 public:
  virtual ~TrustSource() = default;

  /// Reads the whole source. Never throws for what a file contains; may throw std::bad_alloc. The
  /// error says everything that was tried, and why each failed.
  virtual LoadResult Load() = 0;

  /// Whether the source may differ from what the last Load() read. Cheap, it is asked every
  /// `refresh` seconds: no file is read. False when Load() was never called. Also true after a
  /// Load() that threw, where something could not be read and now may be, where something appeared
  /// that was not there, and where a change would not show (FileStamp::kRacyWindow).
  virtual bool Changed() = 0;

 protected:
  TrustSource() = default;
  TrustSource(const TrustSource&) = default;
  TrustSource& operator=(const TrustSource&) = default;
};

/// The source that the configuration key `trust-source` names: on every system "auto" (also "") for
/// the system's store. On Linux and other Unix also "p11-kit", "p11-kit:DIR", or the absolute path
/// of a bundle file or a directory, which stands alone: what the system distrusts elsewhere is not
/// read. linux/system_trust_source.hpp makes all those. `cache_dir` is the key `cache-dir`, for
/// what is kept between processes. Nothing is read yet, but where linux/ is taken FirstRoot() is
/// called. Called while the configuration is read, by any thread. Null, with a sentence in `error`
/// that says what is allowed, when `trust_source` is none of these; `error` is empty otherwise.
std::unique_ptr<TrustSource> MakeTrustSource(std::string_view trust_source,
                                             std::string_view cache_dir, std::string& error);

}  // namespace ostrust::platform
