// A process with two libcryptos: the one this program links, and a second one with another name,
// opened with RTLD_LOCAL. The module serves both, each through its own functions.
#include "host.hpp"
#include "loaded_crypto.hpp"

using namespace host;

int main(int count, char** arguments) {
  if (count != 2) return 2;
  WriteStore({"root-a"});
  const std::string leaf_a = PemPath("leaf-a");
  const std::string leaf_b = PemPath("leaf-b");

  const auto look_at_ours = [&] {
    Owned<X509_STORE> store(X509_STORE_new());
    Check(X509_STORE_load_file(store.get(), "os://") == 1, "os:// loads", __LINE__, Errors());
    CHECK_EQ(Verify(store.get(), "leaf-a"), kAccepted);
    CHECK_EQ(Verify(store.get(), "leaf-b"), kUnknown);
    Owned<X509_STORE> defaults(X509_STORE_new());
    CHECK_EQ(X509_STORE_set_default_paths(defaults.get()), 1);
    CHECK_EQ(Verify(defaults.get(), "leaf-a"), kAccepted);
    Owned<X509_STORE> own(X509_STORE_new());
    CHECK_EQ(X509_STORE_load_file(own.get(), PemPath("root-b").c_str()), 1);
    CHECK_EQ(Verify(own.get(), "leaf-a"), kUnknown);
  };
  OPENSSL_init_ssl(0, nullptr);
  look_at_ours();

  const LoadedCrypto second(arguments[1]);
  CHECK(reinterpret_cast<void*>(second.X509_STORE_new) !=
        reinterpret_cast<void*>(&::X509_STORE_new));
  const auto look_at_second = [&] {
    second.OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
    CHECK_EQ(second.OSSL_PROVIDER_available(nullptr, "ostrust"), 1);
    for (const char* source : {"os://", static_cast<const char*>(nullptr)}) {
      CHECK_EQ(second.Verify(nullptr, source, leaf_a), kAccepted);
      CHECK_EQ(second.Verify(nullptr, source, leaf_b), kUnknown);
    }
    CHECK_EQ(second.Verify(nullptr, PemPath("root-b").c_str(), leaf_a), kUnknown);
    CHECK_EQ(second.Verify(nullptr, PemPath("root-b").c_str(), leaf_b), kAccepted);
  };
  look_at_second();
  look_at_ours();
  look_at_second();

  // Both follow the system's store.
  WriteStore({"root-b"});
  Owned<X509_STORE> store(X509_STORE_new());
  CHECK_EQ(X509_STORE_load_file(store.get(), "os://"), 1);
  CHECK_EQ(Verify(store.get(), "leaf-a"), kUnknown);
  CHECK_EQ(Verify(store.get(), "leaf-b"), kAccepted);
  CHECK_EQ(second.Verify(nullptr, "os://", leaf_a), kUnknown);
  CHECK_EQ(second.Verify(nullptr, "os://", leaf_b), kAccepted);
  return Finish();
}
