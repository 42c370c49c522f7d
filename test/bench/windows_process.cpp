// What is measured in Wine. Prints one line of name=value pairs, times in microseconds, memory in
// bytes. test/bench/windows starts it many times and takes medians of ratios. Nothing of this was
// run on Windows itself.
//
//   ostrust_bench_windows export FILE
//       writes Windows' root certificates to FILE, as PEM; how many there are
//   ostrust_bench_windows contexts N SOURCE...
//       making a context with CA certificates of each of the sources: median of N, taken in turn
//   ostrust_bench_windows memory N SOURCE [CHAIN]
//       one of N contexts: what OpenSSL has allocated, and how much larger the process' private
//       memory is. With a chain, each context has verified it once.
//   ostrust_bench_windows first SOURCE CHAIN
//       initialisation, first context, first verification of the chain in that file
//   ostrust_bench_windows warm N CHAIN SOURCE...
//   ostrust_bench_windows cold LEAVES CHAIN SOURCE...
//       verifications, median of N, the sources in turn: of one chain, or of as many as there are
//       leaves in that file, each of which nobody has seen before
//   ostrust_bench_windows handshake N CHAIN SOURCE...
//       full TLS 1.3 handshakes, median of N, the sources in turn
//
// A source is bare (no CA certificates), default (the default paths), os (os://), marker (the
// marker file BENCH_MARKER), bundle (the file BENCH_BUNDLE), copied (the program copies Windows'
// ROOT into the context, which is what CPython's ssl.create_default_context() does), or winstore
// (OpenSSL 3.2's store of that name).

#include <winsock2.h>  // before windows.h, which OpenSSL includes

#include <windows.h>

#include <wincrypt.h>

#include <psapi.h>

#include <malloc.h>
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <numeric>
#include <random>
#include <string_view>

#include "test/bench/setting.hpp"

