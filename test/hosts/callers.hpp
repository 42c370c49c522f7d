// Who called: backtrace() for every C library.
#pragma once

#include <unwind.h>

namespace host {

/// Return addresses of this function's callers, the nearest first; how many there are. For any
/// thread.
inline int Callers(void** addresses, int size) {
  struct Taken {
    void** next;
    void** end;
  } taken{addresses, addresses + size};
  _Unwind_Backtrace(
      [](_Unwind_Context* context, void* argument) {
        auto& into = *static_cast<Taken*>(argument);
        if (into.next == into.end) return _URC_END_OF_STACK;
        *into.next++ = reinterpret_cast<void*>(_Unwind_GetIP(context));
        return _URC_NO_REASON;
      },
      &taken);
  return static_cast<int>(taken.next - addresses);
}

}  // namespace host
