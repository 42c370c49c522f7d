// Registry keys that a test makes, and removes.
#pragma once

#include <string>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/windows/handles.hpp"

namespace ostrust::platform {

/// Whether this is Wine, where a test may change the system's stores.
bool IsWine();

/// Makes keys and removes them when it goes, with everything in them that was not there before.
class RegistryScratch {
 public:
  RegistryScratch() = default;
  RegistryScratch(const RegistryScratch&) = delete;
  RegistryScratch& operator=(const RegistryScratch&) = delete;
  ~RegistryScratch();

  /// Makes the key and those above it.
  void Make(HKEY root, const std::string& path);
  /// Also makes the key.
  void SetValue(HKEY root, const std::string& path, const char* name, ByteView value);
  /// Whatever is below it, too. No error when there is none.
  void Remove(HKEY root, const std::string& path);

 private:
  struct Made {
    HKEY root;
    std::string path;
  };
  std::vector<Made> made_;  // the topmost ones
};

}  // namespace ostrust::platform
