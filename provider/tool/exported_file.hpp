// A file that is replaced as a whole or not at all.
#pragma once

#include <string>
#include <string_view>

namespace ostrust::tool {

/// Puts a file with this content and mode 0644 in the place of `path`: written beside it, synced,
/// and renamed, so that nobody sees a part of it and a failure leaves the old one. Returns why not,
/// as a sentence that names the path; empty when it did.
///
/// What is there must be a regular file or nothing: not a link, whose other end would be another
/// file than the one that is replaced. Root writes nowhere where somebody else decides what the
/// path leads to: the directory and those above it must be root's, and not writable for others
/// unless sticky.
std::string ReplaceFile(const std::string& path, std::string_view content);

}  // namespace ostrust::tool
