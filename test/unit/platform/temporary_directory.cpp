#include "temporary_directory.hpp"

#include <unistd.h>

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
}

Unprivileged::Unprivileged() {
  if (geteuid() == 0 && seteuid(kNobody) != 0) throw std::runtime_error("seteuid");
}

Unprivileged::~Unprivileged() {
  if (getuid() == 0 && seteuid(0) != 0) std::abort();
}

}  // namespace ostrust::platform
