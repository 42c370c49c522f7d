#include "platform/policy_trust_store.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "platform/der.hpp"
#include "platform/extension.hpp"
#include "platform/name.hpp"
#include "platform/trust_settings.hpp"

namespace ostrust::platform {
namespace {

using namespace std::string_view_literals;

// Content octets of the OBJECT IDENTIFIERs.
constexpr std::string_view kKeyUsage = "\x55\x1d\x0f"sv;          // 2.5.29.15
constexpr std::string_view kBasicConstraints = "\x55\x1d\x13"sv;  // 2.5.29.19
constexpr std::string_view kNameConstraints = "\x55\x1d\x1e"sv;   // 2.5.29.30
constexpr std::string_view kExtendedKeyUsage = "\x55\x1d\x25"sv;  // 2.5.29.37
// 1.3.6.1.4.1.3319.6.10.1, of the same form as an extended key usage
constexpr std::string_view kOpenSslReject = "\x2b\x06\x01\x04\x01\x99\x77\x06\x0a\x01"sv;

Bytes Copy(ByteView bytes) {
  return Bytes(bytes.begin(), bytes.end());
}

/// Leading zeros mean nothing.
ByteView Significant(ByteView serial_number) {
  while (serial_number.size() > 1 && serial_number.front() == std::byte{0}) {
    serial_number = serial_number.subspan(1);
  }
  return serial_number;
}

/// ExtKeyUsageSyntax ::= SEQUENCE SIZE (1..MAX) OF KeyPurposeId
std::optional<PurposeSet> ReadExtendedKeyUsage(ByteView der) {
  DerReader outer(der);
  const auto list = outer.Next(der::kSequence);
  return list && outer.AtEnd() ? ReadPurposes(list->content) : std::nullopt;
}

/// BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }
struct BasicConstraints {
  bool ca = false;
  std::optional<std::size_t> path_length;
};
std::optional<BasicConstraints> ReadBasicConstraints(ByteView der) {
  DerReader outer(der);
  const auto sequence = outer.Next(der::kSequence);
  if (!sequence || !outer.AtEnd()) return std::nullopt;
  DerReader reader(sequence->content);
  BasicConstraints constraints;
  if (reader.NextIs(der::kBoolean)) {
    const auto ca = reader.Next();
    if (!ca || ca->content.size() != 1) return std::nullopt;
    constraints.ca = ca->content[0] != std::byte{0};
  }
  if (reader.NextIs(der::kInteger)) {
    const auto length = reader.Next();
    // A chain of more than 127 certificates does not occur.
    if (!length || length->content.size() != 1 || (length->content[0] >> 7) != std::byte{0}) {
      return std::nullopt;
    }
    constraints.path_length = std::to_integer<std::size_t>(length->content[0]);
  }
  return reader.AtEnd() ? std::optional(constraints) : std::nullopt;
}

/// KeyUsage ::= BIT STRING; keyCertSign is bit 5. Nullopt when it is none.
std::optional<bool> MaySignCertificates(ByteView der) {
  DerReader outer(der);
  const auto bits = outer.Next(der::kBitString);
  if (!bits || !outer.AtEnd() || bits->content.empty()) return std::nullopt;
  return bits->content.size() > 1 && (bits->content[1] & std::byte{0x04}) != std::byte{0};
}

}  // namespace

/// Makes the rules, then the entries, which the rules hold for as for any other certificate.
class PolicyTrustStore::Builder {
 public:
  Builder(PolicyTrustStore& store, TrustPolicy& policy) : store_(store), policy_(policy) {}

  std::vector<TrustedCertificate> Build() {
    for (const TrustPolicy::StapledExtension& stapled : policy_.extensions) Staple(stapled);
    for (const TrustPolicy::Certificate& item : policy_.certificates) {
      if (item.distrusted) Distrust(item);
    }
    std::vector<TrustedCertificate> certificates;
    for (const TrustPolicy::Certificate& item : policy_.certificates) {
      // One without a certificate is a rule and nothing else.
      if ((item.trusted || item.distrusted) && !item.certificate.empty()) Add(item, certificates);
    }
    return certificates;
  }

