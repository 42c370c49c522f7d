#include "platform/macos/fork_detection.hpp"

#include <pthread.h>

#include <atomic>
#include <new>

namespace ostrust::platform::macos {
namespace {

std::atomic<bool> forked{false};

bool Register() {
  // Its only error is ENOMEM. What it keeps is an address in the module, which pins itself.
  if (pthread_atfork(nullptr, nullptr, [] { forked = true; }) != 0) throw std::bad_alloc();
  return true;
}

}  // namespace

// Not the process number: a later child may have the parent's.
void WatchForForks() {
  [[maybe_unused]] static const bool registered = Register();
}

bool IsForkedChild() {
  return forked;
}

}  // namespace ostrust::platform::macos
