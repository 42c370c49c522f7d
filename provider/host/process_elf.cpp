// What GNU's and musl's C library and ELF's dynamic linker know of the process. The BSDs' libraries
// have issetugid() and getprogname() for the first two, as macOS (process_macos.cpp).

#include <cerrno>  // program_invocation_short_name
#include <cstdlib>

#include "provider/host/process.hpp"

namespace ostrust::host {

std::optional<std::string> SecureGetenv(const char* name) {
  const char* const value = ::secure_getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string ProgramName() {
  return program_invocation_short_name == nullptr ? "" : program_invocation_short_name;
}

bool KeepLoaded() {
  return true;  // the module is linked with -z nodelete
}

}  // namespace ostrust::host
