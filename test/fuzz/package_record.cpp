// A Python package's RECORD, and the name that is looked for in it, which is the first line: what
// is found stands there in a line of its own.
#include "provider/hooks/package_record.hpp"

#include <algorithm>

#include "fuzz_target.hpp"

using namespace ostrust::hooks;
using ostrust::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view name = text.substr(0, text.find('\n'));
  const std::string_view record = text.substr(std::min(name.size() + 1, size));
  const auto found = FindInRecord(record, name);
  // The first line of that name, found in another way.
  const std::string lines = "\n" + std::string(record) + "\n";
  const std::string begin = "\n" + std::string(name) + ",";
  const std::size_t at = name.find('\n') == std::string_view::npos ? lines.find(begin) : 0;
  if (at == std::string::npos) {
    Require(!found);
    return 0;
  }
  if (!found) return 0;
  std::string line = lines.substr(at + begin.size());
  line.resize(line.find('\n'));
  const std::string said = found->sha256.empty() ? "" : "sha256=" + found->sha256;
  Require(line.starts_with(said) && found->sha256.find(',') == std::string::npos);
  const std::string number = line.substr(line.find(',') + 1);
  Require(number.find_first_not_of("0123456789\r") == std::string::npos);
  Require(std::strtoull(number.c_str(), nullptr, 10) == found->size);
  return 0;
}
