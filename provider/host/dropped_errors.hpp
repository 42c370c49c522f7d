// OpenSSL's error queue as it was, whatever happens in between.
#pragma once

#include "provider/host/symbols.hpp"

namespace ostrust::host {

/// What the calling thread's error queue gets while this lives is dropped when it goes, an
/// exception included; what was there before stays, unless 16 errors or more are raised: then the
/// queue has no room for it. They may be nested, and go in the reverse order.
class DroppedErrors {
 public:
  explicit DroppedErrors(const Symbols& symbols) : symbols_(symbols) { symbols_.ERR_set_mark(); }
  ~DroppedErrors() { symbols_.ERR_pop_to_mark(); }
  DroppedErrors(const DroppedErrors&) = delete;
  DroppedErrors& operator=(const DroppedErrors&) = delete;

 private:
  const Symbols& symbols_;
};

}  // namespace ostrust::host
