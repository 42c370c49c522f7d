// Image for Windows: the loader says what is loaded where, and the headers of a PE image, which
// stay in memory, which sections it has and what it imports.

#include <cstring>
#include <string_view>
#include <utility>

#include <windows.h>
// After windows.h.
#include <psapi.h>

#include "provider/host/image.hpp"
#include "provider/host/wide.hpp"

namespace ostrust::host {
namespace {

template <typename Value>
const Value* At(std::uintptr_t base, std::size_t offset) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): PE headers give addresses as numbers
  return reinterpret_cast<const Value*>(base + offset);
}

/// The headers of a loaded image. The loader has checked them; null when they are of another kind.
const IMAGE_NT_HEADERS* HeadersOf(std::uintptr_t base) {
  const auto* const dos = At<IMAGE_DOS_HEADER>(base, 0);
  if (dos->e_magic != IMAGE_DOS_SIGNATURE) return nullptr;
  const auto* const headers = At<IMAGE_NT_HEADERS>(base, static_cast<std::size_t>(dos->e_lfanew));
  return headers->Signature == IMAGE_NT_SIGNATURE &&
                 headers->OptionalHeader.Magic == IMAGE_NT_OPTIONAL_HDR_MAGIC
             ? headers
             : nullptr;
}

std::string PathOf(HMODULE module) {
  std::wstring path(MAX_PATH, L'\0');
  for (;;) {
    const DWORD size = ::GetModuleFileNameW(module, path.data(), static_cast<DWORD>(path.size()));
    if (size < path.size()) return Narrow(path.substr(0, size));
    if (path.size() > 0x8000) return {};
    path.resize(path.size() * 2);
  }
}

bool HasSslInItsName(HMODULE module) {
  std::string name = PathOf(module);
  name.erase(0, name.find_last_of("\\/") + 1);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name.find("ssl") != std::string::npos;
}

/// What this image's own import of `name` leads to; null when it imports no function of that name.
const void* ImportedAs(std::uintptr_t base, const char* name) {
  const IMAGE_NT_HEADERS* const headers = HeadersOf(base);
  if (headers == nullptr) return nullptr;
  const IMAGE_DATA_DIRECTORY& directory =
      headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
  if (directory.VirtualAddress == 0) return nullptr;
  const auto* descriptor = At<IMAGE_IMPORT_DESCRIPTOR>(base, directory.VirtualAddress);
  for (; descriptor->Name != 0 && descriptor->FirstThunk != 0; ++descriptor) {
    if (descriptor->OriginalFirstThunk == 0) continue;  // the names are gone
    const auto* names = At<IMAGE_THUNK_DATA>(base, descriptor->OriginalFirstThunk);
    const auto* functions = At<IMAGE_THUNK_DATA>(base, descriptor->FirstThunk);
    for (; names->u1.AddressOfData != 0; ++names, ++functions) {
      if (IMAGE_SNAP_BY_ORDINAL(names->u1.Ordinal)) continue;
      const auto* const imported = At<IMAGE_IMPORT_BY_NAME>(base, names->u1.AddressOfData);
      if (std::strcmp(imported->Name, name) == 0) return At<void>(functions->u1.Function, 0);
    }
  }
  return nullptr;
}

std::vector<HMODULE> LoadedModules() {
  std::vector<HMODULE> modules(256);
  for (;;) {
    DWORD needed = 0;
    const auto size = static_cast<DWORD>(modules.size() * sizeof(HMODULE));
    if (::EnumProcessModules(::GetCurrentProcess(), modules.data(), size, &needed) == 0) return {};
    modules.resize(needed / sizeof(HMODULE));
    if (needed <= size) return modules;
  }
}

}  // namespace

std::optional<Image> Image::Containing(const void* address, std::string& why) {
  HMODULE module = nullptr;
  // Pinned: our hooks must not outlive the library they were put into.
  if (::GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                           static_cast<LPCWSTR>(address), &module) == 0) {
    why = "the address of the caller belongs to no loaded image";
    return std::nullopt;
  }
  Image image;
  image.base_ = reinterpret_cast<std::uintptr_t>(module);
  image.name_ = module == ::GetModuleHandleW(nullptr) ? "the program itself" : PathOf(module);
  image.handle_ = module;
  const IMAGE_NT_HEADERS* const headers = HeadersOf(image.base_);
  if (headers == nullptr) {
    why = image.name_ + " has no headers in memory";
    return std::nullopt;
  }
  const IMAGE_SECTION_HEADER* section = IMAGE_FIRST_SECTION(headers);
  for (WORD i = 0; i < headers->FileHeader.NumberOfSections; ++i, ++section) {
    const std::uintptr_t begin = image.base_ + section->VirtualAddress;
    image.segments_.push_back({begin, begin + section->Misc.VirtualSize,
                               (section->Characteristics & IMAGE_SCN_MEM_EXECUTE) != 0,
                               (section->Characteristics & IMAGE_SCN_MEM_WRITE) != 0});
  }
  return image;
}

void* Image::Symbol(const char* name) const {
  const FARPROC symbol = ::GetProcAddress(static_cast<HMODULE>(handle_), name);
  // An export may be forwarded to another image.
  auto* const address = reinterpret_cast<void*>(symbol);
  return address != nullptr && Find(address, 1) != nullptr ? address : nullptr;
}

std::vector<Image> Image::Users(const char* exported, const char* imported) const {
  std::vector<Image> users;
  if (Symbol(exported) != nullptr && Symbol(imported) != nullptr) users.push_back(*this);
  const HMODULE program = ::GetModuleHandleW(nullptr);
  for (const HMODULE module : LoadedModules()) {
    const auto base = reinterpret_cast<std::uintptr_t>(module);
    if (base == base_ || (module != program && !HasSslInItsName(module))) continue;
    // It may have been unloaded since: what is looked at is kept.
    HMODULE kept = nullptr;
    if (::GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                             reinterpret_cast<LPCWSTR>(module), &kept) == 0) {
      continue;
    }
    // Another one, without a beginning of its own there, may lie where it was.
    const void* const used = kept == module ? ImportedAs(base, imported) : nullptr;
    if (used != nullptr && Find(used, 1) != nullptr) {
      std::string why;
      auto image = Containing(kept, why);
      if (image && image->Symbol(exported) != nullptr) users.push_back(std::move(*image));
    }
    ::FreeLibrary(kept);
  }
  return users;
}

bool Image::IsWritableData(const void* address, std::size_t size) const {
  const Segment* const segment = Find(address, size);
  if (segment == nullptr || !segment->writable) return false;
  MEMORY_BASIC_INFORMATION memory{};
  if (::VirtualQuery(address, &memory, sizeof(memory)) != sizeof(memory)) return false;
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  const auto region = reinterpret_cast<std::uintptr_t>(memory.BaseAddress);
  constexpr DWORD kWritable = PAGE_READWRITE | PAGE_WRITECOPY;
  return memory.State == MEM_COMMIT && (memory.Protect & kWritable) != 0 &&
         (memory.Protect & (PAGE_GUARD | PAGE_NOACCESS)) == 0 && begin >= region &&
         begin - region + size <= memory.RegionSize;
}

}  // namespace ostrust::host
