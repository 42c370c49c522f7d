#include "platform/name.hpp"

#include <algorithm>
#include <vector>

#include "platform/der.hpp"
#include "platform/sha1.hpp"

namespace ostrust::platform {
namespace {

constexpr std::uint32_t kUnicodeLimit = 0x110000;

bool IsSurrogate(std::uint32_t code_point) {
  return code_point >= 0xd800 && code_point <= 0xdfff;
}

void AppendByte(std::uint32_t value, Bytes& out) {
  out.push_back(static_cast<std::byte>(value));
}

// UTF8_putc(), crypto/asn1/a_utf8.c. False for what has no UTF-8 form.
bool AppendUtf8(std::uint32_t code_point, Bytes& out) {
  if (code_point >= kUnicodeLimit || IsSurrogate(code_point)) return false;
  if (code_point < 0x80) {
    AppendByte(code_point, out);
    return true;
  }
  if (code_point < 0x800) {
    AppendByte(0xc0 | (code_point >> 6), out);
  } else {
    if (code_point < 0x10000) {
      AppendByte(0xe0 | (code_point >> 12), out);
    } else {
      AppendByte(0xf0 | (code_point >> 18), out);
      AppendByte(0x80 | ((code_point >> 12) & 0x3f), out);
    }
    AppendByte(0x80 | ((code_point >> 6) & 0x3f), out);
  }
  AppendByte(0x80 | (code_point & 0x3f), out);
  return true;
}

// UTF8_getc(), crypto/asn1/a_utf8.c: shortest form only, no surrogates, nothing above U+10FFFF.
bool IsUtf8(ByteView text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = std::to_integer<std::uint32_t>(text[i++]);
    if (first < 0x80) continue;
    unsigned following = 0;
    std::uint32_t code_point = 0;
    std::uint32_t smallest = 0;
    if ((first & 0xe0) == 0xc0) {
      following = 1, code_point = first & 0x1f, smallest = 0x80;
    } else if ((first & 0xf0) == 0xe0) {
      following = 2, code_point = first & 0x0f, smallest = 0x800;
    } else if ((first & 0xf8) == 0xf0) {
      following = 3, code_point = first & 0x07, smallest = 0x10000;
    } else {
      return false;
    }
    if (text.size() - i < following) return false;
    for (; following != 0; --following, ++i) {
      const auto next = std::to_integer<std::uint32_t>(text[i]);
      if ((next & 0xc0) != 0x80) return false;
      code_point = (code_point << 6) | (next & 0x3f);
    }
    if (code_point < smallest || code_point >= kUnicodeLimit || IsSurrogate(code_point)) {
      return false;
    }
  }
  return true;
}

// Fixed-width big-endian characters, 1, 2 or 4 bytes each, to UTF-8.
bool AppendAsUtf8(ByteView text, std::size_t width, Bytes& out) {
  if (text.size() % width != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += width) {
    std::uint32_t code_point = 0;
    for (std::size_t k = 0; k < width; ++k) {
      code_point = (code_point << 8) | std::to_integer<std::uint32_t>(text[i + k]);
    }
    if (!AppendUtf8(code_point, out)) return false;
  }
  return true;
}

// ossl_isspace() (crypto/ctype.c): the C locale's.
bool IsSpace(std::byte byte) {
  const auto value = std::to_integer<unsigned>(byte);
  return value == ' ' || (value >= '\t' && value <= '\r');
}

std::byte ToLower(std::byte byte) {
  const auto value = std::to_integer<unsigned>(byte);
  return value >= 'A' && value <= 'Z' ? static_cast<std::byte>(value | 0x20U) : byte;
}

// The second half of asn1_string_canon(): `text` is UTF-8; no space at either end, one for each run
// of them, ASCII letters lower-cased.
void FoldInPlace(Bytes& text) {
  std::size_t size = 0;
  bool pending_space = false;
  for (const std::byte byte : text) {
    if (IsSpace(byte)) {
      pending_space = size != 0;
      continue;
    }
    if (pending_space) text[size++] = std::byte{' '};
    pending_space = false;
    text[size++] = ToLower(byte);
  }
  text.resize(size);
}

// The value of an AttributeTypeAndValue, canonical. The types are those that OpenSSL's decoder
// takes in a name (ASN1_PRINTABLE, B_ASN1_UNKNOWN among it: tag2bit[] in crypto/asn1/tasn_dec.c)
// and VisibleString, which it takes only from its own API.
bool AppendCanonicalValue(const DerElement& value, Bytes& scratch, Bytes& out) {
  scratch.clear();
  switch (value.tag) {
    // ASN1_MASK_CANON: these become UTF8String.
    case der::kUtf8String:
      if (!IsUtf8(value.content)) return false;
      scratch.assign(value.content.begin(), value.content.end());
      break;
    case der::kPrintableString:
    case der::kT61String:  // ASN1_STRING_to_UTF8() reads all three as Latin-1
    case der::kIa5String:
    case der::kVisibleString:
      if (!AppendAsUtf8(value.content, 1, scratch)) return false;
      break;
    case der::kBmpString:
      if (!AppendAsUtf8(value.content, 2, scratch)) return false;
      break;
    case der::kUniversalString:
      if (!AppendAsUtf8(value.content, 4, scratch)) return false;
      break;

    case der::kBitString: {
      // Decoding it clears the unused bits (ossl_c2i_ASN1_BIT_STRING(), crypto/asn1/a_bitstr.c).
      if (value.content.empty() || value.content[0] > std::byte{7}) return false;
      scratch.assign(value.content.begin(), value.content.end());
      const auto unused = std::to_integer<unsigned>(scratch[0]);
      if (scratch.size() == 1) {
        scratch[0] = std::byte{0};
      } else {
        scratch.back() &= static_cast<std::byte>(0xffU << unused);
      }
      AppendDer(value.tag, scratch, out);
      return true;
    }

    // Everything else is copied as it is.
    case der::kSequence:
    case 0x07:  // ObjectDescriptor
    case 0x08:  // EXTERNAL
    case 0x09:  // REAL
    case 0x0b:  // EMBEDDED PDV
    case 0x0d:  // RELATIVE-OID
    case 0x0e:
    case 0x0f:
    case 0x12:  // NumericString
    case 0x1d:  // CHARACTER STRING
      out.insert(out.end(), value.whole.begin(), value.whole.end());
      return true;
    default:
      return false;
  }
  FoldInPlace(scratch);
  AppendDer(der::kUtf8String, scratch, out);
  return true;
}

// AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY }
bool AppendCanonicalAttribute(const DerElement& attribute, Bytes& scratch, Bytes& out) {
  DerReader reader(attribute.content);
  const auto type = reader.Next(der::kObjectIdentifier);
  if (!type || !IsObjectIdentifier(type->content)) return false;
  const auto value = reader.Next();
  if (!value || !reader.AtEnd()) return false;

  Bytes content(type->whole.begin(), type->whole.end());
  if (!AppendCanonicalValue(*value, scratch, content)) return false;
  AppendDer(der::kSequence, content, out);
  return true;
}

// RelativeDistinguishedName ::= SET OF AttributeTypeAndValue
bool AppendCanonicalRdn(ByteView set, Bytes& scratch, Bytes& out) {
  std::vector<Bytes> attributes;
  DerReader reader(set);
  while (!reader.AtEnd()) {
    const auto attribute = reader.Next(der::kSequence);
    if (!attribute) return false;
    if (!AppendCanonicalAttribute(*attribute, scratch, attributes.emplace_back())) return false;
  }
  // An RDN of no attributes, which RFC 5280 forbids, leaves no trace in OpenSSL's X509_NAME.
  if (attributes.empty()) return true;

  // DER orders a SET OF by the encodings (X.690 section 11.6), and folding may have changed them.
  if (attributes.size() > 1) {
    std::sort(attributes.begin(), attributes.end(),
              [](const Bytes& a, const Bytes& b) { return AsText(a) < AsText(b); });
  }
  std::size_t size = 0;
  for (const Bytes& attribute : attributes) size += attribute.size();
  AppendDerHeader(der::kSet, size, out);
  for (const Bytes& attribute : attributes) {
    out.insert(out.end(), attribute.begin(), attribute.end());
  }
  return true;
}

}  // namespace

std::optional<Bytes> CanonicalName(ByteView name) {
  DerReader outer(name);
  const auto sequence = outer.Next(der::kSequence);
  if (!sequence || !outer.AtEnd()) return std::nullopt;

  Bytes canonical;
  canonical.reserve(name.size());
  Bytes scratch;
  DerReader reader(sequence->content);
  while (!reader.AtEnd()) {
    const auto rdn = reader.Next(der::kSet);
    if (!rdn || !AppendCanonicalRdn(rdn->content, scratch, canonical)) return std::nullopt;
  }
  return canonical;
}

std::uint32_t NameHash(ByteView canonical_name) {
  const Sha1Digest digest = Sha1(canonical_name);
  return std::uint32_t{digest[0]} | std::uint32_t{digest[1]} << 8 | std::uint32_t{digest[2]} << 16 |
         std::uint32_t{digest[3]} << 24;
}

}  // namespace ostrust::platform
