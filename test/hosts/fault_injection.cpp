// Built without a sanitizer and without built-in functions: what is here runs before either is
// ready.
#include "fault_injection.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <glob.h>
#include <link.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>

namespace fault {
namespace {

// Ways that are no errno.
constexpr int kShort = -1;    // one byte only
constexpr int kNothing = -2;  // 0: the peer closed, nothing became ready
constexpr int kDay = -3;      // the clock is a day further

struct Way {
  const char* name;
  int value;
};
#define OSTRUST_WAY(name) \
  { #name, name }
constexpr Way kNoMemory[] = {OSTRUST_WAY(ENOMEM)};
constexpr Way kOpening[] = {OSTRUST_WAY(EMFILE), OSTRUST_WAY(EACCES), OSTRUST_WAY(EINTR),
                            OSTRUST_WAY(EIO), OSTRUST_WAY(ENOMEM)};
constexpr Way kListing[] = {OSTRUST_WAY(EIO)};
constexpr Way kLooking[] = {OSTRUST_WAY(EACCES), OSTRUST_WAY(EIO), OSTRUST_WAY(ENOMEM)};
constexpr Way kReading[] = {OSTRUST_WAY(EIO), OSTRUST_WAY(EINTR), {"short", kShort}};
constexpr Way kWriting[] = {OSTRUST_WAY(ENOSPC), OSTRUST_WAY(EINTR), {"short", kShort}};
constexpr Way kClosing[] = {OSTRUST_WAY(EINTR), OSTRUST_WAY(EIO)};
constexpr Way kChanging[] = {OSTRUST_WAY(EACCES), OSTRUST_WAY(ENOSPC), OSTRUST_WAY(EINTR)};
constexpr Way kNaming[] = {OSTRUST_WAY(EACCES), OSTRUST_WAY(ENOMEM), OSTRUST_WAY(EIO)};
constexpr Way kMatching[] = {OSTRUST_WAY(GLOB_NOSPACE), OSTRUST_WAY(GLOB_ABORTED)};
constexpr Way kLoading[] = {{"not found", 0}};
constexpr Way kMakingSockets[] = {OSTRUST_WAY(EMFILE), OSTRUST_WAY(EACCES), OSTRUST_WAY(ENOBUFS)};
constexpr Way kConnecting[] = {OSTRUST_WAY(ECONNREFUSED), OSTRUST_WAY(EINTR),
                               OSTRUST_WAY(ENETUNREACH)};
constexpr Way kAsking[] = {OSTRUST_WAY(ENOBUFS)};
constexpr Way kSending[] = {OSTRUST_WAY(EPIPE), OSTRUST_WAY(EINTR), {"short", kShort}};
constexpr Way kReceiving[] = {
    OSTRUST_WAY(ECONNRESET), OSTRUST_WAY(EINTR), {"short", kShort}, {"closed", kNothing}};
constexpr Way kPolling[] = {OSTRUST_WAY(EINTR), OSTRUST_WAY(ENOMEM), {"timeout", kNothing}};
constexpr Way kMakingPipes[] = {OSTRUST_WAY(EMFILE)};
constexpr Way kResolving[] = {OSTRUST_WAY(EAI_AGAIN), OSTRUST_WAY(EAI_MEMORY),
                              OSTRUST_WAY(EAI_NONAME)};
constexpr Way kNoMore[] = {OSTRUST_WAY(EAGAIN)};
constexpr Way kLocking[] = {OSTRUST_WAY(EDEADLK)};
constexpr Way kWaiting[] = {OSTRUST_WAY(ETIMEDOUT)};
constexpr Way kTelling[] = {OSTRUST_WAY(EPERM), {"a day later", kDay}};
constexpr Way kDrawing[] = {OSTRUST_WAY(EIO)};
#undef OSTRUST_WAY

struct Description {
  const char* name;
  const Way* ways;
  std::size_t count;
};
template <std::size_t kCount>
constexpr Description Describe(const char* name, const Way (&ways)[kCount]) {
  return {name, ways, kCount};
}
constexpr Description kKinds[] = {
    Describe("memory", kNoMemory),
    Describe("OpenSSL's memory", kNoMemory),
    Describe("open", kOpening),
    Describe("open a directory", kOpening),
    Describe("read a directory", kListing),
    Describe("stat", kLooking),
    Describe("read", kReading),
    Describe("write", kWriting),
    Describe("close", kClosing),
    Describe("change a file", kChanging),
    Describe("realpath", kNaming),
    Describe("glob", kMatching),
    Describe("map", kNoMemory),
    Describe("dlopen", kLoading),
    Describe("socket", kMakingSockets),
    Describe("connect", kConnecting),
    Describe("getsockopt", kAsking),
    Describe("send", kSending),
    Describe("receive", kReceiving),
    Describe("poll", kPolling),
    Describe("pipe", kMakingPipes),
    Describe("getaddrinfo", kResolving),
    Describe("thread", kNoMore),
    Describe("lock", kLocking),
    Describe("wait", kWaiting),
    Describe("thread's key", kNoMore),
    Describe("clock", kTelling),
    Describe("random", kDrawing),
};
static_assert(std::size(kKinds) == static_cast<std::size_t>(Kind::kKinds));

constexpr std::size_t kMostFrames = 200;
constexpr std::size_t kNever = static_cast<std::size_t>(-1);

Report* report = nullptr;
const char* module_name = nullptr;
std::atomic<bool> counting{false};
std::atomic<std::size_t> calls{0};
std::size_t target = kNever;
std::size_t target_way = 0;
bool lasting = false;
bool recording = false;
bool started = false;

struct Range {
  std::atomic<std::uintptr_t> begin{0};
  std::uintptr_t end = 0;
  bool Contains(std::uintptr_t address) const {
    const std::uintptr_t first = begin.load(std::memory_order_acquire);
    return first != 0 && address >= first && address < end;
  }
};
Range module_code;
Range runtime_code;  // libstdc++.so
Range p11_kit_code;
Range asn1_code;  // libtasn1.so
std::atomic<int> later{0};

#define OSTRUST_TLS __thread __attribute__((tls_model("initial-exec")))
OSTRUST_TLS bool inside = false;
OSTRUST_TLS std::uintptr_t stack_end = 0;  // 0: not looked at in this thread

class Inside {
 public:
  Inside() { inside = true; }
  ~Inside() { inside = false; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

bool EndsIn(const char* text, const char* end) {
  const std::size_t length = std::strlen(text);
  const std::size_t wanted = std::strlen(end);
  return length >= wanted && std::strcmp(text + length - wanted, end) == 0;
}

int NoteImage(struct dl_phdr_info* info, std::size_t, void*) {
  Range* range = nullptr;
  if (module_name != nullptr && EndsIn(info->dlpi_name, module_name)) range = &module_code;
  if (std::strstr(info->dlpi_name, "/libstdc++.so") != nullptr) range = &runtime_code;
  if (EndsIn(info->dlpi_name, "/p11-kit-trust.so")) range = &p11_kit_code;
  if (std::strstr(info->dlpi_name, "/libtasn1.so") != nullptr) range = &asn1_code;
  if (range == nullptr || range->begin.load() != 0) return 0;
  std::uintptr_t begin = ~std::uintptr_t{0};
  std::uintptr_t end = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    begin = std::min<std::uintptr_t>(begin, info->dlpi_addr + header.p_vaddr);
    end = std::max<std::uintptr_t>(end, info->dlpi_addr + header.p_vaddr + header.p_memsz);
  }
  range->end = end;
  range->begin.store(begin, std::memory_order_release);
  return 0;
}

/// An address of the module's code lies on the stack, perhaps only because it once did.
bool MayBeBelowModule() {
  if (stack_end == 0) return false;
  const auto* word = static_cast<const std::uintptr_t*>(__builtin_frame_address(0));
  for (; reinterpret_cast<std::uintptr_t>(word) < stack_end; ++word) {
    if (module_code.Contains(*word)) return true;
  }
  return false;
}

bool IsBelowModule() {
  void* frames[kMostFrames];
  const int count = backtrace(frames, static_cast<int>(std::size(frames)));
  for (int i = 0; i < count; ++i) {
    if (module_code.Contains(reinterpret_cast<std::uintptr_t>(frames[i]))) return true;
  }
  return false;
}

/// Whose code is on the stack, one place a line: "ostrust.so+0x1234 name".
void WritePlaces(char* text, std::size_t size) {
  void* frames[kMostFrames];
  const int count = backtrace(frames, static_cast<int>(std::size(frames)));
  std::size_t used = 0;
  text[0] = '\0';
  for (int i = 0; i < count && used < size; ++i) {
    Dl_info info{};
    if (dladdr(frames[i], &info) == 0 || info.dli_fname == nullptr) continue;
    const char* const slash = std::strrchr(info.dli_fname, '/');
    const auto offset =
        static_cast<const char*>(frames[i]) - static_cast<const char*>(info.dli_fbase);
    const int written = std::snprintf(
        text + used, size - used, "%s+0x%lx %s\n", slash == nullptr ? info.dli_fname : slash + 1,
        static_cast<unsigned long>(offset), info.dli_sname == nullptr ? "" : info.dli_sname);
    used += static_cast<std::size_t>(written);
  }
}

/// Whether this call is the one that fails, and how.
bool Fails(Kind kind, const void* caller, int* how) {
  if (!counting.load(std::memory_order_relaxed) || inside) return false;
  const Inside guard;
  const int saved_errno = errno;
  if (module_code.begin.load(std::memory_order_relaxed) == 0 ||
      p11_kit_code.begin.load(std::memory_order_relaxed) == 0) {
    dl_iterate_phdr(NoteImage, nullptr);
  }
  const auto address = reinterpret_cast<std::uintptr_t>(caller);
  const bool in_p11_kit = p11_kit_code.Contains(address) || asn1_code.Contains(address);
  const bool certain = module_code.Contains(address) || in_p11_kit;
  if (!certain) {
    if (kind != Kind::kOpenSslMemory &&
        !(kind == Kind::kMemory && runtime_code.Contains(address))) {
      return false;
    }
    if (!MayBeBelowModule()) return false;
  }
  const std::size_t number = calls.fetch_add(1);
  report->calls = number + 1;
  if (recording && number < kMostCalls) {
    report->kinds[number] = kind;
    report->confirmed[number] = certain || IsBelowModule();
  }
  errno = saved_errno;
  const bool still = lasting && report->fired && kind == report->fired_kind;
  if (number != target && !still) return false;
  report->fired = true;
  report->fired_kind = kind;
  if (!still) report->fired_in_p11_kit = in_p11_kit;
  if (!still) WritePlaces(report->fired_at, sizeof report->fired_at);
  const Description& description = kKinds[static_cast<std::size_t>(kind)];
  *how = description.ways[target_way % description.count].value;
  errno = saved_errno;
  return true;
}

template <typename Function>
Function* Real(Function*& known, const char* name) {
  if (known == nullptr) known = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  return known;
}
#define OSTRUST_REAL(name)                         \
  static decltype(::name)* known_##name = nullptr; \
  const auto real = ::fault::Real(known_##name, #name)
#define OSTRUST_FAILS(kind) ::fault::Fails(::fault::Kind::kind, __builtin_return_address(0), &how)

void* CryptoMalloc(std::size_t size, const char*, int) {
  int how = 0;
  if (size == 0) return nullptr;
  if (OSTRUST_FAILS(kOpenSslMemory)) return nullptr;
  return std::malloc(size);
}

void* CryptoRealloc(void* block, std::size_t size, const char*, int) {
  int how = 0;
  if (size == 0) {
    std::free(block);
    return nullptr;
  }
  if (OSTRUST_FAILS(kOpenSslMemory)) return nullptr;
  return std::realloc(block, size);
}

void CryptoFree(void* block, const char*, int) {
  std::free(block);
}

[[maybe_unused]] void Died(int signal) {
  counting = false;
  report->signal = signal;
  WritePlaces(report->died_at, sizeof report->died_at);
  _exit(99);
}

void Start(const void* stack) {
  stack_end = reinterpret_cast<std::uintptr_t>(stack);
  calls = 0;
  report->calls = 0;
  report->fired = false;
  report->signal = 0;
  dl_iterate_phdr(NoteImage, nullptr);
  started = true;
  counting = true;
}

}  // namespace

const char* NameOf(Kind kind) {
  return kKinds[static_cast<std::size_t>(kind)].name;
}

std::size_t WaysOf(Kind kind) {
  return kKinds[static_cast<std::size_t>(kind)].count;
}

const char* WayOf(Kind kind, std::size_t way) {
  const Description& description = kKinds[static_cast<std::size_t>(kind)];
  return description.ways[way % description.count].name;
}

bool Begin(const char* module, Report* shared) {
  module_name = module;
  report = shared;
  void* frames[4];
  backtrace(frames, 4);    // loads what it needs now
#ifndef OSTRUST_SANITIZED  // which tells more
  static char stack[65536];
  stack_t alternative{};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof stack;
  sigaltstack(&alternative, nullptr);
  struct sigaction action {};
  action.sa_handler = Died;
  action.sa_flags = SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM}) {
    sigaction(signal, &action, nullptr);
  }
#endif
  return CRYPTO_set_mem_functions(CryptoMalloc, CryptoRealloc, CryptoFree) == 1;
}

void Record(const void* stack) {
  recording = true;
  target = kNever;
  Start(stack);
}

void Arm(const void* stack, std::size_t call, std::size_t way, bool lasts) {
  recording = false;
  lasting = lasts;
  target = call;
  target_way = way;
  Start(stack);
}

void Resume() {
  counting = started;
}

void Pause() {
  counting = false;
}

void End() {
  started = false;
  counting = false;
}

void Later(int seconds) {
  later += seconds;
}

}  // namespace fault

// --- the C library's functions -------------------------------------------------------------------

// dlsym() itself may want memory before it has told where malloc() is. Never freed.
namespace {
alignas(16) char early[65536];
std::size_t early_used = 0;
bool resolving = false;

void* Early(std::size_t size) {
  const std::size_t at = early_used;
  early_used += (size + 15) & ~std::size_t{15};
  if (early_used > sizeof early) abort();
  return early + at;
}
bool IsEarly(const void* block) {
  return block >= early && block < early + sizeof early;
}

template <typename Function>
Function* Resolved(Function*& known, const char* name) {
  if (known == nullptr && !resolving) {
    resolving = true;
    known = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
    resolving = false;
  }
  return known;
}
decltype(::malloc)* real_malloc = nullptr;
decltype(::calloc)* real_calloc = nullptr;
decltype(::realloc)* real_realloc = nullptr;
decltype(::free)* real_free = nullptr;

/// Of open(): whether a third argument was given. O_TMPFILE is O_DIRECTORY and a bit of its own.
bool HasMode(int flags) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}
}  // namespace

