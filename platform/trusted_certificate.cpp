#include "platform/trusted_certificate.hpp"

#include <utility>

#include "platform/certificate_fields.hpp"
#include "platform/name.hpp"
#include "platform/trust_settings.hpp"

namespace ostrust::platform {
namespace {

bool Equal(ByteView a, ByteView b) {
  return AsText(a) == AsText(b);
}

}  // namespace

std::optional<TrustedCertificate> MakeTrustedCertificate(const CertificateFields& fields,
                                                         CertificateTrust trust) {
  auto subject = CanonicalName(fields.subject);
  if (!subject) return std::nullopt;
  bool self_issued = Equal(fields.issuer, fields.subject);
  if (!self_issued) {
    const auto issuer = CanonicalName(fields.issuer);
    if (!issuer) return std::nullopt;
    self_issued = *issuer == *subject;
  }
  return TrustedCertificate{Bytes(fields.certificate.begin(), fields.certificate.end()),
                            std::move(*subject), self_issued, trust};
}

std::optional<TrustedCertificate> MakeTrustedCertificate(ByteView der, CertificateTrust trust) {
  const auto fields = ReadCertificateFields(der);
  if (!fields || fields->certificate.size() != der.size()) return std::nullopt;
  return MakeTrustedCertificate(*fields, trust);
}

std::optional<TrustedCertificate> ReadTrustedCertificate(ByteView der) {
  const auto fields = ReadCertificateFields(der);
  if (!fields) return std::nullopt;
  const ByteView settings = der.subspan(fields->certificate.size());
  if (settings.empty()) return MakeTrustedCertificate(*fields, CertificateTrust::Anchor());
  const auto trust = ParseTrustSettings(settings);
  return trust ? MakeTrustedCertificate(*fields, *trust) : std::nullopt;
}

}  // namespace ostrust::platform
