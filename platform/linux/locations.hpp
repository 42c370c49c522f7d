// Where the Unix systems keep the anchors they trust. The table is the model of Go's
// crypto/x509/root_linux.go: one line each, with the systems named that use it. A Unix with a
// folder of its own defines these functions there, for its own paths only.
//
// For `trust-source = auto`, and for the provider, which must recognise these paths when a program
// names one. Nothing is read here.
#pragma once

#include <span>

namespace ostrust::platform {

struct BundleLocation {
  const char* bundle;
  // The hashed directory (openssl rehash) that the same system looks up beside it; null if it has
  // none.
  const char* hashed_directory;
};

/// Bundle files, the one to prefer first.
std::span<const BundleLocation> SystemBundles();

/// Directories of certificates, for systems without a bundle. The one to prefer first.
std::span<const char* const> SystemDirectories();

/// Directories in which a system that keeps trust policy in p11-kit has it: certificates with
/// purposes and dates, and what is distrusted. Bundles are extracted from them and have lost that.
std::span<const char* const> PolicyDirectories();

}  // namespace ostrust::platform
