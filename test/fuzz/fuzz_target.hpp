// What every fuzz target shares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "platform/bytes.hpp"

/// libFuzzer's entry point, called by driver.cpp too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace ostrust::fuzz {

/// A finding is a crash.
inline void Require(bool condition) {
  if (!condition) std::abort();
}

inline platform::ByteView View(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span<const std::uint8_t>(data, size));
}

}  // namespace ostrust::fuzz
