// A program with several library contexts, one for each configuration that it is told: it verifies
// one server in them, in the order of the arguments, and says what each said. A property query
// after a question mark is the store's and the verification's.
//
//     contexts_in_turn LEAF.pem HOST CONFIGURATION[?PROPERTIES]...
#include <map>

#include "host.hpp"

using namespace host;

namespace {

struct Context {
  Owned<OSSL_LIB_CTX> library{OSSL_LIB_CTX_new()};
  Owned<X509_STORE> store{X509_STORE_new()};
  std::string properties;

  explicit Context(const std::string& argument) {
    const std::string configuration = argument.substr(0, argument.find('?'));
    if (configuration != argument) properties = argument.substr(configuration.size() + 1);
    if (OSSL_LIB_CTX_load_config(library.get(), configuration.c_str()) != 1 ||
        X509_STORE_load_file_ex(store.get(), "os://", library.get(), Query()) != 1) {
      std::fprintf(stderr, "%s: %s\n", configuration.c_str(), Errors().c_str());
      std::exit(2);
    }
  }

  const char* Query() const { return properties.empty() ? nullptr : properties.c_str(); }

  std::string Verify(const char* leaf, const char* name) const {
    const Owned<BIO> in(BIO_new_file(leaf, "r"));
    X509* read = X509_new_ex(library.get(), Query());
    if (PEM_read_bio_X509(in.get(), &read, nullptr, nullptr) == nullptr) std::exit(2);
    const Owned<X509> certificate(read);
    const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new_ex(library.get(), Query()));
    if (X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr) != 1) {
      return "no context";
    }
    X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context.get()), name, 0);
    if (X509_verify_cert(context.get()) == 1) return kAccepted;
    return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return 2;
  std::map<std::string, Context> contexts;
  for (int i = 3; i < count; ++i) {
    const Context& context = contexts.try_emplace(arguments[i], arguments[i]).first->second;
    std::puts(context.Verify(arguments[1], arguments[2]).c_str());
  }
  return 0;
}
