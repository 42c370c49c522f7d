// libupki (https://github.com/rustls/upki), which asks CRLite's filters. It is loaded at run time,
// where it is installed, and is the system's own code: a crash inside of it cannot be survived.
#pragma once

#include <memory>
#include <string>

#include "platform/revocation_filter.hpp"

namespace ostrust::platform {

/// Its soname. Another number is another interface.
inline constexpr const char* kUpkiLibrary = "libupki.so.1";

/// What the library `file`, a path or a name for the dynamic linker, answers. Null when it cannot
/// be loaded or is not libupki, for the reason in `why`. Once loaded, it stays loaded.
///
/// Its configuration is what libupki finds itself, the user's or else /etc/upki/config.toml, read
/// again for each answer. A set-user-ID process and one without HOME have the latter only.
std::unique_ptr<const RevocationFilter> LoadUpki(const char* file, std::string& why);

}  // namespace ostrust::platform