 private:
  std::string OriginOf(std::uint32_t origin) const {
    return origin < policy_.origins.size() ? policy_.origins[origin] : "an unknown file";
  }
  void Problem(std::uint32_t origin, const std::string& what) {
    policy_.problems.push_back(OriginOf(origin) + ": " + what);
  }

  Rule& RuleOf(ByteView public_key, std::uint32_t origin) {
    const auto known = store_.by_key_identity_.find(KeyIdentity(public_key));
    if (known != store_.by_key_identity_.end()) return *known->second;
    auto& [key, rule] = *store_.by_public_key_.try_emplace(Copy(public_key)).first;
    rule.origin = origin;
    store_.by_key_identity_.emplace(KeyIdentity(key), &rule);
    return rule;
  }
  static void Refuse(Rule& rule, CertificateTrust trust, std::uint32_t origin) {
    // The one to name is the one that distrusts.
    if (trust.IsDistrusted() && !rule.trust.IsDistrusted()) rule.origin = origin;
    rule.trust = rule.trust.MergedWith(trust);
  }

  void Staple(const TrustPolicy::StapledExtension& stapled) {
    const ByteView key = PublicKeyOf(stapled.public_key_info);
    if (key.empty()) {
      return Problem(stapled.origin, "an extension is stapled to what is no public key: skipped");
    }
    Rule& rule = RuleOf(key, stapled.origin);
    const auto refuse = [&](CertificateTrust trust) { Refuse(rule, trust, stapled.origin); };
    DerReader reader(stapled.extension);
    const auto extension = ReadExtension(reader);
    if (!extension || !reader.AtEnd()) {
      Problem(stapled.origin, "a stapled extension cannot be read: its key is distrusted");
      return refuse(CertificateTrust::Distrusted());
    }
    if (extension->identifier == kExtendedKeyUsage) {
      const auto purposes = ReadExtendedKeyUsage(extension->value);
      if (!purposes) {
        Problem(stapled.origin, "a stapled extended key usage cannot be read: for no purpose");
      }
      return refuse(CertificateTrust::Limited(purposes.value_or(PurposeSet()).Complement()));
    }
    if (extension->identifier == kOpenSslReject) {
      const auto purposes = ReadExtendedKeyUsage(extension->value);
      if (!purposes) Problem(stapled.origin, "a stapled reject cannot be read: for no purpose");
      const bool all = !purposes || *purposes == PurposeSet::All();
      return refuse(all ? CertificateTrust::Distrusted() : CertificateTrust::Limited(*purposes));
    }
    if (extension->identifier == kBasicConstraints) {
      const auto constraints = ReadBasicConstraints(extension->value);
      if (!constraints) {
        Problem(stapled.origin, "stapled basic constraints cannot be read: the key is no CA's");
      }
      if (!constraints || !constraints->ca) return refuse(CertificateTrust().AsNoIssuer());
      if (constraints->path_length) {
        store_.has_constraints_ = true;
        rule.path_length = std::min(rule.path_length.value_or(*constraints->path_length),
                                    *constraints->path_length);
      }
      return;
    }
    if (extension->identifier == kKeyUsage) {
      const auto may_sign = MaySignCertificates(extension->value);
      if (!may_sign) Problem(stapled.origin, "a stapled key usage cannot be read: no CA's key");
      if (!may_sign.value_or(false)) refuse(CertificateTrust().AsNoIssuer());
      return;
    }
    if (extension->identifier == kNameConstraints) {
      store_.has_constraints_ = true;
      rule.name_constraints.push_back(Copy(extension->value));
      return;
    }
    if (extension->is_critical) {
      Problem(stapled.origin,
              "a stapled critical extension is not one that is understood: its key is distrusted");
      refuse(CertificateTrust::Distrusted());
    }
  }

