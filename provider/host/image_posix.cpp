// What Image does by dlsym(), the same for ELF and Mach-O.

#include "provider/host/image_posix.hpp"

#include <utility>

#include <dlfcn.h>

#include "provider/host/image.hpp"

namespace ostrust::host {

void* Image::Symbol(const char* name) const {
  // dlsym() also searches what the image depends on, and for the program everything that is global.
  void* const symbol = ::dlsym(handle_, name);
  return symbol != nullptr && Find(symbol, 1) != nullptr ? symbol : nullptr;
}

std::vector<Image> Image::Users(const char* exported, const char* imported) const {
  std::vector<Image> users;
  if (Symbol(exported) != nullptr && Symbol(imported) != nullptr) users.push_back(*this);
  for (const void* const address : SslAddresses()) {
    std::string why;
    auto image = Containing(address, why);
    if (!image) continue;
    // dlsym() with a handle looks into the image first and then into what it was linked with.
    const void* const used = ::dlsym(image->handle_, imported);
    if (image->base_ != base_ && image->Symbol(exported) != nullptr && used != nullptr &&
        Find(used, 1) != nullptr) {
      users.push_back(std::move(*image));
    } else {
      ::dlclose(image->handle_);  // it is not ours to keep
    }
  }
  return users;
}

}  // namespace ostrust::host
