#include "platform/trust_settings.hpp"

#include <iterator>
#include <string_view>

#include "platform/der.hpp"

namespace ostrust::platform {
namespace {

using namespace std::string_view_literals;

// Content octets of the OBJECT IDENTIFIERs.
constexpr std::string_view kAnyExtendedKeyUsage = "\x55\x1d\x25\x00"sv;  // 2.5.29.37.0

struct PurposeIdentifier {
  Purpose purpose;
  std::string_view identifier;
};
constexpr PurposeIdentifier kPurposes[] = {
    {Purpose::kServerAuth, "\x2b\x06\x01\x05\x05\x07\x03\x01"sv},
    {Purpose::kClientAuth, "\x2b\x06\x01\x05\x05\x07\x03\x02"sv},
    {Purpose::kCodeSigning, "\x2b\x06\x01\x05\x05\x07\x03\x03"sv},
    {Purpose::kEmailProtection, "\x2b\x06\x01\x05\x05\x07\x03\x04"sv},
    {Purpose::kTimeStamping, "\x2b\x06\x01\x05\x05\x07\x03\x08"sv},
    {Purpose::kOcspSigning, "\x2b\x06\x01\x05\x05\x07\x03\x09"sv},
    {Purpose::kOcspRequest, "\x2b\x06\x01\x05\x05\x07\x30\x01"sv},
};
static_assert(std::size(kPurposes) == kPurposeCount);

// SEQUENCE OF AlgorithmIdentifier: `other`, of which OpenSSL makes no use.
bool AreAlgorithms(ByteView content) {
  DerReader reader(content);
  while (!reader.AtEnd()) {
    const auto algorithm = reader.Next(der::kSequence);
    if (!algorithm || !DerReader(algorithm->content).Next(der::kObjectIdentifier)) return false;
  }
  return true;
}

}  // namespace

std::optional<PurposeSet> ReadPurposes(ByteView content) {
  PurposeSet purposes;
  DerReader reader(content);
  while (!reader.AtEnd()) {
    const auto identifier = reader.Next(der::kObjectIdentifier);
    if (!identifier || !IsObjectIdentifier(identifier->content)) return std::nullopt;
    const std::string_view text = AsText(identifier->content);
    if (text == kAnyExtendedKeyUsage) purposes = PurposeSet::All();
    for (const PurposeIdentifier& known : kPurposes) {
      if (text == known.identifier) purposes = purposes.With(known.purpose);
    }
  }
  return purposes;
}

std::optional<CertificateTrust> ParseTrustSettings(ByteView der) {
  DerReader outer(der);
  const auto settings = outer.Next(der::kSequence);
  if (!settings || !outer.AtEnd()) return std::nullopt;

  DerReader reader(settings->content);
  std::optional<PurposeSet> trusted;
  PurposeSet denied;
  if (reader.NextIs(der::kSequence)) {
    const auto list = reader.Next();
    if (!list || !(trusted = ReadPurposes(list->content))) return std::nullopt;
  }
  if (reader.NextIs(der::ContextConstructed(0))) {
    const auto list = reader.Next();
    const auto purposes = list ? ReadPurposes(list->content) : std::nullopt;
    if (!purposes) return std::nullopt;
    denied = *purposes;
  }
  if (reader.NextIs(der::kUtf8String) && !reader.Next()) return std::nullopt;
  if (reader.NextIs(der::kOctetString) && !reader.Next()) return std::nullopt;
  if (reader.NextIs(der::ContextConstructed(1))) {
    const auto other = reader.Next();
    if (!other || !AreAlgorithms(other->content)) return std::nullopt;
  }
  if (!reader.AtEnd()) return std::nullopt;

  if (denied == PurposeSet::All()) return CertificateTrust::Distrusted();
  const PurposeSet unlisted = trusted ? trusted->Complement() : PurposeSet();
  return CertificateTrust::LimitedAnchor(unlisted, trusted.has_value(), denied);
}

Bytes EncodeTrustSettings(CertificateTrust trust, bool self_signed) {
  Bytes content;
  // trust_1oidany() (crypto/x509/x509_trs.c) needs no more for a self-signed anchor than the
  // absence of a refusal, and with any trust setting at all plain `openssl verify` would refuse it.
  const bool for_nothing = trust.Rejected() == PurposeSet::All();
  if (trust.IsAnchor() && trust.EndsChain() && !self_signed && !for_nothing) {
    Bytes list;
    AppendDer(der::kObjectIdentifier, AsBytes(kAnyExtendedKeyUsage), list);
    AppendDer(der::kSequence, list, content);
  }
  if (!trust.Rejected().Empty()) {
    Bytes list;
    // trust_1oid(), which decides about OCSP, does not take anyExtendedKeyUsage for a refusal, so
    // that every purpose is listed as well.
    if (for_nothing) {
      AppendDer(der::kObjectIdentifier, AsBytes(kAnyExtendedKeyUsage), list);
    }
    for (const PurposeIdentifier& known : kPurposes) {
      if (trust.Rejected().Contains(known.purpose)) {
        AppendDer(der::kObjectIdentifier, AsBytes(known.identifier), list);
      }
    }
    AppendDer(der::ContextConstructed(0), list, content);
  }
  Bytes settings;
  if (!content.empty()) AppendDer(der::kSequence, content, settings);
  return settings;
}

}  // namespace ostrust::platform
