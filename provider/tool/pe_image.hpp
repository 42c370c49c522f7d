// The little the tool reads of Windows program files. Everything in a file may be wrong: what does
// not add up is not there. The format: Microsoft's "PE Format".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ostrust::tool {

/// IMAGE_FILE_HEADER.Machine of this very program.
std::uint16_t OwnMachine();

/// A view of a PE file as it is on disk; the bytes must outlive it.
class PeImage {
 public:
  /// Nullopt when it is no PE32 or PE32+ file, or has more sections than Windows loads.
  static std::optional<PeImage> Read(std::span<const std::byte> file);

  std::uint16_t Machine() const { return machine_; }

  /// The names of the libraries it imports functions from, delay-loaded ones last.
  std::vector<std::string> Imports() const;

  /// Whether it exports a function of this name.
  bool Exports(std::string_view name) const;

 private:
  struct Section {
    std::uint32_t address;  // in memory, from the image's base: an RVA
    std::uint32_t size;     // in the file
    std::uint32_t offset;   // in the file
  };

  template <typename Value>
  std::optional<Value> At(std::size_t offset) const;
  std::optional<std::size_t> OffsetOf(std::uint32_t address) const;
  std::optional<std::string_view> TextAt(std::uint32_t address) const;
  bool IsAt(std::uint32_t address, std::string_view text) const;
  std::uint32_t Directory(std::size_t index) const;
  void AddImports(std::uint32_t table, std::size_t entry_size, std::size_t name_at,
                  std::vector<std::string>& names) const;

  std::span<const std::byte> file_;
  std::uint16_t machine_ = 0;
  std::size_t directories_ = 0;  // their offset in the file
  std::uint32_t directory_count_ = 0;
  std::vector<Section> sections_;
};

/// The version in the words that OpenSSL_version() returns ("OpenSSL 3.0.13 30 Jan 2024"):
/// "3.0.13". The date sets them apart from a program that mentions OpenSSL. Empty when they are not
/// there.
std::string OpenSslVersionIn(std::span<const std::byte> file);

}  // namespace ostrust::tool
