#include "platform/extended_trust_store.hpp"

#include <utility>
#include <vector>

#include "platform/memory_trust_store.hpp"
#include "platform/trusted_certificate.hpp"

namespace ostrust::platform {
namespace {

constexpr CertificateTrust kForServers =
    CertificateTrust::LimitedAnchor(PurposeSet().With(Purpose::kServerAuth).Complement(), false);

class Extended final : public TrustStore {
 public:
  Extended(std::shared_ptr<const TrustStore> base, TrustedCertificate anchor)
      : TrustStore(base.get()),
        base_(std::move(base)),
        added_(OneOf(std::move(anchor)), "the operating system's verifier", {}) {}

  std::vector<const StoreEntry*> FindBySubject(ByteView subject) const override {
    auto found = base_->FindBySubject(subject);
    const auto added = added_.FindBySubject(subject);
    found.insert(found.end(), added.begin(), added.end());
    return found;
  }
  CertificateTrust TrustOf(ByteView certificate) const override {
    return base_->TrustOf(certificate).MergedWith(added_.TrustOf(certificate));
  }
  StapledConstraints ConstraintsOf(ByteView certificate) const override {
    return base_->ConstraintsOf(certificate);
  }
  bool MayLimit(const CertificateFields& fields) const override {
    return base_->MayLimit(fields) || added_.MayLimit(fields);
  }
  std::vector<const StoreEntry*> Entries() const override {
    auto entries = base_->Entries();
    const auto added = added_.Entries();
    entries.insert(entries.end(), added.begin(), added.end());
    return entries;
  }
  std::size_t AnchorCount() const override { return base_->AnchorCount() + 1; }
  const std::string& Source() const override { return base_->Source(); }
  std::string RuleFor(ByteView certificate) const override {
    return added_.TrustOf(certificate).IsAnchor() ? added_.Source() : base_->RuleFor(certificate);
  }
  const std::vector<std::string>& Problems() const override { return base_->Problems(); }

 private:
  static std::vector<TrustedCertificate> OneOf(TrustedCertificate anchor) {
    std::vector<TrustedCertificate> one;
    one.push_back(std::move(anchor));
    return one;
  }

  const std::shared_ptr<const TrustStore> base_;
  const MemoryTrustStore added_;
};

}  // namespace

std::shared_ptr<const TrustStore> WithAnchor(std::shared_ptr<const TrustStore> store,
                                             ByteView anchor) {
  auto certificate = MakeTrustedCertificate(anchor, kForServers);
  if (!certificate) return nullptr;
  return std::make_shared<Extended>(std::move(store), std::move(*certificate));
}

}  // namespace ostrust::platform
