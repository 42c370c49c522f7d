#include "platform/linux/hashed_directory.hpp"

#include <algorithm>

namespace ostrust::platform {
namespace {

constexpr std::size_t kHashDigits = 8;

bool IsNumber(std::string_view text) {
  return !text.empty() && text.size() < 10 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The eight lower-case digits and the dot that both kinds of names begin with.
std::optional<std::uint32_t> HashPrefix(std::string_view name) {
  if (name.size() < kHashDigits + 2 || name[kHashDigits] != '.') return std::nullopt;
  std::uint32_t hash = 0;
  for (const char c : name.substr(0, kHashDigits)) {
    if (c >= '0' && c <= '9') {
      hash = hash << 4 | static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      hash = hash << 4 | static_cast<std::uint32_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return hash;
}

}  // namespace

std::optional<std::uint32_t> HashOfCertificateName(std::string_view name) {
  const auto hash = HashPrefix(name);
  if (!hash || !IsNumber(name.substr(kHashDigits + 1))) return std::nullopt;
  return hash;
}

bool IsHashedCrlName(std::string_view name) {
  return HashPrefix(name) && name[kHashDigits + 1] == 'r' && IsNumber(name.substr(kHashDigits + 2));
}

std::vector<HashedFiles> GroupByHash(const std::vector<std::string>& names) {
  std::vector<HashedFiles> groups;
  for (const std::string& name : names) {
    const auto hash = HashOfCertificateName(name);
    if (!hash) continue;
    if (groups.empty() || groups.back().hash != *hash) groups.push_back({*hash, {}});
    groups.back().names.push_back(name);
  }
  return groups;
}

}  // namespace ostrust::platform