#define OSTRUST_EXPORT extern "C" __attribute__((visibility("default")))
// What a call answers that fails with an errno.
#define OSTRUST_FAIL(kind, result) \
  do {                             \
    int how = 0;                   \
    if (OSTRUST_FAILS(kind)) {     \
      errno = how;                 \
      return result;               \
    }                              \
  } while (false)

OSTRUST_EXPORT void* malloc(std::size_t size) noexcept {
  OSTRUST_FAIL(kMemory, nullptr);
  const auto real = Resolved(real_malloc, "malloc");
  return real == nullptr ? Early(size) : real(size);
}

OSTRUST_EXPORT void* calloc(std::size_t count, std::size_t size) noexcept {
  OSTRUST_FAIL(kMemory, nullptr);
  const auto real = Resolved(real_calloc, "calloc");
  return real == nullptr ? Early(count * size) : real(count, size);
}

OSTRUST_EXPORT void* realloc(void* block, std::size_t size) noexcept {
  OSTRUST_FAIL(kMemory, nullptr);
  if (IsEarly(block)) {
    void* const moved = malloc(size);
    std::memcpy(
        moved, block,
        std::min(size, static_cast<std::size_t>(early + sizeof early - static_cast<char*>(block))));
    return moved;
  }
  const auto real = Resolved(real_realloc, "realloc");
  return real == nullptr ? Early(size) : real(block, size);
}

