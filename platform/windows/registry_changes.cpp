#include "platform/windows/registry_changes.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace ostrust::platform {
namespace {

constexpr REGSAM kAccess = KEY_NOTIFY | KEY_QUERY_VALUE;

LSTATUS Open(HKEY root, const std::string& path, KeyHandle& key) {
  HKEY opened = nullptr;
  const LSTATUS status = RegOpenKeyExA(root, path.c_str(), 0, kAccess, &opened);
  if (status == ERROR_SUCCESS) key.reset(opened);
  return status;
}

bool IsMissing(LSTATUS status) {
  return status == ERROR_FILE_NOT_FOUND || status == ERROR_KEY_DELETED;
}

// The length of `path` without its last part; 0 when there is one part only.
std::size_t LengthOfParent(const std::string& path) {
  const std::size_t backslash = path.rfind('\\');
  return backslash == std::string::npos ? 0 : backslash;
}

}  // namespace

std::vector<RegistryKey> StoreKeys() {
  constexpr const char* kStores = "Software\\Microsoft\\SystemCertificates";
  constexpr const char* kPolicy = "Software\\Policies\\Microsoft\\SystemCertificates";
  return {
      {HKEY_CURRENT_USER, kStores},
      {HKEY_CURRENT_USER, kPolicy},
      {HKEY_LOCAL_MACHINE, kStores},
      {HKEY_LOCAL_MACHINE, kPolicy},
      {HKEY_LOCAL_MACHINE, "Software\\Microsoft\\EnterpriseCertificates"},
  };
}

RegistryChanges::RegistryChanges(std::vector<RegistryKey> keys) : keys_(std::move(keys)) {}

RegistryChanges::~RegistryChanges() = default;

std::vector<std::string> RegistryChanges::Watch() {
  // All of them anew: a key may have been deleted and made again, or be there now and not before.
  watched_.clear();
  blind_ = true;  // also when an exception ends this
  // HKEY_CURRENT_USER is the process's for good once somebody has used it, and his who does so
  // first: not the client's whom this thread impersonates. The stores are not read as him either.
  const AsTheProcess process;
  if (!process) {
    return {
        "the registry cannot be watched, because this thread cannot stop impersonating: the "
        "stores are read again each time they are looked at"};
  }
  std::vector<std::string> problems;
  for (const RegistryKey& key : keys_) {
    Watched watched;
    const LSTATUS status = WatchKey(key, watched);
    if (status == ERROR_SUCCESS) {
      watched_.push_back(std::move(watched));
      continue;
    }
    problems.push_back(
        (key.root == HKEY_CURRENT_USER ? "HKEY_CURRENT_USER\\" : "HKEY_LOCAL_MACHINE\\") +
        key.path + " cannot be watched (Windows error " + std::to_string(status) +
        "): the stores are read again each time they are looked at");
  }
  blind_ = !problems.empty();
  return problems;
}

bool RegistryChanges::Happened() {
  return blind_ || std::any_of(watched_.begin(), watched_.end(), [](const Watched& watched) {
           // Nobody is told that the watched key itself was deleted (RegNotifyChangeKeyValue), but
           // a key that was deleted answers no question.
           return WaitForSingleObject(watched.event.get(), 0) != WAIT_TIMEOUT ||
                  RegQueryInfoKeyA(watched.key.get(), nullptr, nullptr, nullptr, nullptr, nullptr,
                                   nullptr, nullptr, nullptr, nullptr, nullptr,
                                   nullptr) != ERROR_SUCCESS;
         });
}

LSTATUS RegistryChanges::Arm(HKEY root, const std::string& path, bool subtree, Watched& watched) {
  LSTATUS status = Open(root, path, watched.key);
  if (status != ERROR_SUCCESS) return status;
  watched.event.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
  if (watched.event == nullptr) return static_cast<LSTATUS>(GetLastError());
  // Thread-agnostic: without it, the end of the thread that read the stores would set the event.
  const DWORD filter = REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_THREAD_AGNOSTIC |
                       (subtree ? REG_NOTIFY_CHANGE_LAST_SET : 0);
  return RegNotifyChangeKeyValue(watched.key.get(), subtree ? TRUE : FALSE, filter,
                                 watched.event.get(), TRUE);
}

// Of a key that does not exist, the nearest parent that does is watched for new keys.
LSTATUS RegistryChanges::WatchKey(const RegistryKey& key, Watched& watched) {
  for (;;) {
    LSTATUS status = Arm(key.root, key.path, true, watched);
    std::string path = key.path;
    std::string missing;
    while (IsMissing(status) && !path.empty()) {
      missing = path;
      path.resize(LengthOfParent(path));
      status = Arm(key.root, path, false, watched);
    }
    if (status != ERROR_SUCCESS || missing.empty()) return status;
    // Unless it was made before its parent was watched.
    KeyHandle made;
    if (IsMissing(Open(key.root, missing, made))) return ERROR_SUCCESS;
  }
}

}  // namespace ostrust::platform
