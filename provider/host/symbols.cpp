#include "provider/host/symbols.hpp"

namespace ostrust::host {

std::string ResolveSymbols(const Image& image, Symbols& symbols) {
#define OSTRUST_RESOLVE(name) Resolve(image, #name, symbols.name);
  OSTRUST_OPTIONAL_SYMBOLS(OSTRUST_RESOLVE)
  OSTRUST_NAME_CONSTRAINTS_SYMBOLS(OSTRUST_RESOLVE)
  OSTRUST_FETCH_SYMBOLS(OSTRUST_RESOLVE)
  OSTRUST_REVOCATION_SYMBOLS(OSTRUST_RESOLVE)
  OSTRUST_RESOLVE(X509_STORE_get1_objects)
  OSTRUST_RESOLVE(X509_VERIFY_PARAM_get_purpose)
#undef OSTRUST_RESOLVE
#define OSTRUST_RESOLVE(name) \
  if (!Resolve(image, #name, symbols.name)) return image.Name() + " does not export " #name;
  OSTRUST_REQUIRED_SYMBOLS(OSTRUST_RESOLVE)
#undef OSTRUST_RESOLVE
  return {};
}

#define OSTRUST_IS_MISSING(name) \
  if ((name) == nullptr) return false;

bool Symbols::CanCheckNameConstraints() const {
  OSTRUST_NAME_CONSTRAINTS_SYMBOLS(OSTRUST_IS_MISSING)
  return true;
}

bool Symbols::CanFetch() const {
  OSTRUST_FETCH_SYMBOLS(OSTRUST_IS_MISSING)
  return GENERAL_NAME_get0_value != nullptr && X509_get_ext_d2i != nullptr &&
         OBJ_obj2nid != nullptr && ERR_peek_last_error != nullptr;
}

bool Symbols::CanCheckRevocation() const {
  OSTRUST_REVOCATION_SYMBOLS(OSTRUST_IS_MISSING)
  return CanFetch();
}

#undef OSTRUST_IS_MISSING

bool Symbols::CanFindLists() const {
  return X509_CRL_free != nullptr && X509_OBJECT_set1_X509_CRL != nullptr &&
         X509_STORE_CTX_get1_crls != nullptr && X509_STORE_add_crl != nullptr &&
         X509_STORE_free != nullptr && X509_STORE_new != nullptr;
}

}  // namespace ostrust::host
