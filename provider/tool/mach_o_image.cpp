#include "provider/tool/mach_o_image.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ostrust::tool {
namespace {

// Universal files are big-endian, images for both processors little-endian.
constexpr std::uint32_t kFatMagic = 0xcafebabe;
constexpr std::uint32_t kFatMagic64 = 0xcafebabf;
constexpr std::uint32_t kMagic64 = 0xfeedfacf;
constexpr std::size_t kHeaderSize = 32;  // mach_header_64
// Java's class files begin as universal ones do, with their version, 45 or more, as the number of
// architectures.
constexpr std::uint32_t kMaxArchitectures = 40;

constexpr std::uint32_t kSymbolTable = 0x2;               // LC_SYMTAB
constexpr std::uint32_t kLoadLibrary = 0xc;               // LC_LOAD_DYLIB
constexpr std::uint32_t kLoadWeakLibrary = 0x80000018;    // LC_LOAD_WEAK_DYLIB
constexpr std::uint32_t kReexportLibrary = 0x8000001f;    // LC_REEXPORT_DYLIB
constexpr std::uint32_t kLoadUpwardLibrary = 0x80000023;  // LC_LOAD_UPWARD_DYLIB
constexpr std::uint32_t kRunPath = 0x8000001c;            // LC_RPATH
constexpr std::uint32_t kDyldInfo = 0x22;                 // LC_DYLD_INFO
constexpr std::uint32_t kDyldInfoOnly = 0x80000022;       // LC_DYLD_INFO_ONLY
constexpr std::uint32_t kExportsTrie = 0x80000033;        // LC_DYLD_EXPORTS_TRIE

// No file has more, and a forged one shall not keep us busy.
constexpr std::size_t kMaxCommands = 4096;
constexpr std::size_t kMaxName = 4096;

std::optional<std::uint32_t> BigEndianAt(std::span<const std::byte> file, std::size_t offset) {
  if (offset > file.size() || file.size() - offset < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8 | std::to_integer<std::uint32_t>(file[offset + i]);
  }
  return value;
}

/// The part of a universal file for `processor`, the file itself when it is none; empty when there
/// is no such part.
std::span<const std::byte> PartFor(std::span<const std::byte> file, std::uint32_t processor) {
  const auto magic = BigEndianAt(file, 0);
  if (magic != kFatMagic && magic != kFatMagic64) return file;
  const std::uint32_t count = BigEndianAt(file, 4).value_or(0);
  if (count > kMaxArchitectures) return {};
  const bool wide = magic == kFatMagic64;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t entry = 8 + i * (wide ? 32 : 20);
    if (BigEndianAt(file, entry) != processor) continue;
    // The upper halves of fat_arch_64's numbers, which no file of this size needs.
    if (wide && (BigEndianAt(file, entry + 8) != 0u || BigEndianAt(file, entry + 16) != 0u)) {
      return {};
    }
    const auto offset = BigEndianAt(file, entry + (wide ? 12 : 8));
    const auto size = BigEndianAt(file, entry + (wide ? 20 : 12));
    if (!offset || !size || *offset > file.size() || *size > file.size() - *offset) return {};
    return file.subspan(*offset, *size);
  }
  return {};
}

/// Reads the nodes of an export trie, one thing after the other.
class TrieReader {
 public:
  explicit TrieReader(std::span<const std::byte> trie) : trie_(trie) {}

