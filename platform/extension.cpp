#include "platform/extension.hpp"

namespace ostrust::platform {

// Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE,
//                          extnValue OCTET STRING }
std::optional<Extension> ReadExtension(DerReader& reader) {
  const auto sequence = reader.Next(der::kSequence);
  if (!sequence) return std::nullopt;
  DerReader inner(sequence->content);
  Extension extension;
  const auto identifier = inner.Next(der::kObjectIdentifier);
  if (!identifier || !IsObjectIdentifier(identifier->content)) return std::nullopt;
  extension.identifier = AsText(identifier->content);
  if (inner.NextIs(der::kBoolean)) {
    const auto critical = inner.Next();
    if (!critical || critical->content.size() != 1) return std::nullopt;
    extension.is_critical = critical->content[0] != std::byte{0};
  }
  const auto value = inner.Next(der::kOctetString);
  if (!value || !inner.AtEnd()) return std::nullopt;
  extension.value = value->content;
  return extension;
}

}  // namespace ostrust::platform
