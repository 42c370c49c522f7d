// What is measured many times in one process: making a context, and a warm verification.

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
  for (auto _ : state) {
    const Context context = NewContext();
    Load(context.get(), source);
    benchmark::DoNotOptimize(context.get());
  }
}

/// Each thread has a context of its own; what they share is what the library shares.
void BM_WarmVerification(benchmark::State& state, Source source) {
  const Context context = NewContext();
  Load(context.get(), source);
  const Certificate leaf = ReadCertificate(Setting("BENCH_LEAF"));
  if (!Verify(context.get(), leaf.get())) Die("the leaf is refused");
  for (auto _ : state) benchmark::DoNotOptimize(Verify(context.get(), leaf.get()));
}

BENCHMARK_CAPTURE(BM_Context, bare, Source::kBare);
BENCHMARK_CAPTURE(BM_Context, default_paths, Source::kDefaultPaths);
BENCHMARK_CAPTURE(BM_Context, bundle, Source::kBundle);
BENCHMARK_CAPTURE(BM_Context, certifi, Source::kCertifi);
BENCHMARK_CAPTURE(BM_Context, directory, Source::kDirectory);
BENCHMARK_CAPTURE(BM_Context, os, Source::kOs);
BENCHMARK_CAPTURE(BM_Context, marker, Source::kMarker);
BENCHMARK_CAPTURE(BM_WarmVerification, default_paths, Source::kDefaultPaths)
    ->Threads(1)
    ->Threads(4)
    ->UseRealTime();
// A file that ostrust does not serve: what stock OpenSSL does, measured in the same process.
BENCHMARK_CAPTURE(BM_WarmVerification, bundle, Source::kBundle)
    ->Threads(1)
    ->Threads(4)
    ->UseRealTime();

}  // namespace
}  // namespace ostrust::bench

BENCHMARK_MAIN();
