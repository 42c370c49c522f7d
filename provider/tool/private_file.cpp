#include "provider/tool/private_file.hpp"

#include "platform/bytes.hpp"
#include "platform/sha1.hpp"

namespace ostrust::tool {

std::string PrivateFileName(const std::string& content) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string name = "run-";
  for (const auto byte : platform::Sha1(platform::AsBytes(content))) {
    name += kDigits[static_cast<unsigned>(byte) >> 4];
    name += kDigits[static_cast<unsigned>(byte) & 15];
  }
  return name + ".cnf";
}

}  // namespace ostrust::tool