  void Distrust(const TrustPolicy::Certificate& item) {
    const auto by_key = [&](ByteView key) {
      if (key.empty()) return false;
      Refuse(RuleOf(key, item.origin), CertificateTrust::Distrusted(), item.origin);
      return true;
    };
    const auto by_serial_number = [&](ByteView issuer, ByteView serial_number) {
      auto canonical = CanonicalName(issuer);
      if (!canonical || serial_number.empty()) return false;
      store_.by_serial_number_.emplace(Copy(Significant(serial_number)),
                                       SerialNumberRule{std::move(*canonical), item.origin});
      return true;
    };
    bool understood = false;
    if (const auto fields = ReadCertificateFields(item.certificate)) {
      by_key(fields->public_key);
      by_serial_number(fields->issuer, fields->serial_number);
      understood = true;
    }
    understood |= by_key(PublicKeyOf(item.public_key_info));
    if (const auto serial_number = DerReader(item.serial_number).Next(der::kInteger)) {
      understood |= by_serial_number(item.issuer, serial_number->content);
    }
    if (!understood) {
      Problem(item.origin,
              "what is distrusted there cannot be read: no certificate, no public key, no issuer "
              "with serial number");
    }
  }

  void Add(const TrustPolicy::Certificate& item, std::vector<TrustedCertificate>& certificates) {
    CertificateTrust trust = CertificateTrust::Distrusted();
    if (!item.distrusted) {
      trust = CertificateTrust::LimitedAnchor({}, /*ends_chain=*/true);
      trust = Dated(trust, Purpose::kServerAuth, item.server_distrust_after, item.origin);
      trust = Dated(trust, Purpose::kEmailProtection, item.email_distrust_after, item.origin);
      if (!item.authority) trust = trust.AsNoIssuer();
    }
    const auto fields = ReadCertificateFields(item.certificate);
    const bool whole = fields && fields->certificate.size() == item.certificate.size();
    auto certificate = whole ? MakeTrustedCertificate(*fields, trust) : std::nullopt;
    if (!certificate) {
      return Problem(item.origin, "a certificate there cannot be read: skipped");
    }
    const auto [origin, added] = store_.origin_of_certificate_.try_emplace(
        Copy(TbsCertificateOf(certificate->der)), item.origin);
    if (!added && item.distrusted) origin->second = item.origin;
    certificate->trust = store_.LimitedByRules(certificate->trust, *fields);
    if (certificate->trust.IsLimited()) RuleOf(fields->public_key, item.origin);  // MayLimit()
    certificates.push_back(std::move(*certificate));
  }

  CertificateTrust Dated(CertificateTrust trust, Purpose purpose, ByteView date,
                         std::uint32_t origin) {
    if (date.empty()) return trust;
    const auto time = ParseTime(date);
    if (!time) Problem(origin, "a date of distrust cannot be read: it counts as long past");
    return trust.WithDistrustAfter(purpose,
                                   time.value_or(std::numeric_limits<std::int64_t>::min()));
  }

