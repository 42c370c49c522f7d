#include "platform/memory_trust_store.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

#include "platform/certificate_fields.hpp"
#include "platform/name.hpp"

namespace ostrust::platform {
namespace {

std::size_t Hash(ByteView bytes) {
  return std::hash<std::string_view>()(AsText(bytes));
}

bool Equal(ByteView a, ByteView b) {
  return AsText(a) == AsText(b);
}

}  // namespace

MemoryTrustStore::MemoryTrustStore(std::vector<TrustedCertificate> certificates, std::string source,
                                   std::vector<std::string> problems)
    : source_(std::move(source)), problems_(std::move(problems)) {
  certificates_.reserve(certificates.size());
  entries_.reserve(certificates.size());
  std::unordered_multimap<std::size_t, std::size_t> seen;
  seen.reserve(certificates.size());
  for (TrustedCertificate& certificate : certificates) {
    if (certificate.trust.GetKind() == CertificateTrust::Kind::kUnspecified) continue;
    const std::size_t hash = Hash(TbsCertificateOf(certificate.der));
    const auto [first, last] = seen.equal_range(hash);
    const auto same = std::find_if(first, last, [&](const auto& candidate) {
      return certificates_[candidate.second].der == certificate.der;
    });
    if (same != last) {
      TrustedCertificate& first_copy = certificates_[same->second];
      first_copy.trust = first_copy.trust.MergedWith(certificate.trust);
      for (Bytes& constraints : certificate.name_constraints) {
        first_copy.name_constraints.push_back(std::move(constraints));
      }
      continue;
    }
    seen.emplace(hash, certificates_.size());
    entries_.push_back({{}, hash, certificate.self_issued, {}});
    certificates_.push_back(std::move(certificate));
  }

  by_subject_.reserve(entries_.size());
  by_tbs_certificate_.reserve(entries_.size());
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    entries_[i].der = certificates_[i].der;
    entries_[i].trust = certificates_[i].trust;
    if (entries_[i].trust.IsAnchor()) ++anchor_count_;
    if (IsLimited(i)) has_limits_ = true;
    by_subject_.push_back({Hash(certificates_[i].canonical_subject), i});
    by_tbs_certificate_.push_back({entries_[i].der_hash, i});
  }
  const auto before = [](const IndexEntry& a, const IndexEntry& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.position < b.position;
  };
  std::sort(by_subject_.begin(), by_subject_.end(), before);
  std::sort(by_tbs_certificate_.begin(), by_tbs_certificate_.end(), before);
}

MemoryTrustStore::Index::const_iterator MemoryTrustStore::FirstOf(const Index& index,
                                                                  std::size_t hash) {
  return std::lower_bound(
      index.begin(), index.end(), hash,
      [](const IndexEntry& entry, std::size_t wanted) { return entry.hash < wanted; });
}

std::vector<const StoreEntry*> MemoryTrustStore::FindBySubject(ByteView subject) const {
  const auto canonical = CanonicalName(subject);
  if (!canonical) return {};
  return FindByCanonicalSubject(*canonical);
}

std::vector<const StoreEntry*> MemoryTrustStore::FindByCanonicalSubject(
    ByteView canonical_subject) const {
  std::vector<const StoreEntry*> found;
  const std::size_t hash = Hash(canonical_subject);
  for (auto it = FirstOf(by_subject_, hash); it != by_subject_.end() && it->hash == hash; ++it) {
    if (Equal(certificates_[it->position].canonical_subject, canonical_subject)) {
      found.push_back(&entries_[it->position]);
    }
  }
  return found;
}

std::vector<std::uint32_t> MemoryTrustStore::SameTbsCertificate(ByteView certificate) const {
  std::vector<std::uint32_t> same;
  const ByteView wanted = TbsCertificateOf(certificate);
  const std::size_t hash = Hash(wanted);
  for (auto it = FirstOf(by_tbs_certificate_, hash);
       it != by_tbs_certificate_.end() && it->hash == hash; ++it) {
    if (Equal(TbsCertificateOf(entries_[it->position].der), wanted)) same.push_back(it->position);
  }
  return same;
}

CertificateTrust MemoryTrustStore::TrustOf(ByteView certificate) const {
  CertificateTrust trust;
  for (const std::uint32_t position : SameTbsCertificate(certificate)) {
    trust = trust.MergedWith(entries_[position].trust);
  }
  return trust;
}

StapledConstraints MemoryTrustStore::ConstraintsOf(ByteView certificate) const {
  StapledConstraints constraints;
  if (!has_limits_) return constraints;
  for (const std::uint32_t position : SameTbsCertificate(certificate)) {
    for (const Bytes& one : certificates_[position].name_constraints) {
      constraints.name_constraints.emplace_back(one);
    }
  }
  return constraints;
}

bool MemoryTrustStore::IsLimited(std::uint32_t position) const {
  return entries_[position].trust.IsLimited() || !certificates_[position].name_constraints.empty();
}

bool MemoryTrustStore::MayLimit(const CertificateFields& fields) const {
  if (!has_limits_) return false;
  const auto canonical = CanonicalName(fields.subject);
  if (!canonical) return true;
  const auto found = FindByCanonicalSubject(*canonical);
  return std::any_of(found.begin(), found.end(), [this](const StoreEntry* entry) {
    return IsLimited(static_cast<std::uint32_t>(entry - entries_.data()));
  });
}

std::vector<const StoreEntry*> MemoryTrustStore::Entries() const {
  std::vector<const StoreEntry*> all;
  all.reserve(entries_.size());
  for (const StoreEntry& entry : entries_) all.push_back(&entry);
  return all;
}

}  // namespace ostrust::platform
