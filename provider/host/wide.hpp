// Between the UTF-8 that OpenSSL's interfaces and everything of ours is in and the UTF-16 of
// Windows' functions.
#pragma once

#include <string>
#include <string_view>

namespace ostrust::host {

/// A path as OpenSSL reads it (openssl_fopen() of crypto/o_fopen.c): UTF-8, or, where it is not
/// that, the process's code page.
std::wstring WidePath(const std::string& path);

/// What is no UTF-16 becomes U+FFFD.
std::string Narrow(std::wstring_view text);

}  // namespace ostrust::host
