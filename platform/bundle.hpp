// The certificates in a file: PEM with any number of them, or DER with one.
//
// For every source that keeps its anchors in files. Rule 11 holds here: one certificate that does
// not parse is skipped and reported, and hides no other. Private keys and CRLs are passed over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/trusted_certificate.hpp"

namespace ostrust::platform {

struct Bundle {
  std::vector<TrustedCertificate> certificates;  // in the order of the file
  std::vector<std::string> problems;             // one sentence each, naming the file
};

/// Reads `file`, the content of the file called `name`.
Bundle ReadBundle(ByteView file, std::string_view name);

}  // namespace ostrust::platform
