// The little the tool reads of program files itself; what a program links is the dynamic loader's
// business.
#pragma once

#include <cstddef>
#include <string>

namespace ostrust::tool {

/// An ELF file of this machine's kind, mapped for reading.
class ElfFile {
 public:
  explicit ElfFile(const std::string& path);
  ~ElfFile();
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  /// Whether it is an ELF file of this machine's class and architecture.
  bool IsOurs() const;

  /// Whether its dynamic symbol table defines `symbol`. False for whatever is not well-formed.
  bool Exports(const std::string& symbol) const;

 private:
  template <typename Value>
  const Value* At(std::size_t offset, std::size_t count = 1) const;

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The dynamic loader this very program was started with; empty when there is none.
std::string OwnLoader();

}  // namespace ostrust::tool
