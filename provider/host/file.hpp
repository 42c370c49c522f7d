// Reading a small file that the program named.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace ostrust::host {

/// The contents of the regular file `path`, symbolic links followed; nullopt when it is anything
/// else, larger than `limit`, or cannot be read. Keeps errno.
std::optional<std::string> ReadRegularFile(const std::string& path, std::size_t limit);

}  // namespace ostrust::host
