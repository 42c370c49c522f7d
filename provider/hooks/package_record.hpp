// What a Python package's RECORD says of a file (PEP 376, PEP 427): its size and SHA-256 when it
// was installed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "provider/host/symbols.hpp"

namespace ostrust::hooks {

struct RecordedFile {
  std::string sha256;  // URL-safe base64 without padding, as in RECORD; empty when it is not there
  std::size_t size = 0;
};

/// The line of RECORD `record` for the file `name`; nullopt when there is none with a size.
std::optional<RecordedFile> FindInRecord(std::string_view record, std::string_view name);

/// Whether the RECORD of the package that `path` belongs to says that its content was another one
/// than `content`. False when there is no such RECORD.
bool DiffersFromPackage(const host::Symbols& symbols, const std::string& path,
                        std::string_view content);

}  // namespace ostrust::hooks
