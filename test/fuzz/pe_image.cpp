// A Windows program file: whatever is in it, the tool reads it to an end and within it.
#include "provider/tool/pe_image.hpp"

#include "fuzz_target.hpp"

using namespace ostrust::tool;
using ostrust::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = ostrust::fuzz::View(data, size);
  const std::string_view text = ostrust::platform::AsText(file);
  const std::string version = OpenSslVersionIn(file);
  Require(version.empty() ||
          (text.find("OpenSSL " + version + " ") != std::string_view::npos && version.size() < 40));
  const auto image = PeImage::Read(file);
  if (!image) return 0;
  Require(text.starts_with("MZ"));
  const auto names = image->Imports();
  Require(names.size() <= 8192);
  for (const std::string& name : names) Require(text.find(name + '\0') != std::string_view::npos);
  for (const std::string symbol : {"OPENSSL_init_crypto", "f", ""}) {
    if (image->Exports(symbol)) Require(text.find(symbol + '\0') != std::string_view::npos);
  }
  return 0;
}
