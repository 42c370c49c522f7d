#include "platform/sha1.hpp"

#include <bit>

namespace ostrust::platform {
namespace {

constexpr std::size_t kBlockSize = 64;
using Block = std::array<std::uint8_t, kBlockSize>;
using State = std::array<std::uint32_t, 5>;

// FIPS 180-4 section 6.1.2
void Compress(const std::uint8_t* block, State& state) {
  std::array<std::uint32_t, 80> w;
  for (std::size_t t = 0; t < 16; ++t) {
    w[t] = std::uint32_t{block[4 * t]} << 24 | std::uint32_t{block[4 * t + 1]} << 16 |
           std::uint32_t{block[4 * t + 2]} << 8 | std::uint32_t{block[4 * t + 3]};
  }
  for (std::size_t t = 16; t < 80; ++t) {
    w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  }
  std::uint32_t a = state[0];
  std::uint32_t b = state[1];
  std::uint32_t c = state[2];
  std::uint32_t d = state[3];
  std::uint32_t e = state[4];
  const auto step = [&](std::uint32_t f, std::uint32_t k, std::uint32_t word) {
    const std::uint32_t next = std::rotl(a, 5) + f + e + k + word;
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  };
  for (std::size_t t = 0; t < 20; ++t) step((b & c) | (~b & d), 0x5a827999, w[t]);
  for (std::size_t t = 20; t < 40; ++t) step(b ^ c ^ d, 0x6ed9eba1, w[t]);
  for (std::size_t t = 40; t < 60; ++t) step((b & c) | (b & d) | (c & d), 0x8f1bbcdc, w[t]);
  for (std::size_t t = 60; t < 80; ++t) step(b ^ c ^ d, 0xca62c1d6, w[t]);
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

}  // namespace

Sha1Digest Sha1(ByteView message) {
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const std::uint64_t bits = std::uint64_t{message.size()} * 8;
  const auto* data = reinterpret_cast<const std::uint8_t*>(message.data());
  while (message.size() >= kBlockSize) {
    Compress(data, state);
    data += kBlockSize;
    message = message.subspan(kBlockSize);
  }

  // Section 5.1.1: a one bit, zeros, and the length in the last eight bytes of a block.
  Block block{};
  for (std::size_t i = 0; i < message.size(); ++i) block[i] = data[i];
  block[message.size()] = 0x80;
  if (message.size() >= kBlockSize - 8) {
    Compress(block.data(), state);
    block = {};
  }
  for (std::size_t i = 0; i < 8; ++i) {
    block[kBlockSize - 1 - i] = static_cast<std::uint8_t>(bits >> (8 * i));
  }
  Compress(block.data(), state);

  Sha1Digest digest;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

}  // namespace ostrust::platform