OSTRUST_EXPORT void free(void* block) noexcept {
  if (block == nullptr || IsEarly(block)) return;
  // dlsym() frees what an earlier one of the sanitizer's said; that one call may lose it.
  if (const auto real = Resolved(real_free, "free")) real(block);
}

OSTRUST_EXPORT void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  OSTRUST_FAIL(kMemory, nullptr);
  OSTRUST_REAL(aligned_alloc);
  return real(alignment, size);
}

OSTRUST_EXPORT void* reallocarray(void* block, std::size_t count, std::size_t size) noexcept {
  OSTRUST_FAIL(kMemory, nullptr);
  OSTRUST_REAL(reallocarray);
  return real(block, count, size);
}

OSTRUST_EXPORT char* strdup(const char* text) noexcept {
  OSTRUST_FAIL(kMemory, nullptr);
  OSTRUST_REAL(strdup);
  return real(text);
}

OSTRUST_EXPORT int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
  OSTRUST_FAIL(kMemory, ENOMEM);
  OSTRUST_REAL(posix_memalign);
  return real(block, alignment, size);
}

OSTRUST_EXPORT int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = HasMode(flags) ? va_arg(more, mode_t) : 0;
  va_end(more);
  OSTRUST_FAIL(kOpen, -1);
  OSTRUST_REAL(open);
  return real(path, flags, mode);
}

