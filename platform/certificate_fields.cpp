#include "platform/certificate_fields.hpp"

#include "platform/der.hpp"

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

// SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
std::optional<ByteView> ReadPublicKeyInfo(ByteView content) {
  DerReader reader(content);
  if (!SkipAlgorithm(reader)) return std::nullopt;
  const auto key = reader.Next(der::kBitString);
  if (!key || key->content.empty() || !reader.AtEnd()) return std::nullopt;
  return key->content.subspan(1);  // without the number of unused bits
}

// Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE,
//                          extnValue OCTET STRING }
bool AreExtensions(ByteView content) {
  DerReader outer(content);
  const auto list = outer.Next(der::kSequence);
  if (!list || !outer.AtEnd()) return false;
  DerReader reader(list->content);
  while (!reader.AtEnd()) {
    const auto extension = reader.Next(der::kSequence);
    if (!extension) return false;
    DerReader inner(extension->content);
    if (!inner.Next(der::kObjectIdentifier)) return false;
    if (inner.NextIs(der::kBoolean) && !inner.Next()) return false;
    if (!inner.Next(der::kOctetString) || !inner.AtEnd()) return false;
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

ByteView TbsCertificateOf(ByteView certificate) {
  const auto whole = DerReader(certificate).Next(der::kSequence);
  const auto to_be_signed = whole ? DerReader(whole->content).Next(der::kSequence) : std::nullopt;
  return to_be_signed ? to_be_signed->whole : ByteView();
}

}  // namespace ostrust::platform
