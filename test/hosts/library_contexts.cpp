// A program with library contexts of its own. OPENSSL_CONF has no ostrust; the file named by
// OSTRUST_OTHER_CONF has. Only contexts that loaded that one are served, and all of them are.
#include <openssl/provider.h>

#include "host.hpp"

using namespace host;

namespace {

Owned<OSSL_LIB_CTX> NewContext(const std::string& configuration) {
  Owned<OSSL_LIB_CTX> library(OSSL_LIB_CTX_new());
  if (OSSL_LIB_CTX_load_config(library.get(), configuration.c_str()) != 1) {
    Check(false, "the configuration loads", __LINE__, Errors());
  }
  return library;
}

Owned<X509_STORE> OsStore(OSSL_LIB_CTX* library) {
  Owned<X509_STORE> store(X509_STORE_new());
  if (X509_STORE_load_file_ex(store.get(), "os://", library, nullptr) != 1) {
    Check(false, "os:// loads", __LINE__, Errors());
  }
  return store;
}

Owned<X509_STORE> DefaultStore(OSSL_LIB_CTX* library) {
  Owned<X509_STORE> store(X509_STORE_new());
  X509_STORE_set_default_paths_ex(store.get(), library, nullptr);
  ERR_clear_error();
  return store;
}

void TheDefaultContextIsUntouched() {
  Owned<X509_STORE> store(X509_STORE_new());
  CHECK_EQ(X509_STORE_load_file_ex(store.get(), "os://", nullptr, nullptr), 0);
  ERR_clear_error();
  CHECK_EQ(Verify(store.get(), "leaf-a"), kUnknown);
  CHECK_EQ(Verify(DefaultStore(nullptr).get(), "leaf-a"), kUnknown);
  CHECK_EQ(OSSL_PROVIDER_available(nullptr, "ostrust"), 0);
}

void AContextIsServed(OSSL_LIB_CTX* library) {
  const auto store = OsStore(library);
  CHECK_EQ(Verify(store.get(), "leaf-a", library), kAccepted);
  CHECK_EQ(Verify(store.get(), "leaf-b", library), kUnknown);
  const auto defaults = DefaultStore(library);
  CHECK_EQ(Verify(defaults.get(), "leaf-a", library), kAccepted);
  CHECK_EQ(Verify(defaults.get(), "leaf-b", library), kUnknown);
  // A store of the same process that did not ask stays as it was.
  Owned<X509_STORE> plain(X509_STORE_new());
  CHECK_EQ(X509_STORE_load_file_ex(plain.get(), PemPath("root-b").c_str(), library, nullptr), 1);
  CHECK_EQ(Verify(plain.get(), "leaf-a", library), kUnknown);
  CHECK_EQ(Verify(plain.get(), "leaf-b", library), kAccepted);
}

}  // namespace

int main() {
  OPENSSL_init_ssl(0, nullptr);
  const std::string with = Environment("OSTRUST_OTHER_CONF");
  TheDefaultContextIsUntouched();

  auto first = NewContext(with);
  AContextIsServed(first.get());
  TheDefaultContextIsUntouched();

  auto second = NewContext(with);  // the module's second init in this process
  AContextIsServed(second.get());
  AContextIsServed(first.get());

  // A store of a context that is gone must not disturb the other.
  auto left = OsStore(first.get());
  left.reset();
  first.reset();
  AContextIsServed(second.get());
  TheDefaultContextIsUntouched();

  for (int turn = 0; turn < 20; ++turn) {
    const auto again = NewContext(with);
    if (turn % 2 == 0) AContextIsServed(again.get());
  }
  AContextIsServed(second.get());

  // A store outlives its library context: nothing is served, nothing breaks.
  auto third = NewContext(with);
  const auto outlives = OsStore(third.get());
  CHECK_EQ(Verify(outlives.get(), "leaf-a", third.get()), kAccepted);
  third.reset();
  (void)Verify(outlives.get(), "leaf-a", second.get());
  AContextIsServed(second.get());
  TheDefaultContextIsUntouched();
  return Finish();
}
