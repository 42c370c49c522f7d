#include "provider/tool/exported_bundle.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <tuple>
#include <utility>

#include "platform/certificate_fields.hpp"
#include "platform/sha1.hpp"
#include "platform/trust_settings.hpp"
#include "provider/tool/escaped.hpp"
#include "provider/tool/explanation.hpp"
#include "provider/tool/name_text.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {
namespace {

using platform::Bytes;
using platform::ByteView;
using platform::CertificateTrust;
using platform::Purpose;

constexpr std::pair<const char*, Purpose> kPurposes[] = {
    {"server-auth", Purpose::kServerAuth},     {"client-auth", Purpose::kClientAuth},
    {"email", Purpose::kEmailProtection},      {"code-signing", Purpose::kCodeSigning},
    {"time-stamping", Purpose::kTimeStamping}, {"ocsp-signing", Purpose::kOcspSigning},
};
constexpr std::size_t kToBeNamed = 4;  // the first ones

std::string NamesOf(platform::PurposeSet set) {
  std::string names;
  for (const auto& [name, purpose] : kPurposes) {
    if (set.Contains(purpose)) names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

/// 64 characters a line, each line ended.
std::string Base64Lines(ByteView bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t kOfOneLine = 48;  // bytes
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(bytes.size() - i, 3);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
    if ((i + 3) % kOfOneLine == 0 && i + 3 < bytes.size()) text += '\n';
  }
  return text + "\n";
}

std::string SerialText(ByteView serial_number) {
  return Hex(serial_number.first(std::min<std::size_t>(serial_number.size(), 64)));
}

/// A comment line: ASCII, and nothing in it begins a block.
std::string Comment(const std::string& text) {
  std::string line = "# ";
  for (const char c : Escaped(text)) {
    const bool odd = c < ' ' || c > '~' || (c == '-' && line.back() == '-');
    line += odd ? '?' : c;
  }
  return line + "\n";
}

class Selection {
 public:
  Selection(ExportedBundle& bundle, Purpose purpose, bool trust_settings)
      : bundle_(bundle), purpose_(purpose), trust_settings_(trust_settings) {}

  void Add(const platform::StoreEntry& entry) {
    // Not the entry's own, should there ever be a rule that it does not know.
    const CertificateTrust trust = bundle_.store->TrustOf(entry.der);
    const auto fields = platform::ReadCertificateFields(entry.der);
    if (!fields) return;
    ExportedCertificate certificate{NameText(fields->subject), entry.der, {}};
    const auto unsaid = [&](const char* kind, std::string detail = {}) {
      bundle_.unsaid.push_back(
          {kind, certificate.subject, std::move(detail), bundle_.store->RuleFor(entry.der)});
    };
    if (trust.IsDistrusted())
      return unsaid("distrusted", "serial number " + SerialText(fields->serial_number));
    if (!trust.IsAnchor()) return;
    if (trust.Rejected().Contains(purpose_)) {
      ++bundle_.left_out;
      return;
    }
    if (trust_settings_) {
      certificate.settings = platform::EncodeTrustSettings(trust, entry.self_issued);
    } else {
      if (const auto names = NamesOf(trust.Rejected()); !names.empty()) {
        unsaid("purposes", "not for " + names);
      }
      if (trust.EndsChain() && !entry.self_issued) unsaid("not-self-signed");
    }
    for (const Purpose dated : {Purpose::kServerAuth, Purpose::kEmailProtection}) {
      const std::int64_t after = trust.DistrustAfter(dated);
      const bool counts = trust_settings_ ? !trust.Rejected().Contains(dated) : dated == purpose_;
      if (after == CertificateTrust::kNever || !counts) continue;
      const bool readable = after != std::numeric_limits<std::int64_t>::min();
      unsaid("distrust-after", std::string(dated == Purpose::kServerAuth ? "servers" : "email") +
                                   " until " +
                                   (readable ? UtcText(after) : "a date that cannot be read"));
    }
    const platform::StapledConstraints constraints = bundle_.store->ConstraintsOf(entry.der);
    if (!constraints.name_constraints.empty()) unsaid("name-constraints");
    if (constraints.path_length) {
      unsaid("path-length", "pathLenConstraint " + std::to_string(*constraints.path_length));
    }
    if (!trust.MayIssue()) unsaid("not-a-ca");
    bundle_.certificates.push_back(std::move(certificate));
  }

  void Add(const platform::StoreRule& rule) {
    const std::string about = rule.public_key.empty()
                                  ? "serial number " + SerialText(rule.serial_number) + " of " +
                                        RdnsText(rule.canonical_issuer)
                                  : "key with SHA-1 " + platform::Sha1Fingerprint(rule.public_key);
    std::string detail;
    if (!rule.trust.IsDistrusted()) {
      const std::string names = NamesOf(rule.trust.Denied());
      if (!names.empty()) detail = "not for " + names;
      if (!rule.trust.MayIssue()) detail += (detail.empty() ? "" : "; ") + std::string("no CA");
      if (rule.has_constraints) detail += (detail.empty() ? "" : "; ") + std::string("constrained");
    }
    bundle_.unsaid.push_back(
        {rule.trust.IsDistrusted() ? "distrusted-key" : "limited-key", about, detail, rule.origin});
  }

 private:
  ExportedBundle& bundle_;
  const Purpose purpose_;
  const bool trust_settings_;
};

std::size_t OrderOf(const std::string& kind) {
  const auto* const found = std::find_if(std::begin(kUnsaidKinds), std::end(kUnsaidKinds),
                                         [&](const UnsaidKind& one) { return one.kind == kind; });
  return static_cast<std::size_t>(found - std::begin(kUnsaidKinds));
}

}  // namespace

std::optional<Purpose> PurposeNamed(const std::string& name) {
  const auto* const end = std::begin(kPurposes) + kToBeNamed;
  const auto* const found =
      std::find_if(std::begin(kPurposes), end, [&](const auto& one) { return one.first == name; });
  return found == end ? std::nullopt : std::optional(found->second);
}

ExportedBundle SelectAnchors(std::shared_ptr<const platform::TrustStore> store, Purpose purpose,
                             bool trust_settings) {
  ExportedBundle bundle{std::move(store), {}, 0, {}};
  Selection selection(bundle, purpose, trust_settings);
  for (const platform::StoreEntry* const entry : bundle.store->Entries()) selection.Add(*entry);
  for (const platform::StoreRule& rule : bundle.store->OtherRules()) selection.Add(rule);
  std::sort(bundle.certificates.begin(), bundle.certificates.end(),
            [](const ExportedCertificate& a, const ExportedCertificate& b) {
              return std::make_pair(std::string_view(a.subject), platform::AsText(a.der)) <
                     std::make_pair(std::string_view(b.subject), platform::AsText(b.der));
            });
  std::sort(bundle.unsaid.begin(), bundle.unsaid.end(), [](const Unsaid& a, const Unsaid& b) {
    return std::make_tuple(OrderOf(a.kind), std::tie(a.subject, a.detail, a.rule)) <
           std::make_tuple(OrderOf(b.kind), std::tie(b.subject, b.detail, b.rule));
  });
  return bundle;
}

std::string BundleAsPem(const ExportedBundle& bundle, const std::string& purpose,
                        std::optional<std::int64_t> date) {
  std::string text = Comment("The CA certificates that this system trusts for " + purpose + ".");
  text += Comment(std::string("Written by ostrust export ") + OSTRUST_VERSION +
                  "; changes of the system's store are not in it until it is written again.");
  text += Comment("Source: " + bundle.store->Source());
  text += Comment("Certificates: " + std::to_string(bundle.certificates.size()));
  if (date) text += Comment("Date: " + UtcText(*date));
  for (const ExportedCertificate& certificate : bundle.certificates) {
    // As the store loader hands it over: bare where there is nothing to be said (rule 5).
    const std::string label =
        certificate.settings.empty() ? "CERTIFICATE-----\n" : "TRUSTED CERTIFICATE-----\n";
    Bytes der(certificate.der.begin(), certificate.der.end());
    der.insert(der.end(), certificate.settings.begin(), certificate.settings.end());
    text += "\n# " + certificate.subject + "\n";
    text += "-----BEGIN " + label;
    text += Base64Lines(der);
    text += "-----END " + label;
  }
  return text;
}

}  // namespace ostrust::tool
