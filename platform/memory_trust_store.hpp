// MemoryTrustStore: a TrustStore over a set of certificates, whatever they were read from.
//
// Two sorted indexes, by canonical subject and by TBSCertificate. Built once, then only read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/trust_store.hpp"
#include "platform/trusted_certificate.hpp"

namespace ostrust::platform {

class MemoryTrustStore final : public TrustStore {
 public:
  /// Certificates that occur several times are one entry, at the first one's place, with what
  /// CertificateTrust::MergedWith() makes of their trusts and the name constraints of all.
  /// Unspecified ones are left out.
  MemoryTrustStore(std::vector<TrustedCertificate> certificates, std::string source,
                   std::vector<std::string> problems);
  // Entries point into the certificates.
  MemoryTrustStore(const MemoryTrustStore&) = delete;
  MemoryTrustStore& operator=(const MemoryTrustStore&) = delete;

  std::vector<const StoreEntry*> FindBySubject(ByteView subject) const override;
  CertificateTrust TrustOf(ByteView certificate) const override;
  StapledConstraints ConstraintsOf(ByteView certificate) const override;
  bool MayLimit(const CertificateFields& fields) const override;
  std::vector<const StoreEntry*> Entries() const override;
  std::size_t AnchorCount() const override { return anchor_count_; }
  const std::string& Source() const override { return source_; }
  const std::vector<std::string>& Problems() const override { return problems_; }

  /// FindBySubject() for who has the canonical encoding already (name.hpp).
  std::vector<const StoreEntry*> FindByCanonicalSubject(ByteView canonical_subject) const;
  /// What the entries were made from, in the same order, duplicates left out and trusts merged.
  const std::vector<TrustedCertificate>& Certificates() const { return certificates_; }

 private:
  struct IndexEntry {
    std::size_t hash;
    std::uint32_t position;  // in entries_
  };
  using Index = std::vector<IndexEntry>;
  static Index::const_iterator FirstOf(const Index& index, std::size_t hash);
  /// The positions of those with the same TBSCertificate, in order.
  std::vector<std::uint32_t> SameTbsCertificate(ByteView certificate) const;
  bool IsLimited(std::uint32_t position) const;

  std::vector<TrustedCertificate> certificates_;
  std::vector<StoreEntry> entries_;  // parallel to certificates_
  Index by_subject_;                 // sorted by hash, then position
  Index by_tbs_certificate_;
  std::size_t anchor_count_ = 0;
  bool has_limits_ = false;
  std::string source_;
  std::vector<std::string> problems_;
};

}  // namespace ostrust::platform
