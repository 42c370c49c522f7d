// Image for macOS: dladdr() and the list of dyld say what is loaded where, and the load commands of
// a Mach-O image, which stay in memory, which segments it has. dyld has checked them. What is said
// here of dyld was read in Apple's published source of it; none of it was run on a Mac yet.

#include <cstring>
#include <string>
#include <string_view>

#include <dlfcn.h>
#include <mach-o/dyld.h>
#include <mach-o/loader.h>
#include <mach/mach.h>

#include "provider/host/image.hpp"
#include "provider/host/image_posix.hpp"

namespace ostrust::host {
namespace {

/// Calls `visit` with each LC_SEGMENT_64 of the image.
template <typename Visit>
void ForEachSegment(const mach_header_64& header, const Visit& visit) {
  const auto* command = reinterpret_cast<const load_command*>(&header + 1);
  for (std::uint32_t i = 0; i < header.ncmds; ++i) {
    if (command->cmd == LC_SEGMENT_64) {
      visit(*reinterpret_cast<const segment_command_64*>(command));
    }
    command = reinterpret_cast<const load_command*>(reinterpret_cast<const char*>(command) +
                                                    command->cmdsize);
  }
}

}  // namespace

std::vector<const void*> SslAddresses() {
  std::vector<const void*> addresses;
  // dyld(3): the list changes while another thread loads or unloads. What Containing() makes of an
  // address that has gone is no image.
  const std::uint32_t count = ::_dyld_image_count();
  for (std::uint32_t i = 0; i < count; ++i) {
    const mach_header* const header = ::_dyld_get_image_header(i);
    const char* const name = ::_dyld_get_image_name(i);
    if (header == nullptr || name == nullptr) continue;
    const std::string_view path = name;
    if (i == 0 ||  // the program comes first
        path.substr(path.rfind('/') + 1).find("ssl") != std::string_view::npos) {
      addresses.push_back(header);
    }
  }
  return addresses;
}

std::optional<Image> Image::Containing(const void* address, std::string& why) {
  Dl_info info{};
  if (::dladdr(address, &info) == 0 || info.dli_fbase == nullptr || info.dli_fname == nullptr) {
    why = "the address of the caller belongs to no loaded image";
    return std::nullopt;
  }
  const void* const base = info.dli_fbase;
  const std::string path = info.dli_fname;
  const bool is_program = base == ::_dyld_get_image_header(0);  // which comes first

  Image image;
  image.name_ = is_program ? "the program itself" : path;
  image.base_ = reinterpret_cast<std::uintptr_t>(base);
  // A handle only for what is there, which also keeps it there: our hooks must not outlive the
  // library they were put into. RTLD_LOCAL, or dyld would let other images find symbols of a
  // library that was loaded with it. For the program RTLD_FIRST: the handle would stand for all
  // images otherwise.
  image.handle_ = is_program ? ::dlopen(nullptr, RTLD_LAZY | RTLD_LOCAL | RTLD_FIRST)
                             : ::dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
  if (image.handle_ == nullptr) {
    const char* const error = ::dlerror();
    why = "no handle for " + image.name_ + ": " + (error == nullptr ? "unknown reason" : error);
    return std::nullopt;
  }
  // It may have been unloaded before there was a handle, and something else be there by now: the
  // headers are read only here.
  if (::dladdr(address, &info) == 0 || info.dli_fbase != base || path != info.dli_fname) {
    ::dlclose(image.handle_);
    why = image.name_ + " was unloaded while it was looked at";
    return std::nullopt;
  }
  const auto& header = *static_cast<const mach_header_64*>(base);
  if (header.magic != MH_MAGIC_64) {
    ::dlclose(image.handle_);
    why = image.name_ + " has no headers in memory";
    return std::nullopt;
  }

  // dyld moves all segments by one distance. The header lies at the beginning of __TEXT.
  std::uintptr_t moved = 0;
  ForEachSegment(header, [&](const segment_command_64& segment) {
    if (std::strncmp(segment.segname, SEG_TEXT, sizeof(segment.segname)) == 0) {
      moved = image.base_ - static_cast<std::uintptr_t>(segment.vmaddr);
    }
  });
  ForEachSegment(header, [&](const segment_command_64& segment) {
    // Of no protection: __PAGEZERO, which is the size of all addresses of 32 bits.
    if (segment.initprot == VM_PROT_NONE) return;
    const std::uintptr_t begin = moved + static_cast<std::uintptr_t>(segment.vmaddr);
    image.segments_.push_back(
        {begin, begin + static_cast<std::uintptr_t>(segment.vmsize),
         (segment.initprot & VM_PROT_EXECUTE) != 0,
         // SG_READ_ONLY: __DATA_CONST, read-only once it is bound.
         (segment.initprot & VM_PROT_WRITE) != 0 && (segment.flags & SG_READ_ONLY) == 0});
  });
  return image;
}

bool Image::IsWritableData(const void* address, std::size_t size) const {
  const Segment* const segment = Find(address, size);
  if (segment == nullptr || !segment->writable) return false;
  const auto begin = reinterpret_cast<vm_address_t>(address);
  vm_address_t region = begin;
  vm_size_t region_size = 0;
  vm_region_basic_info_data_64_t info{};
  mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
  mach_port_t object = MACH_PORT_NULL;  // stays so: the kernel gives none any more
  if (::vm_region_64(::mach_task_self(), &region, &region_size, VM_REGION_BASIC_INFO_64,
                     reinterpret_cast<vm_region_info_t>(&info), &count, &object) != KERN_SUCCESS) {
    return false;
  }
  // Where there is none at the address, it is the next one.
  return region <= begin && begin - region + size <= region_size &&
         (info.protection & VM_PROT_WRITE) != 0;
}

}  // namespace ostrust::host
