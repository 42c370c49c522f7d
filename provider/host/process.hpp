// The few things the provider asks of the process it lives in.
#pragma once

#include <string>
#include <string_view>

namespace ostrust::host {

/// getenv(), or null in a process that runs with more rights than its caller (set-user-ID, file
/// capabilities): secure_getenv(), which OpenSSL's ossl_safe_getenv() is too (rule 10). The string
/// belongs to the environment.
const char* SecureGetenv(const char* name);

/// The last component of the program's name; empty when it cannot be told.
std::string_view ProgramName();

long ProcessId();

/// Appends `line` to the file `path`, created with mode 0600, or to standard error when `path` is
/// empty. Follows no symbolic link, appends to regular files only, and gives up silently.
void AppendLine(const std::string& path, std::string_view line) noexcept;

}  // namespace ostrust::host
