#include "provider/tool/elf_file.hpp"

#include <cstring>

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ostrust::tool {
namespace {

constexpr unsigned char kOurClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;

#if defined(__x86_64__)
constexpr ElfW(Half) kOurMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr ElfW(Half) kOurMachine = EM_AARCH64;
#elif defined(__i386__)
constexpr ElfW(Half) kOurMachine = EM_386;
#elif defined(__arm__)
constexpr ElfW(Half) kOurMachine = EM_ARM;
#elif defined(__riscv)
constexpr ElfW(Half) kOurMachine = EM_RISCV;
#elif defined(__powerpc64__)
constexpr ElfW(Half) kOurMachine = EM_PPC64;
#elif defined(__s390__)
constexpr ElfW(Half) kOurMachine = EM_S390;
#else
constexpr ElfW(Half) kOurMachine = EM_NONE;  // not checked
#endif

int VisitFirst(dl_phdr_info* info, std::size_t, void* data) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    if (info->dlpi_phdr[i].p_type != PT_INTERP) continue;
    const auto address = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the dynamic linker gives addresses as numbers
    const auto* const path = reinterpret_cast<const char*>(address);
    *static_cast<std::string*>(data) = path;
  }
  return 1;  // dl_iterate_phdr(3): the program comes first
}

}  // namespace

ElfFile::ElfFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return;
  struct stat status {};
  if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
    void* const mapped =
        ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped != MAP_FAILED) {
      data_ = static_cast<const std::byte*>(mapped);
      size_ = static_cast<std::size_t>(status.st_size);
    }
  }
  ::close(fd);
}

ElfFile::~ElfFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

template <typename Value>
const Value* ElfFile::At(std::size_t offset, std::size_t count) const {
  if (offset > size_ || offset % alignof(Value) != 0 || count > (size_ - offset) / sizeof(Value)) {
    return nullptr;
  }
  return reinterpret_cast<const Value*>(data_ + offset);
}

bool ElfFile::IsOurs() const {
  const auto* const header = At<ElfW(Ehdr)>(0);
  return header != nullptr && std::memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
         header->e_ident[EI_CLASS] == kOurClass &&
         (kOurMachine == EM_NONE || header->e_machine == kOurMachine);
}

bool ElfFile::Exports(const std::string& symbol) const {
  if (!IsOurs()) return false;
  const auto* const header = At<ElfW(Ehdr)>(0);
  const auto* const sections = At<ElfW(Shdr)>(header->e_shoff, header->e_shnum);
  if (sections == nullptr || header->e_shentsize != sizeof(ElfW(Shdr))) return false;
  for (std::size_t i = 0; i < header->e_shnum; ++i) {
    const ElfW(Shdr)& table = sections[i];
    if (table.sh_type != SHT_DYNSYM || table.sh_link >= header->e_shnum) continue;
    const std::size_t count = table.sh_size / sizeof(ElfW(Sym));
    const auto* const symbols = At<ElfW(Sym)>(table.sh_offset, count);
    const ElfW(Shdr)& strings = sections[table.sh_link];
    const auto* const text = At<char>(strings.sh_offset, strings.sh_size);
    if (symbols == nullptr || text == nullptr) return false;
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t name = symbols[n].st_name;
      // With its terminating zero.
      if (symbols[n].st_shndx != SHN_UNDEF && name < strings.sh_size &&
          strings.sh_size - name > symbol.size() &&
          std::memcmp(text + name, symbol.c_str(), symbol.size() + 1) == 0) {
        return true;
      }
    }
  }
  return false;
}

std::string OwnLoader() {
  std::string loader;
  ::dl_iterate_phdr(VisitFirst, &loader);
  return loader;
}

}  // namespace ostrust::tool
