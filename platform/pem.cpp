#include "platform/pem.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace ostrust::platform {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kDashes = "-----";
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";

// PEM_STRING_X509, PEM_STRING_X509_OLD, PEM_STRING_X509_TRUSTED and PEM_STRING_X509_CRL
// (openssl/pem.h).
bool IsLabelOf(PemContent content, std::string_view label) {
  if (content == PemContent::kCrls) return label == "X509 CRL";
  return label == "CERTIFICATE" || label == "X509 CERTIFICATE" || label == "TRUSTED CERTIFICATE";
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// The line at `position` without its end. What sanitize_line() (crypto/pem/pem_lib.c) strips from a
// line's end, everything up to a space, is no part of it.
std::string_view LineFrom(std::string_view text, std::size_t position) {
  std::string_view line = text.substr(position, text.find('\n', position) - position);
  while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
  return line;
}

// What stands between `prefix` and the closing dashes. Nullopt for any other line.
std::optional<std::string_view> LabelOf(std::string_view line, std::string_view prefix) {
  if (!StartsWith(line, prefix)) return std::nullopt;
  line.remove_prefix(prefix.size());
  if (line.size() < kDashes.size() || line.substr(line.size() - kDashes.size()) != kDashes) {
    return std::nullopt;
  }
  line.remove_suffix(kDashes.size());
  return line;
}

// Where the first line at or after `position` begins that starts with `prefix`; npos if none does.
// `position` is the start of a line.
std::size_t FindLine(std::string_view text, std::string_view prefix, std::size_t position) {
  const std::size_t start = position;
  for (;; ++position) {
    position = text.find(prefix, position);
    if (position == std::string_view::npos || position == start || text[position - 1] == '\n') {
      return position;
    }
  }
}

constexpr std::uint8_t kInvalid = 0x80;
constexpr std::uint8_t kSpace = 0x81;
constexpr std::uint8_t kPadding = 0x82;

constexpr std::array<std::uint8_t, 256> MakeBase64Table() {
  std::array<std::uint8_t, 256> table{};
  for (std::uint8_t& entry : table) entry = kInvalid;
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  for (const char space : {' ', '\t', '\r', '\n'})
    table[static_cast<unsigned char>(space)] = kSpace;
  table[static_cast<unsigned char>('=')] = kPadding;
  return table;
}

constexpr std::array<std::uint8_t, 256> kBase64 = MakeBase64Table();

std::uint32_t Base64Value(char c) {
  return kBase64[static_cast<unsigned char>(c)];
}

// Decodes whole groups of four base64 characters at the start of `text` until something else comes,
// and removes them from it. Almost all of a bundle is read here.
std::byte* DecodeGroups(std::string_view& text, std::byte* out) {
  std::size_t i = 0;
  for (; text.size() - i >= 4; i += 4) {
    const std::uint32_t a = Base64Value(text[i]);
    const std::uint32_t b = Base64Value(text[i + 1]);
    const std::uint32_t c = Base64Value(text[i + 2]);
    const std::uint32_t d = Base64Value(text[i + 3]);
    if (((a | b | c | d) & kInvalid) != 0) break;
    const std::uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    *out++ = static_cast<std::byte>(bits >> 16);
    *out++ = static_cast<std::byte>((bits >> 8) & 0xff);
    *out++ = static_cast<std::byte>(bits & 0xff);
  }
  text.remove_prefix(i);
  return out;
}

// RFC 4648 section 4, padding required, white space ignored. False when it is anything else.
bool DecodeBase64(std::string_view text, Bytes& decoded) {
  decoded.resize(text.size() / 4 * 3);
  std::byte* out = decoded.data();
  std::uint32_t group = 0;
  unsigned count = 0;  // characters in `group`, padding included
  unsigned padding = 0;
  while (!text.empty()) {
    if (count == 0 && padding == 0) out = DecodeGroups(text, out);
    if (text.empty()) break;
    const std::uint32_t value = Base64Value(text.front());
    text.remove_prefix(1);
    if (value == kSpace) continue;
    if (value == kPadding) {
      // At most two, and only at the end of the last group.
      if (count < 2 || ++padding > 2) return false;
    } else if (value == kInvalid || padding != 0) {
      return false;
    }
    group = group << 6 | (value == kPadding ? 0 : value);
    if (++count == 4) {
      for (unsigned k = 0; k < 3 - padding; ++k) {
        *out++ = static_cast<std::byte>((group >> (16 - 8 * k)) & 0xff);
      }
      count = 0;
      group = 0;
    }
  }
  decoded.resize(static_cast<std::size_t>(out - decoded.data()));
  return count == 0;
}

}  // namespace

std::optional<PemBlock> PemReader::Next() {
  if (position_ == 0 && StartsWith(text_, kByteOrderMark)) position_ = kByteOrderMark.size();
  for (;;) {
    const std::size_t begin = FindLine(text_, kBegin, position_);
    if (begin == std::string_view::npos) {
      position_ = text_.size();
      return std::nullopt;
    }
    const std::size_t body = std::min(text_.find('\n', begin), text_.size() - 1) + 1;
    position_ = body;
    const auto label = LabelOf(LineFrom(text_, begin), kBegin);
    if (!label || !IsLabelOf(content_, *label)) continue;

    PemBlock block;
    block.offset = begin;
    // The body ends where the next line of dashes begins, whatever it says: if that is not this
    // block's END, it may be the BEGIN of the next one, which must not be lost.
    const std::size_t end = FindLine(text_, kDashes, body);
    if (end == std::string_view::npos) {
      position_ = text_.size();
      block.problem = "no END line";
      return block;
    }
    position_ = end;
    if (LabelOf(LineFrom(text_, end), kEnd) != label) {
      block.problem = "no END line of its own";
    } else if (!DecodeBase64(text_.substr(body, end - body), block.data)) {
      block.data.clear();
      block.problem = "broken base64";
    }
    return block;
  }
}

std::size_t LineAt(std::string_view text, std::size_t offset) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return 1 + static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
}

}  // namespace ostrust::platform
