#include "platform/linux/p11_kit_trust_source.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "platform/linux/file_io.hpp"
#include "platform/policy_trust_store.hpp"

namespace ostrust::platform {
namespace {

constexpr const char* kAnchors = "anchors";
constexpr const char* kBlocklist = "blocklist";

std::string Joined(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "" : " + ") + path;
  return text;
}

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};

/// Calls `visit` with the name of everything in the directory, hidden files included: the module
/// reads them, too. Stops where `visit` returns false.
template <typename Visit>
void ForEachName(const std::string& directory, Visit visit) {
  const std::unique_ptr<DIR, DirectoryCloser> stream(opendir(directory.c_str()));
  if (stream == nullptr) return;
  while (const struct dirent* const entry = readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !visit(name)) return;
  }
}

bool IsDirectory(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool HoldsFile(const std::string& directory) {
  bool found = false;
  ForEachName(directory, [&](std::string_view name) {
    // Fedora has a README in the empty directories.
    found = name != "README" && !IsDirectory(PathIn(directory, name));
    return !found;
  });
  return found;
}

/// Whether only root decides what is at `path`, or will be.
bool IsTheSystems(std::string path) {
  struct stat status {};
  while (path.size() > 1 && stat(path.c_str(), &status) != 0) {
    path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  }
  return stat(path.c_str(), &status) == 0 && status.st_uid == 0 &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

std::string WhyNoPolicyDirectory(std::string_view directory) {
  if (directory.empty() || directory.front() != '/') return "an absolute path must follow p11-kit:";
  const auto bad = std::find_if(directory.begin(), directory.end(), [](char c) {
    return c == '\'' || c == '"' || c == '\\' || c == ':' || static_cast<unsigned char>(c) < ' ';
  });
  return bad == directory.end()
             ? std::string()
             : "p11-kit's module cannot be given a path with quotes, \\, : or control characters";
}

LoadResult P11KitTrustSource::Load() {
  root_.Remember();
  try_again_ = std::chrono::steady_clock::now() + options_.retry;
  read_policy_directories_ = false;
  stamps_.clear();
  auto kept = cache_.Find(options_.directory);
  if (!kept) return LoadThroughModule();
  stamps_ = std::move(kept->stamps);
  try_again_.reset();
  return MakeStore(std::move(kept->policy));
}

bool P11KitTrustSource::Changed() {
  if (!root_.IsTheSame()) return false;
  const auto changed = [](const std::vector<FileStamp>& stamps) {
    return std::any_of(stamps.begin(), stamps.end(),
                       [](const FileStamp& stamp) { return stamp.MayHaveChanged(); });
  };
  const bool try_again = try_again_ && std::chrono::steady_clock::now() >= *try_again_;
  return try_again || changed(stamps_) || changed(policy_stamps_);
}

bool P11KitTrustSource::SystemKeepsPolicy() {
  root_.Remember();
  policy_stamps_.clear();
  bool found = false;
  for (const std::string& directory : options_.policy_directories) {
    for (const std::string& place :
         {directory, PathIn(directory, kAnchors), PathIn(directory, kBlocklist)}) {
      policy_stamps_.push_back(FileStamp::OfPath(place, options_.racy_window));
      if (policy_stamps_.back().IsMissing()) break;  // nothing is in a directory that is not there
      found = found || HoldsFile(place);
    }
  }
  return found;
}

LoadResult P11KitTrustSource::LoadThroughModule() {
  std::string error;
  const auto configuration =
      FindP11KitModule(options_.locations, options_.racy_window, stamps_, error);
  if (!configuration) {
    try_again_.reset();
    return Fail(error);
  }
  P11KitModule module{configuration->files, configuration->arguments, {}};
  if (!options_.directory.empty()) {
    module.arguments = "paths='" + options_.directory + "'";
    module.paths = {options_.directory};
  }
  for (const std::string& file : module.files) {
    stamps_.push_back(FileStamp::OfPath(file, options_.racy_window));
  }

  std::vector<FileStamp> path_stamps;
  std::vector<std::string> problems;
  P11KitReading reading = options_.read(module, [&](const std::vector<std::string>& paths) {
    path_stamps.clear();
    problems.clear();
    StampPaths(paths, path_stamps, problems);
  });
  stamps_.insert(stamps_.end(), path_stamps.begin(), path_stamps.end());
  if (!reading.policy) return Fail(reading.error);
  TrustPolicy& policy = *reading.policy;

  // The arguments of whoever initialized the module first hold for all in the process. An
  // application that let it look through a directory of its own has not made that the system's.
  if (reading.shared && options_.directory.empty()) {
    for (const std::string& path : policy.paths) {
      if (IsTheSystems(path)) continue;
      return Fail("another user of p11-kit in this process made it look through " + path);
    }
  }
  try_again_.reset();
  policy.problems.insert(policy.problems.end(), problems.begin(), problems.end());

  const bool lasting = std::all_of(stamps_.begin(), stamps_.end(),
                                   [](const FileStamp& stamp) { return stamp.CanBeKept(); });
  if (lasting && !reading.shared) {
    const std::string why = cache_.Keep({options_.directory, stamps_, policy});
    if (!why.empty()) {
      policy.problems.push_back("every process reads the trust policy anew, which takes longer: " +
                                why);
    }
  }
  return MakeStore(std::move(policy));
}

void P11KitTrustSource::StampPaths(const std::vector<std::string>& paths,
                                   std::vector<FileStamp>& stamps,
                                   std::vector<std::string>& problems) const {
  for (const std::string& path : paths) {
    stamps.push_back(FileStamp::OfPath(path, options_.racy_window));
    if (stamps.back().IsMissing() || !IsDirectory(path)) continue;
    StampDirectory(path, stamps, problems);
    for (const char* const name : {kAnchors, kBlocklist}) {
      const std::string directory = PathIn(path, name);
      stamps.push_back(FileStamp::OfPath(directory, options_.racy_window));
      StampDirectory(directory, stamps, problems);
    }
  }
}

void P11KitTrustSource::StampDirectory(const std::string& directory, std::vector<FileStamp>& stamps,
                                       std::vector<std::string>& problems) const {
  ForEachName(directory, [&](std::string_view name) {
    const std::string path = PathIn(directory, name);
    if (IsDirectory(path)) return true;
    stamps.push_back(FileStamp::OfPath(path, options_.racy_window));
    if (faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0) {
      problems.push_back(path + " cannot be read: nothing it says is applied");
    }
    return true;
  });
}

LoadResult P11KitTrustSource::MakeStore(TrustPolicy policy) {
  read_policy_directories_ =
      std::any_of(policy.paths.begin(), policy.paths.end(), [this](const std::string& path) {
        return std::find(options_.policy_directories.begin(), options_.policy_directories.end(),
                         path) != options_.policy_directories.end();
      });
  std::string source = "p11-kit: " + Joined(policy.paths);
  auto store = std::make_shared<const PolicyTrustStore>(std::move(policy), source);
  if (store->AnchorCount() > 0) return {std::move(store), {}};
  std::string error = source + " holds no certificate that is trusted";
  if (!store->Problems().empty()) error += " (" + store->Problems().front() + ")";
  if (store->Empty()) store = nullptr;
  return {std::move(store), std::move(error)};
}

LoadResult P11KitTrustSource::Fail(const std::string& why) const {
  return {nullptr, "p11-kit cannot be used: " + why};
}

}  // namespace ostrust::platform
