// A program that links no OpenSSL and opens it with RTLD_LOCAL, as CPython's _ssl does in effect:
// no symbol of libcrypto is global, so a module that relied on that would not even load.
#include "loaded_crypto.hpp"

namespace {

int failures = 0;

void Expect(const std::string& seen, const std::string& expected, const char* what) {
  if (seen == expected) return;
  ++failures;
  std::fprintf(stderr, "%s: %s, not %s\n", what, seen.c_str(), expected.c_str());
}

}  // namespace

int main(int count, char** arguments) {
  const char* const pki = std::getenv("OSTRUST_PKI");
  const char* const configuration = std::getenv("OPENSSL_CONF");
  if (count != 2 || pki == nullptr || configuration == nullptr) return 2;
  if (dlsym(RTLD_DEFAULT, "X509_STORE_new") != nullptr) {
    std::fputs("this program was meant to see no OpenSSL\n", stderr);
    return 2;
  }
  const std::string leaf_a = std::string(pki) + "/leaf-a.pem";
  const std::string leaf_b = std::string(pki) + "/leaf-b.pem";
  const std::string unknown = "unable to get local issuer certificate";

  const host::LoadedCrypto crypto(arguments[1]);
  crypto.OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
  Expect(crypto.Verify(nullptr, "os://", leaf_a), "accepted", "os://, leaf-a");
  Expect(crypto.Verify(nullptr, "os://", leaf_b), unknown, "os://, leaf-b");
  Expect(crypto.Verify(nullptr, nullptr, leaf_a), "accepted", "default paths, leaf-a");

  OSSL_LIB_CTX* const library = crypto.OSSL_LIB_CTX_new();
  crypto.OSSL_LIB_CTX_load_config(library, configuration);
  Expect(crypto.Verify(library, "os://", leaf_a), "accepted", "a context of its own, leaf-a");
  crypto.OSSL_LIB_CTX_free(library);
  if (failures == 0) std::puts("all as expected");
  return failures == 0 ? 0 : 1;
}
