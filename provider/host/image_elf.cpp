// Image for ELF systems: dl_iterate_phdr() says what is loaded where.

#include <string_view>

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include "provider/host/image.hpp"
#include "provider/host/image_posix.hpp"

namespace ostrust::host {
namespace {

struct Search {
  std::uintptr_t address = 0;
  bool first = true;
  bool found = false;
  bool is_program = false;
  ElfW(Addr) bias = 0;
  const char* name = nullptr;
  const ElfW(Phdr) * headers = nullptr;
  int header_count = 0;
};

int Visit(dl_phdr_info* info, std::size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  const bool is_program = search.first;  // dl_iterate_phdr(3): the program comes first
  search.first = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    if (search.address < begin || search.address - begin >= header.p_memsz) continue;
    search.found = true;
    search.is_program = is_program;
    search.bias = info->dlpi_addr;
    search.name = info->dlpi_name;
    search.headers = info->dlpi_phdr;
    search.header_count = info->dlpi_phnum;
    return 1;
  }
  return 0;
}

int VisitSsl(dl_phdr_info* info, std::size_t, void* data) {
  auto& addresses = *static_cast<std::vector<const void*>*>(data);
  const std::string_view path = info->dlpi_name;
  const bool is_program = addresses.empty();  // dl_iterate_phdr(3): the program comes first
  if (!is_program && path.substr(path.rfind('/') + 1).find("ssl") == std::string_view::npos) {
    return 0;
  }
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the dynamic linker gives addresses as numbers
    addresses.push_back(reinterpret_cast<const void*>(info->dlpi_addr + header.p_vaddr));
    return 0;
  }
  return 0;
}

/// Whether the kernel lets us write there. Asked by letting it write the bytes that are there
/// already: a page that is not writable gives EFAULT instead of a signal. /proc may be absent.
bool KernelSaysWritable(const void* address, std::size_t size) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) return false;
  bool ok = ::write(fds[1], address, size) == static_cast<ssize_t>(size);
  ok = ok && ::read(fds[0], const_cast<void*>(address), size) == static_cast<ssize_t>(size);
  ::close(fds[0]);
  ::close(fds[1]);
  return ok;
}

}  // namespace

std::vector<const void*> SslAddresses() {
  std::vector<const void*> addresses;
  ::dl_iterate_phdr(VisitSsl, &addresses);
  return addresses;
}

std::optional<Image> Image::Containing(const void* address, std::string& why) {
  Search search;
  search.address = reinterpret_cast<std::uintptr_t>(address);
  ::dl_iterate_phdr(Visit, &search);
  if (!search.found) {
    why = "the address of the caller belongs to no loaded image";
    return std::nullopt;
  }

  Image image;
  image.name_ = search.is_program ? "the program itself" : search.name;
  image.base_ = static_cast<std::uintptr_t>(search.bias);
  for (int i = 0; i < search.header_count; ++i) {
    const ElfW(Phdr)& header = search.headers[i];
    const std::uintptr_t begin = search.bias + header.p_vaddr;
    const Segment segment{begin, begin + header.p_memsz, (header.p_flags & PF_X) != 0,
                          (header.p_flags & PF_W) != 0};
    if (header.p_type == PT_LOAD) {
      image.segments_.push_back(segment);
    } else if (header.p_type == PT_GNU_RELRO) {
      // The linker protects whole pages: up to the last page boundary inside.
      const std::uintptr_t page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
      image.relro_ = {segment.begin, segment.end & ~(page - 1), false, false};
    }
  }

  // RTLD_NOLOAD: only a handle for what is there. The handle also keeps it there: our hooks must
  // not outlive the library they were put into.
  image.handle_ = search.is_program ? ::dlopen(nullptr, RTLD_LAZY)
                                    : ::dlopen(search.name, RTLD_LAZY | RTLD_NOLOAD);
  if (image.handle_ == nullptr) {
    const char* const error = ::dlerror();
    why = "no handle for " + image.name_ + ": " + (error == nullptr ? "unknown reason" : error);
    return std::nullopt;
  }
  return image;
}

bool Image::IsWritableData(const void* address, std::size_t size) const {
  const Segment* const segment = Find(address, size);
  if (segment == nullptr || !segment->writable) return false;
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  if (begin < relro_.end && begin + size > relro_.begin) return false;
  return KernelSaysWritable(address, size);
}

}  // namespace ostrust::host
