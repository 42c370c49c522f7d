#include "platform/sha1.hpp"

#include <bit>

namespace ostrust::platform {
namespace {

constexpr std::size_t kBlockSize = 64;
using Block = std::array<std::uint8_t, kBlockSize>;
using State = std::array<std::uint32_t, 5>;

// FIPS 180-4 section 6.1.2. Five steps at a time, so that the variables change names instead of
// places.
template <typename Function>
void Rounds(std::size_t first, Function f, std::uint32_t k, const std::array<std::uint32_t, 80>& w,
            State& v) {
  const auto step = [&](std::uint32_t a, std::uint32_t& b, std::uint32_t c, std::uint32_t d,
                        std::uint32_t& e, std::uint32_t word) {
    e += std::rotl(a, 5) + f(b, c, d) + k + word;
    b = std::rotl(b, 30);
  };
  auto& [a, b, c, d, e] = v;
  for (std::size_t t = first; t < first + 20; t += 5) {
    step(a, b, c, d, e, w[t]);
    step(e, a, b, c, d, w[t + 1]);
    step(d, e, a, b, c, w[t + 2]);
    step(c, d, e, a, b, w[t + 3]);
    step(b, c, d, e, a, w[t + 4]);
  }
}

void Compress(const std::uint8_t* block, State& state) {
  std::array<std::uint32_t, 80> w;
  for (std::size_t t = 0; t < 16; ++t) {
    w[t] = std::uint32_t{block[4 * t]} << 24 | std::uint32_t{block[4 * t + 1]} << 16 |
           std::uint32_t{block[4 * t + 2]} << 8 | std::uint32_t{block[4 * t + 3]};
  }
  for (std::size_t t = 16; t < 80; ++t) {
    w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  }
  using Word = std::uint32_t;
  const auto choose = [](Word x, Word y, Word z) { return z ^ (x & (y ^ z)); };
  const auto parity = [](Word x, Word y, Word z) { return x ^ y ^ z; };
  const auto majority = [](Word x, Word y, Word z) { return (x & y) | (z & (x | y)); };
  State v = state;
  Rounds(0, choose, 0x5a827999, w, v);
  Rounds(20, parity, 0x6ed9eba1, w, v);
  Rounds(40, majority, 0x8f1bbcdc, w, v);
  Rounds(60, parity, 0xca62c1d6, w, v);
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += v[i];
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

std::string Sha1Fingerprint(ByteView message) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const std::uint8_t byte : Sha1(message)) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

}  // namespace ostrust::platform
