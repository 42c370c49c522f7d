// Whether the system's certificate stores changed.
#pragma once

#include <string>
#include <vector>

namespace ostrust::platform {

class StoreChanges {
 public:
  virtual ~StoreChanges() = default;

  /// From now on, what Happened() tells is counted from here. To be called before the stores are
  /// read: what changes while they are read counts. Returns a sentence for each thing that cannot
  /// be watched; then Happened() is always true, so that no change is missed.
  virtual std::vector<std::string> Watch() = 0;

  /// Whether anything changed since the last Watch(). Stays true until the next one. False when
  /// there was none.
  virtual bool Happened() = 0;

 protected:
  StoreChanges() = default;
  StoreChanges(const StoreChanges&) = default;
  StoreChanges& operator=(const StoreChanges&) = default;
};

}  // namespace ostrust::platform
