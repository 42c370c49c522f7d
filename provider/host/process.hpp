// The few things the provider asks of the process it lives in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ostrust::host {

/// getenv(), or nullopt in a process that runs with more rights than its caller (set-user-ID, file
/// capabilities): secure_getenv(), on macOS issetugid(), as OpenSSL's ossl_safe_getenv() asks (rule
/// 10). Windows has no such processes.
std::optional<std::string> SecureGetenv(const char* name);

/// The last component of the program's name; empty when it cannot be told.
std::string ProgramName();

/// Sees to it that this module stays loaded until the process ends, whoever unloads it (rule 12).
/// On ELF it is linked with -z nodelete: nothing to do where the dynamic linker honours that.
bool KeepLoaded();

long ProcessId();

/// Appends `line` to the file `path`, created with mode 0600, or to standard error when `path` is
/// empty. Follows no symbolic link, appends to regular files only, and gives up silently, without
/// SIGPIPE. Changes errno.
void AppendLine(const std::string& path, std::string_view line) noexcept;

}  // namespace ostrust::host
