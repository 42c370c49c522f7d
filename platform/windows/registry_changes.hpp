// StoreChanges by RegNotifyChangeKeyValue(): every system store but MY lies in the registry.
//
// No thread of ours waits for anything: Windows sets an event, and Happened() looks at it.
#pragma once

#include <string>
#include <vector>

#include "platform/windows/handles.hpp"
#include "platform/windows/store_changes.hpp"

namespace ostrust::platform {

struct RegistryKey {
  HKEY root;         // HKEY_CURRENT_USER or HKEY_LOCAL_MACHINE
  std::string path;  // ASCII, parts separated by one backslash
};

/// The keys under which all stores of all StoreLocations lie ("System Store Locations" in
/// Microsoft's documentation). They hold more than ROOT and Disallowed: a change of an intermediate
/// (CA) counts as well.
std::vector<RegistryKey> StoreKeys();

/// Not thread-safe. What one thread watches stays watched when that thread ends.
class RegistryChanges final : public StoreChanges {
 public:
  explicit RegistryChanges(std::vector<RegistryKey> keys);
  ~RegistryChanges() override;

  std::vector<std::string> Watch() override;
  bool Happened() override;

 private:
  struct Watched {
    KeyHandle key;
    EventHandle event;
  };
  static LSTATUS Arm(HKEY root, const std::string& path, bool subtree, Watched& watched);
  static LSTATUS WatchKey(const RegistryKey& key, Watched& watched);

  const std::vector<RegistryKey> keys_;
  std::vector<Watched> watched_;
  bool blind_ = false;
};

}  // namespace ostrust::platform
