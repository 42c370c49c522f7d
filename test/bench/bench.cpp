// What is measured many times in one process: making a context, a warm verification, a handshake.

#include <benchmark/benchmark.h>

#include "test/bench/setting.hpp"

namespace ostrust::bench {
namespace {

enum class Source { kBare, kDefaultPaths, kBundle, kCertifi, kDirectory, kOs, kMarker };

void Load(SSL_CTX* context, Source source) {
  int ok = 1;
  switch (source) {
    case Source::kBare:
      break;
    case Source::kDefaultPaths:
      ok = SSL_CTX_set_default_verify_paths(context);
      break;
    case Source::kBundle:
      ok = SSL_CTX_load_verify_file(context, Setting("BENCH_BUNDLE"));
      break;
    case Source::kCertifi:
      ok = SSL_CTX_load_verify_file(context, Setting("BENCH_CERTIFI"));
      break;
    case Source::kDirectory:
      ok = SSL_CTX_load_verify_dir(context, Setting("BENCH_DIRECTORY"));
      break;
    case Source::kOs:
      ok = SSL_CTX_load_verify_file(context, "os://");
      break;
    case Source::kMarker:
      ok = SSL_CTX_load_verify_file(context, Setting("BENCH_MARKER"));
      break;
  }
  if (ok != 1) Die("loading CA certificates");
}

void BM_Context(benchmark::State& state, Source source) {
  for (auto _ : state) {  // NOLINT(clang-analyzer-deadcode.DeadStores)
    const Context context = NewContext();
    Load(context.get(), source);
    benchmark::DoNotOptimize(context.get());
  }
}

/// Each thread has a context of its own; what they share is what the library shares.
void BM_WarmVerification(benchmark::State& state, Source source, const char* chain_setting) {
  const Context context = NewContext();
  Load(context.get(), source);
  const Chain chain = ReadChain(Setting(chain_setting));
  for (auto _ : state) {  // NOLINT(clang-analyzer-deadcode.DeadStores)
    if (!Verify(context.get(), chain)) Die("the leaf is refused");
  }
}

void BM_Handshake(benchmark::State& state, Source source, const char* chain_setting) {
  const Context server = NewServer(Setting(chain_setting));
  const Context client = NewClient();
  Load(client.get(), source);
  for (auto _ : state) {  // NOLINT(clang-analyzer-deadcode.DeadStores)
    if (!Handshake(client.get(), server.get())) Die("the server is refused");
  }
}

void OneAndFourThreads(benchmark::internal::Benchmark* benchmark) {
  benchmark->Threads(1)->Threads(4)->UseRealTime();
}

BENCHMARK_CAPTURE(BM_Context, bare, Source::kBare);
BENCHMARK_CAPTURE(BM_Context, default_paths, Source::kDefaultPaths);
BENCHMARK_CAPTURE(BM_Context, bundle, Source::kBundle);
BENCHMARK_CAPTURE(BM_Context, certifi, Source::kCertifi);
BENCHMARK_CAPTURE(BM_Context, directory, Source::kDirectory);
BENCHMARK_CAPTURE(BM_Context, os, Source::kOs);
BENCHMARK_CAPTURE(BM_Context, marker, Source::kMarker);
// The bundle by name is a file that ostrust does not serve: what stock OpenSSL does, measured in
// the same process.
BENCHMARK_CAPTURE(BM_WarmVerification, ecdsa_default_paths, Source::kDefaultPaths,
                  "BENCH_CHAIN_ECDSA")
    ->Apply(OneAndFourThreads);
BENCHMARK_CAPTURE(BM_WarmVerification, ecdsa_bundle, Source::kBundle, "BENCH_CHAIN_ECDSA")
    ->Apply(OneAndFourThreads);
BENCHMARK_CAPTURE(BM_WarmVerification, rsa_default_paths, Source::kDefaultPaths, "BENCH_CHAIN_RSA")
    ->Apply(OneAndFourThreads);
BENCHMARK_CAPTURE(BM_WarmVerification, rsa_bundle, Source::kBundle, "BENCH_CHAIN_RSA")
    ->Apply(OneAndFourThreads);
BENCHMARK_CAPTURE(BM_Handshake, ecdsa_default_paths, Source::kDefaultPaths, "BENCH_CHAIN_ECDSA")
    ->Apply(OneAndFourThreads);
BENCHMARK_CAPTURE(BM_Handshake, ecdsa_bundle, Source::kBundle, "BENCH_CHAIN_ECDSA")
    ->Apply(OneAndFourThreads);
BENCHMARK_CAPTURE(BM_Handshake, rsa_default_paths, Source::kDefaultPaths, "BENCH_CHAIN_RSA")
    ->Apply(OneAndFourThreads);
BENCHMARK_CAPTURE(BM_Handshake, rsa_bundle, Source::kBundle, "BENCH_CHAIN_RSA")
    ->Apply(OneAndFourThreads);

}  // namespace
}  // namespace ostrust::bench

BENCHMARK_MAIN();
