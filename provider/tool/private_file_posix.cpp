#include "provider/tool/private_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/linux/file_io.hpp"
#include "provider/tool/write_all.hpp"

namespace ostrust::tool {
namespace {

using platform::UniqueFd;

struct Place {
  std::string parent;
  std::string name;
  bool makes_parent = false;  // once the places before it were of no use
};

std::string AbsoluteVariable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value == '/' ? value : "";
}

std::vector<Place> Places() {
  std::vector<Place> places;
  for (const char* const variable : {"XDG_RUNTIME_DIR", "XDG_CACHE_HOME"}) {
    const std::string directory = AbsoluteVariable(variable);
    if (!directory.empty()) places.push_back({directory, "ostrust"});
  }
  const passwd* const account = ::getpwuid(::geteuid());
  if (account != nullptr && account->pw_dir != nullptr && *account->pw_dir == '/') {
    places.push_back({std::string(account->pw_dir) + "/.cache", "ostrust", true});
  }
  places.push_back({"/tmp", "ostrust-" + std::to_string(::geteuid())});
  return places;
}

/// Whether nobody but us and root can replace what is in this directory and belongs to us.
bool IsSafeParent(const struct stat& status) {
  return S_ISDIR(status.st_mode) && (status.st_uid == ::geteuid() || status.st_uid == 0) &&
         ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (status.st_mode & S_ISVTX) != 0);
}

/// Our directory at `place`, made if need be; -1, with a clause in `why`, when it cannot be used.
UniqueFd OpenDirectory(const Place& place, std::string& why) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  struct stat status {};
  if (place.makes_parent) ::mkdir(place.parent.c_str(), 0700);
  // The parent may be a link that the environment or root made; what is ours may not be one.
  const UniqueFd parent(::open(place.parent.c_str(), kFlags & ~O_NOFOLLOW));
  if (parent.Get() < 0 || ::fstat(parent.Get(), &status) != 0) {
    why = std::strerror(errno);
    return UniqueFd(-1);
  }
  if (!IsSafeParent(status)) {
    why = "others can write to " + place.parent;
    return UniqueFd(-1);
  }
  if (::mkdirat(parent.Get(), place.name.c_str(), 0700) != 0 && errno != EEXIST) {
    why = std::strerror(errno);
    return UniqueFd(-1);
  }
  UniqueFd directory(::openat(parent.Get(), place.name.c_str(), kFlags));
  if (directory.Get() < 0 || ::fstat(directory.Get(), &status) != 0) {
    why = std::strerror(errno);
    return UniqueFd(-1);
  }
  if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    why = "it belongs to somebody else or others can write to it";
    return UniqueFd(-1);
  }
  return directory;
}

bool Holds(const UniqueFd& directory, const std::string& name, const std::string& content) {
  const UniqueFd file(
      ::openat(directory.Get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.Get() < 0 || ::fstat(file.Get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      status.st_uid != ::geteuid() || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0 ||
      static_cast<std::size_t>(status.st_size) != content.size()) {
    return false;
  }
  std::string found(content.size(), '\0');
  return ::read(file.Get(), found.data(), found.size()) == static_cast<ssize_t>(found.size()) &&
         found == content;
}

/// Written beside and renamed, so that nobody ever reads half of it.
bool Write(const UniqueFd& directory, const std::string& name, const std::string& content) {
  const std::string beside = name + "." + std::to_string(::getpid());
  ::unlinkat(directory.Get(), beside.c_str(), 0);
  const UniqueFd file(::openat(directory.Get(), beside.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.Get() < 0) return false;
  if (WriteAll(file.Get(), content) &&
      ::renameat(directory.Get(), beside.c_str(), directory.Get(), name.c_str()) == 0) {
    return true;
  }
  const int error = errno;
  ::unlinkat(directory.Get(), beside.c_str(), 0);
  errno = error;
  return false;
}

}  // namespace

std::string KeepPrivateFile(const std::string& content, std::string& why) {
  const std::string name = PrivateFileName(content);
  for (const Place& place : Places()) {
    const std::string path = place.parent + "/" + place.name;
    std::string reason;
    const UniqueFd directory = OpenDirectory(place, reason);
    if (directory.Get() >= 0) {
      if (Holds(directory, name, content) || Write(directory, name, content)) {
        return path + "/" + name;
      }
      reason = std::strerror(errno);
    }
    why += (why.empty() ? "" : "; ") + path + ": " + reason;
  }
  return {};
}

}  // namespace ostrust::tool
