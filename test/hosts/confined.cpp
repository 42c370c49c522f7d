// A program that takes rights away from itself after it made its TLS context, as careful daemons
// and sandboxes do, and then connects to servers.
//
//     confined [OPTION VALUE]... PORT...     one handshake for each port, connected before
//
//     --cafile NAME       os:// and the like; without it the default paths
//     --late yes          the CAs are named afterwards, and the configuration is read before
//     --before PORT       a handshake before anything is taken away
//     --allow NAMES       system calls, separated by commas; any other ends it with status 3
//     --refuse NAMES      system calls that fail with EPERM, as under SystemCallErrorNumber=
//     --language yes      that of the environment, by setlocale()
//     --chroot DIRECTORY
//     --nofile yes        no file descriptor is left: RLIMIT_NOFILE
//     --memory BYTES      RLIMIT_AS: so much more than there is at that moment
//
// Prints a line for each handshake: "accepted", or OpenSSL's words for why not.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <locale.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string_view>

#include "host.hpp"

using namespace host;

namespace {

#if defined(__x86_64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr unsigned kArchitecture = 0;
#endif

struct Call {
  std::string_view name;
  int number;
};

// Those that can be named. An older kernel's headers or another machine may lack some.
constexpr Call kCalls[] = {
#define OSTRUST_CALL(name) {#name, SYS_##name},
    OSTRUST_CALL(brk) OSTRUST_CALL(clock_gettime) OSTRUST_CALL(close) OSTRUST_CALL(exit_group)
        OSTRUST_CALL(faccessat) OSTRUST_CALL(fcntl) OSTRUST_CALL(fstat) OSTRUST_CALL(futex)
            OSTRUST_CALL(getdents64) OSTRUST_CALL(geteuid) OSTRUST_CALL(getpid)
                OSTRUST_CALL(getrandom) OSTRUST_CALL(getresuid) OSTRUST_CALL(gettimeofday)
                    OSTRUST_CALL(lseek) OSTRUST_CALL(madvise) OSTRUST_CALL(mmap)
                        OSTRUST_CALL(mprotect) OSTRUST_CALL(mremap) OSTRUST_CALL(munmap)
                            OSTRUST_CALL(newfstatat) OSTRUST_CALL(openat) OSTRUST_CALL(pread64)
                                OSTRUST_CALL(prlimit64) OSTRUST_CALL(read) OSTRUST_CALL(readlinkat)
                                    OSTRUST_CALL(rt_sigaction) OSTRUST_CALL(rt_sigprocmask)
                                        OSTRUST_CALL(rt_sigreturn) OSTRUST_CALL(sched_yield)
                                            OSTRUST_CALL(socket) OSTRUST_CALL(write)
#ifdef SYS_readlink
                                                OSTRUST_CALL(access) OSTRUST_CALL(lstat)
                                                    OSTRUST_CALL(open) OSTRUST_CALL(readlink)
                                                        OSTRUST_CALL(stat)
#endif
#undef OSTRUST_CALL
};

int NumberOf(std::string_view name) {
  for (const Call& call : kCalls) {
    if (call.name == name) return call.number;
  }
  std::fprintf(stderr, "no system call of this name is known here: %.*s\n",
               static_cast<int>(name.size()), name.data());
  std::exit(2);
}

std::vector<int> NumbersOf(std::string_view names) {
  std::vector<int> numbers;
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    numbers.push_back(NumberOf(names.substr(0, comma)));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return numbers;
}

/// Async-signal-safe: which system call it was, and the end.
void OnSystemCall(int, siginfo_t* info, void*) {
  char text[] = "system call 0000 is not allowed\n";
  for (int i = 0, number = info->si_syscall; i < 4; ++i, number /= 10) {
    text[15 - i] = static_cast<char>('0' + number % 10);
  }
  _exit(write(STDERR_FILENO, text, sizeof text - 1) > 0 ? 3 : 4);
}

/// Everything that is `listed` gets one answer and everything else the other.
void Filter(const std::vector<int>& listed, unsigned then, unsigned otherwise) {
  std::vector<sock_filter> program = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  for (const int number : listed) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, then));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, otherwise));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    std::printf("no seccomp filter can be set here: %s\n", std::strerror(errno));
    std::exit(77);
  }
}

void Require(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(2);
}

int Connect(const char* port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Require(fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
          "connect");
  return fd;
}

void Handshake(SSL_CTX* context, int fd) {
  const Owned<SSL> ssl(SSL_new(context));
  Require(ssl != nullptr && SSL_set_fd(ssl.get(), fd) == 1, "SSL_new");
  SSL_set1_host(ssl.get(), "localhost");
  std::string answer = kAccepted;
  if (SSL_connect(ssl.get()) != 1) {
    const long result = SSL_get_verify_result(ssl.get());
    answer = result != X509_V_OK ? X509_verify_cert_error_string(result) : "failed: " + Errors();
  }
  ERR_clear_error();
  std::puts(answer.c_str());
  std::fflush(stdout);
}

/// Names the CAs; null: the default paths.
bool Trust(SSL_CTX* context, const char* cafile) {
  const int loaded = cafile != nullptr ? SSL_CTX_load_verify_file(context, cafile)
                                       : SSL_CTX_set_default_verify_paths(context);
  if (loaded != 1) {
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    std::printf("not loaded: %s\n", reason != nullptr ? reason : Errors().c_str());
  }
  return loaded == 1;
}

/// What the process has mapped; 0 where it cannot be read.
std::size_t MappedBytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0;
  file >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void Limit(decltype(RLIMIT_AS) resource, rlim_t value) {
  const rlimit limit{value, value};
  Require(setrlimit(resource, &limit) == 0, "setrlimit");
}

}  // namespace

int main(int count, char** arguments) {
  std::map<std::string, std::string> options;
  int next = 1;
  for (; next + 1 < count && std::string_view(arguments[next]).starts_with("--"); next += 2) {
    options[arguments[next]] = arguments[next + 1];
  }
  const auto has = [&](const char* name) { return options.count(name) != 0; };

  if (has("--language")) Require(setlocale(LC_ALL, "") != nullptr, "setlocale");
  const Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const char* const cafile = has("--cafile") ? options["--cafile"].c_str() : nullptr;
  if (!has("--late") && !Trust(context.get(), cafile)) return 0;
  if (has("--before")) Handshake(context.get(), Connect(options["--before"].c_str()));
  std::vector<int> connections;
  for (; next < count; ++next) connections.push_back(Connect(arguments[next]));

  if (has("--chroot")) {
    Require(chroot(options["--chroot"].c_str()) == 0 && chdir("/") == 0, "chroot");
  }
  if (has("--nofile")) Limit(RLIMIT_NOFILE, 0);
  if (has("--memory")) {
    Limit(RLIMIT_AS, MappedBytes() + std::strtoull(options["--memory"].c_str(), nullptr, 10));
  }
  if (has("--allow")) {
    struct sigaction action {};
    action.sa_sigaction = OnSystemCall;
    action.sa_flags = SA_SIGINFO;
    Require(sigaction(SIGSYS, &action, nullptr) == 0, "sigaction");
    Filter(NumbersOf(options["--allow"]), SECCOMP_RET_ALLOW, SECCOMP_RET_TRAP);
  }
  if (has("--refuse")) {
    Filter(NumbersOf(options["--refuse"]), SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ALLOW);
  }
  if (has("--late") && !Trust(context.get(), cafile)) return 0;
  for (const int fd : connections) Handshake(context.get(), fd);
  return 0;
}
