// Libraries loaded into this process, by the dynamic loader of the system.
#pragma once

#include <string>

namespace ostrust::tool {

/// Loads the library at `path`, which stays loaded. Null, with a sentence in `why`, when that
/// fails.
void* LoadLibraryFile(const std::string& path, std::string& why);

/// An exported function; null when there is none.
void* FindSymbol(void* library, const char* name);

/// The path of the loaded library whose file is called `name`; empty when there is none.
std::string LoadedFile(const std::string& name);

}  // namespace ostrust::tool
