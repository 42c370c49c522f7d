// What macOS knows of the process.

#include <cstdlib>

#include <dlfcn.h>
#include <unistd.h>

#include "provider/host/process.hpp"

namespace ostrust::host {
namespace {

// An address in this module.
constinit char here = 0;

}  // namespace

std::optional<std::string> SecureGetenv(const char* name) {
  // issetugid(2) is what ossl_safe_getenv() asks where there is no secure_getenv().
  const char* const value = ::issetugid() != 0 ? nullptr : std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string ProgramName() {
  const char* const name = ::getprogname();
  return name == nullptr ? "" : name;
}

bool KeepLoaded() {
  Dl_info info{};
  if (::dladdr(&here, &info) == 0 || info.dli_fname == nullptr) return false;
  // A handle that is never closed, so that dyld's count never gets to zero: it disregards
  // RTLD_NODELETE for an image that is there (APIs::dlopen_from). RTLD_NOLOAD needs none of dyld's
  // locks that a thread which waits for OpenSSL's configuration could hold.
  return ::dlopen(info.dli_fname, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD) != nullptr;
}

}  // namespace ostrust::host
