// What an IntermediateCache writes into its files. What is read was written by root or the user
// himself (cache_directory.hpp), but perhaps not by us, or not to its end: it is taken as a whole
// or not at all.
#pragma once

#include <vector>

#include "platform/bytes.hpp"
#include "platform/intermediate_cache.hpp"

namespace ostrust::platform {

/// The largest certificate that is kept, and how many of one subject are.
inline constexpr std::size_t kMaxIntermediateSize = std::size_t{64} << 10;
inline constexpr std::size_t kMaxOfOneSubject = 8;

/// Whether `bytes` is exactly one certificate (CertificateFields), of a size that is kept;
/// `subject` is then its subject, a view into it.
bool IsIntermediate(ByteView bytes, ByteView& subject);

/// The certificates one after the other. All IsIntermediate().
Bytes EncodeIntermediates(const std::vector<Bytes>& certificates);
/// Empty when `bytes` is nothing that EncodeIntermediates() makes of kMaxOfOneSubject or fewer.
std::vector<Bytes> DecodeIntermediates(ByteView bytes);

/// How many failures are kept.
inline constexpr std::size_t kMaxFailedFetches = 256;

Bytes EncodeFailedFetches(const std::vector<FailedFetch>& failed);
/// Empty when `bytes` is nothing that EncodeFailedFetches() makes of kMaxFailedFetches or fewer.
std::vector<FailedFetch> DecodeFailedFetches(ByteView bytes);

}  // namespace ostrust::platform
