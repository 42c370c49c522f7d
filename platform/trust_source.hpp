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
};

/// A place where the operating system keeps what it trusts. Not thread-safe: LiveTrustStore calls
/// it from one thread at a time.
class TrustSource {
 public:
  virtual ~TrustSource() = default;

  /// Reads the whole source. Never throws for what a file contains; may throw std::bad_alloc.
  virtual LoadResult Load() = 0;

  /// Whether the source may differ from what the last Load() read. Cheap: no file is read. False
  /// when Load() was never called.
  virtual bool Changed() = 0;

 protected:
  TrustSource() = default;
  TrustSource(const TrustSource&) = default;
  TrustSource& operator=(const TrustSource&) = default;
};

/// The source that the configuration key `trust-source` names: "auto" (also ""), "p11-kit",
/// "p11-kit:DIR", or the absolute path of a bundle file or a directory; with `cache_dir`, the key
/// `cache-dir`, for what is kept between processes. Nothing is read yet.
/// Null, with a sentence in `error`, when `trust_source` is none of these.
std::unique_ptr<TrustSource> MakeTrustSource(std::string_view trust_source,
                                             std::string_view cache_dir, std::string& error);

}  // namespace ostrust::platform
