// Whether this process is a forked child that has not exec'd.
//
// CoreFoundation must not be called there: where it notices, it ends the process ("THE_PROCESS_HAS_
// FORKED_AND_YOU_CANNOT_USE_THIS_COREFOUNDATION_FUNCTIONALITY___YOU_MUST_EXEC__", CFRuntime.c), and
// where it does not, the connections to the system's services are the parent's. So nothing of this
// folder calls a framework, or libnotify, in such a child.
#pragma once

namespace ostrust::platform::macos {

/// From the first call on, forks are noticed. To be called before anything of the system is used:
/// what happened before the module was loaded cannot be noticed. Thread-safe; throws std::bad_alloc
/// when pthread_atfork() has no memory.
void WatchForForks();

/// Whether fork() was called since, and this is the child. Thread-safe.
bool IsForkedChild();

}  // namespace ostrust::platform::macos
