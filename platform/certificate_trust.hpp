// How far the operating system trusts one certificate. A small value, like BoringSSL's
// bssl::CertificateTrust: made by named functions, compared, merged, never changed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace ostrust::platform {

/// The purposes an operating system can limit an anchor to. They are the extended key usages of
/// RFC 5280 section 4.2.1.12 for which OpenSSL has a trust setting (X509_TRUST_*, x509_trs.c).
enum class Purpose : std::uint8_t {
  kServerAuth,       // 1.3.6.1.5.5.7.3.1  id-kp-serverAuth
  kClientAuth,       // 1.3.6.1.5.5.7.3.2  id-kp-clientAuth
  kCodeSigning,      // 1.3.6.1.5.5.7.3.3  id-kp-codeSigning
  kEmailProtection,  // 1.3.6.1.5.5.7.3.4  id-kp-emailProtection
  kTimeStamping,     // 1.3.6.1.5.5.7.3.8  id-kp-timeStamping
  kOcspSigning,      // 1.3.6.1.5.5.7.3.9  id-kp-OCSPSigning
  kOcspRequest,      // 1.3.6.1.5.5.7.48.1 id-ad-ocsp, which X509_TRUST_OCSP_REQUEST asks for
};
inline constexpr int kPurposeCount = 7;

/// A set of purposes. Trivially copyable.
class PurposeSet {
 public:
  constexpr PurposeSet() = default;
  static constexpr PurposeSet All() { return PurposeSet((1U << kPurposeCount) - 1U); }

  constexpr PurposeSet With(Purpose purpose) const { return PurposeSet(bits_ | Bit(purpose)); }
  constexpr bool Contains(Purpose purpose) const { return (bits_ & Bit(purpose)) != 0; }
  constexpr bool Empty() const { return bits_ == 0; }
  constexpr PurposeSet Union(PurposeSet other) const { return PurposeSet(bits_ | other.bits_); }
  /// The purposes not in this set.
  constexpr PurposeSet Complement() const { return PurposeSet(All().bits_ & ~bits_); }

  friend constexpr bool operator==(PurposeSet, PurposeSet) = default;

 private:
  constexpr explicit PurposeSet(unsigned bits) : bits_(bits) {}
  static constexpr unsigned Bit(Purpose purpose) { return 1U << static_cast<unsigned>(purpose); }

  unsigned bits_ = 0;
};

/// How far a certificate is trusted. Unspecified is "the system does not list it": neither an
/// anchor nor distrusted. What it says about the certificate's key may limit it all the same.
class CertificateTrust {
 public:
  enum class Kind : std::uint8_t { kUnspecified, kAnchor, kDistrusted };

  constexpr CertificateTrust() = default;

  /// The time that comes before no other.
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  /// The system says nothing about this certificate.
  static constexpr CertificateTrust Unspecified() { return {}; }

  /// The system does not list this certificate, but refuses it for the purposes in `denied`.
  static constexpr CertificateTrust Limited(PurposeSet denied) {
    return {Kind::kUnspecified, denied, denied, false};
  }

  /// The system lists it as an anchor and says nothing more: a plain CERTIFICATE in a bundle.
  /// OpenSSL ends a chain there if it is self-signed.
  static constexpr CertificateTrust Anchor() { return LimitedAnchor({}, false); }

  /// An anchor that is not trusted for the purposes in `rejected`. `ends_chain` says that the
  /// system trusts it explicitly, so that it ends a chain even if it is not self-signed. For the
  /// purposes in `denied` the system refuses it explicitly: below another anchor, too.
  static constexpr CertificateTrust LimitedAnchor(PurposeSet rejected, bool ends_chain,
                                                  PurposeSet denied = {}) {
    return {Kind::kAnchor, rejected.Union(denied), denied, ends_chain};
  }

  /// The system refuses it wherever it stands in a chain, for every purpose.
  static constexpr CertificateTrust Distrusted() {
    return {Kind::kDistrusted, PurposeSet::All(), PurposeSet::All(), false};
  }

