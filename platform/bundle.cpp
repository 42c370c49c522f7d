#include "platform/bundle.hpp"

#include <utility>

#include "platform/der.hpp"
#include "platform/pem.hpp"

namespace ostrust::platform {
namespace {

// A file of nothing but broken blocks must not fill the memory with sentences.
constexpr std::size_t kMaxProblems = 100;

}  // namespace

Bundle ReadBundle(ByteView file, std::string_view name) {
  Bundle bundle;
  // DER first: a certificate could have lines in it that look like PEM, and the person who
  // installed the file saw the certificate.
  if (auto certificate = ReadTrustedCertificate(file)) {
    bundle.certificates.push_back(std::move(*certificate));
    return bundle;
  }

  const std::string_view text = AsText(file);
  PemReader reader(text);
  std::size_t ordinal = 0;
  std::size_t unreported = 0;
  while (auto block = reader.Next()) {
    ++ordinal;
    if (block->problem == nullptr) {
      if (auto certificate = ReadTrustedCertificate(block->data)) {
        bundle.certificates.push_back(std::move(*certificate));
        continue;
      }
      block->problem = "not a certificate in DER";
    }
    if (bundle.problems.size() == kMaxProblems) {
      ++unreported;
      continue;
    }
    bundle.problems.push_back(std::string(name) + ": certificate " + std::to_string(ordinal) +
                              " (line " + std::to_string(LineAt(text, block->offset)) +
                              ") is skipped: " + block->problem);
  }
  if (unreported != 0) {
    bundle.problems.push_back(std::string(name) + ": " + std::to_string(unreported) +
                              " more certificates are skipped");
  }
  return bundle;
}

}  // namespace ostrust::platform