OSTRUST_EXPORT int openat(int directory, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = HasMode(flags) ? va_arg(more, mode_t) : 0;
  va_end(more);
  OSTRUST_FAIL(kOpen, -1);
  OSTRUST_REAL(openat);
  return real(directory, path, flags, mode);
}

OSTRUST_EXPORT FILE* fopen(const char* path, const char* mode) {
  OSTRUST_FAIL(kOpen, nullptr);
  OSTRUST_REAL(fopen);
  return real(path, mode);
}

OSTRUST_EXPORT DIR* opendir(const char* path) {
  OSTRUST_FAIL(kOpenDirectory, nullptr);
  OSTRUST_REAL(opendir);
  return real(path);
}

OSTRUST_EXPORT DIR* fdopendir(int descriptor) {
  OSTRUST_FAIL(kOpenDirectory, nullptr);
  OSTRUST_REAL(fdopendir);
  return real(descriptor);
}

OSTRUST_EXPORT struct dirent* readdir(DIR* directory) {
  OSTRUST_FAIL(kReadDirectory, nullptr);
  OSTRUST_REAL(readdir);
  return real(directory);
}

OSTRUST_EXPORT int stat(const char* path, struct stat* status) noexcept {
  OSTRUST_FAIL(kStat, -1);
  static int (*known)(const char*, struct stat*) = nullptr;
  return fault::Real(known, "stat")(path, status);
}

