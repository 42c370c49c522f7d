#include "temporary_directory.hpp"

#include <unistd.h>

#ifdef __linux__
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace ostrust::platform {

namespace fs = std::filesystem;

TemporaryDirectory::TemporaryDirectory()
    : path_((fs::temp_directory_path() / "ostrust-test-XXXXXX").string()) {
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  fs::permissions(path_, static_cast<fs::perms>(0755));
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TemporaryDirectory::Path(std::string_view name) const {
  return name.empty() ? path_ : path_ + "/" + std::string(name);
}

void TemporaryDirectory::Write(std::string_view name, std::string_view content) const {
  const fs::path path(Path(name));
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content << std::flush;
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

void TemporaryDirectory::Replace(std::string_view name, std::string_view content) const {
  const std::string beside = std::string(name) + ".new";
  Write(beside, content);
  fs::rename(Path(beside), Path(name));
}

void TemporaryDirectory::Remove(std::string_view name) const {
  fs::remove_all(Path(name));
}

void TemporaryDirectory::Link(std::string_view name, const std::string& target) const {
  fs::remove(Path(name));
  fs::create_symlink(target, Path(name));
}

void TemporaryDirectory::MakeDirectory(std::string_view name) const {
  fs::create_directories(Path(name));
}

std::vector<std::string> TemporaryDirectory::NamesIn(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(Path(name))) {
    names.push_back(entry.path().filename());
  }
  return names;
}

void WaitForFileClock() {
  std::this_thread::sleep_for(std::chrono::milliseconds(12));
}

namespace {

constexpr uid_t kNobody = 65534;

/// All three user IDs.
bool BecomeOneUser(uid_t user) {
#ifdef __linux__
  return setresuid(user, user, user) == 0;
#else
  return seteuid(user) == 0;  // setuid() could not be taken back
#endif
}

#ifdef __linux__
/// Whoever gives up all user IDs of root's can come back only by a capability that is kept.
void RaiseCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) std::abort();
  for (auto& word : data) word.effective = word.permitted;
  if (syscall(SYS_capset, &header, data.data()) != 0) std::abort();
}
#endif

}  // namespace

Unprivileged::Unprivileged() : was_root_(geteuid() == 0) {
  if (!was_root_) return;
#ifdef __linux__
  if (prctl(PR_SET_KEEPCAPS, 1) != 0) throw std::runtime_error("prctl");
#endif
  if (!BecomeOneUser(kNobody)) throw std::runtime_error("cannot become another user");
}

Unprivileged::~Unprivileged() {
  if (!was_root_) return;
#ifdef __linux__
  RaiseCapabilities();
#endif
  if (!BecomeOneUser(0)) std::abort();
}

}  // namespace ostrust::platform
