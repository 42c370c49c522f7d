// A program that can be made set-user-ID. OpenSSL itself ignores OPENSSL_CONF then, so the
// configuration is an argument, and so are certificates: nothing here comes from the environment.
//
//     secure_execution CONFIGURATION LEAF [HOST]     prints whether the defaults accept the leaf
#include <openssl/conf.h>
#include <sys/auxv.h>

#include "host.hpp"

using namespace host;

int main(int count, char** arguments) {
  if (count != 3 && count != 4) return 2;
  if (CONF_modules_load_file(arguments[1], nullptr, 0) != 1) {
    std::fputs(Errors().c_str(), stderr);
    return 2;
  }
  Owned<BIO> in(BIO_new_file(arguments[2], "r"));
  Owned<X509> leaf(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  Owned<X509_STORE> store(X509_STORE_new());
  X509_STORE_set_default_paths(store.get());
  Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  if (count == 4) {
    X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context.get()), arguments[3], 0);
  }
  const bool good = X509_verify_cert(context.get()) == 1;
  std::printf(
      "%s, %s\n", getauxval(AT_SECURE) != 0 ? "secure" : "plain",
      good ? "accepted" : X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
  return 0;
}
