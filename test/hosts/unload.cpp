// A program that loads and unloads the provider itself: afterwards every hook is a pass-through.
// The configuration describes ostrust without activating it.
#include <openssl/provider.h>

#include "host.hpp"

using namespace host;

int main() {
  OPENSSL_init_ssl(0, nullptr);
  CHECK_EQ(OSSL_PROVIDER_available(nullptr, "ostrust"), 0);

  Owned<X509_STORE> before(X509_STORE_new());
  CHECK_EQ(X509_STORE_load_file(before.get(), "os://"), 0);
  ERR_clear_error();

  for (int turn = 0; turn < 3; ++turn) {
    OSSL_PROVIDER* const provider = OSSL_PROVIDER_load(nullptr, "ostrust");
    Check(provider != nullptr, "the provider loads", __LINE__, Errors());
    if (provider == nullptr) break;
    Owned<X509_STORE> store(X509_STORE_new());
    Check(X509_STORE_load_file(store.get(), "os://") == 1, "os:// loads", __LINE__, Errors());
    CHECK_EQ(Verify(store.get(), "leaf-a"), kAccepted);
    CHECK_EQ(Verify(store.get(), "leaf-b"), kUnknown);

    // Loaded twice, it is unloaded by the second unloading only.
    OSSL_PROVIDER* const again = OSSL_PROVIDER_load(nullptr, "ostrust");
    CHECK_EQ(OSSL_PROVIDER_unload(again), 1);
    CHECK_EQ(Verify(store.get(), "leaf-a"), kAccepted);

    CHECK_EQ(OSSL_PROVIDER_unload(provider), 1);
    CHECK_EQ(OSSL_PROVIDER_available(nullptr, "ostrust"), 0);
    CHECK_EQ(Verify(store.get(), "leaf-a"), kUnknown);
    CHECK_EQ(Verify(store.get(), "leaf-b"), kUnknown);

    Owned<X509_STORE> after(X509_STORE_new());
    CHECK_EQ(X509_STORE_load_file(after.get(), "os://"), 0);
    ERR_clear_error();
    Owned<X509_STORE> defaults(X509_STORE_new());
    CHECK_EQ(X509_STORE_set_default_paths(defaults.get()), 1);
    ERR_clear_error();
    CHECK_EQ(Verify(defaults.get(), "leaf-a"), kUnknown);
    Owned<X509_STORE> own(X509_STORE_new());
    CHECK_EQ(X509_STORE_load_file(own.get(), PemPath("root-b").c_str()), 1);
    CHECK_EQ(Verify(own.get(), "leaf-b"), kAccepted);
    CHECK_EQ(Verify(own.get(), "leaf-a"), kUnknown);
  }
  return Finish();
}