  std::size_t Left() const { return trie_.size() - at_; }
  /// False when it is not in the trie.
  bool Seek(std::uint64_t offset) {
    if (offset >= trie_.size()) return false;
    at_ = static_cast<std::size_t>(offset);
    return true;
  }
  /// No more than is left.
  void Skip(std::size_t count) { at_ += count; }
  std::optional<std::uint8_t> Byte() {
    if (Left() == 0) return std::nullopt;
    return std::to_integer<std::uint8_t>(trie_[at_++]);
  }
  /// ULEB128. No number that is read here needs more than five bytes.
  std::optional<std::uint64_t> Number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      const auto byte = Byte();
      if (!byte) return std::nullopt;
      value |= std::uint64_t{*byte & 0x7fU} << shift;
      if ((*byte & 0x80U) == 0) return value;
    }
    return std::nullopt;
  }
  std::optional<std::string_view> Text() {
    const auto* const begin = reinterpret_cast<const char*>(trie_.data() + at_);
    const void* const zero = Left() == 0 ? nullptr : std::memchr(begin, 0, Left());
    if (zero == nullptr) return std::nullopt;
    const std::string_view text(begin,
                                static_cast<std::size_t>(static_cast<const char*>(zero) - begin));
    at_ += text.size() + 1;
    return text;
  }

 private:
  std::span<const std::byte> trie_;
  std::size_t at_ = 0;  // never behind the end
};

}  // namespace

template <typename Value>
std::optional<Value> MachOImage::At(std::size_t offset) const {
  if (offset > file_.size() || sizeof(Value) > file_.size() - offset) return std::nullopt;
  Value value;
  std::memcpy(&value, file_.data() + offset, sizeof(value));
  return value;
}

/// The text at `offset`, whose terminating zero is before `end`.
std::optional<std::string_view> MachOImage::TextAt(std::size_t offset, std::size_t end) const {
  end = std::min(end, file_.size());
  if (offset >= end) return std::nullopt;
  const auto* const begin = reinterpret_cast<const char*>(file_.data() + offset);
  const void* const zero = std::memchr(begin, 0, std::min(end - offset, kMaxName));
  if (zero == nullptr) return std::nullopt;
  return std::string_view(begin, static_cast<std::size_t>(static_cast<const char*>(zero) - begin));
}

std::optional<MachOImage> MachOImage::Read(std::span<const std::byte> file,
                                           std::uint32_t processor) {
  MachOImage image;
  image.file_ = PartFor(file, processor);
  const auto count = image.At<std::uint32_t>(16);
  const auto size = image.At<std::uint32_t>(20);
  if (image.At<std::uint32_t>(0) != kMagic64 || image.At<std::uint32_t>(4) != processor || !count ||
      !size || !image.ReadCommands(*count, *size)) {
    return std::nullopt;
  }
  return image;
}

bool MachOImage::ReadCommands(std::size_t count, std::size_t size) {
  if (count > kMaxCommands || kHeaderSize > file_.size() || size > file_.size() - kHeaderSize) {
    return false;
  }
  const std::size_t end = kHeaderSize + size;
  std::size_t at = kHeaderSize;
  for (std::size_t i = 0; i < count; ++i) {
    const auto command = At<std::uint32_t>(at);
    const auto command_size = At<std::uint32_t>(at + 4);
    // Every command is at least its own number and size, and lies within what the header says.
    if (!command || !command_size || *command_size < 8 || *command_size > end - at) return false;
    const std::size_t next = at + *command_size;
    switch (*command) {
      case kLoadLibrary:
      case kLoadWeakLibrary:
      case kReexportLibrary:
      case kLoadUpwardLibrary:
      case kRunPath: {
        // The offset of a text in the command: dylib_command and rpath_command.
        const auto text = TextAt(at + At<std::uint32_t>(at + 8).value_or(0), next);
        if (!text) return false;
        (*command == kRunPath ? run_paths_ : libraries_).emplace_back(*text);
        break;
      }
      case kSymbolTable:
        if (*command_size < 24) return false;
        symbols_ = At<std::uint32_t>(at + 8).value_or(0);
        symbol_count_ = At<std::uint32_t>(at + 12).value_or(0);
        strings_ = At<std::uint32_t>(at + 16).value_or(0);
        strings_size_ = At<std::uint32_t>(at + 20).value_or(0);
        break;
      case kDyldInfo:
      case kDyldInfoOnly:
        if (*command_size < 48) return false;
        trie_ = At<std::uint32_t>(at + 40).value_or(0);
        trie_size_ = At<std::uint32_t>(at + 44).value_or(0);
        break;
      case kExportsTrie:
        if (*command_size < 16) return false;
        trie_ = At<std::uint32_t>(at + 8).value_or(0);
        trie_size_ = At<std::uint32_t>(at + 12).value_or(0);
        break;
      default:
        break;
    }
    at = next;
  }
  return true;
}

