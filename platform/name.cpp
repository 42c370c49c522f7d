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

// An AttributeTypeAndValue whose value is canonical.
struct Attribute {
  ByteView type;  // the whole OBJECT IDENTIFIER
  std::uint8_t value_tag = 0;
  ByteView value;  // its content: in the name, or in `folded`
  Bytes folded;

  std::size_t ContentSize() const {
    return type.size() + DerHeaderSize(value.size()) + value.size();
  }
  std::size_t Size() const { return DerHeaderSize(ContentSize()) + ContentSize(); }
  void AppendTo(Bytes& out) const {
    AppendDerHeader(der::kSequence, ContentSize(), out);
    out.insert(out.end(), type.begin(), type.end());
    AppendDer(value_tag, value, out);
  }
};

// The types are those that OpenSSL's decoder takes in a name (ASN1_PRINTABLE, B_ASN1_UNKNOWN among
// it: tag2bit[] in crypto/asn1/tasn_dec.c) and VisibleString, which it takes only from its own API.
bool FoldValue(const DerElement& value, Attribute& attribute) {
  attribute.value_tag = value.tag;
  attribute.value = value.content;
  Bytes& folded = attribute.folded;
  folded.clear();
  switch (value.tag) {
    // ASN1_MASK_CANON: these become UTF8String.
    case der::kUtf8String:
      if (!IsUtf8(value.content)) return false;
      folded.assign(value.content.begin(), value.content.end());
      break;
    case der::kPrintableString:
    case der::kT61String:  // ASN1_STRING_to_UTF8() reads all of these as Latin-1
    case der::kIa5String:
    case der::kVisibleString:
      if (!AppendAsUtf8(value.content, 1, folded)) return false;
      break;
    case der::kBmpString:
      if (!AppendAsUtf8(value.content, 2, folded)) return false;
      break;
    case der::kUniversalString:
      if (!AppendAsUtf8(value.content, 4, folded)) return false;
      break;

    case der::kBitString: {
      // Decoding it clears the unused bits (ossl_c2i_ASN1_BIT_STRING(), crypto/asn1/a_bitstr.c).
      if (value.content.empty() || value.content[0] > std::byte{7}) return false;
      folded.assign(value.content.begin(), value.content.end());
      if (folded.size() == 1) {
        folded[0] = std::byte{0};
      } else {
        folded.back() &= static_cast<std::byte>(0xffU << std::to_integer<unsigned>(folded[0]));
      }
      attribute.value = folded;
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
      return true;
    default:
      return false;
  }
  FoldInPlace(folded);
  attribute.value_tag = der::kUtf8String;
  attribute.value = folded;
  return true;
}

// AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY }
bool ReadAttribute(DerReader& rdn, Attribute& attribute) {
  const auto sequence = rdn.Next(der::kSequence);
  if (!sequence) return false;
  DerReader reader(sequence->content);
  const auto type = reader.Next(der::kObjectIdentifier);
  if (!type || !IsObjectIdentifier(type->content)) return false;
  attribute.type = type->whole;
  const auto value = reader.Next();
  return value && reader.AtEnd() && FoldValue(*value, attribute);
}

// RelativeDistinguishedName ::= SET OF AttributeTypeAndValue
bool AppendCanonicalRdn(ByteView set, Attribute& scratch, Bytes& out) {
  DerReader reader(set);
  // An RDN of no attributes, which RFC 5280 forbids, leaves no trace in OpenSSL's X509_NAME.
  if (reader.AtEnd()) return true;
  if (!ReadAttribute(reader, scratch)) return false;
  if (reader.AtEnd()) {
    AppendDerHeader(der::kSet, scratch.Size(), out);
    scratch.AppendTo(out);
    return true;
  }

  // DER orders a SET OF by the encodings (X.690 section 11.6), and folding may have changed them.
  std::vector<Bytes> attributes(1);
  scratch.AppendTo(attributes.back());
  while (!reader.AtEnd()) {
    if (!ReadAttribute(reader, scratch)) return false;
    scratch.AppendTo(attributes.emplace_back());
  }
  std::sort(attributes.begin(), attributes.end(),
            [](const Bytes& a, const Bytes& b) { return AsText(a) < AsText(b); });
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
  Attribute scratch;
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
