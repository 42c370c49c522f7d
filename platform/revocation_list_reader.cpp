#include "platform/revocation_list_reader.hpp"

#include <string_view>

#include "platform/der.hpp"
#include "platform/extension.hpp"

namespace ostrust::platform {
namespace {

using namespace std::string_view_literals;

// RFC 5280 sections 5.2 and 5.3; the content of the OBJECT IDENTIFIERs.
constexpr std::string_view kCrlNumber = "\x55\x1d\x14"sv;
constexpr std::string_view kReasonCode = "\x55\x1d\x15"sv;
constexpr std::string_view kDeltaCrlIndicator = "\x55\x1d\x1b"sv;
constexpr std::string_view kCertificateIssuer = "\x55\x1d\x1d"sv;

constexpr std::uint8_t kEnumerated = 0x0a;

std::uint8_t At(ByteView bytes, std::size_t index) {
  return std::to_integer<std::uint8_t>(bytes[index]);
}

/// Minimal, as OpenSSL wants it (c2i_ibuf(), crypto/asn1/a_int.c): so equal numbers are equal
/// bytes.
bool IsInteger(ByteView content) {
  if (content.size() < 2) return !content.empty();
  const bool negative = (At(content, 1) & 0x80) != 0;
  return At(content, 0) != (negative ? 0xff : 0x00);
}

std::optional<ByteView> ReadInteger(DerReader& reader) {
  const auto integer = reader.Next(der::kInteger);
  return integer && IsInteger(integer->content) ? std::optional(integer->content) : std::nullopt;
}

/// The one element, with this identifier, that an extension's value is.
std::optional<DerElement> ReadValue(const Extension& extension, std::uint8_t tag) {
  DerReader reader(extension.value);
  const auto element = reader.Next(tag);
  return element && reader.AtEnd() ? element : std::nullopt;
}

/// crlEntryExtensions. OpenSSL reads no list in which certificateIssuer or reasonCode is there
/// twice or malformed.
bool ReadEntryExtensions(ByteView content, RevokedEntry& entry) {
  bool has_reason = false;
  DerReader reader(content);
  while (!reader.AtEnd()) {
    const auto extension = ReadExtension(reader);
    if (!extension) return false;
    if (extension->identifier == kCertificateIssuer) {
      if (entry.names_issuer || !ReadValue(*extension, der::kSequence)) return false;
      entry.names_issuer = true;
    } else if (extension->identifier == kReasonCode) {
      if (has_reason || !ReadValue(*extension, kEnumerated)) return false;
      has_reason = true;
    }
    if (extension->is_critical && extension->identifier != kCertificateIssuer) {
      entry.is_not_understood = true;
    }
  }
  return true;
}

/// The content of crlExtensions, [0] EXPLICIT Extensions.
bool ReadListExtensions(ByteView content, RevocationListFields& fields) {
  DerReader outer(content);
  const auto list = outer.Next(der::kSequence);
  if (!list || !outer.AtEnd()) return false;
  DerReader reader(list->content);
  while (!reader.AtEnd()) {
    const auto extension = ReadExtension(reader);
    if (!extension) return false;
    if (extension->identifier == kDeltaCrlIndicator) fields.is_delta = true;
    if (extension->identifier != kCrlNumber) continue;
    const auto number = ReadValue(*extension, der::kInteger);
    if (!number || !IsInteger(number->content) || !fields.number.empty()) return false;
    fields.number = number->content;
  }
  return true;
}

/// The content of TBSCertList.
bool ReadToBeSigned(ByteView content, RevocationListParts& parts) {
  RevocationListFields& fields = parts.fields;
  DerReader reader(content);
  // What version it is, and what that allows, is OpenSSL's to say.
  if (reader.NextIs(der::kInteger) && !ReadInteger(reader)) return false;
  const auto algorithm = reader.Next(der::kSequence);
  const auto issuer = reader.Next(der::kSequence);
  if (!algorithm || !issuer) return false;
  fields.signature_algorithm = algorithm->whole;
  fields.issuer = issuer->whole;
  const auto this_update = ReadTime(reader);
  if (!this_update) return false;
  fields.this_update = *this_update;
  if (NextIsTime(reader) && !(fields.next_update = ReadTime(reader))) return false;

  parts.before = content.first(content.size() - reader.Rest().size());
  // RFC 5280 wants it left out when nothing is revoked; an empty one, which some CAs write, OpenSSL
  // reads too.
  if (reader.NextIs(der::kSequence)) {
    const auto entries = reader.Next();
    if (!entries) return false;
    fields.entries = entries->content;
  }
  parts.after = reader.Rest();
  if (reader.NextIs(der::ContextConstructed(0))) {
    const auto extensions = reader.Next();
    if (!extensions || !ReadListExtensions(extensions->content, fields)) return false;
  }
  return reader.AtEnd();
}

}  // namespace

std::optional<RevocationListParts> ReadRevocationListParts(ByteView der) {
  DerReader outer(der);
  const auto list = outer.Next(der::kSequence);
  if (!list || !outer.AtEnd()) return std::nullopt;

  RevocationListParts parts;
  DerReader reader(list->content);
  const auto to_be_signed = reader.Next(der::kSequence);
  if (!to_be_signed || !ReadToBeSigned(to_be_signed->content, parts)) return std::nullopt;
  parts.fields.to_be_signed = to_be_signed->whole;
  parts.behind = reader.Rest();
  const auto algorithm = reader.Next(der::kSequence);
  const auto signature = reader.Next(der::kBitString);
  if (!algorithm || !signature || !reader.AtEnd()) return std::nullopt;
  // Both must be the same (RFC 5280 section 5.1.1.2): the inner one is what was signed.
  if (AsText(algorithm->whole) != AsText(parts.fields.signature_algorithm)) return std::nullopt;
  if (signature->content.size() < 2 || At(signature->content, 0) != 0) return std::nullopt;
  parts.fields.signature = signature->content.subspan(1);
  if (der.size() - parts.fields.entries.size() > kMaxWithoutEntries) return std::nullopt;
  return parts;
}

std::optional<RevokedEntry> ReadRevokedEntry(ByteView der) {
  if (der.size() > kMaxRevokedEntry) return std::nullopt;
  DerReader outer(der);
  const auto element = outer.Next(der::kSequence);
  if (!element || !outer.AtEnd()) return std::nullopt;

  RevokedEntry entry;
  entry.whole = der;
  DerReader reader(element->content);
  const auto serial_number = ReadInteger(reader);
  if (!serial_number || !ReadTime(reader)) return std::nullopt;
  entry.serial_number = *serial_number;
  if (reader.AtEnd()) return entry;
  const auto extensions = reader.Next(der::kSequence);
  if (!extensions || !reader.AtEnd()) return std::nullopt;
  return ReadEntryExtensions(extensions->content, entry) ? std::optional(entry) : std::nullopt;
}

std::optional<RevocationListFields> ReadRevocationList(ByteView der) {
  const auto parts = ReadRevocationListParts(der);
  if (!parts) return std::nullopt;
  DerReader reader(parts->fields.entries);
  while (!reader.AtEnd()) {
    const auto element = reader.Next(der::kSequence);
    if (!element || !ReadRevokedEntry(element->whole)) return std::nullopt;
  }
  return parts->fields;
}

}  // namespace ostrust::platform
