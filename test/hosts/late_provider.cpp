// A program whose SSL contexts are older than ostrust: OPENSSL_CONF does not activate it, and the
// program does so later. Its old contexts are governed once they ask, and judged.
//
//     late_provider load           OPENSSL_CONF describes ostrust: OSSL_PROVIDER_load()
//     late_provider configure      OSTRUST_OTHER_CONF activates it: OSSL_LIB_CTX_load_config()
#include <openssl/provider.h>

#include "tls.hpp"

using namespace host;

int main(int argc, char** argv) {
  const std::string way = argc == 2 ? argv[1] : "";
  OPENSSL_init_ssl(0, nullptr);
  WriteStore({"root-a", "int-a-distrusted"});
  const auto server = ServerContext();
  const auto plain = ServerContext("leaf-a");
  const auto old = ClientContext(StoreOf({"int-a"}));
  const auto untouched = ClientContext(StoreOf({"root-a"}));
  CHECK_EQ(ClientVerdict(untouched.get(), server.get()), kAccepted);
  CHECK_EQ(OSSL_PROVIDER_available(nullptr, "ostrust"), 0);

  OSSL_PROVIDER* loaded = nullptr;
  if (way == "load") {
    loaded = OSSL_PROVIDER_load(nullptr, "ostrust");
    CHECK(loaded != nullptr);
  } else {
    CHECK_EQ(OSSL_LIB_CTX_load_config(nullptr, Environment("OSTRUST_OTHER_CONF").c_str()), 1);
  }
  CHECK_EQ(OSSL_PROVIDER_available(nullptr, "ostrust"), 1);

  // Loading ostrust changes nothing for those that did not ask.
  CHECK_EQ(ClientVerdict(old.get(), plain.get()), "refused: " + kUnknown);
  CHECK_EQ(ClientVerdict(untouched.get(), server.get()), kAccepted);

  if (SSL_CTX_load_verify_file(old.get(), "os://") != 1) {
    Check(false, "os:// loads", __LINE__, Errors());
  }
  CHECK_EQ(ClientVerdict(old.get(), plain.get()), kAccepted);
  CHECK_EQ(ClientVerdict(old.get(), server.get()), kRejected);
  CHECK_EQ(ClientVerdict(untouched.get(), server.get()), kAccepted);
  WriteStore({"root-a"});
  CHECK_EQ(ClientVerdict(old.get(), server.get()), kAccepted);
  if (loaded != nullptr) OSSL_PROVIDER_unload(loaded);
  return Finish();
}