OSTRUST_EXPORT int lstat(const char* path, struct stat* status) noexcept {
  OSTRUST_FAIL(kStat, -1);
  OSTRUST_REAL(lstat);
  return real(path, status);
}

OSTRUST_EXPORT int fstat(int descriptor, struct stat* status) noexcept {
  OSTRUST_FAIL(kStat, -1);
  OSTRUST_REAL(fstat);
  return real(descriptor, status);
}

OSTRUST_EXPORT int fstatat(int directory, const char* path, struct stat* status,
                           int flags) noexcept {
  OSTRUST_FAIL(kStat, -1);
  OSTRUST_REAL(fstatat);
  return real(directory, path, status, flags);
}

OSTRUST_EXPORT ssize_t read(int descriptor, void* data, std::size_t size) {
  int how = 0;
  OSTRUST_REAL(read);
  if (OSTRUST_FAILS(kRead)) {
    if (how == fault::kShort) return real(descriptor, data, std::min<std::size_t>(size, 1));
    errno = how;
    return -1;
  }
  return real(descriptor, data, size);
}

OSTRUST_EXPORT ssize_t pread(int descriptor, void* data, std::size_t size, off_t offset) {
  int how = 0;
  OSTRUST_REAL(pread);
  if (OSTRUST_FAILS(kRead)) {
    if (how == fault::kShort) return real(descriptor, data, std::min<std::size_t>(size, 1), offset);
    errno = how;
    return -1;
  }
  return real(descriptor, data, size, offset);
}

OSTRUST_EXPORT ssize_t write(int descriptor, const void* data, std::size_t size) {
  int how = 0;
  OSTRUST_REAL(write);
  if (OSTRUST_FAILS(kWrite)) {
    if (how == fault::kShort) return real(descriptor, data, std::min<std::size_t>(size, 1));
    errno = how;
    return -1;
  }
  return real(descriptor, data, size);
}

