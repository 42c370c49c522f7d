// What needs a process of its own. Prints one line of name=value pairs, times in microseconds,
// memory in bytes. test/bench/run starts it many times and takes medians.
//
//   ostrust_bench_process first bare|default CHAIN
//       initialisation, first context, first verification of the chain in that file
//   ostrust_bench_process memory bare|default    bytes of heap for one of 200 contexts
//   ostrust_bench_process contention threads|processes N
//       N at once verify for a second, each with a context of its own: wall time divided by the
//       verifications, CPU time of one, and how many times in 1000 verifications one of them had to
//       wait (voluntary context switches; a lock that is held by another is one)
//   ostrust_bench_process change N
//       the default paths' file BENCH_LIVE is replaced N times by BENCH_WITHOUT_ROOT and
//       BENCH_BUNDLE in turn, while the chain is verified again and again: from rename() to the
//       other verdict
//   ostrust_bench_process repeat verification|handshake default|bundle CHAIN accepted|refused N
//       [known CHAIN | staple RESPONSE]
//       median of N. The CA certificates are the default paths' or the file BENCH_BUNDLE; the known
//       chain is accepted in a handshake before; the response is stapled, so many times.
//   ostrust_bench_process revocation CHAIN N
//       the first verification, the median of N more, and what all of them leave in memory: its
//       growth, resident and private and dirty, and the growth of its peak

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/bench/setting.hpp"

namespace ostrust::bench {
namespace {

std::uint64_t CpuMicroseconds(const rusage& usage) {
  const auto microseconds = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(time.tv_usec);
  };
  return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

Context MakeContext(bool bare) {
  Context context = NewContext();
  if (!bare && SSL_CTX_set_default_verify_paths(context.get()) != 1) Die("default paths");
  return context;
}

void First(bool bare, const char* chain_file) {
  const auto start = Clock::now();
  if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr) != 1) Die("OPENSSL_init_ssl");
  const auto initialised = Clock::now();
  // Not counted: reading the chain. A bare context is given the one root it needs.
  const Chain chain = ReadChain(chain_file);
  const Certificate root = ReadCertificate(Setting("BENCH_ROOT"));
  // Not counted either: what the first SSL_CTX of a process sets up for all.
  NewContext();

  const auto begin = Clock::now();
  const Context context = MakeContext(bare);
  if (bare) X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), root.get());
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  const auto made = Clock::now();
  const bool ok = Verify(context.get(), chain);
  const auto verified = Clock::now();
  getrusage(RUSAGE_SELF, &after);
  if (!ok) Die("the leaf is refused");
  std::printf("init=%.1f context=%.1f verification=%.1f cpu=%llu\n",
              Microseconds(start, initialised), Microseconds(begin, made),
              Microseconds(made, verified),
              static_cast<unsigned long long>(CpuMicroseconds(after) - CpuMicroseconds(before)));
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

/// What the workers have in common, threads or forked processes.
struct Tally {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> verifications{0};
  std::atomic<std::uint64_t> cpu_microseconds{0};
  std::atomic<std::uint64_t> waits{0};
};

void Work(Tally& tally) {
  const Context context = MakeContext(false);
  const Chain chain = ReadChain(Setting("BENCH_CHAIN_ECDSA"));
  if (!Verify(context.get(), chain)) Die("the leaf is refused");
  ++tally.ready;
  while (!tally.go) std::this_thread::yield();

  rusage before{};
  rusage after{};
  std::uint64_t verifications = 0;
  getrusage(RUSAGE_THREAD, &before);
  for (; !tally.stop; ++verifications) {
    if (!Verify(context.get(), chain)) Die("the leaf is refused");
  }
  getrusage(RUSAGE_THREAD, &after);
  tally.verifications += verifications;
  tally.cpu_microseconds += CpuMicroseconds(after) - CpuMicroseconds(before);
  tally.waits += static_cast<std::uint64_t>(after.ru_nvcsw - before.ru_nvcsw);
}

void Contention(bool threads, int count) {
  void* const memory =
      mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) Die("mmap");
  Tally& tally = *new (memory) Tally;
  std::vector<std::thread> workers;
  for (int i = 0; i < count; ++i) {
    if (threads) {
      workers.emplace_back(Work, std::ref(tally));
      continue;
    }
    // Before anything of OpenSSL's was called: the child is a process as any other.
    const pid_t child = fork();
    if (child < 0) Die("fork");
    if (child > 0) continue;
    alarm(60);
    Work(tally);
    std::exit(0);
  }
  alarm(60);  // should one of the children die
  while (tally.ready != count) std::this_thread::yield();

  const auto begin = Clock::now();
  tally.go = true;
  std::this_thread::sleep_for(std::chrono::seconds(1));
  tally.stop = true;
  const auto end = Clock::now();
  for (std::thread& worker : workers) worker.join();
  for (int status = 0; wait(&status) > 0;) {
    if (status != 0) Die("a child failed");
  }
  const auto verifications = static_cast<double>(tally.verifications);
  std::printf("wall=%.2f cpu=%.2f waits=%.1f\n", Microseconds(begin, end) / verifications,
              static_cast<double>(tally.cpu_microseconds) / verifications,
              static_cast<double>(tally.waits) / verifications * 1000);
}

std::string Content(const char* path) {
  std::ifstream file(path);
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (content.empty()) Die(path);
  return content;
}

