// Misspelt keys. A provider is told the values of keys it asks for, but cannot list its section of
// the configuration; so the file is read once more when somebody asks for the build info.
#pragma once

#include <string>

#include "provider/host/symbols.hpp"

namespace ostrust {

/// The keys of ostrust's section, in the configuration file that this process reads by default,
/// that ostrust does not know, separated by ", ". Empty when there are none or the file cannot be
/// told.
std::string UnknownKeys(const host::Symbols& symbols);

}  // namespace ostrust
