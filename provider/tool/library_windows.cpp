#include <windows.h>

#include "provider/host/wide.hpp"
#include "provider/tool/library.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {

void* LoadLibraryFile(const std::string& path, std::string& why) {
  if (path.empty()) {
    why = "there is no openssl.exe on PATH whose libcrypto could be asked";
    return nullptr;
  }
  // What it needs lies beside it, or on PATH; never in the working directory.
  ::SetDllDirectoryW(L"");
  const HMODULE library = ::LoadLibraryExW(host::WidePath(Absolute(path)).c_str(), nullptr,
                                           LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == nullptr) {
    why = path + " cannot be loaded (error " + std::to_string(::GetLastError()) + ")";
  }
  return library;
}

void* FindSymbol(void* library, const char* name) {
  return reinterpret_cast<void*>(::GetProcAddress(static_cast<HMODULE>(library), name));
}

std::string LoadedFile(const std::string& name) {
  const HMODULE library = ::GetModuleHandleW(host::WidePath(name).c_str());
  if (library == nullptr) return {};
  std::wstring path(0x8000, L'\0');
  const DWORD size = ::GetModuleFileNameW(library, path.data(), static_cast<DWORD>(path.size()));
  return host::Narrow(std::wstring_view(path).substr(0, size));
}

}  // namespace ostrust::tool
