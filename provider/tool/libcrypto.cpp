#include "provider/tool/libcrypto.hpp"

#include "provider/tool/library.hpp"

namespace ostrust::tool {

std::optional<Libcrypto> Libcrypto::Load(const std::string& path, std::string& why) {
  void* const handle = LoadLibraryFile(path, why);
  if (handle == nullptr) return std::nullopt;
  Libcrypto library;
#define OSTRUST_TOOL_RESOLVE(name) \
  library.name = reinterpret_cast<decltype(library.name)>(FindSymbol(handle, #name));
  OSTRUST_TOOL_SYMBOLS(OSTRUST_TOOL_RESOLVE)
  OSTRUST_TOOL_RESOLVE(OpenSSL_version)
#undef OSTRUST_TOOL_RESOLVE
  return library;
}

bool Libcrypto::Complete(std::string& missing) const {
#define OSTRUST_TOOL_CHECK(name) \
  if (this->name == nullptr) {   \
    missing = #name;             \
    return false;                \
  }
  OSTRUST_TOOL_SYMBOLS(OSTRUST_TOOL_CHECK)
#undef OSTRUST_TOOL_CHECK
  return true;
}

std::string Libcrypto::Version() const {
  return OpenSSL_version == nullptr ? std::string() : OpenSSL_version(OPENSSL_VERSION);
}

std::string Libcrypto::TakeErrors() const {
  std::string text;
  std::string last;
  const char* data = nullptr;
  int flags = 0;
  unsigned long code = 0;
  while ((code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) != 0) {
    const char* const reason = ERR_reason_error_string(code);
    // A system error's reason is a number of errno; its text comes from another function.
    std::string part = reason != nullptr ? reason : "";
    if (data != nullptr && *data != '\0' && (flags & ERR_TXT_STRING) != 0) {
      if (!part.empty()) part += ": ";
      part += data;
    }
    if (part.empty() || part == last) continue;
    if (!text.empty()) text += "; ";
    text += part;
    last = part;
  }
  return text;
}

}  // namespace ostrust::tool
