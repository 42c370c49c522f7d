// What every fuzz target shares.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "platform/bytes.hpp"

/// libFuzzer's entry point, called by driver.cpp too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace ostrust::fuzz {

/// A finding is a crash, and says which line required something else.
inline void Require(bool condition, int line = __builtin_LINE()) {
  if (condition) return;
  std::fprintf(stderr, "ostrust: what line %d requires is not so\n", line);
  std::abort();
}

inline platform::ByteView View(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span<const std::uint8_t>(data, size));
}

/// An input taken apart from its beginning: what one thing is made of after the other. At its end
/// everything is zero or empty, so that each prefix of an input is one, too. A view.
class Pieces {
 public:
  explicit Pieces(platform::ByteView input) : rest_(input) {}
  Pieces(const std::uint8_t* data, std::size_t size) : rest_(View(data, size)) {}

  bool AtEnd() const { return rest_.empty(); }
  unsigned Byte() {
    const platform::ByteView byte = Take(1);
    return byte.empty() ? 0 : std::to_integer<unsigned>(byte.front());
  }
  /// As many bytes as there are, `most` at most.
  platform::ByteView Take(std::size_t most) {
    const platform::ByteView taken = rest_.first(std::min(most, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  /// As many bytes as the two before them say, the high one first.
  platform::ByteView Chunk() {
    const std::size_t high = Byte();
    return Take(high << 8 | Byte());
  }
  std::string TextChunk() { return std::string(platform::AsText(Chunk())); }
  platform::ByteView Rest() { return Take(rest_.size()); }

 private:
  platform::ByteView rest_;
};

}  // namespace ostrust::fuzz
