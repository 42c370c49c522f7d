#include "provider/tool/escaped.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <optional>

namespace ostrust::tool {
namespace {

/// One character of UTF-8 at `at`, which is moved behind it; nullopt, and one byte further, when
/// there is none.
std::optional<char32_t> Next(const std::string& text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at++);
  if (first < 0x80) return first;
  const int more = first >= 0xf0 && first < 0xf5 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
  if (more == 0 || first >= 0xf5) return std::nullopt;
  char32_t value = first & (0x3f >> more);
  for (int i = 0; i < more; ++i) {
    const std::size_t index = at + static_cast<std::size_t>(i);
    if (index >= text.size() || (byte(index) & 0xc0) != 0x80) return std::nullopt;
    value = value << 6 | (byte(index) & 0x3f);
  }
  constexpr std::array<char32_t, 4> kLeast = {0, 0x80, 0x800, 0x10000};
  if (value < kLeast[static_cast<std::size_t>(more)] || value > 0x10ffff ||
      (value >= 0xd800 && value < 0xe000)) {
    return std::nullopt;
  }
  at += static_cast<std::size_t>(more);
  return value;
}

/// Control characters of Unicode, those that change the direction of what follows, that are not
/// seen, or that end a line.
bool IsDangerous(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
         (c >= 0xe0000 && c <= 0xe007f);
}

}  // namespace

std::string Escaped(const std::string& text) {
  std::string out;
  std::array<char, 16> escape{};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    const auto character = Next(text, at);
    if (!character) {
      static_cast<void>(
          std::snprintf(escape.data(), escape.size(), "\\x%02x",
                        static_cast<unsigned>(static_cast<unsigned char>(text[from]))));
      out += escape.data();
    } else if (IsDangerous(*character)) {
      static_cast<void>(std::snprintf(escape.data(), escape.size(), "\\u{%x}",
                                      static_cast<unsigned>(*character)));
      out += escape.data();
    } else {
      out.append(text, from, at - from);
    }
  }
  return out;
}

std::string EscapedLines(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\t\n", at), text.size());
    const bool is_crlf =
        end < text.size() && text[end] == '\n' && end > at && text[end - 1] == '\r';
    out += Escaped(text.substr(at, end - at - (is_crlf ? 1 : 0)));
    if (is_crlf) out += '\r';
    if (end < text.size()) out += text[end];
    at = end + 1;
  }
  return out;
}

}  // namespace ostrust::tool