void Change(int count) {
  // A file that was changed a moment ago is read again at every look (FileStamp); waiting longer
  // than that is what a process sees whose store changes now and then.
  constexpr auto kCalm = std::chrono::milliseconds(2200);
  constexpr auto kTooLong = std::chrono::seconds(20);
  const std::string live = Setting("BENCH_LIVE");
  const std::string next = live + ".new";
  const std::string contents[] = {Content(Setting("BENCH_WITHOUT_ROOT")),
                                  Content(Setting("BENCH_BUNDLE"))};
  const Context context = MakeContext(false);
  const Chain chain = ReadChain(Setting("BENCH_CHAIN_ECDSA"));
  std::minstd_rand random(std::random_device{}());
  bool trusted = true;
  for (int i = 0; i < count; ++i) {
    // At any moment between two looks.
    const auto moment = Clock::now() + kCalm + std::chrono::milliseconds(random() % 1000);
    while (Clock::now() < moment) {
      if (Verify(context.get(), chain) != trusted) Die("the verdict changed by itself");
    }
    trusted = !trusted;
    std::ofstream(next) << contents[trusted];

    const auto begin = Clock::now();
    if (std::rename(next.c_str(), live.c_str()) != 0) Die(live.c_str());
    while (Verify(context.get(), chain) != trusted) {
      if (Clock::now() - begin > kTooLong) Die("the verdict did not change");
    }
    std::printf("%s=%.1f ", trusted ? "added" : "removed", Microseconds(begin, Clock::now()));
  }
  std::printf("\n");
}

struct Repetition {
  bool handshake;
  bool bundle;
  const char* chain;
  bool accepted;  // what has to come of it
  int count;
  const char* known;   // null: nothing is
  const char* staple;  // null: nothing is stapled
};

void Repeat(const Repetition& what) {
  const Context client = NewClient();
  const int loaded = what.bundle ? SSL_CTX_load_verify_file(client.get(), Setting("BENCH_BUNDLE"))
                                 : SSL_CTX_set_default_verify_paths(client.get());
  if (loaded != 1) Die("loading CA certificates");
  if (what.known != nullptr && !Handshake(client.get(), NewServer(what.known).get())) {
    Die("the chain to be known is refused");
  }
  Staple staple;
  if (what.staple != nullptr) staple.response = Content(what.staple);
  const Context server = NewServer(what.chain, what.staple != nullptr ? &staple : nullptr);
  const Chain chain = ReadChain(what.chain);
  const auto once = [&] {
    return what.handshake ? Handshake(client.get(), server.get()) : Verify(client.get(), chain);
  };
  once();  // reads what is read once
  std::vector<double> times;
  for (int i = 0; i < what.count; ++i) {
    const auto begin = Clock::now();
    const bool accepted = once();
    times.push_back(Microseconds(begin, Clock::now()));
    if (accepted != what.accepted) Die(accepted ? "accepted" : "refused");
    ERR_clear_error();
  }
  std::printf("us=%.2f", Median(times));
  if (what.staple != nullptr) std::printf(" stapled=%d", staple.asked);
  std::printf("\n");
}

/// A figure of /proc/self/FILE, there in KiB.
double InBytes(const char* file, const std::string& name) {
  std::ifstream in(std::string("/proc/self/") + file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(name + ":", 0) == 0) return std::stod(line.substr(name.size() + 1)) * 1024;
  }
  Die(name.c_str());
}

struct Weight {
  double resident = InBytes("smaps_rollup", "Rss");
  double dirty = InBytes("smaps_rollup", "Private_Dirty");
  double peak = InBytes("status", "VmHWM");
};

void Revocation(const char* chain_file, int count) {
  const Context context = MakeContext(false);
  const Chain chain = ReadChain(chain_file);
  const auto once = [&] {
    const auto begin = Clock::now();
    if (!Verify(context.get(), chain)) Die("the leaf is refused");
    return Microseconds(begin, Clock::now());
  };
  const Weight before;
  rusage cpu_before{};
  rusage cpu_after{};
  getrusage(RUSAGE_SELF, &cpu_before);
  const double first = once();
  getrusage(RUSAGE_SELF, &cpu_after);
  std::vector<double> times;
  for (int i = 0; i < count; ++i) times.push_back(once());
  const Weight after;
  std::printf(
      "first=%.1f cpu=%llu further=%.2f resident=%.0f dirty=%.0f peak=%.0f\n", first,
      static_cast<unsigned long long>(CpuMicroseconds(cpu_after) - CpuMicroseconds(cpu_before)),
      Median(times), after.resident - before.resident, after.dirty - before.dirty,
      after.peak - before.peak);
}

}  // namespace
}  // namespace ostrust::bench

int main(int argc, char** argv) {
  using namespace ostrust::bench;
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const bool bare = argc >= 3 && arguments[1] == "bare";
  if (argc == 4 && arguments[0] == "first") {
    First(bare, argv[3]);
  } else if (argc == 3 && arguments[0] == "memory") {
    Memory(bare);
  } else if (argc == 4 && arguments[0] == "contention") {
    Contention(arguments[1] == "threads", std::atoi(argv[3]));
  } else if (argc == 3 && arguments[0] == "change") {
    Change(std::atoi(argv[2]));
  } else if ((argc == 7 || argc == 9) && arguments[0] == "repeat") {
    const auto named = [&](std::string_view name) {
      return argc == 9 && arguments[6] == name ? argv[8] : nullptr;
    };
    Repeat({arguments[1] == "handshake", arguments[2] == "bundle", argv[4],
            arguments[4] == "accepted", std::atoi(argv[6]), named("known"), named("staple")});
  } else if (argc == 4 && arguments[0] == "revocation") {
    Revocation(argv[2], std::atoi(argv[3]));
  } else {
    return 2;
  }
}
