// Which directory `/` is, so that a process that called chroot() reads nothing more: its paths lead
// elsewhere then, and a tree that somebody else may write to must not replace the system's store.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <utility>

#include "platform/made_once.hpp"

namespace ostrust::platform {

class RootDirectory {
 public:
  /// The first call decides.
  void Remember() {
    if (!first_) first_ = Now();
  }
  /// False also when it cannot be told. True when there is nothing to compare with.
  bool IsTheSame() const { return !first_ || first_ == Now(); }

 private:
  using Identity = std::pair<dev_t, ino_t>;

  static std::optional<Identity> Now() {
    struct stat status {};
    if (stat("/", &status) != 0) return std::nullopt;
    return Identity(status.st_dev, status.st_ino);
  }

  std::optional<Identity> first_;
};

/// The one there was when this was first called, which is when the configuration is read. Code is
/// loaded from no other: in a tree that somebody else may write to, a library can be anybody's.
/// Thread-safe.
inline const RootDirectory& FirstRoot() {
  struct First : RootDirectory {
    First() { Remember(); }
  };
  static constinit MadeOnce<First> first;
  return first.Get();
}

}  // namespace ostrust::platform
