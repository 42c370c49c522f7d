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
      CertificateTrust& trust = certificates_[same->second].trust;
      trust = trust.MergedWith(certificate.trust);
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
    if (entries_[i].trust.IsLimited()) has_limits_ = true;
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

CertificateTrust MemoryTrustStore::TrustOf(ByteView certificate) const {
  const ByteView wanted = TbsCertificateOf(certificate);
  const std::size_t hash = Hash(wanted);
  CertificateTrust trust;
  for (auto it = FirstOf(by_tbs_certificate_, hash);
       it != by_tbs_certificate_.end() && it->hash == hash; ++it) {
    const StoreEntry& entry = entries_[it->position];
    if (Equal(TbsCertificateOf(entry.der), wanted)) trust = trust.MergedWith(entry.trust);
  }
  return trust;
}

bool MemoryTrustStore::MayLimit(const CertificateFields& fields) const {
  if (!has_limits_) return false;
  const auto canonical = CanonicalName(fields.subject);
  if (!canonical) return true;
  const auto found = FindByCanonicalSubject(*canonical);
  return std::any_of(found.begin(), found.end(),
                     [](const StoreEntry* entry) { return entry->trust.IsLimited(); });
}

std::vector<const StoreEntry*> MemoryTrustStore::Entries() const {
  std::vector<const StoreEntry*> all;
  all.reserve(entries_.size());
  for (const StoreEntry& entry : entries_) all.push_back(&entry);
  return all;
}

}  // namespace ostrust::platform
