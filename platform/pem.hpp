// The certificates, or the CRLs, in a PEM text (RFC 7468), found as OpenSSL's PEM_read_bio() finds
// them.
//
// Tolerant where OpenSSL is: a byte order mark, text between blocks, CRLF, white space at line
// ends, base64 lines of any length. More tolerant in two ways: white space is ignored anywhere in
// the base64, and a block that is broken is reported and the next one found (rule 11), where
// OpenSSL drops the rest of the file. What was not asked for, a private key above all, is never
// decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "platform/bytes.hpp"

namespace ostrust::platform {

enum class PemContent : std::uint8_t {
  kCertificates,  // CERTIFICATE, X509 CERTIFICATE or TRUSTED CERTIFICATE
  kCrls,          // X509 CRL
};

/// One block with such a label.
struct PemBlock {
  Bytes data;                     // decoded; empty when the block is broken
  const char* problem = nullptr;  // why it is broken, in a few words; null when it is not
  std::size_t offset = 0;         // of its BEGIN line in the text
};

/// Finds the blocks of a text one after the other, in time linear in its size.
class PemReader {
 public:
  /// `text` must outlive the reader.
  explicit PemReader(std::string_view text, PemContent content = PemContent::kCertificates)
      : text_(text), content_(content) {}

  /// The next block, broken or not; nullopt when there is no more.
  std::optional<PemBlock> Next();

 private:
  std::string_view text_;
  PemContent content_;
  std::size_t position_ = 0;
};

/// The number, from 1, of the line at `offset`. Counts from the start of the text each time.
std::size_t LineAt(std::string_view text, std::size_t offset);

}  // namespace ostrust::platform
