#include "mounts.hpp"

#include <sched.h>
#include <sys/mount.h>

namespace ostrust::platform {

bool HasOwnMounts() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

bool MountSmall(const std::string& directory) {
  return HasOwnMounts() && mount("none", directory.c_str(), "tmpfs", 0, "size=64k,mode=0755") == 0;
}

}  // namespace ostrust::platform