OSTRUST_EXPORT int close(int descriptor) {
  int how = 0;
  OSTRUST_REAL(close);
  const int result = real(descriptor);  // closed all the same, as on Linux
  if (!OSTRUST_FAILS(kClose)) return result;
  errno = how;
  return -1;
}

OSTRUST_EXPORT int mkdirat(int directory, const char* path, mode_t mode) noexcept {
  OSTRUST_FAIL(kFileSystem, -1);
  OSTRUST_REAL(mkdirat);
  return real(directory, path, mode);
}

OSTRUST_EXPORT int renameat(int from_directory, const char* from, int to_directory,
                            const char* to) noexcept {
  OSTRUST_FAIL(kFileSystem, -1);
  OSTRUST_REAL(renameat);
  return real(from_directory, from, to_directory, to);
}

OSTRUST_EXPORT int unlinkat(int directory, const char* path, int flags) noexcept {
  OSTRUST_FAIL(kFileSystem, -1);
  OSTRUST_REAL(unlinkat);
  return real(directory, path, flags);
}

OSTRUST_EXPORT int fchmod(int descriptor, mode_t mode) noexcept {
  OSTRUST_FAIL(kFileSystem, -1);
  OSTRUST_REAL(fchmod);
  return real(descriptor, mode);
}

OSTRUST_EXPORT int fcntl(int descriptor, int command, ...) {
  va_list more;
  va_start(more, command);
  void* const argument = va_arg(more, void*);
  va_end(more);
  OSTRUST_FAIL(kFileSystem, -1);
  OSTRUST_REAL(fcntl);
  return real(descriptor, command, argument);
}

OSTRUST_EXPORT char* realpath(const char* path, char* resolved) noexcept {
  OSTRUST_FAIL(kRealPath, nullptr);
  OSTRUST_REAL(realpath);
  return real(path, resolved);
}

OSTRUST_EXPORT int glob(const char* pattern, int flags, int (*on_error)(const char*, int),
                        glob_t* result) noexcept {
  int how = 0;
  if (OSTRUST_FAILS(kGlob)) return how;
  OSTRUST_REAL(glob);
  return real(pattern, flags, on_error, result);
}

OSTRUST_EXPORT void* mmap(void* address, std::size_t size, int protection, int flags,
                          int descriptor, off_t offset) noexcept {
  OSTRUST_FAIL(kMap, MAP_FAILED);
  OSTRUST_REAL(mmap);
  return real(address, size, protection, flags, descriptor, offset);
}

OSTRUST_EXPORT void* dlopen(const char* path, int flags) noexcept {
  int how = 0;
  OSTRUST_REAL(dlopen);
  // The real one leaves a message for dlerror().
  if (OSTRUST_FAILS(kLoad)) return real("/a library that is not there", RTLD_NOW);
  return real(path, flags);
}

OSTRUST_EXPORT int socket(int domain, int type, int protocol) noexcept {
  OSTRUST_FAIL(kSocket, -1);
  OSTRUST_REAL(socket);
  return real(domain, type, protocol);
}

OSTRUST_EXPORT int connect(int descriptor, const struct sockaddr* address, socklen_t size) {
  OSTRUST_FAIL(kConnect, -1);
  OSTRUST_REAL(connect);
  return real(descriptor, address, size);
}

OSTRUST_EXPORT int getsockopt(int descriptor, int level, int name, void* value,
                              socklen_t* size) noexcept {
  OSTRUST_FAIL(kSocketOption, -1);
  OSTRUST_REAL(getsockopt);
  return real(descriptor, level, name, value, size);
}

OSTRUST_EXPORT ssize_t send(int descriptor, const void* data, std::size_t size, int flags) {
  int how = 0;
  OSTRUST_REAL(send);
  if (OSTRUST_FAILS(kSend)) {
    if (how == fault::kShort) return real(descriptor, data, std::min<std::size_t>(size, 1), flags);
    errno = how;
    return -1;
  }
  return real(descriptor, data, size, flags);
}

OSTRUST_EXPORT ssize_t recv(int descriptor, void* data, std::size_t size, int flags) {
  int how = 0;
  OSTRUST_REAL(recv);
  if (OSTRUST_FAILS(kReceive)) {
    if (how == fault::kNothing) return 0;
    if (how == fault::kShort) return real(descriptor, data, std::min<std::size_t>(size, 1), flags);
    errno = how;
    return -1;
  }
  return real(descriptor, data, size, flags);
}

