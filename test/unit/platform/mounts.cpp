#include "mounts.hpp"

#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#endif

namespace ostrust::platform {

#ifdef __linux__
namespace {

bool HasOwnMounts() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

bool MountDisk(const std::string& directory, const char* options) {
  return HasOwnMounts() && mount("none", directory.c_str(), "tmpfs", 0, options) == 0;
}

}  // namespace

bool MountSmall(const std::string& directory) {
  return MountDisk(directory, "size=64k,mode=0755");
}

bool MountEmpty(const std::string& directory) {
  return MountDisk(directory, "mode=0755");
}

bool MountOn(const std::string& place, const std::string& what) {
  return HasOwnMounts() && mount(what.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) == 0;
}
#else  // where a process has no mounts of its own
bool MountSmall(const std::string&) {
  return false;
}

bool MountEmpty(const std::string&) {
  return false;
}

bool MountOn(const std::string&, const std::string&) {
  return false;
}
#endif

}  // namespace ostrust::platform
