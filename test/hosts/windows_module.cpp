// Loads a provider into one libcrypto of many, and says what came of it: "loaded", or OpenSSL's
// errors.
//
//     windows_module LIBCRYPTO MODULE
//
// Both are absolute paths. The exit status is 0 if the module was loaded and 1 if it was not. It
// asks no OpenSSL header, so one program serves every version, and also builds whose openssl.exe is
// not there.
#include <windows.h>

#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <string>

namespace {

/// A function of the library; ends the program if there is none.
template <typename Function>
Function* Find(HMODULE library, const char* name) {
  const FARPROC found = GetProcAddress(library, name);
  if (found == nullptr) {
    std::fprintf(stderr, "no %s in it\n", name);
    std::exit(2);
  }
  // By way of void*: MinGW's FARPROC has other parameters than any of these.
  return reinterpret_cast<Function*>(reinterpret_cast<void*>(found));
}

/// OpenSSL takes the names of files in UTF-8.
std::string Utf8(const wchar_t* text) {
  const int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
  std::string result(length > 0 ? static_cast<size_t>(length) : 1, '\0');
  WideCharToMultiByte(CP_UTF8, 0, text, -1, result.data(), length, nullptr, nullptr);
  result.pop_back();
  return result;
}

}  // namespace

int wmain(int count, wchar_t** arguments) {
  if (count != 3) {
    std::fputs("usage: windows_module LIBCRYPTO MODULE\n", stderr);
    return 2;
  }
  // What it needs lies beside it.
  const HMODULE library = LoadLibraryExW(arguments[1], nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == nullptr) {
    std::fprintf(stderr, "cannot load it: error %lu\n", GetLastError());
    return 2;
  }
  std::puts(Find<const char*(int)>(library, "OpenSSL_version")(0));
  const std::string module = Utf8(arguments[2]);
  if (Find<void*(void*, const char*)>(library, "OSSL_PROVIDER_load")(nullptr, module.c_str()) !=
      nullptr) {
    std::puts("loaded");
    return 0;
  }
  const auto get_error = Find<unsigned long(const char**, int*, const char**, const char**, int*)>(
      library, "ERR_get_error_all");
  const auto error_string = Find<void(unsigned long, char*, size_t)>(library, "ERR_error_string_n");
  const char* data = nullptr;
  int flags = 0;
  while (const unsigned long error = get_error(nullptr, nullptr, nullptr, &data, &flags)) {
    char line[256];
    error_string(error, line, sizeof line);
    std::printf("%s: %s\n", line, data != nullptr ? data : "");
  }
  return 1;
}
