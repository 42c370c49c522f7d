// What happens once in a process, and what a context weighs. Prints one line of name=value pairs,
// times in microseconds, memory in bytes. test/bench/run starts it many times and takes medians.
//
//   ostrust_bench_process first bare|default     initialisation, first context, first verification
//   ostrust_bench_process memory bare|default    bytes of heap for one of 200 contexts

#include <chrono>
#include <cstring>
#include <string_view>
#include <vector>

#include <malloc.h>

#include "test/bench/setting.hpp"

namespace ostrust::bench {
namespace {

using Clock = std::chrono::steady_clock;

double Microseconds(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::micro>(end - begin).count();
}

Context MakeContext(bool bare) {
  Context context = NewContext();
  if (!bare && SSL_CTX_set_default_verify_paths(context.get()) != 1) Die("default paths");
  return context;
}

void First(bool bare) {
  const auto start = Clock::now();
  if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr) != 1) Die("OPENSSL_init_ssl");
  const auto initialised = Clock::now();
  // Not counted: reading the chain. A bare context is given the one root it needs.
  const Certificate leaf = ReadCertificate(Setting("BENCH_LEAF"));
  const Certificate root = ReadCertificate(Setting("BENCH_ROOT"));
  // Not counted either: what the first SSL_CTX of a process sets up for all.
  NewContext();

  const auto begin = Clock::now();
  const Context context = MakeContext(bare);
  if (bare) X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), root.get());
  const auto made = Clock::now();
  const bool ok = Verify(context.get(), leaf.get());
  const auto verified = Clock::now();
  if (!ok) Die("the leaf is refused");
  std::printf("init=%.1f context=%.1f verification=%.1f\n", Microseconds(start, initialised),
              Microseconds(begin, made), Microseconds(made, verified));
}

void Memory(bool bare) {
  constexpr std::size_t kContexts = 200;
  MakeContext(bare);  // what the first one sets up for all is not the context's
  std::vector<Context> contexts(kContexts);
  const auto before = mallinfo2();
  for (Context& context : contexts) context = MakeContext(bare);
  const auto after = mallinfo2();
  const auto used = (after.uordblks + after.hblkhd) - (before.uordblks + before.hblkhd);
  std::printf("bytes=%.0f\n", static_cast<double>(used) / kContexts);
}

}  // namespace
}  // namespace ostrust::bench

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const bool bare = std::string_view(argv[2]) == "bare";
  if (std::string_view(argv[1]) == "first") {
    ostrust::bench::First(bare);
  } else {
    ostrust::bench::Memory(bare);
  }
}
