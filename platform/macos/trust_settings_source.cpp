#include "platform/macos/trust_settings_source.hpp"

#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "platform/fork_safe_mutex.hpp"
#include "platform/macos/core_foundation.hpp"
#include "platform/macos/fork_detection.hpp"
#include "platform/macos/trust_status.hpp"
#include "platform/macos/usage_constraints.hpp"
#include "platform/made_once.hpp"
#include "platform/memory_trust_store.hpp"
#include "platform/sha1.hpp"
#include "platform/trusted_certificate.hpp"

namespace ostrust::platform::macos {
namespace {

// Chromium holds one lock of the process around SecTrustSettings (crypto::
// GetMacSecurityServicesLock()), whose functions are not all thread-safe.
ForkSafeMutex& TrustSettingsMutex() {
  static constinit MadeOnce<ForkSafeMutex> mutex;
  return mutex.Get(mutex_rank::kTrustSettings);
}

struct Domain {
  SecTrustSettingsDomain number;
  const char* name;
};
constexpr Domain kAdmin{kSecTrustSettingsDomainAdmin, "admin"};
constexpr Domain kUser{kSecTrustSettingsDomainUser, "user"};
constexpr Domain kSystem{kSecTrustSettingsDomainSystem, "system"};

std::string NameOf(const Domain& domain) {
  return "the trust settings of the domain " + std::string(domain.name);
}

// Why nothing was read.
struct Unreadable {
  std::string why;
};

[[noreturn]] void Fail(const Domain& domain, const std::string& why) {
  throw Unreadable{NameOf(domain) + " cannot be read: " + why};
}

// One certificate, in whatever domains it is.
struct Listed {
  Bytes der;
  SecCertificateRef certificate;  // one of the arrays'
  bool has_settings = false;      // of the administrator or the user
  bool in_system = false;
};

// Reads everything, once. TrustSettingsMutex() is held as long as it lives.
class Reader {
 public:
  explicit Reader(std::vector<std::string>& problems) : problems_(problems) {}

  // Throws Unreadable, when a domain is.
  std::vector<TrustedCertificate> Read() {
    for (const Domain& domain : {kAdmin, kUser, kSystem}) List(domain);
    std::vector<TrustedCertificate> certificates;
    for (const Listed& listed : listed_) {
      auto certificate = MakeTrustedCertificate(listed.der, CertificateTrust::Anchor());
      if (!certificate) {
        problems_.push_back(Described(listed) + " cannot be read and is skipped");
        continue;
      }
      if (listed.has_settings) certificate->trust = TrustOf(listed, certificate->self_issued);
      certificates.push_back(std::move(*certificate));
    }
    return certificates;
  }

 private:
  static std::string Described(const Listed& listed) {
    return "macOS: the certificate with the SHA-1 fingerprint " + Sha1Fingerprint(listed.der);
  }

  void List(const Domain& domain) {
    CFArrayRef copied = nullptr;
    const OSStatus status = SecTrustSettingsCopyCertificates(domain.number, &copied);
    if (status == errSecNoTrustSettings) return;
    if (status != errSecSuccess) Fail(domain, DescribeFailure(status));
    const CFArrayRef array = Keep(copied);
    if (array == nullptr) Fail(domain, "SecTrustSettingsCopyCertificates gave no array");
    const CFIndex count = CFArrayGetCount(array);
    for (CFIndex i = 0; i < count; ++i) {
      const auto certificate =
          As<SecCertificateRef>(CFArrayGetValueAtIndex(array, i), SecCertificateGetTypeID());
      const auto data = certificate == nullptr ? nullptr : Own(SecCertificateCopyData(certificate));
      if (data == nullptr) {
        problems_.push_back(NameOf(domain) + " list something that is no certificate");
        continue;
      }
      Listed& listed = Find(BytesOf(data.get()), certificate);
      (domain.number == kSystem.number ? listed.in_system : listed.has_settings) = true;
    }
  }

  // Takes over `array`; null when it is no array.
  CFArrayRef Keep(CFArrayRef array) {
    owned_.push_back(Own(array));
    return As<CFArrayRef>(array, CFArrayGetTypeID());
  }

  Listed& Find(Bytes der, SecCertificateRef certificate) {
    const auto [place, is_new] = places_.emplace(std::string(AsText(der)), listed_.size());
    if (is_new) listed_.push_back({std::move(der), certificate});
    return listed_[place->second];
  }

