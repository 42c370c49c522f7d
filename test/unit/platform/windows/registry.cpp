#include "registry.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace ostrust::platform {
namespace {

bool Exists(HKEY root, const std::string& path) {
  HKEY key = nullptr;
  const bool exists = RegOpenKeyExA(root, path.c_str(), 0, KEY_READ, &key) == ERROR_SUCCESS;
  const KeyHandle owner(key);
  return exists;
}

}  // namespace

bool IsWine() {
  return GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") != nullptr;
}

RegistryScratch::~RegistryScratch() {
  for (const Made& made : made_) Remove(made.root, made.path);
}

void RegistryScratch::Make(HKEY root, const std::string& path) {
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('\\', end + 1), path.size());
    if (Exists(root, path.substr(0, end))) continue;
    made_.push_back({root, path.substr(0, end)});
    break;
  }
  HKEY key = nullptr;
  ASSERT_EQ(
      RegCreateKeyExA(root, path.c_str(), 0, nullptr, 0, KEY_ALL_ACCESS, nullptr, &key, nullptr),
      ERROR_SUCCESS)
      << path;
  const KeyHandle owner(key);
}

void RegistryScratch::SetValue(HKEY root, const std::string& path, const char* name,
                               ByteView value) {
  Make(root, path);
  ASSERT_EQ(RegSetKeyValueA(root, path.c_str(), name, REG_BINARY, value.data(),
                            static_cast<DWORD>(value.size())),
            ERROR_SUCCESS)
      << path;
}

void RegistryScratch::Remove(HKEY root, const std::string& path) {
  const LSTATUS status = RegDeleteTreeA(root, path.c_str());
  EXPECT_TRUE(status == ERROR_SUCCESS || status == ERROR_FILE_NOT_FOUND) << path << ": " << status;
}

}  // namespace ostrust::platform
