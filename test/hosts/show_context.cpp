// Prints the policy that an SSL_CTX gets from openssl.cnf, and the providers that are active.
#include <openssl/provider.h>

#include "host.hpp"

using namespace host;

int main() {
  const Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  if (!context) {
    std::fputs(Errors().c_str(), stderr);
    return 1;
  }
  std::printf("minimum protocol: %lx\n",
              static_cast<unsigned long>(SSL_CTX_get_min_proto_version(context.get())));
  std::printf("maximum protocol: %lx\n",
              static_cast<unsigned long>(SSL_CTX_get_max_proto_version(context.get())));
  std::printf("security level: %d\n", SSL_CTX_get_security_level(context.get()));
  std::printf("options: %lx\n", static_cast<unsigned long>(SSL_CTX_get_options(context.get())));
  std::string ciphers;
  const STACK_OF(SSL_CIPHER)* const list = SSL_CTX_get_ciphers(context.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(list); ++i) {
    ciphers += std::string(i != 0 ? ":" : "") + SSL_CIPHER_get_name(sk_SSL_CIPHER_value(list, i));
  }
  std::printf("ciphers: %s\n", ciphers.c_str());
  for (const char* name : {"default", "legacy", "ostrust"}) {
    std::printf("provider %s: %d\n", name, OSSL_PROVIDER_available(nullptr, name));
  }
  return 0;
}