  CertificateTrust TrustOf(const Listed& listed, bool self_signed) {
    const std::optional<UsageConstraints> admin = SettingsOf(listed, kAdmin, self_signed);
    const std::optional<UsageConstraints> user = SettingsOf(listed, kUser, self_signed);
    PurposeSet denied;
    if (admin) denied = denied.Union(admin->denied);
    if (user) denied = denied.Union(user->denied);
    PurposeSet trusted;
    if (admin) {
      trusted = admin->trusted;
    } else if (user) {
      trusted = user->trusted;
    }
    const bool explicitly = !trusted.Empty();
    if (listed.in_system) trusted = PurposeSet::All();

    const PurposeSet rejected = trusted.Complement().Union(denied);
    if (rejected != PurposeSet::All()) {
      return CertificateTrust::LimitedAnchor(rejected, explicitly && !self_signed, denied);
    }
    // Trusted for nothing; what is denied for some purpose must not be left out.
    return denied.Empty() ? CertificateTrust::Unspecified() : CertificateTrust::Distrusted();
  }

  // Nullopt when the domain has none for this certificate.
  std::optional<UsageConstraints> SettingsOf(const Listed& listed, const Domain& domain,
                                             bool self_signed) {
    CFArrayRef copied = nullptr;
    const OSStatus status =
        SecTrustSettingsCopyTrustSettings(listed.certificate, domain.number, &copied);
    if (status == errSecItemNotFound) return std::nullopt;
    if (status != errSecSuccess && status != errSecInvalidTrustSettings) {
      Fail(domain, DescribeFailure(status));
    }
    UsageConstraints constraints;
    if (status == errSecInvalidTrustSettings) {
      constraints.problem = DescribeFailure(status);
    } else if (const CFArrayRef settings = Keep(copied); settings == nullptr) {
      constraints.problem = "SecTrustSettingsCopyTrustSettings gave no array";
    } else {
      constraints = ReadUsageConstraints(settings, self_signed);
    }
    if (!constraints.problem.empty()) {
      constraints.denied = PurposeSet::All();
      problems_.push_back(Described(listed) + " is refused: " + NameOf(domain) +
                          " for it cannot be understood: " + constraints.problem);
    }
    return constraints;
  }

  const std::lock_guard<ForkSafeMutex> lock_{TrustSettingsMutex()};
  std::vector<std::string>& problems_;
  std::vector<Owned<CFArrayRef>> owned_;
  std::vector<Listed> listed_;
  std::unordered_map<std::string, std::size_t> places_;  // in listed_, by DER
};

}  // namespace

TrustSettingsSource::TrustSettingsSource(Clock now) : now_(std::move(now)) {
  WatchForForks();
}

LoadResult TrustSettingsSource::Load() {
  if (IsForkedChild()) {
    refused_after_fork_ = true;
    return {nullptr,
            "the trust settings of macOS cannot be read in a process that was forked and has not "
            "exec'd, where Apple's frameworks do not work; what was read before the fork, if "
            "anything was, is what holds"};
  }
  next_read_ = now_() + kRetry;
  std::vector<std::string> problems;
  // Before anything is read.
  if (const std::string why = notifications_.Watch(); !why.empty()) {
    problems.push_back("macOS does not announce changes of its trust settings (" + why +
                       "); they are read again every " + std::to_string(kTimeLimit.count()) +
                       " minutes");
  }
  std::vector<TrustedCertificate> certificates;
  try {
    certificates = Reader(problems).Read();
  } catch (Unreadable& unreadable) {
    return {nullptr, std::move(unreadable.why)};
  }
  next_read_ = now_() + kTimeLimit;

  std::string error = "no root certificate was found in the trust settings of macOS";
  for (const std::string& problem : problems) error += "; " + problem;
  auto store = std::make_shared<const MemoryTrustStore>(
      std::move(certificates), "macOS trust settings (admin, user, system)", std::move(problems));
  if (store->AnchorCount() > 0) return {std::move(store), {}};
  if (store->Entries().empty()) store = nullptr;
  return {std::move(store), std::move(error)};
}

bool TrustSettingsSource::Changed() {
  if (!next_read_) return false;
  if (IsForkedChild()) return !refused_after_fork_;
  // The announcement is taken, whatever the time is.
  return notifications_.Happened() || *next_read_ <= now_();
}

}  // namespace ostrust::platform::macos
