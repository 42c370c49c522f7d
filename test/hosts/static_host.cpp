// A program with OpenSSL linked in statically and hidden, as python-build-standalone has it:
// nothing can be bound at run time, so only the STORE loader works. It must, and nothing may break.
#include <openssl/provider.h>
#include <openssl/store.h>

#include "host.hpp"

using namespace host;

namespace {

int CountCertificates(const char* uri) {
  OSSL_STORE_CTX* const loader = OSSL_STORE_open(uri, nullptr, nullptr, nullptr, nullptr);
  if (loader == nullptr) {
    Check(false, "the store opens", __LINE__, Errors());
    return -1;
  }
  int count = 0;
  while (!OSSL_STORE_eof(loader)) {
    OSSL_STORE_INFO* const info = OSSL_STORE_load(loader);
    if (info == nullptr) continue;
    if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_CERT) ++count;
    OSSL_STORE_INFO_free(info);
  }
  OSSL_STORE_close(loader);
  return count;
}

std::string BuildInfo() {
  OSSL_PROVIDER* const provider = OSSL_PROVIDER_load(nullptr, "ostrust");
  const char* text = nullptr;
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_ptr("buildinfo", const_cast<char**>(&text), 0),
      OSSL_PARAM_construct_end()};
  const bool good = provider != nullptr && OSSL_PROVIDER_get_params(provider, parameters) == 1;
  const std::string copy = good && text != nullptr ? text : "";
  OSSL_PROVIDER_unload(provider);
  return copy;
}

}  // namespace

int main() {
  OPENSSL_init_ssl(0, nullptr);
  WriteStore({"root-a", "twin-1", "twin-2"});
  CHECK_EQ(OSSL_PROVIDER_available(nullptr, "ostrust"), 1);
  CHECK_EQ(CountCertificates("os://"), 3);
  CHECK_EQ(CountCertificates("os:"), 3);

  // OpenSSL's own by_store asks the loader for every issuer.
  Owned<X509_STORE> store(X509_STORE_new());
  Check(X509_STORE_load_store(store.get(), "os://") == 1, "os:// loads", __LINE__, Errors());
  CHECK_EQ(Verify(store.get(), "leaf-a"), kAccepted);
  CHECK_EQ(Verify(store.get(), "leaf-b"), kUnknown);

  // What needs the binding stays as it is in a stock program.
  Owned<X509_STORE> file(X509_STORE_new());
  CHECK_EQ(X509_STORE_load_file(file.get(), "os://"), 0);
  ERR_clear_error();
  Owned<X509_STORE> defaults(X509_STORE_new());
  CHECK_EQ(X509_STORE_set_default_paths(defaults.get()), 1);
  ERR_clear_error();
  CHECK_EQ(Verify(defaults.get(), "leaf-a"), kUnknown);
  Owned<X509_STORE> marker(X509_STORE_new());
  CHECK_EQ(X509_STORE_load_file(marker.get(), Environment("OSTRUST_MARKER").c_str()), 1);
  CHECK_EQ(Verify(marker.get(), "leaf-a"), kUnknown);

  // For the driver, which looks for the reason in it.
  std::printf("build info: %s\n", BuildInfo().c_str());
  return Finish();
}
