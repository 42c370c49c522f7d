#include "provider/tool/text.hpp"

#include <algorithm>

namespace ostrust::tool {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

std::string InDigits(platform::ByteView bytes, std::string_view digits) {
  std::string text;
  for (const std::byte byte : bytes) {
    text += digits[std::to_integer<unsigned>(byte) >> 4];
    text += digits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

}  // namespace

bool Has(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string_view Trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string Hex(platform::ByteView bytes) {
  return InDigits(bytes, "0123456789abcdef");
}

std::string CapitalHex(platform::ByteView bytes) {
  return InDigits(bytes, "0123456789ABCDEF");
}

}  // namespace ostrust::tool
