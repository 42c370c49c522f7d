#include "platform/fork_safe_mutex.hpp"

#ifndef _WIN32
#include <pthread.h>
#endif

#include <cstdint>
#include <new>

namespace ostrust::platform {

struct ForkSafeMutexRegistry {
#ifndef _WIN32
  // Held by the thread that forks: a second one would release what the first one has locked.
  std::mutex forking;
#endif
  // Guards the members below, and next_ of every mutex. Whoever holds it waits for no other mutex.
  std::mutex mutex;
  ForkSafeMutex* first = nullptr;
  std::uint64_t insertions = 0;

  // Never destroyed: mutexes are used until the process is gone.
  static ForkSafeMutexRegistry& Get() {
    static ForkSafeMutexRegistry* const registry = New();
    return *registry;
  }

  void Insert(ForkSafeMutex& added) {
    const std::lock_guard lock(mutex);
    ForkSafeMutex** place = &first;
    while (*place != nullptr && (*place)->rank_ <= added.rank_) place = &(*place)->next_;
    added.next_ = *place;
    *place = &added;
    ++insertions;
  }

  void Remove(const ForkSafeMutex& removed) {
    const std::lock_guard lock(mutex);
    for (ForkSafeMutex** place = &first; *place != nullptr; place = &(*place)->next_) {
      if (*place == &removed) {
        *place = removed.next_;
        return;
      }
    }
  }

 private:
  static ForkSafeMutexRegistry* New() {
    auto* registry = new ForkSafeMutexRegistry;
#ifndef _WIN32
    const auto prepare = [] { Get().BeforeFork(); };
    const auto release = [] { Get().AfterFork(); };
    // Its only error is ENOMEM. What it keeps are addresses in the module, which pins itself.
    if (pthread_atfork(prepare, release, release) != 0) {
      delete registry;
      throw std::bad_alloc();
    }
#endif
    return registry;
  }

#ifndef _WIN32
  ForkSafeMutex* NextOf(const ForkSafeMutex& entry) {
    const std::lock_guard lock(mutex);
    return entry.next_;
  }

  // Leaves everything locked, the registry too. The registry is locked last and never while waiting
  // for another mutex: a thread may hold one of those and be waiting here to insert a new one.
  void BeforeFork() {
    forking.lock();
    for (;;) {
      mutex.lock();
      const std::uint64_t insertions_before = insertions;
      ForkSafeMutex* entry = first;
      mutex.unlock();
      for (; entry != nullptr; entry = NextOf(*entry)) {
        entry->mutex_.lock();
        entry->held_for_fork_ = true;
      }
      mutex.lock();
      if (insertions == insertions_before) return;
      UnlockAll();
    }
  }

  // In the parent, and in the child.
  void AfterFork() {
    UnlockAll();
    forking.unlock();
  }

  void UnlockAll() {
    for (ForkSafeMutex* entry = first; entry != nullptr; entry = entry->next_) {
      if (!entry->held_for_fork_) continue;
      entry->held_for_fork_ = false;
      entry->mutex_.unlock();
    }
    mutex.unlock();
  }
#endif
};

ForkSafeMutex::ForkSafeMutex(int rank) : rank_(rank) {
  ForkSafeMutexRegistry::Get().Insert(*this);
}

ForkSafeMutex::~ForkSafeMutex() {
  ForkSafeMutexRegistry::Get().Remove(*this);
}

}  // namespace ostrust::platform
