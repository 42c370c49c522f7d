#include "platform/der.hpp"

#include <ctime>
#include <string_view>

#include "platform/utc_time.hpp"

namespace ostrust::platform {
namespace {

constexpr std::uint8_t kTagNumberMask = 0x1f;
constexpr std::uint8_t kLongLength = 0x80;

std::uint8_t At(ByteView bytes, std::size_t index) {
  return std::to_integer<std::uint8_t>(bytes[index]);
}

std::size_t LengthOctets(std::size_t length) {
  std::size_t octets = 0;
  for (; length != 0; length >>= 8) ++octets;
  return octets;
}

struct Header {
  std::size_t size = 2;
  std::size_t length = 0;  // of the content
};

std::optional<Header> ReadHeader(ByteView bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const std::uint8_t tag = At(bytes, 0);
  if ((tag & kTagNumberMask) == kTagNumberMask) return std::nullopt;  // high tag number form

  Header header;
  header.length = At(bytes, 1);
  if (header.length < kLongLength) return header;
  const std::size_t octets = header.length & ~std::size_t{kLongLength};
  // Zero octets is BER's indefinite length. Four hold more than any file that is read.
  if (octets == 0 || octets > 4 || bytes.size() - header.size < octets) return std::nullopt;
  header.length = 0;
  for (std::size_t i = 0; i < octets; ++i) {
    header.length = (header.length << 8) | At(bytes, header.size + i);
  }
  const bool minimal =
      octets == 1 ? header.length >= kLongLength : header.length >> (8 * (octets - 1)) != 0;
  if (!minimal) return std::nullopt;
  header.size += octets;
  return header;
}

/// The number that `digits` decimal digits at the start of `text` are, which are removed.
std::optional<int> TakeNumber(std::string_view& text, std::size_t digits) {
  int number = 0;
  for (const char digit : text.substr(0, digits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = 10 * number + (digit - '0');
  }
  text.remove_prefix(digits);
  return number;
}

// YYMMDDHHMMSSZ and YYYYMMDDHHMMSSZ.
constexpr std::size_t kUtcTimeSize = 13;
constexpr std::size_t kGeneralizedTimeSize = 15;

}  // namespace

std::optional<std::size_t> DerElementSize(ByteView start) {
  const auto header = ReadHeader(start);
  return header ? std::optional(header->size + header->length) : std::nullopt;
}

std::optional<DerElement> DerReader::Next() {
  const auto header = ReadHeader(rest_);
  if (!header || rest_.size() - header->size < header->length) return std::nullopt;
  const std::size_t size = header->size + header->length;
  const DerElement element{At(rest_, 0), rest_.subspan(header->size, header->length),
                           rest_.first(size)};
  rest_ = rest_.subspan(size);
  return element;
}

std::optional<DerElement> DerReader::Next(std::uint8_t tag) {
  if (!NextIs(tag)) return std::nullopt;
  return Next();
}

bool IsObjectIdentifier(ByteView content) {
  if (content.empty() || (At(content, content.size() - 1) & 0x80) != 0) return false;
  bool starts_subidentifier = true;
  for (const std::byte byte : content) {
    const auto value = std::to_integer<std::uint8_t>(byte);
    if (starts_subidentifier && value == 0x80) return false;
    starts_subidentifier = (value & 0x80) == 0;
  }
  return true;
}

bool NextIsTime(const DerReader& reader) {
  return reader.NextIs(der::kUtcTime) || reader.NextIs(der::kGeneralizedTime);
}

std::optional<std::int64_t> ReadTime(DerReader& reader) {
  const auto element = NextIsTime(reader) ? reader.Next() : std::nullopt;
  if (!element) return std::nullopt;
  const bool is_utc = element->tag == der::kUtcTime;
  if (element->content.size() != (is_utc ? kUtcTimeSize : kGeneralizedTimeSize)) {
    return std::nullopt;
  }
  return ParseTime(element->content);
}

std::optional<std::int64_t> ParseTime(ByteView content) {
  std::string_view text = AsText(content);
  const bool is_utc = text.size() == kUtcTimeSize;
  if ((!is_utc && text.size() != kGeneralizedTimeSize) || text.back() != 'Z') return std::nullopt;
  const auto year = TakeNumber(text, is_utc ? 2 : 4);
  const auto month = TakeNumber(text, 2);
  const auto day = TakeNumber(text, 2);
  const auto hour = TakeNumber(text, 2);
  const auto minute = TakeNumber(text, 2);
  const auto second = TakeNumber(text, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  std::tm parts{};
  parts.tm_year = !is_utc ? *year - 1900 : *year < 50 ? *year + 100 : *year;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *second;
  return SecondsOf(parts);
}

std::size_t DerHeaderSize(std::size_t content_size) {
  return 2 + (content_size < kLongLength ? 0 : LengthOctets(content_size));
}

void AppendDerHeader(std::uint8_t tag, std::size_t content_size, Bytes& out) {
  out.push_back(std::byte{tag});
  if (content_size < kLongLength) {
    out.push_back(static_cast<std::byte>(content_size));
    return;
  }
  std::size_t octets = LengthOctets(content_size);
  out.push_back(static_cast<std::byte>(kLongLength | octets));
  while (octets-- != 0) {
    out.push_back(static_cast<std::byte>((content_size >> (8 * octets)) & 0xff));
  }
}

void AppendDer(std::uint8_t tag, ByteView content, Bytes& out) {
  AppendDerHeader(tag, content.size(), out);
  out.insert(out.end(), content.begin(), content.end());
}

}  // namespace ostrust::platform
