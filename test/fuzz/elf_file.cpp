// A program file: whatever is in it, the tool reads it to an end and within it.
#include "provider/tool/elf_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz_target.hpp"

using ostrust::fuzz::Require;
using ostrust::tool::ElfFile;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int fd = memfd_create("elf", MFD_CLOEXEC);
  Require(fd >= 0 && write(fd, data, size) == static_cast<ssize_t>(size));
  {
    const ElfFile file("/proc/self/fd/" + std::to_string(fd));
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Require(!file.IsOurs() || text.starts_with("\x7f"
                                               "ELF"));
    for (const std::string symbol : {"OPENSSL_init_crypto", "f", ""}) {
      if (!file.Exports(symbol)) continue;
      Require(file.IsOurs() && text.find(symbol + '\0') != std::string_view::npos);
    }
  }
  close(fd);
  return 0;
}
