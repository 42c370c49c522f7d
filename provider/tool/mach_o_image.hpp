// The little the tool reads of macOS program files. Everything in a file may be wrong: what does
// not add up is not there. The format: Apple's <mach-o/loader.h>, <mach-o/fat.h> and
// <mach-o/nlist.h>; of the export trie, trieWalk() in Apple's published source of dyld.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ostrust::tool {

/// cputype: CPU_TYPE_ARM64 and CPU_TYPE_X86_64.
inline constexpr std::uint32_t kMachOArm64 = 0x0100000c;
inline constexpr std::uint32_t kMachOX86_64 = 0x01000007;

/// One architecture of a Mach-O file of 64 bits as it is on disk; the bytes must outlive it.
class MachOImage {
 public:
  /// The image for `processor` in a universal file, or a file of only that one. Nullopt when there
  /// is none.
  static std::optional<MachOImage> Read(std::span<const std::byte> file, std::uint32_t processor);

  /// The install names of the libraries it links, weak and re-exported ones too.
  const std::vector<std::string>& Libraries() const { return libraries_; }
  /// What @rpath stands for in them: LC_RPATH.
  const std::vector<std::string>& RunPaths() const { return run_paths_; }

  enum class Exported { kNo, kYes, kMalformed };

  /// Whether it exports a C function of this name; not what it re-exports. By its export trie,
  /// which is what dyld goes by and what strip(1) leaves; where it has none, by its symbol table.
  /// kMalformed: the trie does not add up on the way to the name.
  Exported Exports(std::string_view function) const;

 private:
  template <typename Value>
  std::optional<Value> At(std::size_t offset) const;
  std::optional<std::string_view> TextAt(std::size_t offset, std::size_t end) const;
  bool ReadCommands(std::size_t count, std::size_t size);
  Exported InSymbolTable(std::string_view symbol) const;
  Exported InTrie(std::string_view symbol) const;

  std::span<const std::byte> file_;
  std::vector<std::string> libraries_;
  std::vector<std::string> run_paths_;
  // LC_SYMTAB.
  std::uint32_t symbols_ = 0;
  std::uint32_t symbol_count_ = 0;
  std::uint32_t strings_ = 0;
  std::uint32_t strings_size_ = 0;
  // LC_DYLD_EXPORTS_TRIE, or the exports of LC_DYLD_INFO. Of no size: there is none.
  std::uint32_t trie_ = 0;
  std::uint32_t trie_size_ = 0;
};

/// A library's or run path with what dyld puts in the place of @loader_path and @executable_path at
/// its beginning (expandAtLoaderPath() in Loader.cpp): both may also stand alone. The folders end
/// in a slash.
std::string ExpandedPath(std::string_view path, const std::string& loaders_folder,
                         const std::string& programs_folder);

/// Whether it is a Mach-O file at all, of whatever architecture.
bool IsMachO(std::span<const std::byte> file);

}  // namespace ostrust::tool
