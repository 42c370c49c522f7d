// A Mach-O file: whatever is in it, the tool reads it to an end and within it.
#include "provider/tool/mach_o_image.hpp"

#include "fuzz_target.hpp"

using ostrust::fuzz::Require;
using ostrust::tool::MachOImage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = ostrust::fuzz::View(data, size);
  for (const std::uint32_t processor : {ostrust::tool::kMachOArm64, ostrust::tool::kMachOX86_64}) {
    const auto image = MachOImage::Read(file, processor);
    if (!image) continue;
    Require(ostrust::tool::IsMachO(file));
    Require(image->Libraries().size() + image->RunPaths().size() <= size / 8);
    for (const char* const function : {"OPENSSL_init_crypto", "OPENSSL_tls", "f", ""}) {
      image->Exports(function);
    }
  }
  return 0;
}
