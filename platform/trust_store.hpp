// TrustStore: what the operating system trusts, as it was at one moment.
//
// Two questions: "which of the system's certificates have this subject" and "how far is this
// certificate trusted". The answers never change; when the system's store changes, a new TrustStore
// is made (live_trust_store.hpp) and the old one lives on for whoever still holds it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/certificate_fields.hpp"
#include "platform/certificate_trust.hpp"

namespace ostrust::platform {

/// One certificate of the system's store. Owned by the TrustStore it came from, and valid as long.
struct StoreEntry {
  /// The certificate's DER (RFC 5280 Certificate), without trust settings after it.
  ByteView der;
  /// A hash of the TBSCertificate in `der`, made when the store was read; equal certificates have
  /// an equal hash in this process. Not a fingerprint: it is not collision resistant.
  std::size_t der_hash = 0;
  /// Issuer and subject are equal as OpenSSL compares names. Says nothing about the signature.
  bool self_issued = false;
  /// kAnchor or kDistrusted, never kUnspecified.
  CertificateTrust trust;
};

/// Constraints that the system puts on what a CA may issue, beyond those in its certificate. Views
/// into the TrustStore.
struct StapledConstraints {
  /// NameConstraints (RFC 5280 section 4.2.1.10), each to be satisfied.
  std::vector<ByteView> name_constraints;
  /// pathLenConstraint of section 4.2.1.9.
  std::optional<std::size_t> path_length;
};

/// Something the system says about certificates that are not in its store. Views into the
/// TrustStore.
struct StoreRule {
  /// The bits of the BIT STRING subjectPublicKey; empty in a rule by issuer and serial number.
  ByteView public_key;
  /// The issuer's RDNs (the content of a Name) as CanonicalName() has them, and the content of the
  /// INTEGER serialNumber; empty in a rule by key.
  ByteView canonical_issuer;
  ByteView serial_number;
  /// What it makes of a certificate that the system does not list: Distrusted() or Limited().
  CertificateTrust trust;
  bool has_constraints = false;  // StapledConstraints, too
  std::string origin;            // the file that says it, for a person
};

/// A part of the source could not be read because the process has no descriptor or memory left: it
/// may be what distrusts somebody, so nothing is said without it. what() is a sentence.
class LackOfMeans : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An immutable, indexed set of anchors and distrusted certificates. Safe to use from any number of
/// threads at once. Held by std::shared_ptr<const TrustStore>; entries point into it. What answers
/// about certificates may throw std::bad_alloc and, where it reads part of its source on demand,
/// LackOfMeans: whoever asks again has it read again.
class TrustStore {
 public:
  virtual ~TrustStore() = default;

  /// A number that no other TrustStore of this process has, or had, but those made of it by
  /// WithAnchor().
  std::uint64_t Id() const { return id_; }

  /// The entries whose subject equals `subject`, the DER of an RFC 5280 Name, as OpenSSL's
  /// X509_NAME_cmp() compares: string type, case of ASCII letters and runs of spaces do not count.
  /// Anchors and distrusted certificates alike, in the order of the source. Empty when `subject` is
  /// no DER Name.
  virtual std::vector<const StoreEntry*> FindBySubject(ByteView subject) const = 0;

  /// How far this certificate is trusted; Unspecified when it is not there. It is the same as an
  /// entry if the TBSCertificate is: with another signature on it, it is still the one the system
  /// speaks of. Where several entries are, MergedWith() makes one answer of them.
  virtual CertificateTrust TrustOf(ByteView certificate) const = 0;

  /// What the system demands of the certificates below this one in a chain.
  virtual StapledConstraints ConstraintsOf(ByteView) const { return {}; }

  /// False only if no certificate with these fields is distrusted or limited in any way; the field
  /// `certificate` is not looked at. Then TrustOf() and ConstraintsOf() have nothing
  /// against one and need not be asked.
  virtual bool MayLimit(const CertificateFields& fields) const = 0;

  /// Every entry, in the order of the sources, without duplicates. A store that reads part of its
  /// source on demand reads all of it here: for listings, not for verifications.
  virtual std::vector<const StoreEntry*> Entries() const = 0;

  /// How many of Entries() are anchors. Reads nothing: a store that reads on demand answers with
  /// what it has read so far, and with the exact number once Entries() was called.
  virtual std::size_t AnchorCount() const = 0;

  /// Where it was read from, for a person: paths joined by " + ".
  virtual const std::string& Source() const = 0;

  /// Where it says what TrustOf() and ConstraintsOf() answered, for a person: a file, and how the
  /// certificate was recognised if not as a whole.
  virtual std::string RuleFor(ByteView) const { return Source(); }

  /// The rules that speak of none of Entries(), in no particular order. Reads what Entries() reads.
  virtual std::vector<StoreRule> OtherRules() const { return {}; }

  /// What was skipped and why, one sentence each, naming the file (rule 11: one certificate that
  /// does not parse hides no other). Of what has been read so far; what one call returned stays as
  /// it is as long as the store.
  virtual const std::vector<std::string>& Problems() const = 0;

 protected:
  TrustStore() : id_(NextId()) {}
  /// For one that only adds to `base`.
  explicit TrustStore(const TrustStore* base) : id_(base->id_) {}
  TrustStore(const TrustStore&) = delete;
  TrustStore& operator=(const TrustStore&) = delete;

 private:
  static std::uint64_t NextId() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  const std::uint64_t id_;
};

}  // namespace ostrust::platform
