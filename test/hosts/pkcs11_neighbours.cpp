// A program that uses p11-kit's trust module itself, as GnuTLS and GLib do, in the process in which
// ostrust reads its policy through it: neither may disturb the other. Environment:
// OSTRUST_P11_KIT_MODULE (the module) and OSTRUST_POLICY (the directory with `anchors` and
// `blocklist` that ostrust serves, written here). OSTRUST_POLICY_ARGUMENTS is what makes the module
// look there (`paths='...'`; empty where it does so by itself), so that both want the same.
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "host.hpp"

using namespace host;

namespace {

CK_FUNCTION_LIST* module = nullptr;

void LoadModule() {
  void* const handle = dlopen(Environment("OSTRUST_P11_KIT_MODULE").c_str(), RTLD_NOW);
  void* const function = handle != nullptr ? dlsym(handle, "C_GetFunctionList") : nullptr;
  if (function == nullptr || reinterpret_cast<CK_C_GetFunctionList>(function)(&module) != CKR_OK) {
    std::fprintf(stderr, "no module: %s\n", dlerror());
    std::exit(2);
  }
}

int Initialize(std::string arguments = Environment("OSTRUST_POLICY_ARGUMENTS")) {
  CK_C_INITIALIZE_ARGS args{};
  args.flags = CKF_OS_LOCKING_OK;
  args.pReserved = arguments.empty() ? nullptr : arguments.data();
  return static_cast<int>(module->C_Initialize(&args));
}

int Finalize() {
  return static_cast<int>(module->C_Finalize(nullptr));
}

/// The path of the first token.
std::string FirstPath() {
  CK_SLOT_ID slots[16];
  CK_ULONG count = 16;
  CK_SLOT_INFO info{};
  if (module->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK || count == 0 ||
      module->C_GetSlotInfo(slots[0], &info) != CKR_OK) {
    return "none";
  }
  const std::string text(reinterpret_cast<char*>(info.slotDescription), 64);
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

/// How many certificates a session finds; below zero: what failed.
int CountCertificates(CK_SESSION_HANDLE session) {
  CK_OBJECT_CLASS wanted = CKO_CERTIFICATE;
  CK_ATTRIBUTE match{CKA_CLASS, &wanted, sizeof wanted};
  if (module->C_FindObjectsInit(session, &match, 1) != CKR_OK) return -1;
  CK_OBJECT_HANDLE objects[16];
  CK_ULONG count = 0;
  int all = 0;
  do {
    if (module->C_FindObjects(session, objects, 16, &count) != CKR_OK) return -2;
    all += static_cast<int>(count);
  } while (count > 0);
  return module->C_FindObjectsFinal(session) == CKR_OK ? all : -3;
}

CK_SESSION_HANDLE OpenSession() {
  CK_SLOT_ID slots[16];
  CK_ULONG count = 16;
  CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
  if (module->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK && count > 0) {
    module->C_OpenSession(slots[0], CKF_SERIAL_SESSION, nullptr, nullptr, &session);
  }
  return session;
}

/// Adds an anchor, as `trust anchor` does: the directory never holds half a file.
void AddAnchor(const std::string& name) {
  const std::string policy = Environment("OSTRUST_POLICY");
  std::filesystem::create_directories(policy + "/anchors");
  const std::filesystem::path beside = policy + "-new";
  std::filesystem::copy_file(PemPath(name), beside,
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::rename(beside, policy + "/anchors/" + name + ".pem");
}

void RemoveAnchor(const std::string& name) {
  std::filesystem::remove(Environment("OSTRUST_POLICY") + "/anchors/" + name + ".pem");
}

Owned<X509_STORE> OsStore() {
  Owned<X509_STORE> store(X509_STORE_new());
  if (X509_STORE_load_file(store.get(), "os://") != 1) {
    Check(false, "os:// loads", __LINE__, Errors());
  }
  return store;
}

// --- one thread ----------------------------------------------------------------------------------

void NothingIsLeftOpen(X509_STORE* store) {
  CHECK_EQ(Verify(store, "leaf-a"), kAccepted);
  CHECK_EQ(Verify(store, "leaf-b"), kUnknown);
  CHECK_EQ(Finalize(), static_cast<int>(CKR_CRYPTOKI_NOT_INITIALIZED));
  // So the arguments of the next user are the ones that hold.
  CHECK_EQ(Initialize("paths='/nowhere'"), static_cast<int>(CKR_OK));
  CHECK_EQ(FirstPath(), "/nowhere");
  CHECK_EQ(Finalize(), static_cast<int>(CKR_OK));
}

void WhatTheNeighbourHoldsIsUntouched(X509_STORE* store) {
  CHECK_EQ(Initialize(), static_cast<int>(CKR_OK));
  const std::string path = FirstPath();
  const CK_SESSION_HANDLE session = OpenSession();
  const int before = CountCertificates(session);
  Check(before > 0, "the neighbour finds certificates", __LINE__, Shown(before));
  AddAnchor("root-b");
  CHECK_EQ(Verify(store, "leaf-b"), kAccepted);  // it was read while the neighbour was there
  CHECK_EQ(Verify(store, "leaf-a"), kAccepted);
  CHECK_EQ(FirstPath(), path);
  CHECK_EQ(CountCertificates(session), before + 1);  // the session is one still
  CHECK_EQ(static_cast<int>(module->C_CloseSession(session)), static_cast<int>(CKR_OK));
  CHECK_EQ(Finalize(), static_cast<int>(CKR_OK));
  CHECK_EQ(Finalize(), static_cast<int>(CKR_CRYPTOKI_NOT_INITIALIZED));
  RemoveAnchor("root-b");
  CHECK_EQ(Verify(store, "leaf-b"), kUnknown);
}

void OneFinalizationTooManyDisturbsNothing(X509_STORE* store) {
  for (int turn = 0; turn < 3; ++turn) {
    CHECK_EQ(Finalize(), static_cast<int>(CKR_CRYPTOKI_NOT_INITIALIZED));
    AddAnchor("root-b");
    CHECK_EQ(Verify(store, "leaf-b"), kAccepted);
    CHECK_EQ(Finalize(), static_cast<int>(CKR_CRYPTOKI_NOT_INITIALIZED));
    RemoveAnchor("root-b");
    CHECK_EQ(Verify(store, "leaf-b"), kUnknown);
  }
}

/// The first user's arguments hold for all: what is read then is not the system's, and what was
/// read before stays.
void TheNeighboursPathsAreNotTheSystems(X509_STORE* store) {
  const std::string own = Environment("OSTRUST_POLICY") + "-of-the-neighbour";
  std::filesystem::create_directories(own + "/anchors");
  std::filesystem::copy_file(PemPath("root-b"), own + "/anchors/root-b.pem",
                             std::filesystem::copy_options::overwrite_existing);
  // Its own, as an application's is: not root's.
  if (chown(own.c_str(), geteuid() == 0 ? 65534 : geteuid(), getegid()) != 0) std::abort();
  CHECK_EQ(Initialize("paths='" + own + "'"), static_cast<int>(CKR_OK));
  AddAnchor("root-mail");  // something has changed, so it is tried
  CHECK_EQ(Verify(store, "leaf-b"), kUnknown);
  CHECK_EQ(Verify(store, "leaf-a"), kAccepted);
  CHECK_EQ(FirstPath(), own.substr(0, 64));
  CHECK_EQ(Finalize(), static_cast<int>(CKR_OK));
  CHECK_EQ(Finalize(), static_cast<int>(CKR_CRYPTOKI_NOT_INITIALIZED));
}

// --- many threads --------------------------------------------------------------------------------

/// Neighbours that come and go, and threads that verify, until Stop().
class Crowd {
 public:
  Crowd(X509_STORE* store, int neighbours) : neighbours_(neighbours) {
    for (int i = 0; i < neighbours; ++i) threads_.emplace_back([this] { BeNeighbour(); });
    for (int i = 0; i < 3; ++i) threads_.emplace_back([this, store] { VerifyOften(store); });
  }
  ~Crowd() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    std::printf("neighbours came %d times, %d verifications\n", visits_.load(),
                verifications_.load());
    CHECK_EQ(strange_.load(), 0);
    Check(visits_ >= 20 * neighbours_ && verifications_ > 20, "all had their turn", __LINE__);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// fork(), while nobody is in libcrypto: a lock of its own that another thread holds stays locked
  /// in the child. Neighbours go on.
  pid_t Fork() {
    pause_ = true;
    const std::unique_lock lock(in_libcrypto_);
    const pid_t child = fork();
    pause_ = false;
    return child;
  }

 private:
  void BeNeighbour() {
    while (!stop_) {
      bool good = Initialize() == CKR_OK;
      const CK_SESSION_HANDLE session = OpenSession();
      good = good && CountCertificates(session) > 0;
      good = module->C_CloseSession(session) == CKR_OK && good;
      good = Finalize() == CKR_OK && good;
      if (!good) ++strange_;
      ++visits_;
    }
  }
  void VerifyOften(X509_STORE* store) {
    while (!stop_) {
      if (pause_) {
        std::this_thread::yield();
        continue;
      }
      const std::shared_lock lock(in_libcrypto_);
      const std::string b = Verify(store, "leaf-b");  // comes and goes
      if (Verify(store, "leaf-a") != kAccepted || (b != kAccepted && b != kUnknown)) ++strange_;
      ++verifications_;
    }
  }

  const int neighbours_;
  std::shared_mutex in_libcrypto_;
  std::atomic<bool> pause_ = false;
  std::atomic<bool> stop_ = false;
  std::atomic<int> visits_ = 0;
  std::atomic<int> verifications_ = 0;
  std::atomic<int> strange_ = 0;
  std::vector<std::thread> threads_;
};

/// What is answered in the end: another thread may be reading the policy that was just changed, and
/// whoever asks meanwhile gets what there is.
std::string EventuallyVerify(X509_STORE* store, const std::string& leaf,
                             const std::string& expected) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string seen;
  do {
    seen = Verify(store, leaf);
  } while (seen != expected && std::chrono::steady_clock::now() < end);
  return seen;
}

void ChangesAreSeenInACrowd(X509_STORE* store) {
  const Crowd crowd(store, 3);
  for (int turn = 0; turn < 20; ++turn) {
    AddAnchor("root-b");
    CHECK_EQ(EventuallyVerify(store, "leaf-b", kAccepted), kAccepted);
    RemoveAnchor("root-b");
    CHECK_EQ(EventuallyVerify(store, "leaf-b", kUnknown), kUnknown);
  }
}

/// "0" when the child of a fork() in the crowd could verify; the signal that ended it otherwise.
std::string VerifyInAChild(Crowd& crowd, X509_STORE* store) {
  const pid_t child = crowd.Fork();
  if (child == 0) {
    alarm(20);
    _exit(Verify(store, "leaf-a") == kAccepted ? 0 : 1);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return "no child";
  return WIFEXITED(status) ? std::to_string(WEXITSTATUS(status))
                           : "signal " + std::to_string(WTERMSIG(status));
}

/// A child that finds nothing changed calls no module, whose lock a neighbour's thread may have
/// held when it was made.
void AChildVerifies(X509_STORE* store) {
  // What was changed a moment ago is read again: a time stamp could hide another change.
  std::this_thread::sleep_for(std::chrono::seconds(5));
  CHECK_EQ(Verify(store, "leaf-a"), kAccepted);
  Crowd crowd(store, 3);
  for (int turn = 0; turn < 50; ++turn) CHECK_EQ(VerifyInAChild(crowd, store), "0");
}

/// Without neighbours: they could leave the module's lock held in the child, which must call it.
void AChildVerifiesWhileThePolicyChanges(X509_STORE* store) {
  Crowd crowd(store, 0);
  for (int turn = 0; turn < 50; ++turn) {
    turn % 2 == 0 ? AddAnchor("root-b") : RemoveAnchor("root-b");
    CHECK_EQ(VerifyInAChild(crowd, store), "0");
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::string mode = count == 2 ? arguments[1] : "";
  OPENSSL_init_ssl(0, nullptr);
  LoadModule();
  AddAnchor("root-a");
  const auto store = OsStore();
  if (mode == "one-thread") {
    NothingIsLeftOpen(store.get());
    WhatTheNeighbourHoldsIsUntouched(store.get());
    OneFinalizationTooManyDisturbsNothing(store.get());
    TheNeighboursPathsAreNotTheSystems(store.get());
  } else if (mode == "crowd") {
    ChangesAreSeenInACrowd(store.get());
  } else if (mode == "fork") {
    AChildVerifies(store.get());
  } else if (mode == "fork-and-change") {
    AChildVerifiesWhileThePolicyChanges(store.get());
  } else {
    std::fprintf(stderr, "no such mode: %s\n", mode.c_str());
    return 2;
  }
  return Finish();
}
