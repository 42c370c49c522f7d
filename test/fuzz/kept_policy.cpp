// Whatever a file of kept policy holds: it is exactly what is written for what was read, or
// refused.
#include "platform/linux/policy_cache.hpp"

#include "fuzz_target.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input = ostrust::fuzz::View(data, size);
  // As it is, and behind a checksum that is right.
  const Bytes with_header = WithPolicyHeader(input);
  for (const ByteView encoded : {input, ByteView(with_header)}) {
    if (const auto kept = DecodeKeptPolicy(encoded)) {
      Require(AsText(EncodeKeptPolicy(*kept)) == AsText(encoded));
    }
  }
  return 0;
}
