#include "provider/tool/name_text.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "platform/der.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {
namespace {

using platform::AsBytes;
using platform::AsText;
using platform::ByteView;
using platform::DerReader;
namespace der = platform::der;
using namespace std::string_view_literals;

constexpr std::size_t kMaxText = 1024;

// Content octets of the OBJECT IDENTIFIERs of RFC 5280 appendix A and X.520.
constexpr std::pair<std::string_view, std::string_view> kAttributes[] = {
    {"\x55\x04\x03"sv, "CN"},
    {"\x55\x04\x05"sv, "serialNumber"},
    {"\x55\x04\x06"sv, "C"},
    {"\x55\x04\x07"sv, "L"},
    {"\x55\x04\x08"sv, "ST"},
    {"\x55\x04\x0a"sv, "O"},
    {"\x55\x04\x0b"sv, "OU"},
    {"\x55\x04\x61"sv, "organizationIdentifier"},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"sv, "emailAddress"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"sv, "DC"},
};

std::string NameOf(std::string_view identifier) {
  const auto* const known =
      std::find_if(std::begin(kAttributes), std::end(kAttributes),
                   [&](const auto& attribute) { return attribute.first == identifier; });
  return known == std::end(kAttributes) ? "oid:" + CapitalHex(AsBytes(identifier))
                                        : std::string(known->second);
}

void AppendUtf8(std::uint32_t c, std::string& text) {
  const auto byte = [&](std::uint32_t value) { text += static_cast<char>(value); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0U | c >> 6);
    byte(0x80U | (c & 0x3f));
  } else {
    if (c < 0x10000) {
      byte(0xe0U | c >> 12);
    } else {
      byte(0xf0U | (c >> 18 & 7));
      byte(0x80U | (c >> 12 & 0x3f));
    }
    byte(0x80U | (c >> 6 & 0x3f));
    byte(0x80U | (c & 0x3f));
  }
}

/// Characters of `width` bytes each, as UTF-8.
std::string Utf8(std::string_view wide, std::size_t width) {
  std::string text;
  for (; wide.size() >= width; wide.remove_prefix(width)) {
    std::uint32_t c = 0;
    for (const char part : wide.substr(0, width)) c = c << 8 | static_cast<unsigned char>(part);
    AppendUtf8(c, text);
  }
  return text;
}

void AppendEscaped(std::string_view value, std::string& text) {
  for (const char c : value) {
    const bool special = c == ',' || c == '+' || c == '\\' || c == '=';
    const bool begins_block = c == '-' && !text.empty() && text.back() == '-';
    if (special) {
      text += '\\';
      text += c;
    } else if (c < ' ' || c > '~' || begins_block) {
      text += '\\' + CapitalHex(AsBytes({&c, 1}));
    } else {
      text += c;
    }
  }
}

void AppendValue(const platform::DerElement& value, std::string& text) {
  const std::string_view content = AsText(value.content);
  switch (value.tag) {
    case der::kBmpString:
      return AppendEscaped(Utf8(content, 2), text);
    case der::kUniversalString:
      return AppendEscaped(Utf8(content, 4), text);
    case der::kUtf8String:
    case der::kPrintableString:
    case der::kT61String:
    case der::kIa5String:
    case der::kVisibleString:
      return AppendEscaped(content, text);
    default:
      text += "#" + CapitalHex(value.whole);
  }
}

}  // namespace

std::string RdnsText(ByteView rdns) {
  std::string text;
  for (DerReader reader(rdns); !reader.AtEnd() && text.size() < kMaxText;) {
    const auto rdn = reader.Next(der::kSet);
    if (!rdn) break;
    const char* separator = text.empty() ? "" : ", ";
    for (DerReader attributes(rdn->content); !attributes.AtEnd(); separator = "+") {
      const auto pair = attributes.Next(der::kSequence);
      if (!pair) break;
      DerReader parts(pair->content);
      const auto type = parts.Next(der::kObjectIdentifier);
      const auto value = parts.Next();
      if (!type || !value) break;
      text += separator + NameOf(AsText(type->content)) + "=";
      AppendValue(*value, text);
    }
  }
  if (text.empty()) return "(no name)";
  if (text.size() > kMaxText) text.replace(kMaxText, std::string::npos, "...");
  return text;
}

std::string NameText(ByteView name) {
  const auto sequence = DerReader(name).Next(der::kSequence);
  return RdnsText(sequence ? sequence->content : ByteView());
}

}  // namespace ostrust::tool
