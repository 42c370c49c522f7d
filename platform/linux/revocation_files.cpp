#include "platform/linux/revocation_files.hpp"

#include "platform/der.hpp"

namespace ostrust::platform {
namespace {

// With the number of the format: what another version wrote is not read. Then a SEQUENCE of OCTET
// STRINGs: what it is of, and the keys.
constexpr std::string_view kMagic = "ostrust revocation 1\n";

}  // namespace

std::optional<Bytes> EncodeRevocationHead(std::string_view about, const std::vector<Bytes>& keys) {
  Bytes content;
  AppendDer(der::kOctetString, AsBytes(about), content);
  for (const Bytes& key : keys) AppendDer(der::kOctetString, key, content);
  const ByteView magic = AsBytes(kMagic);
  Bytes head(magic.begin(), magic.end());
  AppendDer(der::kSequence, content, head);
  return head.size() <= kMaxRevocationHead ? std::optional(std::move(head)) : std::nullopt;
}

std::optional<RevocationHead> DecodeRevocationHead(ByteView start) {
  if (start.size() < kMagic.size() || AsText(start.first(kMagic.size())) != kMagic) {
    return std::nullopt;
  }
  const auto sequence = DerReader(start.subspan(kMagic.size())).Next(der::kSequence);
  if (!sequence) return std::nullopt;
  RevocationHead head;
  head.size = kMagic.size() + sequence->whole.size();
  DerReader reader(sequence->content);
  const auto about = reader.Next(der::kOctetString);
  if (!about || head.size > kMaxRevocationHead) return std::nullopt;
  head.about = AsText(about->content);
  while (!reader.AtEnd()) {
    const auto key = reader.Next(der::kOctetString);
    if (!key) return std::nullopt;
    head.keys.emplace_back(key->content.begin(), key->content.end());
  }
  return head;
}

}  // namespace ostrust::platform
