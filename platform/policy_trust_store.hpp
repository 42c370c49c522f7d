// PolicyTrustStore: a TrustStore that knows not only certificates but rules about keys, and about
// issuers with serial numbers. They hold for every certificate of a chain, also for one that the
// system never saw: another CA's certificate for a distrusted key is distrusted.
//
// Immutable, as every TrustStore.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/certificate_fields.hpp"
#include "platform/memory_trust_store.hpp"
#include "platform/trust_policy.hpp"
#include "platform/trust_store.hpp"

namespace ostrust::platform {

class PolicyTrustStore final : public TrustStore {
 public:
  /// How `policy` is read:
  /// - Distrust beats trust by certificate, by public key, and by issuer and serial number, as
  ///   p11-kit's own tools decide it (trust/enumerate.c): a distrusted certificate takes every
  ///   certificate of its key with it, in whatever form that stands there (KeyIdentity()).
  /// - A trusted certificate ends a chain, self-signed or not; one that is no authority ends only
  ///   its own.
  /// - A stapled extended key usage lets the key stand in chains for the listed purposes only, an
  ///   OpenSSL reject (1.3.6.1.4.1.3319.6.10.1) in none for those; stapled basic constraints and
  ///   key usage can say that it is no CA; name constraints and a path length are ConstraintsOf().
  /// - What cannot be understood refuses (RFC 5280 section 4.2): an extended key usage that does
  /// not
  ///   parse lists nothing, a date that does not parse is long past, a critical extension that is
  ///   not one of these distrusts the key. Each is a problem, too.
  /// `source`: for a person, as Source().
  PolicyTrustStore(TrustPolicy policy, std::string source);
  // The base's entries and the rules are views.
  PolicyTrustStore(const PolicyTrustStore&) = delete;
  PolicyTrustStore& operator=(const PolicyTrustStore&) = delete;

  std::vector<const StoreEntry*> FindBySubject(ByteView subject) const override {
    return base_->FindBySubject(subject);
  }
  CertificateTrust TrustOf(ByteView certificate) const override;
  StapledConstraints ConstraintsOf(ByteView certificate) const override;
  bool MayLimit(const CertificateFields& fields) const override;
  std::string RuleFor(ByteView certificate) const override;
  std::vector<StoreRule> OtherRules() const override;
  std::vector<const StoreEntry*> Entries() const override { return base_->Entries(); }
  std::size_t AnchorCount() const override { return base_->AnchorCount(); }
  const std::string& Source() const override { return base_->Source(); }
  const std::vector<std::string>& Problems() const override { return base_->Problems(); }

  /// Whether it says nothing at all: no entry and no rule.
  bool Empty() const { return Entries().empty() && !HasRules(); }

 private:
  /// What is said about everything with one key, or one issuer and serial number.
  struct Rule {
    CertificateTrust trust;
    std::vector<Bytes> name_constraints;
    std::optional<std::size_t> path_length;
    std::uint32_t origin = 0;
  };
  struct SerialNumberRule {
    Bytes canonical_issuer;
    std::uint32_t origin = 0;
  };
  /// Finds by ByteView.
  struct BytesLess {
    using is_transparent = void;
    bool operator()(ByteView a, ByteView b) const { return AsText(a) < AsText(b); }
  };
  class Builder;

  bool HasRules() const { return !by_public_key_.empty() || !by_serial_number_.empty(); }
  std::string OriginText(std::uint32_t origin) const;
  const Rule* RuleOfKey(ByteView public_key) const;
  /// Each distrusts. Null when there is none.
  const SerialNumberRule* RuleOfSerialNumber(ByteView issuer, ByteView serial_number) const;
  /// What remains of `trust` where a rule speaks of the certificate.
  CertificateTrust LimitedByRules(CertificateTrust trust, const CertificateFields& fields) const;

  std::map<Bytes, Rule, BytesLess> by_public_key_;  // CertificateFields::public_key
  /// By KeyIdentity() of these, and pointing to them: another form of a key is the same key.
  std::map<ByteView, Rule*, BytesLess> by_key_identity_;
  std::multimap<Bytes, SerialNumberRule, BytesLess> by_serial_number_;
  std::map<Bytes, std::uint32_t, BytesLess> origin_of_certificate_;  // by TBSCertificate
  std::vector<std::string> origins_;
  bool has_constraints_ = false;  // any rule's
  std::unique_ptr<const MemoryTrustStore> base_;
};

}  // namespace ostrust::platform
