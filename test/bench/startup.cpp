// What test/bench/startup runs: a program that only hashes, and a small parent that starts
// programs and measures them.
//
//     ostrust_bench_startup hash
//     ostrust_bench_startup measure COUNT COMMAND...   microseconds, peak resident KiB; a line a
//     run
//
// A process counts what its parent had resident when it was started as its own peak, so the parent
// must be small.
#include <openssl/evp.h>

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX wants it

namespace {

int hash() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  return EVP_Digest("abc", 3, digest.data(), &size, EVP_sha256(), nullptr) == 1 && digest[0] == 0xba
             ? 0
             : 1;
}

int measure(int count, char** command) {
  for (int run = 0; run < count; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    pid_t child;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1 /* O_WRONLY */, 0);
    if (posix_spawnp(&child, command[0], &actions, nullptr, command, environ) != 0) return 1;
    posix_spawn_file_actions_destroy(&actions);
    int status;
    rusage usage;
    if (wait4(child, &status, 0, &usage) != child || status != 0) return 1;
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
    std::printf("%f %ld\n", time.count(), usage.ru_maxrss);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view what = count > 1 ? arguments[1] : "";
  if (what == "hash") return hash();
  if (what == "measure" && count > 3) return measure(std::atoi(arguments[2]), arguments + 3);
  return 2;
}
