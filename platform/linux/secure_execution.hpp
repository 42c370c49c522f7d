// Whether this process runs with more rights than who started it: set-user-ID, set-group-ID, file
// capabilities. No variable of the environment is read then (rule 10).
#pragma once

#ifdef __linux__
#include <sys/auxv.h>
#else
#include <unistd.h>
#endif

namespace ostrust::platform {

/// As secure_getenv() and, elsewhere, OpenSSL's ossl_safe_getenv() ask. Thread-safe.
inline bool InSecureExecution() {
#ifdef __linux__
  return getauxval(AT_SECURE) != 0;
#else
  return issetugid() != 0;
#endif
}

}  // namespace ostrust::platform