namespace ostrust::bench {
namespace {

struct CloseStore {
  void operator()(void* store) const { CertCloseStore(store, 0); }
};
using SystemStore = std::unique_ptr<void, CloseStore>;

/// Calls `use` with each certificate of ROOT, the machine's among them.
void ForEachRoot(const std::function<void(X509*)>& use) {
  const SystemStore store(CertOpenSystemStoreW(0, L"ROOT"));
  if (store == nullptr) Die("ROOT");
  PCCERT_CONTEXT next = nullptr;
  while ((next = CertEnumCertificatesInStore(store.get(), next)) != nullptr) {
    const unsigned char* der = next->pbCertEncoded;
    const Certificate certificate(d2i_X509(nullptr, &der, static_cast<long>(next->cbCertEncoded)));
    if (certificate == nullptr) {
      ERR_clear_error();  // what CPython ignores, too
      continue;
    }
    use(certificate.get());
  }
}

void Load(SSL_CTX* context, std::string_view source) {
  int ok = 0;
  if (source == "bare") {
    ok = 1;
  } else if (source == "default") {
    ok = SSL_CTX_set_default_verify_paths(context);
  } else if (source == "os") {
    ok = SSL_CTX_load_verify_file(context, "os://");
  } else if (source == "marker") {
    ok = SSL_CTX_load_verify_file(context, Setting("BENCH_MARKER"));
  } else if (source == "bundle") {
    ok = SSL_CTX_load_verify_file(context, Setting("BENCH_BUNDLE"));
  } else if (source == "winstore") {
    ok = SSL_CTX_load_verify_store(context, "org.openssl.winstore:");
  } else if (source == "copied") {
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    ForEachRoot([&](X509* root) {
      if (X509_STORE_add_cert(store, root) != 1) Die("X509_STORE_add_cert");
    });
    ok = 1;
  }
  if (ok != 1) Die("loading CA certificates");
}

Context MakeContext(std::string_view source) {
  Context context = NewContext();
  Load(context.get(), source);
  return context;
}

void Export(const char* path) {
  const File file(std::fopen(path, "w"));
  if (file == nullptr) Die(path);
  int roots = 0;
  ForEachRoot([&](X509* root) {
    if (PEM_write_X509(file.get(), root) != 1) Die(path);
    ++roots;
  });
  std::printf("roots=%d\n", roots);
}

// --- many times in one process

using Sources = std::vector<const char*>;

/// The sources in turn, so that a machine that gets slower gets slower for all of them; and in
/// random order, as what comes after a source that does much finds other things in the processor's
/// caches. `once` is given the index of the repetition and that of the source, and returns the
/// time.
void InTurn(const Sources& sources, std::size_t count,
            const std::function<double(std::size_t, std::size_t)>& once) {
  std::vector<std::vector<double>> times(sources.size());
  std::vector<std::size_t> order(sources.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::minstd_rand random(std::random_device{}());
  for (std::size_t i = 0; i < count; ++i) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t source : order) times[source].push_back(once(i, source));
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    std::printf("%s=%.2f ", sources[i], Median(times[i]));
  }
  std::printf("\n");
}

void Contexts(std::size_t count, const Sources& sources) {
  for (const char* const source : sources) MakeContext(source);  // reads what is read once
  InTurn(sources, count, [&](std::size_t, std::size_t source) {
    const auto begin = Clock::now();
    MakeContext(sources[source]).reset();
    return Microseconds(begin, Clock::now());
  });
}

std::string DerOf(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) Die("i2d_X509");
  std::string result(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return result;
}

Certificate Parse(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  Certificate certificate(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
  if (certificate == nullptr) Die("d2i_X509");
  return certificate;
}

std::vector<Context> Clients(const Sources& sources) {
  std::vector<Context> clients;
  for (const char* const source : sources) {
    clients.push_back(NewClient());
    Load(clients.back().get(), source);
  }
  return clients;
}

/// Each verification is of certificates that were parsed for it, which is not counted: what a TLS
/// client verifies. So warm ones and cold ones differ in nothing but in what was asked before.
void Verifications(const char* chain_file, const std::vector<std::string>& leaves,
                   const Sources& sources) {
  const std::vector<Context> clients = Clients(sources);
  const Chain known = ReadChain(chain_file);
  std::vector<std::string> intermediates;
  for (int i = 0; i < sk_X509_num(known.intermediates.get()); ++i) {
    intermediates.push_back(DerOf(sk_X509_value(known.intermediates.get(), i)));
  }
  for (const Context& client : clients) {
    if (!Verify(client.get(), known)) Die("the leaf is refused");  // reads what is read once
  }
  InTurn(sources, leaves.size(), [&](std::size_t i, std::size_t source) {
    const Chain chain{Parse(leaves[i]), Certificates(sk_X509_new_null())};
    for (const std::string& der : intermediates) {
      if (sk_X509_push(chain.intermediates.get(), Parse(der).release()) == 0) Die("sk_X509_push");
    }
    const auto begin = Clock::now();
    const bool ok = Verify(clients[source].get(), chain);
    const auto end = Clock::now();
    if (!ok) Die("a leaf is refused");
    return Microseconds(begin, end);
  });
}

void Warm(std::size_t count, const char* chain_file, const Sources& sources) {
  const std::string leaf = DerOf(ReadChain(chain_file).leaf.get());
  Verifications(chain_file, std::vector<std::string>(count, leaf), sources);
}

void Cold(const char* leaves_file, const char* chain_file, const Sources& sources) {
  std::vector<std::string> leaves;
  const File file = Open(leaves_file);
  while (const Certificate leaf = ReadCertificate(file.get())) leaves.push_back(DerOf(leaf.get()));
  ERR_clear_error();  // that the file has ended
  if (leaves.empty()) Die(leaves_file);
  Verifications(chain_file, leaves, sources);
}

void Handshakes(std::size_t count, const char* chain_file, const Sources& sources) {
  const std::vector<Context> clients = Clients(sources);
  const Context server = NewServer(chain_file);
  const auto once = [&](std::size_t, std::size_t source) {
    const auto begin = Clock::now();
    const bool ok = Handshake(clients[source].get(), server.get());
    const auto end = Clock::now();
    if (!ok) Die("the server is refused");
    return Microseconds(begin, end);
  };
  for (std::size_t i = 0; i < sources.size(); ++i) once(0, i);  // reads what is read once
  InTurn(sources, count, once);
}

// --- once in a process

void First(const char* source, const char* chain_file) {
  const auto start = Clock::now();
  if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr) != 1) Die("OPENSSL_init_ssl");
  const auto initialised = Clock::now();
  // Not counted: reading the chain. A bare context is given the one root it needs.
  const Chain chain = ReadChain(chain_file);
  const Certificate root = ReadCertificate(Setting("BENCH_ROOT"));
  // Not counted either: what the first SSL_CTX of a process sets up for all.
  NewContext();

