// Is this file the operating system's own bundle?
//
// Programs that name the system's bundle or directory by path ask for the operating system's trust.
// Whether a path is that is decided by what the path leads to, never by how it is spelt: a file
// called ca-certificates.crt somewhere else is somebody's own.
//
// True says: who names this file asks for what MakeTrustSource()'s "auto" reads. So it is true of a
// file only that is made of the same certificates, by the system; false on systems that have none
// such (Windows, macOS). The location table is linux/locations.hpp.
#pragma once

#include <string>

namespace ostrust::platform {

/// Whether `path` leads to the bundle this system serves: on Unix, the first file of the location
/// table that is there. Links do not matter. A few calls of stat(); keeps errno. Thread-safe.
bool IsSystemBundle(const std::string& path);

/// The same for the hashed directory beside that bundle, or, on a system without a bundle, for the
/// first directory of the table that is there.
bool IsSystemDirectory(const std::string& path);

}  // namespace ostrust::platform
