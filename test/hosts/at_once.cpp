// Everything at once, in kThreads threads, for some seconds:
//
//     at_once SECONDS [LIBCRYPTO]
//
// verifications of a good and of a bad certificate in a store that all share and in stores of their
// own, handshakes, library contexts that are made with ostrust and freed, providers that are loaded
// and unloaded, forks with and without exec, and the system's store replaced by an equal one all
// the time. LIBCRYPTO is loaded beside the program's, configured, and used by two threads. At the
// end OPENSSL_cleanup() is called and exit(), from a thread. An answer that is not the one a single
// thread would get is a failure.
//
// OSTRUST_OTHER_CONF: a configuration with ostrust, for library contexts. OSTRUST_TRUE: a program
// to exec.
#include <dlfcn.h>
#include <openssl/provider.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "callers.hpp"
#include "loaded_crypto.hpp"
#include "tls.hpp"

using namespace host;

namespace {

constexpr int kThreads = 16;

// Where a forked child only execs. What ThreadSanitizer keeps of each allocation is guarded by a
// lock of its own, which a child may find locked for ever (DenseSlabAlloc::Refill()). On musl
// nothing says for which lock a child waits: its frames cannot be unwound.
#if defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
constexpr bool kOnlyExec = true;
#elif defined(__has_feature)
constexpr bool kOnlyExec = __has_feature(thread_sanitizer);
#else
constexpr bool kOnlyExec = false;
#endif

#ifdef OSTRUST_SANITIZED
constexpr unsigned kPatience = 20;
#else
constexpr unsigned kPatience = 5;
#endif
constexpr const char* kGood = "leaf-a";
constexpr const char* kBad = "leaf-b";

std::atomic<bool> ended{false};
std::atomic<int> wrong{0};

void Expect(const std::string& seen, const std::string& expected, const char* where) {
  if (seen == expected) return;
  ++wrong;
  std::fprintf(stderr, "%s: %s; expected: %s\n", where, seen.c_str(), expected.c_str());
}

Owned<X509_STORE> SystemsStore(OSSL_LIB_CTX* library = nullptr) {
  Owned<X509_STORE> store(X509_STORE_new());
  if (X509_STORE_load_file_ex(store.get(), kOsStore.c_str(), library, nullptr) != 1) {
    Expect(Errors(), "os:// loads", "a store");
  }
  return store;
}

void VerifyBoth(X509_STORE* store, OSSL_LIB_CTX* library, const char* where) {
  Expect(Verify(store, kGood, library), kAccepted, where);
  Expect(Verify(store, kBad, library), kUnknown, where);
}

void InALibraryContext() {
  const Owned<OSSL_LIB_CTX> library(OSSL_LIB_CTX_new());
  if (OSSL_LIB_CTX_load_config(library.get(), Environment("OSTRUST_OTHER_CONF").c_str()) != 1) {
    Expect(Errors(), "it is configured", "a library context");
    return;
  }
  VerifyBoth(SystemsStore(library.get()).get(), library.get(), "in a library context");
}

/// Loads the provider once more and unloads it, in a library context of its own.
void LoadAndUnload() {
  const Owned<OSSL_LIB_CTX> library(OSSL_LIB_CTX_new());
  OSSL_LIB_CTX_load_config(library.get(), Environment("OSTRUST_OTHER_CONF").c_str());
  const auto store = SystemsStore(library.get());
  OSSL_PROVIDER* const provider = OSSL_PROVIDER_load(library.get(), "ostrust");
  Expect(provider != nullptr ? "loaded" : Errors(), "loaded", "a provider");
  VerifyBoth(store.get(), library.get(), "before it is unloaded");
  if (provider != nullptr) OSSL_PROVIDER_unload(provider);
}

constexpr int kOpenSslsLock = 3;
std::atomic<int> children{0};
std::atomic<int> waiting_for_openssl{0};

/// Of a child that waits for ever: for what. OpenSSL's own locks stay locked in a child if another
/// thread had them when it was forked, with ostrust and without. Ours must not.
void SayForWhat(int) {
  void* frames[64];
  const int count = host::Callers(frames, 64);
  for (int i = 0; i < count; ++i) {
    Dl_info info{};
    const std::string image =
        dladdr(frames[i], &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
    if (image.find("ostrust.so") != std::string::npos) break;
    if (image.find("crypto.so") != std::string::npos ||
        image.find("libssl.so") != std::string::npos) {
      _exit(kOpenSslsLock);
    }
  }
  for (int i = 0; i < count; ++i) {
    Dl_info info{};
    if (dladdr(frames[i], &info) == 0) info = {};
    std::fprintf(stderr, "%s %s %p\n", info.dli_fname, info.dli_sname, frames[i]);
  }
  _exit(2);
}

void ForkAndVerify(X509_STORE* shared) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGALRM, SayForWhat);
    alarm(kPatience);
    const bool good = Verify(shared, kGood) == kAccepted && Verify(shared, kBad) == kUnknown &&
                      Verify(SystemsStore().get(), kGood) == kAccepted;
    _exit(good ? 0 : 1);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) std::abort();
  if (WIFEXITED(status) && WEXITSTATUS(status) == kOpenSslsLock) {
    ++waiting_for_openssl;
    return;
  }
  Expect(std::to_string(status), "0", "a forked child");
  ++children;
}

