#include "revocation_lists.hpp"

#include <array>
#include <string>
#include <tuple>

#include "certificates.hpp"
#include "platform/der.hpp"
#include "platform/sha1.hpp"

namespace ostrust::platform {
namespace {

using namespace std::string_view_literals;

void Append(ByteView bytes, Bytes& out) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Bytes Der(std::uint8_t tag, ByteView content) {
  Bytes element;
  AppendDer(tag, content, element);
  return element;
}

Bytes Signature(std::string_view key, ByteView to_be_signed) {
  if (key.empty()) return Bytes(std::tuple_size_v<Sha1Digest>);
  Bytes signature;
  for (const std::uint8_t byte : Sha1(Concatenate(AsBytes(key), to_be_signed))) {
    signature.push_back(std::byte{byte});
  }
  return signature;
}

}  // namespace

Bytes Join(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes SerialNumber(std::uint64_t number) {
  Bytes content;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const auto byte = static_cast<std::byte>(number >> shift & 0xff);
    if (content.empty() && byte == std::byte{0} && shift != 0) continue;
    if (content.empty() && (byte & std::byte{0x80}) != std::byte{0}) content.push_back({});
    content.push_back(byte);
  }
  return content;
}

Bytes CeExtension(char identifier, ByteView value, bool is_critical) {
  const std::array oid = {std::byte{0x55}, std::byte{0x1d}, static_cast<std::byte>(identifier)};
  Bytes content = Der(der::kObjectIdentifier, oid);
  if (is_critical) Append(AsBytes("\x01\x01\xff"sv), content);
  AppendDer(der::kOctetString, value, content);
  return Der(der::kSequence, content);
}

Bytes ReasonCode(char reason, bool is_critical) {
  const std::array value = {std::byte{0x0a}, std::byte{1}, static_cast<std::byte>(reason)};
  return CeExtension(21, value, is_critical);
}

Bytes CertificateIssuer(std::string_view common_name) {
  // GeneralNames of one directoryName, [4] EXPLICIT
  const Bytes name = Der(der::ContextConstructed(4), NameDer(common_name));
  return CeExtension(29, Der(der::kSequence, name), true);
}

Bytes InvalidityDate(bool is_critical) {
  return CeExtension(24, Der(der::kGeneralizedTime, AsBytes("20250101000000Z")), is_critical);
}

Bytes UnknownExtension(bool is_critical) {
  return CeExtension(99, AsBytes("\x05\x00"sv), is_critical);
}

Bytes Revoked(ByteView serial_number, ByteView extensions) {
  Bytes content = Der(der::kInteger, serial_number);
  AppendDer(der::kUtcTime, AsBytes("250601000000Z"), content);
  if (!extensions.empty()) AppendDer(der::kSequence, extensions, content);
  return Der(der::kSequence, content);
}

ListParts PartsOf(std::string_view issuer, ByteView entries) {
  ListParts parts;
  parts.issuer = NameDer(issuer);
  parts.entries.assign(entries.begin(), entries.end());
  return parts;
}

Bytes CrlNumber(std::uint64_t number) {
  return CeExtension(20, Der(der::kInteger, SerialNumber(number)));
}

Bytes DeltaCrlIndicator(std::uint64_t base) {
  return CeExtension(27, Der(der::kInteger, SerialNumber(base)), true);
}

Bytes IndirectCrl() {
  return CeExtension(28, Der(der::kSequence, AsBytes("\x84\x01\xff"sv)), true);
}

Bytes MakeList(const ListParts& parts) {
  // ecdsa-with-SHA256
  const Bytes algorithm = ToBytes("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"sv);
  Bytes content = ToBytes("\x02\x01\x01"sv);  // version 2
  Append(algorithm, content);
  Append(parts.issuer, content);
  AppendDer(der::kUtcTime, AsBytes(parts.this_update), content);
  if (!parts.next_update.empty()) AppendDer(der::kUtcTime, AsBytes(parts.next_update), content);
  if (!parts.entries.empty()) AppendDer(der::kSequence, parts.entries, content);
  if (!parts.extensions.empty()) {
    AppendDer(der::ContextConstructed(0), Der(der::kSequence, parts.extensions), content);
  }
  Bytes list = Der(der::kSequence, content);
  const Bytes signature = Concatenate(AsBytes("\0"sv), Signature(parts.key, list));
  Append(algorithm, list);
  AppendDer(der::kBitString, signature, list);
  return Der(der::kSequence, list);
}

RevocationList::SignatureCheck CheckOf(std::string_view key) {
  return [key = std::string(key)](ByteView to_be_signed, ByteView, ByteView signature) {
    return AsText(Signature(key, to_be_signed)) == AsText(signature);
  };
}

RevocationList::SignatureCheck Counting(int& calls, std::string_view key) {
  return [&calls, check = CheckOf(key)](ByteView to_be_signed, ByteView algorithm,
                                        ByteView signature) {
    ++calls;
    return check(to_be_signed, algorithm, signature);
  };
}

}  // namespace ostrust::platform