OSTRUST_EXPORT int poll(struct pollfd* descriptors, nfds_t count, int timeout) {
  int how = 0;
  OSTRUST_REAL(poll);
  if (OSTRUST_FAILS(kPoll)) {
    if (how == fault::kNothing) return 0;
    errno = how;
    return -1;
  }
  return real(descriptors, count, timeout);
}

OSTRUST_EXPORT int pipe2(int* ends, int flags) noexcept {
  OSTRUST_FAIL(kPipe, -1);
  OSTRUST_REAL(pipe2);
  return real(ends, flags);
}

OSTRUST_EXPORT int getaddrinfo(const char* name, const char* service, const struct addrinfo* hints,
                               struct addrinfo** result) {
  int how = 0;
  if (OSTRUST_FAILS(kResolve)) return how;
  OSTRUST_REAL(getaddrinfo);
  return real(name, service, hints, result);
}

OSTRUST_EXPORT int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                                  void* (*function)(void*), void* argument) noexcept {
  int how = 0;
  if (OSTRUST_FAILS(kThread)) return how;
  OSTRUST_REAL(pthread_create);
  return real(thread, attributes, function, argument);
}

OSTRUST_EXPORT int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  int how = 0;
  if (OSTRUST_FAILS(kLock)) return how;
  OSTRUST_REAL(pthread_mutex_lock);
  return real(mutex);
}

OSTRUST_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  int how = 0;
  if (OSTRUST_FAILS(kLock)) return how;
  OSTRUST_REAL(pthread_rwlock_rdlock);
  return real(lock);
}

OSTRUST_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  int how = 0;
  if (OSTRUST_FAILS(kLock)) return how;
  OSTRUST_REAL(pthread_rwlock_wrlock);
  return real(lock);
}

OSTRUST_EXPORT int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                          clockid_t clock, const struct timespec* until) {
  int how = 0;
  if (OSTRUST_FAILS(kWait)) return how;
  OSTRUST_REAL(pthread_cond_clockwait);
  return real(condition, mutex, clock, until);
}

OSTRUST_EXPORT int pthread_key_create(pthread_key_t* key, void (*destructor)(void*)) noexcept {
  int how = 0;
  if (OSTRUST_FAILS(kKey)) return how;
  OSTRUST_REAL(pthread_key_create);
  return real(key, destructor);
}

OSTRUST_EXPORT int clock_gettime(clockid_t clock, struct timespec* now) noexcept {
  int how = 0;
  OSTRUST_REAL(clock_gettime);
  if (OSTRUST_FAILS(kClock)) {
    constexpr time_t kSecondsOfADay = 86400;
    if (how == fault::kDay) {
      const int result = real(clock, now);
      now->tv_sec += kSecondsOfADay;
      return result;
    }
    *now = {};
    errno = how;
    return -1;
  }
  const int result = real(clock, now);
  if (clock == CLOCK_MONOTONIC) now->tv_sec += fault::later.load();
  return result;
}

OSTRUST_EXPORT int getentropy(void* data, std::size_t size) {
  OSTRUST_FAIL(kRandom, -1);
  OSTRUST_REAL(getentropy);
  return real(data, size);
}

#ifdef OSTRUST_SANITIZED
// The C++ runtime of a sanitized module is libstdc++.so, and its operator new the sanitizer's.
#define OSTRUST_NEW(...)                   \
  int how = 0;                             \
  if (OSTRUST_FAILS(kMemory)) __VA_ARGS__; \
  void* const block = malloc(size);        \
  if (block == nullptr) __VA_ARGS__;       \
  return block
void* operator new(std::size_t size) {
  OSTRUST_NEW(throw std::bad_alloc());
}
void* operator new[](std::size_t size) {
  OSTRUST_NEW(throw std::bad_alloc());
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  OSTRUST_NEW(return nullptr);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  OSTRUST_NEW(return nullptr);
}
void operator delete(void* block) noexcept {
  free(block);
}
void operator delete[](void* block) noexcept {
  free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  free(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  free(block);
}
#endif