void ForkAndExec() {
  const std::string program = Environment("OSTRUST_TRUE");
  const pid_t child = fork();
  if (child == 0) {
    execl(program.c_str(), program.c_str(), static_cast<char*>(nullptr));
    _exit(1);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) std::abort();
  Expect(std::to_string(status), "0", "a program");
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fputs("usage: at_once SECONDS [LIBCRYPTO]\n", stderr);
    return 2;
  }
  OPENSSL_init_ssl(0, nullptr);
  auto shared = SystemsStore();
  auto client = ClientContext(SystemsStore());
  auto good_server = ServerContext(kGood);
  auto bad_server = ServerContext(kBad);

  const auto handshakes = [&] {
    Expect(ClientVerdict(client.get(), good_server.get()), kAccepted, "a handshake");
    Expect(ClientVerdict(client.get(), bad_server.get()), "refused: " + kUnknown, "a handshake");
    const auto own = ClientContext(SystemsStore());
    Expect(ClientVerdict(own.get(), good_server.get()), kAccepted, "a handshake of its own");
  };
  const auto change = [] {
    WriteStore({"root-a"});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };
  std::vector<std::function<void()>> work = {
      change,
      [&] {
        if (kOnlyExec) {
          VerifyBoth(shared.get(), nullptr, "in the shared store");
        } else {
          ForkAndVerify(shared.get());
        }
      },
      ForkAndExec,
      InALibraryContext,
      InALibraryContext,
      LoadAndUnload,
      LoadAndUnload,
      handshakes,
      handshakes,
      handshakes,
      [] { VerifyBoth(SystemsStore().get(), nullptr, "in a store of its own"); },
  };
  std::unique_ptr<LoadedCrypto> second;
  OSSL_LIB_CTX* second_context = nullptr;
  if (count > 2) {
    second = std::make_unique<LoadedCrypto>(arguments[2]);
    second_context = second->OSSL_LIB_CTX_new();
    const std::string configuration = Environment("OSTRUST_OTHER_CONF");
    if (second->OSSL_LIB_CTX_load_config(second_context, configuration.c_str()) != 1) {
      Expect("not configured", "it is", "the second libcrypto");
    }
    for (int i = 0; i < 2; ++i) {
      work.emplace_back([&] {
        const char* const source = kOsStore.c_str();
        Expect(second->Verify(second_context, source, PemPath(kGood)), kAccepted, "in the second");
        Expect(second->Verify(second_context, source, PemPath(kBad)), kUnknown, "in the second");
      });
    }
  }
  while (work.size() < kThreads) {
    work.emplace_back([&] { VerifyBoth(shared.get(), nullptr, "in the shared store"); });
  }

  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&work, i] {
      do {
        work[i]();
        ERR_clear_error();
      } while (!ended);
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(std::stoi(arguments[1])));
  ended = true;
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(wrong.load(), 0);
  if (kOnlyExec) {
    std::puts("not tried in this build: a forked child that verifies");
  } else {
    std::printf("%d children, %d waited for a lock of OpenSSL's\n", children.load(),
                waiting_for_openssl.load());
  }
  if (second_context != nullptr) second->OSSL_LIB_CTX_free(second_context);
  shared.reset();
  client.reset();
  good_server.reset();
  bad_server.reset();
  std::thread([] {
    OPENSSL_cleanup();
    std::exit(Finish());
  }).join();
  return 1;
}