  /// The same, and for `purpose`, kServerAuth or kEmailProtection, it is no anchor of end entity
  /// certificates issued after `time`, in seconds since 1970 (Mozilla's
  /// CKA_NSS_SERVER_DISTRUST_AFTER and CKA_NSS_EMAIL_DISTRUST_AFTER).
  constexpr CertificateTrust WithDistrustAfter(Purpose purpose, std::int64_t time) const {
    CertificateTrust trust = *this;
    std::int64_t& after = purpose == Purpose::kServerAuth ? trust.server_distrust_after_
                                                          : trust.email_distrust_after_;
    after = std::min(after, time);
    return trust;
  }
  /// The same, and the system says that it is no CA: it may stand at the end entity's place only.
  constexpr CertificateTrust AsNoIssuer() const {
    CertificateTrust trust = *this;
    trust.may_issue_ = false;
    return trust;
  }

  constexpr bool IsAnchor() const { return kind_ == Kind::kAnchor; }
  constexpr bool IsDistrusted() const { return kind_ == Kind::kDistrusted; }
  constexpr Kind GetKind() const { return kind_; }
  /// Purposes for which no chain may end here; all of them when it is distrusted.
  constexpr PurposeSet Rejected() const { return rejected_; }
  /// Purposes for which it must be refused wherever it stands in a chain: a part of Rejected(), all
  /// of them when it is distrusted. An anchor that is merely not listed for a purpose may stand
  /// below another that is.
  constexpr PurposeSet Denied() const { return denied_; }
  /// True if the system trusts it explicitly, so that it may end a chain without being self-signed.
  constexpr bool EndsChain() const { return ends_chain_; }

  /// Of an anchor: the last time of issue, in seconds since 1970, for which an end entity
  /// certificate may end a chain for `purpose` here. kNever where there is no such limit.
  constexpr std::int64_t DistrustAfter(Purpose purpose) const {
    if (purpose == Purpose::kServerAuth) return server_distrust_after_;
    return purpose == Purpose::kEmailProtection ? email_distrust_after_ : kNever;
  }
  /// False if the system says that it is no CA.
  constexpr bool MayIssue() const { return may_issue_; }
  /// Whether there is anything that speaks against some chain with this certificate.
  constexpr bool IsLimited() const {
    return !rejected_.Empty() || !may_issue_ || server_distrust_after_ != kNever ||
           email_distrust_after_ != kNever;
  }

  /// What holds when two sources of the system speak of one certificate: distrust wins, every
  /// refusal of a purpose is kept, and an explicit trust is not lost. A source that lists the bare
  /// certificate says nothing about purposes, so it takes no limit away.
  constexpr CertificateTrust MergedWith(CertificateTrust other) const {
    if (IsDistrusted() || other.IsDistrusted()) return Distrusted();
    CertificateTrust merged(IsAnchor() ? kind_ : other.kind_, rejected_.Union(other.rejected_),
                            denied_.Union(other.denied_), ends_chain_ || other.ends_chain_);
    merged.server_distrust_after_ = std::min(server_distrust_after_, other.server_distrust_after_);
    merged.email_distrust_after_ = std::min(email_distrust_after_, other.email_distrust_after_);
    merged.may_issue_ = may_issue_ && other.may_issue_;
    return merged;
  }

  friend constexpr bool operator==(CertificateTrust, CertificateTrust) = default;

 private:
  constexpr CertificateTrust(Kind kind, PurposeSet rejected, PurposeSet denied, bool ends_chain)
      : rejected_(rejected), denied_(denied), kind_(kind), ends_chain_(ends_chain) {}

  PurposeSet rejected_;
  PurposeSet denied_;
  Kind kind_ = Kind::kUnspecified;
  bool ends_chain_ = false;
  bool may_issue_ = true;
  std::int64_t server_distrust_after_ = kNever;
  std::int64_t email_distrust_after_ = kNever;
};

}  // namespace ostrust::platform
