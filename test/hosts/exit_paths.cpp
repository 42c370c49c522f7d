// A program that ends, in the way its argument names. Whatever it does must do what the same
// program does without ostrust: the driver compares.
#ifdef _WIN32
#include <process.h>  // _exit()
#else
#include <unistd.h>
#endif

#include <cstring>

#include "host.hpp"

using namespace host;

namespace {

X509_STORE* store = nullptr;

void MakeStore() {
  OPENSSL_init_ssl(0, nullptr);
  store = X509_STORE_new();
  X509_STORE_set_default_paths(store);
  ERR_clear_error();
}

void ShowVerdict() {
  std::printf("%s\n", Verify(store, "leaf-a").c_str());
  std::fflush(stdout);
}

void FreeStore() {
  X509_STORE_free(store);
}

struct Static {
  ~Static() {
    if (active) ShowVerdict();
  }
  bool active = false;
};

}  // namespace

int main(int count, char** arguments) {
  const std::string mode = count == 2 ? arguments[1] : "";
  if (mode == "return") {
    MakeStore();
    ShowVerdict();
    FreeStore();
    return 0;
  }
  if (mode == "return-without-freeing") {
    MakeStore();
    ShowVerdict();
    return 0;
  }
  if (mode == "never-used") {
    MakeStore();
    return 0;
  }
  if (mode == "verify-in-atexit") {  // registered after OpenSSL's own, so it runs before it
    MakeStore();
    std::atexit(FreeStore);
    std::atexit(ShowVerdict);
    return 0;
  }
  if (mode == "free-in-atexit-after-cleanup") {  // registered before OpenSSL's own
    std::atexit(FreeStore);
    MakeStore();
    ShowVerdict();
    return 0;
  }
  if (mode == "verify-in-static-destructor") {
    MakeStore();
    static Static last;
    last.active = true;
    return 0;
  }
  if (mode == "cleanup") {
    MakeStore();
    ShowVerdict();
    FreeStore();
    OPENSSL_cleanup();
    return 0;
  }
  if (mode == "cleanup-first") {  // before anything was verified
    MakeStore();
    FreeStore();
    OPENSSL_cleanup();
    OPENSSL_cleanup();
    return 0;
  }
  if (mode == "cleanup-with-a-store-left") {
    MakeStore();
    ShowVerdict();
    OPENSSL_cleanup();
    FreeStore();
    return 0;
  }
  if (mode == "_exit") {
    MakeStore();
    ShowVerdict();
    _exit(5);
  }
#ifndef _WIN32  // msvcrt has no quick_exit(), and Windows no fork()
  if (mode == "quick_exit") {
    MakeStore();
    ShowVerdict();
    std::quick_exit(6);
  }
  if (mode == "fork") {
    MakeStore();
    ShowVerdict();
    if (fork() == 0) {
      ShowVerdict();
      return 0;  // the whole teardown, in the child
    }
    return 0;
  }
#endif
  std::fprintf(stderr, "no such way to end: %s\n", mode.c_str());
  return 2;
}
