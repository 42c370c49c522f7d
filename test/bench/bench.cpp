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
  for (auto _ : state) {
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
  for (auto _ : state) {
    if (!Verify(context.get(), chain)) Die("the leaf is refused");
  }
}

void PrepareForFullHandshakes(SSL_CTX* context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1) Die("TLS 1.3");
}

Context NewServer(const char* chain) {
  Context context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr || SSL_CTX_use_certificate_chain_file(context.get(), chain) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), chain, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_set_num_tickets(context.get(), 0) != 1) {
    Die("making a server");
  }
  PrepareForFullHandshakes(context.get());
  return context;
}

/// One full handshake, both sides in this thread.
void Handshake(SSL_CTX* client_context, SSL_CTX* server_context) {
  const Connection client(SSL_new(client_context));
  const Connection server(SSL_new(server_context));
  BIO* near = nullptr;
  BIO* far = nullptr;
  if (client == nullptr || server == nullptr || BIO_new_bio_pair(&near, 0, &far, 0) != 1 ||
      SSL_set_tlsext_host_name(client.get(), kHost) != 1 ||
      SSL_set1_host(client.get(), kHost) != 1) {
    Die("preparing a handshake");
  }
  SSL_set_bio(client.get(), near, near);
  SSL_set_bio(server.get(), far, far);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  // Client hello; the server's flight; the client's last; the server reads it.
  for (int flight = 0; flight < 4; ++flight) {
    SSL* const side = flight % 2 == 0 ? client.get() : server.get();
    const int result = SSL_do_handshake(side);
    if (result != 1 && SSL_get_error(side, result) != SSL_ERROR_WANT_READ) Die("handshake");
  }
  if (SSL_is_init_finished(client.get()) == 0 || SSL_is_init_finished(server.get()) == 0 ||
      SSL_session_reused(client.get()) != 0) {
    Die("that was no full handshake");
  }
}

void BM_Handshake(benchmark::State& state, Source source, const char* chain_setting) {
  const Context server = NewServer(Setting(chain_setting));
  const Context client = NewContext();
  PrepareForFullHandshakes(client.get());
  SSL_CTX_set_verify(client.get(), SSL_VERIFY_PEER, nullptr);
  Load(client.get(), source);
  for (auto _ : state) Handshake(client.get(), server.get());
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
