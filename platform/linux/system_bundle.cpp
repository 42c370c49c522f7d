#include "platform/system_bundle.hpp"

#include <sys/stat.h>

#include <optional>

#include "platform/keep_errno.hpp"
#include "platform/linux/locations.hpp"

namespace ostrust::platform {
namespace {

using Status = struct stat;

std::optional<Status> StatusOf(const char* path) {
  Status status{};
  if (stat(path, &status) != 0) return std::nullopt;
  return status;
}

std::optional<Status> NonEmptyFile(const char* path) {
  const auto status = StatusOf(path);
  return status && S_ISREG(status->st_mode) && status->st_size > 0 ? status : std::nullopt;
}

std::optional<Status> Directory(const char* path) {
  const auto status = path == nullptr ? std::nullopt : StatusOf(path);
  return status && S_ISDIR(status->st_mode) ? status : std::nullopt;
}

bool Same(const std::optional<Status>& a, const std::optional<Status>& b) {
  return a && b && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool LeadsToSystemBundle(const char* path) {
  const auto named = NonEmptyFile(path);
  if (!named) return false;
  for (const BundleLocation& location : SystemBundles()) {
    if (const auto bundle = NonEmptyFile(location.bundle)) return Same(named, bundle);
  }
  return false;
}

bool LeadsToSystemDirectory(const char* path) {
  const auto named = Directory(path);
  if (!named) return false;
  for (const BundleLocation& location : SystemBundles()) {
    if (NonEmptyFile(location.bundle)) return Same(named, Directory(location.hashed_directory));
  }
  for (const char* location : SystemDirectories()) {
    if (const auto directory = Directory(location)) return Same(named, directory);
  }
  return false;
}

}  // namespace

bool IsSystemBundle(const std::string& path) {
  const KeepErrno keep;
  return LeadsToSystemBundle(path.c_str());
}

bool IsSystemDirectory(const std::string& path) {
  const KeepErrno keep;
  return LeadsToSystemDirectory(path.c_str());
}

}  // namespace ostrust::platform
