#include "provider/tool/pe_image.hpp"

#include <algorithm>
#include <cstring>

namespace ostrust::tool {
namespace {

// IMAGE_DATA_DIRECTORY.
constexpr std::size_t kExports = 0;
constexpr std::size_t kImports = 1;
constexpr std::size_t kDelayImports = 13;

// No file has more, and a forged one shall not keep us busy.
constexpr std::size_t kMaxImports = 4096;
constexpr std::size_t kMaxName = 4096;
// What Windows loads ("PE Format", NumberOfSections), and what an ordinal of 16 bits can number.
constexpr std::size_t kMaxSections = 96;
constexpr std::size_t kMaxExports = 65536;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::uint16_t OwnMachine() {
#if defined(_M_ARM64) || defined(__aarch64__)
  return 0xaa64;  // IMAGE_FILE_MACHINE_ARM64
#elif defined(_M_X64) || defined(__x86_64__)
  return 0x8664;  // IMAGE_FILE_MACHINE_AMD64
#else
  return 0x14c;  // IMAGE_FILE_MACHINE_I386
#endif
}

template <typename Value>
std::optional<Value> PeImage::At(std::size_t offset) const {
  if (offset > file_.size() || sizeof(Value) > file_.size() - offset) return std::nullopt;
  Value value;
  std::memcpy(&value, file_.data() + offset, sizeof(value));
  return value;
}

std::optional<PeImage> PeImage::Read(std::span<const std::byte> file) {
  PeImage image;
  image.file_ = file;
  constexpr std::uint16_t kDosMagic = 0x5a4d;     // "MZ"
  constexpr std::uint32_t kPeSignature = 0x4550;  // "PE\0\0"
  constexpr std::uint16_t kPe32 = 0x10b;
  constexpr std::uint16_t kPe32Plus = 0x20b;
  const auto header = image.At<std::uint32_t>(0x3c);
  if (image.At<std::uint16_t>(0) != kDosMagic || !header ||
      image.At<std::uint32_t>(*header) != kPeSignature) {
    return std::nullopt;
  }
  const std::size_t coff = std::size_t{*header} + 4;
  const std::size_t optional = coff + 20;
  const auto machine = image.At<std::uint16_t>(coff);
  const auto section_count = image.At<std::uint16_t>(coff + 2);
  const auto optional_size = image.At<std::uint16_t>(coff + 16);
  const auto magic = image.At<std::uint16_t>(optional);
  if (!machine || !section_count || !optional_size || (magic != kPe32 && magic != kPe32Plus) ||
      *section_count > kMaxSections) {
    return std::nullopt;
  }
  image.machine_ = *machine;
  image.directories_ = optional + (magic == kPe32Plus ? 112 : 96);
  image.directory_count_ = image.At<std::uint32_t>(image.directories_ - 4).value_or(0);
  for (std::size_t i = 0; i < *section_count; ++i) {
    const std::size_t section = optional + *optional_size + i * 40;
    const auto address = image.At<std::uint32_t>(section + 12);
    const auto size = image.At<std::uint32_t>(section + 16);
    const auto offset = image.At<std::uint32_t>(section + 20);
    if (!address || !size || !offset) return std::nullopt;
    image.sections_.push_back({*address, *size, *offset});
  }
  return image;
}

std::uint32_t PeImage::Directory(std::size_t index) const {
  return index < directory_count_ ? At<std::uint32_t>(directories_ + index * 8).value_or(0) : 0;
}

std::optional<std::size_t> PeImage::OffsetOf(std::uint32_t address) const {
  for (const Section& section : sections_) {
    if (address >= section.address && address - section.address < section.size) {
      return std::size_t{section.offset} + (address - section.address);
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> PeImage::TextAt(std::uint32_t address) const {
  const auto offset = OffsetOf(address);
  if (!offset || *offset >= file_.size()) return std::nullopt;
  const auto* const begin = reinterpret_cast<const char*>(file_.data() + *offset);
  const std::size_t most = std::min(file_.size() - *offset, kMaxName);
  const void* const end = std::memchr(begin, 0, most);
  if (end == nullptr) return std::nullopt;
  return std::string_view(begin, static_cast<std::size_t>(static_cast<const char*>(end) - begin));
}

bool PeImage::IsAt(std::uint32_t address, std::string_view text) const {
  const auto offset = OffsetOf(address);
  if (!offset || *offset >= file_.size() || text.size() >= file_.size() - *offset) return false;
  const auto* const begin = reinterpret_cast<const char*>(file_.data() + *offset);
  return std::string_view(begin, text.size()) == text && begin[text.size()] == 0;
}

void PeImage::AddImports(std::uint32_t table, std::size_t entry_size, std::size_t name_at,
                         std::vector<std::string>& names) const {
  const auto begin = table == 0 ? std::nullopt : OffsetOf(table);
  for (std::size_t i = 0; begin && i < kMaxImports; ++i) {
    // The table ends with an entry of zeros.
    const auto name = At<std::uint32_t>(*begin + i * entry_size + name_at);
    const auto text = name.value_or(0) == 0 ? std::nullopt : TextAt(*name);
    if (!text) return;
    names.emplace_back(*text);
  }
}

std::vector<std::string> PeImage::Imports() const {
  std::vector<std::string> names;
  AddImports(Directory(kImports), 20, 12, names);
  AddImports(Directory(kDelayImports), 32, 4, names);
  return names;
}

bool PeImage::Exports(std::string_view name) const {
  const std::uint32_t table = Directory(kExports);
  const auto exports = table == 0 ? std::nullopt : OffsetOf(table);
  if (!exports) return false;
  const auto count = At<std::uint32_t>(*exports + 24);
  const auto names = OffsetOf(At<std::uint32_t>(*exports + 32).value_or(0));
  if (!count || !names) return false;
  for (std::size_t i = 0; i < *count && i < kMaxExports; ++i) {
    const auto address = At<std::uint32_t>(*names + i * 4);
    if (!address) return false;
    if (IsAt(*address, name)) return true;
  }
  return false;
}

std::string OpenSslVersionIn(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  constexpr std::string_view kName = "OpenSSL ";
  for (std::size_t at = text.find(kName); at != std::string_view::npos;
       at = text.find(kName, at + 1)) {
    constexpr std::size_t kMost = 40;  // with a pre-release tag
    const std::string_view rest = text.substr(at + kName.size(), kMost);
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos) continue;
    const std::string_view version = rest.substr(0, space);
    // "30 Jan 2024", or "9 Jun 2026".
    std::string_view date = rest.substr(space + 1);
    const std::size_t day = date.find(' ');
    if (day == std::string_view::npos || day < 1 || day > 2 || !IsDigit(date.front())) continue;
    date.remove_prefix(day + 1);
    if (date.size() < 8 || date[3] != ' ' || !std::all_of(&date[4], &date[4] + 4, IsDigit))
      continue;
    if (version.size() >= 5 && IsDigit(version[0]) && version[1] == '.' && IsDigit(version[2])) {
      return std::string(version);
    }
  }
  return {};
}

}  // namespace ostrust::tool
