// Image for ELF systems: dl_iterate_phdr() says what is loaded where.

#include <algorithm>
#include <exception>
#include <span>
#include <string_view>
#include <utility>

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include "provider/host/image.hpp"
#include "provider/host/image_posix.hpp"

namespace ostrust::host {
namespace {

/// Calls `visit` with what dl_iterate_phdr(3) says of each loaded image, the program first, until
/// it returns true. An exception of its passes by the C library, which holds a lock meanwhile.
template <typename Visit>
void ForEachImage(const Visit& visit) {
  struct State {
    const Visit& visit;
    bool is_program = true;
    std::exception_ptr thrown = nullptr;
  } state{visit};
  const auto call = [](dl_phdr_info* info, std::size_t, void* data) noexcept {
    auto& current = *static_cast<State*>(data);
    try {
      return current.visit(*info, std::exchange(current.is_program, false)) ? 1 : 0;
    } catch (...) {
      current.thrown = std::current_exception();
      return 1;
    }
  };
  ::dl_iterate_phdr(call, &state);
  if (state.thrown != nullptr) std::rethrow_exception(state.thrown);
}

/// The image an address lies in. Another thread may unload it at any moment unless there is a
/// handle for it: `headers` may be read only then.
struct Found {
  bool is_program = false;
  ElfW(Addr) bias = 0;
  std::string name;
  const ElfW(Phdr) * headers = nullptr;
  std::size_t header_count = 0;

  bool IsSameAs(const Found& other) const { return bias == other.bias && name == other.name; }
};

std::optional<Found> FindImage(std::uintptr_t address) {
  std::optional<Found> found;
  ForEachImage([&](const dl_phdr_info& info, bool is_program) {
    const std::span headers(info.dlpi_phdr, info.dlpi_phnum);
    const bool holds_it = std::any_of(headers.begin(), headers.end(), [&](const auto& header) {
      const std::uintptr_t begin = info.dlpi_addr + header.p_vaddr;
      return header.p_type == PT_LOAD && address >= begin && address - begin < header.p_memsz;
    });
    if (holds_it) {
      found = {is_program, info.dlpi_addr, info.dlpi_name, headers.data(), headers.size()};
    }
    return holds_it;
  });
  return found;
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
  ForEachImage([&](const dl_phdr_info& info, bool is_program) {
    const std::string_view path = info.dlpi_name;
    if (!is_program && path.substr(path.rfind('/') + 1).find("ssl") == std::string_view::npos) {
      return false;
    }
    const std::span headers(info.dlpi_phdr, info.dlpi_phnum);
    const auto first = std::find_if(headers.begin(), headers.end(),
                                    [](const auto& header) { return header.p_type == PT_LOAD; });
    if (first != headers.end()) {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): the dynamic linker gives addresses as numbers
      addresses.push_back(reinterpret_cast<const void*>(info.dlpi_addr + first->p_vaddr));
    }
    return false;
  });
  return addresses;
}

std::optional<Image> Image::Containing(const void* address, std::string& why) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  const auto found = FindImage(number);
  if (!found) {
    why = "the address of the caller belongs to no loaded image";
    return std::nullopt;
  }
  Image image;
  image.name_ = found->is_program ? "the program itself" : found->name;
  image.base_ = static_cast<std::uintptr_t>(found->bias);
  // RTLD_NOLOAD: only a handle for what is there. The handle also keeps it there: our hooks must
  // not outlive the library they were put into.
  image.handle_ = found->is_program ? ::dlopen(nullptr, RTLD_LAZY)
                                    : ::dlopen(found->name.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (image.handle_ == nullptr) {
    const char* const error = ::dlerror();
    why = "no handle for " + image.name_ + ": " + (error == nullptr ? "unknown reason" : error);
    return std::nullopt;
  }
  // It may have been unloaded before there was a handle, and something else be there by now.
  const auto kept = FindImage(number);
  if (!kept || !kept->IsSameAs(*found)) {
    ::dlclose(image.handle_);
    why = image.name_ + " was unloaded while it was looked at";
    return std::nullopt;
  }

  for (const ElfW(Phdr) & header : std::span(kept->headers, kept->header_count)) {
    const std::uintptr_t begin = kept->bias + header.p_vaddr;
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
