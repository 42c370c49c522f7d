#include "platform/certificate_fields.hpp"

#include "platform/der.hpp"
#include "platform/extension.hpp"

namespace ostrust::platform {
namespace {

// Time ::= CHOICE { utcTime UTCTime, generalTime GeneralizedTime }
bool SkipTime(DerReader& reader) {
  return reader.Next(der::kUtcTime).has_value() || reader.Next(der::kGeneralizedTime).has_value();
}

// Validity ::= SEQUENCE { notBefore Time, notAfter Time }
bool IsValidity(ByteView content) {
  DerReader reader(content);
  const bool has_not_before = SkipTime(reader);
  const bool has_not_after = SkipTime(reader);
  return has_not_before && has_not_after && reader.AtEnd();
}

// AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }
bool SkipAlgorithm(DerReader& reader) {
  const auto algorithm = reader.Next(der::kSequence);
  if (!algorithm) return false;
  DerReader inner(algorithm->content);
  const auto identifier = inner.Next(der::kObjectIdentifier);
  if (!identifier || !IsObjectIdentifier(identifier->content)) return false;
  return inner.AtEnd() || (inner.Next() && inner.AtEnd());
}

// The bits of a BIT STRING. DER has zeros for those that are not used (X.690 section 11.2.1):
// OpenSSL takes any, and clears them.
std::optional<ByteView> BitsOf(ByteView content) {
  if (content.empty() || content[0] > std::byte{7}) return std::nullopt;
  const ByteView bits = content.subspan(1);
  const auto unused = static_cast<std::byte>((1U << std::to_integer<unsigned>(content[0])) - 1U);
  const std::byte last = bits.empty() ? std::byte{0xff} : bits.back();
  return (last & unused) == std::byte{0} ? std::optional(bits) : std::nullopt;
}

// SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
std::optional<ByteView> ReadPublicKeyInfo(ByteView content) {
  DerReader reader(content);
  if (!SkipAlgorithm(reader)) return std::nullopt;
  const auto key = reader.Next(der::kBitString);
  if (!key || !reader.AtEnd()) return std::nullopt;
  return BitsOf(key->content);
}

// The content of the element of this universal type that `bytes` begin with, in any form that
// ASN1_get_object() (crypto/asn1/asn1_lib.c) takes: tag numbers and lengths need not be minimal.
// All that follows where the length is indefinite.
std::optional<ByteView> BerContent(ByteView bytes, unsigned tag_number, bool is_constructed) {
  std::size_t at = 0;
  // Behind the end there are zeros, of which no element is made.
  const auto next = [&] { return at < bytes.size() ? std::to_integer<unsigned>(bytes[at++]) : 0U; };
  const unsigned identifier = next();
  unsigned number = identifier & 0x1fU;
  if (number == 0x1f) {
    number = 0;
    for (unsigned octet = 0x80; (octet & 0x80U) != 0;) {
      octet = next();
      number = number << 7 | (octet & 0x7fU);
    }
  }
  if (number != tag_number || (identifier & 0xe0U) != (is_constructed ? 0x20U : 0U)) {
    return std::nullopt;
  }
  std::size_t length = next();
  if (length == 0x80) return bytes.subspan(at);
  if (length > 0x80) {
    std::size_t octets = length & 0x7fU;
    length = 0;
    for (; octets != 0; --octets) {
      if (length > bytes.size()) return std::nullopt;
      length = length << 8 | next();
    }
  }
  if (length > bytes.size() - at) return std::nullopt;
  return bytes.subspan(at, length);
}

// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } (RFC 8017 appendix A.1.1).
// The modulus without leading zeros, which OpenSSL takes any number of. Nullopt when it is none: a
// shorter one than of 512 bits is another key that happens to begin like this.
std::optional<ByteView> ModulusOf(ByteView public_key) {
  const auto sequence = BerContent(public_key, 16, true);
  auto modulus = sequence ? BerContent(*sequence, 2, false) : std::nullopt;
  if (!modulus) return std::nullopt;
  while (!modulus->empty() && modulus->front() == std::byte{0}) modulus = modulus->subspan(1);
  return modulus->size() >= 64 ? modulus : std::nullopt;
}

// The x-coordinate of a point: behind 2 or 3 it stands alone, behind 4, 6 or 7 y follows.
std::optional<ByteView> CoordinateOf(ByteView public_key) {
  if (public_key.empty()) return std::nullopt;
  const auto form = std::to_integer<unsigned>(public_key[0]);
  const ByteView rest = public_key.subspan(1);
  if (form == 2 || form == 3) return rest;
  const bool has_both = form == 4 || form == 6 || form == 7;
  return has_both && rest.size() % 2 == 0 ? std::optional(rest.first(rest.size() / 2))
                                          : std::nullopt;
}

// Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension
bool AreExtensions(ByteView content) {
  DerReader outer(content);
  const auto list = outer.Next(der::kSequence);
  if (!list || !outer.AtEnd()) return false;
  DerReader reader(list->content);
  while (!reader.AtEnd()) {
    if (!ReadExtension(reader)) return false;
  }
  return true;
}

// An OPTIONAL element: true when it is absent, or there and well-formed.
bool SkipOptional(DerReader& reader, std::uint8_t tag) {
  return !reader.NextIs(tag) || reader.Next(tag).has_value();
}

// What stands in TBSCertificate before the validity. A version 1 certificate, as some old roots
// are, has no version.
struct Heading {
  DerElement serial_number;
  DerElement issuer;
};

std::optional<Heading> ReadHeading(DerReader& reader) {
  if (!SkipOptional(reader, der::ContextConstructed(0))) return std::nullopt;
  const auto serial_number = reader.Next(der::kInteger);
  if (!serial_number || !SkipAlgorithm(reader)) return std::nullopt;
  const auto issuer = reader.Next(der::kSequence);
  if (!issuer) return std::nullopt;
  return Heading{*serial_number, *issuer};
}

bool ReadToBeSigned(ByteView content, CertificateFields& fields) {
  DerReader reader(content);
  const auto heading = ReadHeading(reader);
  if (!heading) return false;
  const auto validity = reader.Next(der::kSequence);
  if (!validity || !IsValidity(validity->content)) return false;
  const auto subject = reader.Next(der::kSequence);
  if (!subject) return false;
  const auto key_info = reader.Next(der::kSequence);
  const auto public_key = key_info ? ReadPublicKeyInfo(key_info->content) : std::nullopt;
  if (!public_key) return false;

  // issuerUniqueID and subjectUniqueID, [1] and [2] IMPLICIT BIT STRING
  if (!SkipOptional(reader, der::Context(1)) || !SkipOptional(reader, der::Context(2)))
    return false;
  if (const auto extensions = reader.Next(der::ContextConstructed(3))) {
    if (!AreExtensions(extensions->content)) return false;
  }
  if (!reader.AtEnd()) return false;

  fields.issuer = heading->issuer.whole;
  fields.subject = subject->whole;
  fields.serial_number = heading->serial_number.content;
  fields.public_key = *public_key;
  return true;
}

}  // namespace

std::optional<CertificateFields> ReadCertificateFields(ByteView bytes) {
  const auto certificate = DerReader(bytes).Next(der::kSequence);
  if (!certificate) return std::nullopt;

  CertificateFields fields;
  fields.certificate = certificate->whole;
  DerReader reader(certificate->content);
  const auto to_be_signed = reader.Next(der::kSequence);
  if (!to_be_signed || !ReadToBeSigned(to_be_signed->content, fields)) return std::nullopt;
  if (!SkipAlgorithm(reader) || !reader.Next(der::kBitString) || !reader.AtEnd())
    return std::nullopt;
  return fields;
}

std::optional<Validity> ValidityOf(ByteView certificate) {
  const auto to_be_signed = DerReader(TbsCertificateOf(certificate)).Next();
  if (!to_be_signed) return std::nullopt;
  DerReader reader(to_be_signed->content);
  if (!ReadHeading(reader)) return std::nullopt;
  const auto validity = reader.Next(der::kSequence);
  if (!validity) return std::nullopt;
  DerReader times(validity->content);
  const auto not_before = ReadTime(times);
  const auto not_after = ReadTime(times);
  if (!not_before || !not_after || !times.AtEnd()) return std::nullopt;
  return Validity{*not_before, *not_after};
}

ByteView PublicKeyOf(ByteView public_key_info) {
  DerReader reader(public_key_info);
  const auto info = reader.Next(der::kSequence);
  if (!info || !reader.AtEnd()) return {};
  return ReadPublicKeyInfo(info->content).value_or(ByteView());
}

ByteView KeyIdentity(ByteView public_key) {
  if (const auto modulus = ModulusOf(public_key)) return *modulus;
  return CoordinateOf(public_key).value_or(public_key);
}

ByteView TbsCertificateOf(ByteView certificate) {
  const auto whole = DerReader(certificate).Next(der::kSequence);
  const auto to_be_signed = whole ? DerReader(whole->content).Next(der::kSequence) : std::nullopt;
  return to_be_signed ? to_be_signed->whole : ByteView();
}

}  // namespace ostrust::platform