MachOImage::Exported MachOImage::Exports(std::string_view function) const {
  const std::string symbol = "_" + std::string(function);  // as C's names are
  return trie_size_ != 0 ? InTrie(symbol) : InSymbolTable(symbol);
}

MachOImage::Exported MachOImage::InTrie(std::string_view symbol) const {
  constexpr std::uint64_t kKind = 0x03;  // EXPORT_SYMBOL_FLAGS_KIND_MASK; 0 is a regular symbol
  constexpr std::uint64_t kReexport = 0x08;
  if (trie_ > file_.size() || trie_size_ > file_.size() - trie_) return Exported::kMalformed;
  TrieReader trie(file_.subspan(trie_, trie_size_));
  // A node is reached by an edge that takes at least one character of the symbol: wherever the
  // offsets lead, there is an end.
  while (true) {
    const auto size = trie.Number();  // of what is exported under the name up to here
    if (!size || *size > trie.Left()) return Exported::kMalformed;
    if (symbol.empty()) {
      if (*size == 0) return Exported::kNo;
      const std::size_t left = trie.Left();
      const auto flags = trie.Number();
      if (!flags || left - trie.Left() > *size) return Exported::kMalformed;
      return (*flags & (kKind | kReexport)) == 0 ? Exported::kYes : Exported::kNo;
    }
    trie.Skip(static_cast<std::size_t>(*size));
    const auto edges = trie.Byte();
    if (!edges) return Exported::kMalformed;
    std::optional<std::uint64_t> child;
    for (int i = 0; i < *edges && !child; ++i) {
      const auto edge = trie.Text();
      const auto offset = trie.Number();
      if (!edge || edge->empty() || !offset) return Exported::kMalformed;
      if (!symbol.starts_with(*edge)) continue;
      symbol.remove_prefix(edge->size());
      child = offset;
    }
    if (!child) return Exported::kNo;
    if (*child == 0 || !trie.Seek(*child)) return Exported::kMalformed;
  }
}

MachOImage::Exported MachOImage::InSymbolTable(std::string_view symbol) const {
  constexpr std::size_t kEntrySize = 16;  // nlist_64
  constexpr std::uint8_t kDebugging = 0xe0;
  constexpr std::uint8_t kPrivateExternal = 0x10;
  constexpr std::uint8_t kType = 0x0e;
  constexpr std::uint8_t kExternal = 0x01;
  constexpr std::uint8_t kInSection = 0x0e;
  for (std::size_t i = 0; i < symbol_count_; ++i) {
    const std::size_t entry = std::size_t{symbols_} + i * kEntrySize;
    const auto name = At<std::uint32_t>(entry);
    const auto type = At<std::uint8_t>(entry + 4);
    if (!name || !type) return Exported::kNo;
    if ((*type & (kDebugging | kPrivateExternal)) != 0 || (*type & kExternal) == 0 ||
        (*type & kType) != kInSection || *name >= strings_size_) {
      continue;
    }
    const auto text = TextAt(std::size_t{strings_} + *name, std::size_t{strings_} + strings_size_);
    if (text == symbol) return Exported::kYes;
  }
  return Exported::kNo;
}

std::string ExpandedPath(std::string_view path, const std::string& loaders_folder,
                         const std::string& programs_folder) {
  const std::pair<std::string_view, const std::string&> folders[] = {
      {"@loader_path", loaders_folder}, {"@executable_path", programs_folder}};
  for (const auto& [name, folder] : folders) {
    if (!path.starts_with(name)) continue;
    const std::string_view rest = path.substr(name.size());
    if (rest.empty()) return folder;
    if (rest.front() == '/') return folder + std::string(rest.substr(1));
  }
  return std::string(path);
}

bool IsMachO(std::span<const std::byte> file) {
  return MachOImage::Read(file, kMachOArm64).has_value() ||
         MachOImage::Read(file, kMachOX86_64).has_value();
}

}  // namespace ostrust::tool
