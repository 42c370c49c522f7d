// A certificate's text as it is shown: nothing in it drives a terminal or turns what is read
// around, and it can be told from it what was there.
#include <cstdio>
#include <optional>

#include "fuzz_target.hpp"
#include "provider/tool/escaped.hpp"

using ostrust::fuzz::Require;

namespace {

// Strict UTF-8 (RFC 3629), written once more.
std::optional<char32_t> Decode(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[i])) : 0U;
  };
  const unsigned lead = byte(at);
  const std::size_t size = lead < 0x80       ? 1
                           : lead >> 5 == 6  ? 2
                           : lead >> 4 == 14 ? 3
                           : lead >> 3 == 30 ? 4
                                             : 0;
  if (size == 0) return std::nullopt;
  char32_t value = size == 1 ? lead : lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if (byte(at + i) >> 6 != 2) return std::nullopt;
    value = value << 6 | (byte(at + i) & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
    return std::nullopt;
  }
  at += size;
  return value;
}

std::string Encode(char32_t c) {
  std::string out;
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
  }
  return out + static_cast<char>(0x80 | (c & 0x3f));
}

// Where there was no backslash.
std::string Unescaped(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    unsigned value = 0;
    int size = 0;
    if (std::sscanf(text.c_str() + at, "\\u{%x}%n", &value, &size) == 1 && size > 0) {
      out += Encode(value);
    } else if (std::sscanf(text.c_str() + at, "\\x%2x%n", &value, &size) == 1 && size == 4) {
      out += static_cast<char>(value);
    } else {
      out += text[at];
      size = 1;
    }
    at += static_cast<std::size_t>(size);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string escaped = ostrust::tool::Escaped(text);
  for (std::size_t at = 0; at < escaped.size();) {
    const auto c = Decode(escaped, at);
    Require(c.has_value());
    Require(*c >= 0x20 && (*c < 0x7f || *c > 0x9f));
    Require((*c < 0x202a || *c > 0x202e) && (*c < 0x2066 || *c > 0x2069));
    Require(*c != 0x200e && *c != 0x200f && *c != 0x61c && *c != 0x2028 && *c != 0x2029 &&
            *c != 0x200b && *c != 0xfeff);
  }
  if (text.find('\\') == std::string::npos) Require(Unescaped(escaped) == text);
  return 0;
}
