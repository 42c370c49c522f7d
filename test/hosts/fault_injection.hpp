// Makes one call fail: of those that the module makes, and of those that OpenSSL makes to get
// memory while a function of the module is on the stack.
//
// fault_injection.cpp defines malloc(), open(), pthread_mutex_lock() and so on in the program
// itself, exported, where the dynamic linker finds them before those of the C library. Each asks
// whether the call comes from the module: the return address lies in its image. The C++ runtime is
// linked into the module, so operator new's malloc() is such a call. In a sanitized build, which
// has no runtime of its own, what libstdc++.so asks for counts while the module is on the stack.
// Calls of p11-kit's module and of libtasn1, which works for it, count as the module's, too.
//
// One fault for each run of a process: Arm(), or Record() to learn how many calls there are.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fault {

/// What a call is. The order is that of kKinds in fault_injection.cpp.
enum class Kind : std::uint8_t {
  kMemory,         // malloc() and its like, strdup(), operator new
  kOpenSslMemory,  // CRYPTO_malloc() and CRYPTO_realloc() below the module
  kOpen,
  kOpenDirectory,
  kReadDirectory,
  kStat,
  kRead,
  kWrite,
  kClose,
  kFileSystem,  // mkdirat(), renameat(), unlinkat(), fchmod(), fcntl()
  kRealPath,
  kGlob,
  kMap,
  kLoad,
  kSocket,
  kConnect,
  kSocketOption,
  kSend,
  kReceive,
  kPoll,
  kPipe,
  kResolve,
  kThread,
  kLock,
  kWait,
  kKey,
  kClock,
  kRandom,
  kKinds
};

const char* NameOf(Kind kind);

/// In how many ways a call of this kind fails, and what they are called: "EINTR", "short". Both are
/// pure.
std::size_t WaysOf(Kind kind);
const char* WayOf(Kind kind, std::size_t way);

constexpr std::size_t kMostCalls = 400000;

/// What a process tells the one that forked it. In memory that both share.
struct Report {
  std::size_t calls;           // since Record() or Arm()
  Kind kinds[kMostCalls];      // of each, the first at 0
  bool confirmed[kMostCalls];  // the module is really on the stack: an old address may lie there
  bool fired;
  Kind fired_kind;
  bool fired_in_p11_kit;
  char fired_at[4096];  // who called, the innermost first, as Begin() says
  int signal;           // what the process died of, or 0; SIGALRM: it hung
  char died_at[4096];
};

/// Call once, before OpenSSL is used. `module`: the file name of the module, which need not be
/// loaded yet. `report` is used as long as the process lives. False: OpenSSL has memory already.
/// Unless a sanitizer does it, signals that end the process are caught and reported: places are
/// "ostrust.so+0x1234", one a line.
bool Begin(const char* module, Report* report);

/// From here on the calls are counted, on all threads. `stack`: an address in the caller's frame;
/// OpenSSL's calls for memory are looked at in this thread and up to there.
void Record(const void* stack);
/// As Record(); the call of this number, from 0 on, fails, and if it `lasts` all of its kind that
/// follow.
void Arm(const void* stack, std::size_t call, std::size_t way, bool lasts);
/// Nothing fails and nothing is counted until Resume(), which does nothing before Record() or Arm()
/// and after End().
void Pause();
void Resume();
void End();

/// From now on the monotonic clock is so much further in this process.
void Later(int seconds);

}  // namespace fault