  const auto begin = Clock::now();
  const Context context = MakeContext(source);
  if (source == std::string_view("bare")) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), root.get());
  }
  const auto made = Clock::now();
  const bool ok = Verify(context.get(), chain);
  const auto verified = Clock::now();
  if (!ok) Die("the leaf is refused");
  std::printf("init=%.1f context=%.1f verification=%.1f\n", Microseconds(start, initialised),
              Microseconds(begin, made), Microseconds(made, verified));
}

std::atomic<std::int64_t> allocated{0};

std::int64_t SizeOf(void* block) {
  return block == nullptr ? 0 : static_cast<std::int64_t>(_msize(block));
}

void* Allocate(std::size_t size, const char*, int) {
  void* const block = std::malloc(size);
  allocated += SizeOf(block);
  return block;
}

void* Reallocate(void* block, std::size_t size, const char*, int) {
  const std::int64_t before = SizeOf(block);
  void* const moved = std::realloc(block, size);
  if (moved != nullptr || size == 0) allocated += SizeOf(moved) - before;
  return moved;
}

void Free(void* block, const char*, int) {
  allocated -= SizeOf(block);
  std::free(block);
}

/// In Wine 8: what the kernel counts as anonymous memory of the process. (PrivateUsage is the same
/// on Windows, and always 0 in Wine.)
double PrivateMemory() {
  PROCESS_MEMORY_COUNTERS counters{};
  if (!GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters)) {
    Die("GetProcessMemoryInfo");
  }
  return static_cast<double>(counters.PagefileUsage);
}

void Memory(std::size_t count, const char* source, const char* chain_file) {
  if (CRYPTO_set_mem_functions(Allocate, Reallocate, Free) != 1) Die("CRYPTO_set_mem_functions");
  Chain chain;
  if (chain_file != nullptr) chain = ReadChain(chain_file);
  const auto make = [&] {
    Context context = MakeContext(source);
    if (chain_file != nullptr && !Verify(context.get(), chain)) Die("the leaf is refused");
    return context;
  };
  make();  // what the first one sets up for all is not the context's
  std::vector<Context> contexts(count);
  const std::int64_t allocated_before = allocated;
  const double private_before = PrivateMemory();
  for (Context& context : contexts) context = make();
  const auto contexts_made = static_cast<double>(count);
  std::printf("allocated=%.0f private=%.0f\n",
              static_cast<double>(allocated - allocated_before) / contexts_made,
              (PrivateMemory() - private_before) / contexts_made);
}

}  // namespace
}  // namespace ostrust::bench

int main(int argc, char** argv) {
  using namespace ostrust::bench;
  const std::string_view command = argc > 1 ? argv[1] : "";
  const auto count = [&] { return std::strtoul(argv[2], nullptr, 10); };
  const auto sources_from = [&](int first) { return Sources(argv + first, argv + argc); };
  if (command == "export" && argc == 3) {
    Export(argv[2]);
  } else if (command == "contexts" && argc > 3) {
    Contexts(count(), sources_from(3));
  } else if (command == "memory" && (argc == 4 || argc == 5)) {
    Memory(count(), argv[3], argv[4]);  // the last argument is followed by a null
  } else if (command == "first" && argc == 4) {
    First(argv[2], argv[3]);
  } else if (command == "warm" && argc > 4) {
    Warm(count(), argv[3], sources_from(4));
  } else if (command == "cold" && argc > 4) {
    Cold(argv[2], argv[3], sources_from(4));
  } else if (command == "handshake" && argc > 4) {
    Handshakes(count(), argv[3], sources_from(4));
  } else {
    return 2;
  }
}
