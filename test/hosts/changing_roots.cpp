// A program that verifies the certificate "leaf-a" all the time, in eight threads and two ways,
// while somebody else changes what the system trusts.
//
//     changing_roots LOG STOP
//
// Whenever the verdict changes, a line of LOG says what it is now. The program ends when the file
// STOP is there. A verdict that is neither "accepted" nor "unknown issuer" is a failure.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "host.hpp"

using namespace host;

namespace {

constexpr int kThreads = 8;
constexpr std::chrono::seconds kPatience{60};  // should STOP never come

std::atomic<bool> ended{false};
std::atomic<int> verifications{0};
std::atomic<int> surprises{0};

Owned<X509_STORE> SystemsStore() {
  Owned<X509_STORE> store(X509_STORE_new());
  if (X509_STORE_load_file(store.get(), "os://") != 1) {
    Check(false, "os:// loads", __LINE__, Errors());
  }
  return store;
}

std::string Verdict(X509_STORE* store) {
  const std::string verdict = Verify(store, "leaf-a");
  ++verifications;
  if (verdict != kAccepted && verdict != kUnknown) ++surprises;
  return verdict;
}

/// In a store that all threads share, and in one of its own.
void VerifyUntilTheEnd(X509_STORE* shared) {
  while (!ended) {
    Verdict(shared);
    Verdict(SystemsStore().get());
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: changing_roots LOG STOP\n", stderr);
    return 2;
  }
  OPENSSL_init_ssl(0, nullptr);
  const auto store = SystemsStore();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(VerifyUntilTheEnd, store.get());

  const auto begin = std::chrono::steady_clock::now();
  std::string last;
  while (!std::filesystem::exists(arguments[2])) {
    if (std::chrono::steady_clock::now() - begin > kPatience) {
      Check(false, "it was told to end", __LINE__);
      break;
    }
    const std::string verdict = Verdict(store.get());
    if (verdict != last) std::ofstream(arguments[1], std::ios::app) << verdict << std::endl;
    last = verdict;
  }
  ended = true;
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(surprises.load(), 0);
  CHECK(verifications > kThreads);
  return Finish();
}
