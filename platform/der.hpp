// DER (X.690) as certificates use it: a reader that accepts nothing else, and the few lines that
// write it.
//
// It reads what administrators and networks supply, so it never reads outside the bytes it was
// given, never recurses, and accepts only definite, minimal lengths. OpenSSL's decoder also takes
// BER in places; a certificate that needs it is refused here and never becomes an anchor.
#pragma once

#include <cstdint>
#include <optional>

#include "platform/bytes.hpp"

namespace ostrust::platform {

/// Identifier octets (X.690 section 8.1.2). Tag numbers above 30 do not occur in what is read here.
namespace der {
inline constexpr std::uint8_t kBoolean = 0x01;
inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kObjectIdentifier = 0x06;
inline constexpr std::uint8_t kUtf8String = 0x0c;
inline constexpr std::uint8_t kPrintableString = 0x13;
inline constexpr std::uint8_t kT61String = 0x14;
inline constexpr std::uint8_t kIa5String = 0x16;
inline constexpr std::uint8_t kUtcTime = 0x17;
inline constexpr std::uint8_t kGeneralizedTime = 0x18;
inline constexpr std::uint8_t kVisibleString = 0x1a;
inline constexpr std::uint8_t kUniversalString = 0x1c;
inline constexpr std::uint8_t kBmpString = 0x1e;
inline constexpr std::uint8_t kSequence = 0x30;
inline constexpr std::uint8_t kSet = 0x31;

/// [number] of primitive and of constructed encoding.
constexpr std::uint8_t Context(unsigned number) {
  return static_cast<std::uint8_t>(0x80U | number);
}
constexpr std::uint8_t ContextConstructed(unsigned number) {
  return static_cast<std::uint8_t>(0xa0U | number);
}
}  // namespace der

/// One element. The views lie in the bytes that were read.
struct DerElement {
  std::uint8_t tag = 0;
  ByteView content;  // without identifier and length
  ByteView whole;    // with them
};

/// Reads elements that follow each other. The bytes must outlive it.
class DerReader {
 public:
  explicit DerReader(ByteView bytes) : rest_(bytes) {}

  bool AtEnd() const { return rest_.empty(); }
  ByteView Rest() const { return rest_; }
  /// Whether the next element's identifier is `tag`. False at the end.
  bool NextIs(std::uint8_t tag) const {
    return !rest_.empty() && std::to_integer<std::uint8_t>(rest_[0]) == tag;
  }

  /// The next element; nullopt, and nothing consumed, when there is none in DER.
  std::optional<DerElement> Next();
  /// The same, and its identifier must be `tag`.
  std::optional<DerElement> Next(std::uint8_t tag);

 private:
  ByteView rest_;
};

/// How long, identifier and length included, the element is that begins with `start`, of which the
/// rest need not be there. Nullopt when identifier and length are not, or are not DER.
std::optional<std::size_t> DerElementSize(ByteView start);

/// Whether `content` is an OBJECT IDENTIFIER's, checked as ossl_c2i_ASN1_OBJECT()
/// (crypto/asn1/a_object.c) does.
bool IsObjectIdentifier(ByteView content);

/// Time of RFC 5280: whether the next element is UTCTime or GeneralizedTime, and what it says, in
/// seconds since 1970. Nullopt for any other form than those of RFC 5280 sections 4.1.2.5.1 and
/// 4.1.2.5.2; an element that is no time at all is not consumed.
bool NextIsTime(const DerReader& reader);
std::optional<std::int64_t> ReadTime(DerReader& reader);

/// The same of the content of one of the two, which their lengths tell apart.
std::optional<std::int64_t> ParseTime(ByteView content);

/// How many bytes identifier and length take before a content of this size.
std::size_t DerHeaderSize(std::size_t content_size);
/// Appends identifier and length of an element whose content, of this size, is appended next.
void AppendDerHeader(std::uint8_t tag, std::size_t content_size, Bytes& out);
/// Appends an element.
void AppendDer(std::uint8_t tag, ByteView content, Bytes& out);

}  // namespace ostrust::platform
