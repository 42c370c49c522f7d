// MadeOnce: something that is made when it is first asked for and lives as long as the process.
//
// A local static would do but for fork(): a thread that makes one while another thread forks leaves
// the child a guard that nobody gives back, and who asks there waits for ever. That is no rare
// moment, because a ForkSafeMutex can only be made when fork() is over.
#pragma once

#include <atomic>

namespace ostrust::platform {

/// Thread-safe. Made by the compiler (constinit), never destroyed (rule 12: no static destructors).
template <typename T>
class MadeOnce {
 public:
  constexpr MadeOnce() = default;
  MadeOnce(const MadeOnce&) = delete;
  MadeOnce& operator=(const MadeOnce&) = delete;

  /// The object, made of `arguments` if there is none. Throws what making it throws.
  template <typename... Arguments>
  T& Get(const Arguments&... arguments) {
    T* there = object_.load(std::memory_order_acquire);
    if (there != nullptr) return *there;
    T* const made = new T(arguments...);
    if (object_.compare_exchange_strong(there, made, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
      return *made;
    }
    // Another thread was faster. Ours stays, unused: fork() may be locking a mutex in it.
    return *there;
  }

 private:
  std::atomic<T*> object_{nullptr};
};

}  // namespace ostrust::platform
