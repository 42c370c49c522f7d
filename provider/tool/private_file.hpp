// A file that a command and everything it starts can read for as long as they live, that nobody
// else can have written, and of which there are few.
//
// A memfd would leave nothing behind, but whoever closes descriptors before starting a program
// (CPython's subprocess does by default) takes /proc/self/fd/N away from it, and OpenSSL ignores a
// configuration file that does not exist: the program would silently go without.
#pragma once

#include <string>

namespace ostrust::tool {

/// The path of a file with exactly this content, of mode 0600 in a directory of ours that nobody
/// else can write to: $XDG_RUNTIME_DIR/ostrust, else $XDG_CACHE_HOME/ostrust, else .cache/ostrust
/// of the account's home, else /tmp/ostrust-UID. On Windows with the access of the profile's local
/// application data, in the directory ostrust there. Its name is made of its content, so that equal
/// commands share one. Empty, with a sentence in `why`, when there is no such place.
std::string KeepPrivateFile(const std::string& content, std::string& why);

/// The name of the file with this content.
std::string PrivateFileName(const std::string& content);

}  // namespace ostrust::tool
