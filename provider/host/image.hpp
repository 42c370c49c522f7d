// The loaded image (shared library or program) that an address belongs to.
//
// Rule 14: a symbol that was resolved for a libcrypto must lie in that libcrypto. Rule 13: nothing
// is written to memory that is not known to be that image's own writable data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ostrust::host {

/// A value. The image it describes is kept loaded for the rest of the process.
class Image {
 public:
  /// The image that contains `address`; nullopt, with a sentence in `why`, when there is none or it
  /// cannot be looked into.
  static std::optional<Image> Containing(const void* address, std::string& why);

  /// An exported function or object of this very image; null when it exports none of that name,
  /// also when another image does.
  void* Symbol(const char* name) const;

  /// The loaded images that export `exported` and whose own use of `imported` leads into this
  /// image: the libssl of a libcrypto. This image itself is one if it exports both. Only images are
  /// looked at whose file is called something with "ssl", and the program. Those returned stay
  /// loaded.
  std::vector<Image> Users(const char* exported, const char* imported) const;

  bool ContainsCode(const void* address) const;
  bool ContainsData(const void* address, std::size_t size) const;
  /// Whether `size` bytes at `address` lie in data of this image that stays writable after
  /// relocation, and the kernel agrees that they are writable now. The bytes keep their value.
  bool IsWritableData(const void* address, std::size_t size) const;

  /// Where the image was loaded; tells images apart.
  std::uintptr_t Base() const { return base_; }
  /// The file's name, or "the program itself".
  const std::string& Name() const { return name_; }

 private:
  struct Segment {
    std::uintptr_t begin;
    std::uintptr_t end;
    bool executable;
    bool writable;
  };

  const Segment* Find(const void* address, std::size_t size) const;

  std::uintptr_t base_ = 0;
  std::string name_;
  std::vector<Segment> segments_;
  // What the dynamic linker made read-only after relocation (PT_GNU_RELRO); empty when begin ==
  // end.
  Segment relro_{};
  void* handle_ = nullptr;
};

/// Sets `function` to the image's exported function of this name, or to null; says whether it is
/// there.
template <typename Function>
bool Resolve(const Image& image, const char* name, Function& function) {
  function = reinterpret_cast<Function>(image.Symbol(name));
  return function != nullptr;
}

}  // namespace ostrust::host
