#include <dlfcn.h>

#include "provider/tool/library.hpp"

namespace ostrust::tool {

void* LoadLibraryFile(const std::string& path, std::string& why) {
  // RTLD_LOCAL, as an extension module of CPython gets it.
  void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const error = ::dlerror();
    why = error == nullptr ? path + " cannot be loaded" : error;
  }
  return handle;
}

void* FindSymbol(void* library, const char* name) {
  return ::dlsym(library, name);
}

}  // namespace ostrust::tool
