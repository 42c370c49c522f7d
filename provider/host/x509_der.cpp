#include "provider/host/x509_der.hpp"

#include <new>

namespace ostrust::host {

using platform::Bytes;
using platform::ByteView;

X509Ptr ParseX509(const Symbols& symbols, OSSL_LIB_CTX* libctx, const std::string& propq,
                  ByteView der) {
  X509* x509 = symbols.X509_new_ex(libctx, propq.empty() ? nullptr : propq.c_str());
  if (x509 == nullptr) return {nullptr, symbols.X509_free};
  const auto* position = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = position + der.size();
  // On failure d2i_X509() frees what it was given and sets it to null.
  symbols.d2i_X509(&x509, &position, static_cast<long>(der.size()));
  X509Ptr parsed(x509, symbols.X509_free);
  if (position != end) parsed.reset();
  return parsed;
}

Bytes DerOf(const Symbols& symbols, const X509* x509) {
  const int size = symbols.i2d_X509(x509, nullptr);
  if (size <= 0) throw std::bad_alloc();
  Bytes der(static_cast<std::size_t>(size));
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  if (symbols.i2d_X509(x509, &out) != size) throw std::bad_alloc();
  return der;
}

ByteView DerOf(const Symbols& symbols, const X509_NAME* name) {
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  if (symbols.X509_NAME_get0_der(name, &der, &size) != 1) return {};
  return std::as_bytes(std::span(der, size));
}

}  // namespace ostrust::host
