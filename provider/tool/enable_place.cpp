#include "provider/tool/enable_place.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/host/file.hpp"
#include "provider/tool/escaped.hpp"
#include "provider/tool/run.hpp"
#include "provider/tool/system.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {

const char* const kByHand =
    "what to write by hand is in ostrust(1) under BY HAND; ostrust run -- COMMAND needs no file";
const char* const kSystemRecord = "/var/lib/ostrust/enabled.json";

namespace {

using LockResult = platform::FileLock::Result;

constexpr int kRefused = 1;
constexpr const char* kLockName = "/lock";

/// Where files cannot be locked, or none can be made. Who only looks, or takes away, must not fail
/// for that, and Apply() sees what another has changed.
bool CanDoWithout(int error) {
  return platform::IsLackOfLocks(error) || error == EROFS || error == ENOSPC || error == EDQUOT;
}

std::string FolderOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

std::string Home() {
  const char* const variable = std::getenv("HOME");
  if (variable != nullptr && *variable == '/') return host::RealPath(variable);
  const passwd* const account = ::getpwuid(::geteuid());
  return account == nullptr || account->pw_dir == nullptr ? "" : host::RealPath(account->pw_dir);
}

FileTree OpenTree(const std::string& directory) {
  std::string why;
  auto tree = FileTree::Open(directory, why);
  if (!tree) throw Refusal{why, kRefused};
  return std::move(*tree);
}

}  // namespace

void Refuse(const std::string& what, const std::string& todo) {
  throw Refusal{what + "\nnext: " + todo, kRefused};
}

void RefuseUsage(const std::string& what) {
  throw Refusal{what, kUsageError};
}

int Guarded(const std::string& verb, int (*work)(const EnableOptions&),
            const EnableOptions& options) {
  try {
    return work(options);
  } catch (const Refusal& refusal) {
    PrintError("ostrust " + verb + ": " + EscapedLines(refusal.text) + "\n");
    return refusal.status;
  }
}

std::string Listed(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

Place PlaceFor(const EnableOptions& options) {
  std::string root;
  if (!options.root.empty()) {
    if (options.user) RefuseUsage("--root is for the system, not for a user");
    if (KindOf(options.root) != FileKind::kDirectory) RefuseUsage("--root: no such directory");
    root = host::RealPath(options.root);
    if (root == "/") root.clear();
  }
  const std::string base = root.empty() ? "/" : root;
  if (!options.user) {
    return {root, "", OpenTree(base), OpenTree(base), CustomaryFile("openssl.cnf"), kSystemRecord};
  }
  const std::string home = Home();
  if (home.empty() || home == "/") Refuse("this user has no home", "set HOME");
  struct stat status {};
  if (::stat(home.c_str(), &status) == 0 && status.st_uid != ::geteuid() && status.st_uid != 0) {
    Refuse(home + ", which HOME names, is another user's home",
           "repeat this as that user, without sudo; or use --system");
  }
  return {"",
          home,
          OpenTree(base),
          OpenTree(home),
          "/.config/ostrust/openssl.cnf",
          "/.local/state/ostrust/enabled.json"};
}

std::optional<EnableRecord> ReadRecord(const Place& place) {
  FileTree::Found found;
  std::string why;
  if (!place.tree.Look(place.record, found, why)) throw Refusal{why, kRefused};
  if (!found.there) return std::nullopt;
  auto record = RecordFromJson(found.text, why);
  if (!record) {
    Refuse(place.tree.Shown(place.record) + " cannot be read: " + why,
           "remove what it names by hand, then this file");
  }
  return record;
}

void RemoveFolders(const FileTree& tree, const std::vector<std::string>& folders) {
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    tree.RemoveFolder(*folder);
  }
}

PlaceLock::PlaceLock(const Place& place) : place_(place) {
  std::string why;
  auto result = LockResult::kImpossible;
  // Whoever gives it back removes the folder, too: perhaps just when it was to be used.
  for (int attempt = 0; attempt < 3 && result == LockResult::kImpossible; ++attempt) {
    result = Take(why);
  }
  if (result == LockResult::kTaken) return;
  RemoveFolders(place.tree, folders_);
  if (result == LockResult::kImpossible) Refuse(why, "mend that, and repeat this");
  const std::string running = "another ostrust enable or disable is running";
  if (const pid_t holder = lock_->Holder(); holder != 0) {
    Refuse(running + ": process " + std::to_string(holder),
           "wait for it, or end it, and repeat this");
  }
  Refuse(running,
         "repeat this; if it lasts, it is in another container or on another machine: "
         "lslocks there says who has " +
             place.tree.Shown(FolderOf(place.record) + kLockName));
}

LockResult PlaceLock::Take(std::string& why) {
  const FileTree& tree = place_.tree;
  for (const std::string& folder : tree.MissingFolders(place_.record)) {
    if (!tree.MakeFolder(folder, why)) return LockResult::kImpossible;
    if (!Has(folders_, folder)) folders_.push_back(folder);
  }
  const std::string folder = FolderOf(place_.record);
  auto result = tree.Lock(folder + kLockName, lock_.emplace(), why);
  if (result == LockResult::kImpossible && CanDoWithout(lock_->Error())) {
    result = LockResult::kTaken;
  }
  if (result == LockResult::kTaken && !Has(folders_, folder)) folders_.push_back(folder);
  return result;
}

PlaceLock::~PlaceLock() {
  lock_.reset();
  RemoveFolders(place_.tree, folders_);
}

}  // namespace ostrust::tool