  PolicyTrustStore& store_;
  TrustPolicy& policy_;
};

PolicyTrustStore::PolicyTrustStore(TrustPolicy policy, std::string source) {
  auto certificates = Builder(*this, policy).Build();
  origins_ = std::move(policy.origins);
  base_ = std::make_unique<const MemoryTrustStore>(std::move(certificates), std::move(source),
                                                   std::move(policy.problems));
}

const PolicyTrustStore::Rule* PolicyTrustStore::RuleOfKey(ByteView public_key) const {
  const auto found = by_key_identity_.find(KeyIdentity(public_key));
  return found == by_key_identity_.end() ? nullptr : found->second;
}

const PolicyTrustStore::SerialNumberRule* PolicyTrustStore::RuleOfSerialNumber(
    ByteView issuer, ByteView serial_number) const {
  if (by_serial_number_.empty()) return nullptr;
  const auto [first, last] = by_serial_number_.equal_range(Significant(serial_number));
  // Serial numbers hardly ever meet, so that names are hardly ever compared.
  const auto canonical = first == last ? std::nullopt : CanonicalName(issuer);
  // OpenSSL also reads a name in BER: of one that is no DER it cannot be told that it is another's.
  const auto found = std::find_if(first, last, [&](const auto& rule) {
    return !canonical || rule.second.canonical_issuer == *canonical;
  });
  return found == last ? nullptr : &found->second;
}

CertificateTrust PolicyTrustStore::LimitedByRules(CertificateTrust trust,
                                                  const CertificateFields& fields) const {
  if (RuleOfSerialNumber(fields.issuer, fields.serial_number) != nullptr) {
    return CertificateTrust::Distrusted();
  }
  const Rule* const rule = RuleOfKey(fields.public_key);
  return rule == nullptr ? trust : trust.MergedWith(rule->trust);
}

CertificateTrust PolicyTrustStore::TrustOf(ByteView certificate) const {
  const CertificateTrust trust = base_->TrustOf(certificate);
  if (!HasRules()) return trust;
  const auto fields = ReadCertificateFields(certificate);
  // OpenSSL also reads BER. Which rules hold for what is no DER cannot be told.
  return fields ? LimitedByRules(trust, *fields) : CertificateTrust::Distrusted();
}

StapledConstraints PolicyTrustStore::ConstraintsOf(ByteView certificate) const {
  StapledConstraints constraints;
  const auto fields = has_constraints_ ? ReadCertificateFields(certificate) : std::nullopt;
  const Rule* const rule = fields ? RuleOfKey(fields->public_key) : nullptr;
  if (rule == nullptr) return constraints;
  constraints.name_constraints.assign(rule->name_constraints.begin(), rule->name_constraints.end());
  constraints.path_length = rule->path_length;
  return constraints;
}

bool PolicyTrustStore::MayLimit(const CertificateFields& fields) const {
  // What a listed certificate is limited to has its key in here, too: no name has to be compared.
  return RuleOfKey(fields.public_key) != nullptr ||
         by_serial_number_.count(Significant(fields.serial_number)) > 0;
}

std::string PolicyTrustStore::RuleFor(ByteView certificate) const {
  const auto named = [this](std::uint32_t origin, const char* how) {
    return OriginText(origin) + how;
  };
  const auto listed = origin_of_certificate_.find(TbsCertificateOf(certificate));
  const bool is_listed = listed != origin_of_certificate_.end();
  const auto fields = ReadCertificateFields(certificate);
  const Rule* const of_key = fields ? RuleOfKey(fields->public_key) : nullptr;
  const SerialNumberRule* const of_number =
      fields ? RuleOfSerialNumber(fields->issuer, fields->serial_number) : nullptr;

  // An exact distrust first, then the others, then what merely limits.
  if (is_listed && of_key != nullptr && of_key->origin == listed->second) {
    return named(listed->second, "");
  }
  if (of_key != nullptr && of_key->trust.IsDistrusted()) {
    return named(of_key->origin, " (by its public key)");
  }
  if (of_number != nullptr) return named(of_number->origin, " (by issuer and serial number)");
  if (of_key != nullptr) return named(of_key->origin, " (by its public key)");
  if (!fields) return Source() + " (its rules cannot be applied: it is not encoded in DER)";
  return is_listed ? named(listed->second, "") : Source();
}

std::string PolicyTrustStore::OriginText(std::uint32_t origin) const {
  const bool is_known = origin < origins_.size() && !origins_[origin].empty();
  return is_known ? origins_[origin] : Source();
}

std::vector<StoreRule> PolicyTrustStore::OtherRules() const {
  std::set<std::string_view> listed_keys;
  std::set<std::pair<std::string_view, Bytes>> listed_numbers;
  for (const StoreEntry* const entry : Entries()) {
    const auto fields = ReadCertificateFields(entry->der);
    if (!fields) continue;
    listed_keys.insert(AsText(KeyIdentity(fields->public_key)));
    if (auto issuer = CanonicalName(fields->issuer)) {
      listed_numbers.emplace(AsText(Significant(fields->serial_number)), std::move(*issuer));
    }
  }
  std::vector<StoreRule> rules;
  for (const auto& [key, rule] : by_public_key_) {
    const bool has_constraints = !rule.name_constraints.empty() || rule.path_length;
    // An empty one only says that a listed certificate is limited.
    if (listed_keys.count(AsText(KeyIdentity(key))) > 0 ||
        (!rule.trust.IsLimited() && !has_constraints)) {
      continue;
    }
    rules.push_back({key, {}, {}, rule.trust, has_constraints, OriginText(rule.origin)});
  }
  for (const auto& [number, rule] : by_serial_number_) {
    if (listed_numbers.count({AsText(number), rule.canonical_issuer}) > 0) continue;
    rules.push_back({{},
                     rule.canonical_issuer,
                     number,
                     CertificateTrust::Distrusted(),
                     false,
                     OriginText(rule.origin)});
  }
  return rules;
}

}  // namespace ostrust::platform
