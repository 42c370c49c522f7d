#include "provider/tool/explain_libraries.hpp"

#include "provider/tool/library.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {

#define OSTRUST_EXPLAIN_RESOLVE(name)                                                 \
  library.name = reinterpret_cast<decltype(library.name)>(FindSymbol(handle, #name)); \
  if (library.name == nullptr && missing.empty()) missing = #name;

std::optional<Verifier> Verifier::Load(const std::string& path, std::string& why) {
  const auto base = Libcrypto::Load(path, why);
  void* const handle = base ? LoadLibraryFile(path, why) : nullptr;
  if (handle == nullptr) return std::nullopt;
  Verifier library;
  static_cast<Libcrypto&>(library) = *base;
  std::string missing;
  base->Complete(missing);
  OSTRUST_EXPLAIN_CRYPTO_SYMBOLS(OSTRUST_EXPLAIN_RESOLVE)
  if (missing.empty()) return library;
  why = path + " (" + base->Version() + ") is not OpenSSL 3 or later: it has no " + missing;
  return std::nullopt;
}

std::optional<Libssl> Libssl::Load(const std::string& libcrypto, const Verifier& verifier,
                                   std::string& why) {
  constexpr std::string_view kName = "libcrypto";
  std::string file = FileNameOf(libcrypto);
  const std::size_t at = file.find(kName);
  if (at == std::string::npos) {
    why = "which libssl belongs to " + libcrypto + " cannot be told";
    return std::nullopt;
  }
  Libssl library;
  library.path = DirectoryOf(libcrypto) + file.replace(at, kName.size(), "libssl");
  if (KindOf(library.path) != FileKind::kRegular) {
    why = "there is no " + library.path + " beside " + libcrypto;
    return std::nullopt;
  }
  void* const handle = LoadLibraryFile(library.path, why);
  if (handle == nullptr) return std::nullopt;
  std::string missing;
  OSTRUST_EXPLAIN_SSL_SYMBOLS(OSTRUST_EXPLAIN_RESOLVE)
  if (!missing.empty()) {
    why = library.path + " has no " + missing;
    return std::nullopt;
  }
  // As the module looks for it: what libssl calls is in that very libcrypto.
  if (FindSymbol(handle, "X509_verify_cert") !=
      reinterpret_cast<void*>(verifier.X509_verify_cert)) {
    why = library.path + " uses another libcrypto than " + libcrypto;
    return std::nullopt;
  }
  return library;
}

#undef OSTRUST_EXPLAIN_RESOLVE

}  // namespace ostrust::tool
