#include "provider/host/wide.hpp"

#include <cstddef>

#include <windows.h>

namespace ostrust::host {
namespace {

/// Empty when `code_page` cannot read `text` as a whole.
std::wstring Decode(UINT code_page, DWORD flags, std::string_view text) {
  const int size = static_cast<int>(text.size());
  std::wstring wide(static_cast<std::size_t>(
                        ::MultiByteToWideChar(code_page, flags, text.data(), size, nullptr, 0)),
                    L'\0');
  ::MultiByteToWideChar(code_page, flags, text.data(), size, wide.data(),
                        static_cast<int>(wide.size()));
  return wide;
}

}  // namespace

std::wstring WidePath(const std::string& path) {
  std::wstring wide = Decode(CP_UTF8, MB_ERR_INVALID_CHARS, path);
  return wide.empty() ? Decode(CP_ACP, 0, path) : wide;
}

std::string Narrow(std::wstring_view text) {
  const int size = static_cast<int>(text.size());
  std::string narrow(static_cast<std::size_t>(::WideCharToMultiByte(CP_UTF8, 0, text.data(), size,
                                                                    nullptr, 0, nullptr, nullptr)),
                     '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, narrow.data(),
                        static_cast<int>(narrow.size()), nullptr, nullptr);
  return narrow;
}

}  // namespace ostrust::host
