#include "provider/tool/private_file.hpp"

#include <span>

#include "platform/bytes.hpp"
#include "platform/sha1.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {

std::string PrivateFileName(const std::string& content) {
  const auto digest = platform::Sha1(platform::AsBytes(content));
  return "run-" + Hex(std::as_bytes(std::span(digest))) + ".cnf";
}

}  // namespace ostrust::tool
