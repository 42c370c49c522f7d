#include "platform/windows/store_trust_source.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "platform/memory_trust_store.hpp"
#include "platform/sha1.hpp"
#include "platform/trusted_certificate.hpp"

namespace ostrust::platform {
namespace {

struct NamedPurpose {
  std::string_view identifier;
  Purpose purpose;
};

constexpr std::array<NamedPurpose, kPurposeCount> kPurposes = {{
    {"1.3.6.1.5.5.7.3.1", Purpose::kServerAuth},
    {"1.3.6.1.5.5.7.3.2", Purpose::kClientAuth},
    {"1.3.6.1.5.5.7.3.3", Purpose::kCodeSigning},
    {"1.3.6.1.5.5.7.3.4", Purpose::kEmailProtection},
    {"1.3.6.1.5.5.7.3.8", Purpose::kTimeStamping},
    {"1.3.6.1.5.5.7.3.9", Purpose::kOcspSigning},
    {"1.3.6.1.5.5.7.48.1", Purpose::kOcspRequest},
}};
constexpr std::string_view kAnyExtendedKeyUsage = "2.5.29.37.0";  // RFC 5280, 4.2.1.12

PurposeSet PurposesOf(const Usages& usages) {
  if (!usages) return PurposeSet::All();
  PurposeSet purposes;
  for (const std::string& usage : *usages) {
    if (usage == kAnyExtendedKeyUsage) return PurposeSet::All();
    for (const NamedPurpose& known : kPurposes) {
      if (usage == known.identifier) purposes = purposes.With(known.purpose);
    }
  }
  return purposes;
}

struct Copy {
  StoredCertificate certificate;
  std::string store;
};

// One certificate, and every copy of it.
struct Listed {
  ByteView der;
  std::vector<const Copy*> copies;
};

// Points into `copies`. In the order of the first copies.
std::vector<Listed> GroupByCertificate(const std::vector<Copy>& copies) {
  std::vector<Listed> all;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const Copy& copy : copies) {
    const ByteView der = copy.certificate.der;
    const auto [place, is_new] = places.emplace(AsText(der), all.size());
    if (is_new) all.push_back({der, {}});
    all[place->second].copies.push_back(&copy);
  }
  return all;
}

// A purpose that one copy has is there ("Windows unites them", Chromium's trust_store_win.cc);
// a limit by date that one copy has holds ("Deprecation Definitions" of Microsoft's Trusted Root
// Certificate Program):
// - Disable: from that date on nothing that chains to the root is trusted for these usages.
// - NotBefore: what was issued after that date is not trusted for these usages. CertificateTrust
//   has that for servers and e-mail; for other purposes, the limit is not applied here.
// `next_date`: becomes the next date at which the root is disallowed, if that is earlier.
CertificateTrust TrustOf(const Listed& root, std::int64_t now, std::int64_t& next_date) {
  PurposeSet purposes;
  PurposeSet disabled;
  for (const Copy* const copy : root.copies) {
    purposes = purposes.Union(PurposesOf(copy->certificate.usages));
    const auto& disallowed = copy->certificate.disallowed;
    if (!disallowed) continue;
    if (disallowed->time <= now) {
      disabled = disabled.Union(PurposesOf(disallowed->usages));
    } else {
      next_date = std::min(next_date, disallowed->time);
    }
  }
  const PurposeSet rejected = purposes.Complement().Union(disabled);
  CertificateTrust trust = CertificateTrust::LimitedAnchor(rejected, false);
  for (const Copy* const copy : root.copies) {
    const auto& not_before = copy->certificate.not_before;
    if (!not_before) continue;
    const PurposeSet limited = PurposesOf(not_before->usages);
    for (const Purpose purpose : {Purpose::kServerAuth, Purpose::kEmailProtection}) {
      if (limited.Contains(purpose)) {
        trust = trust.WithDistrustAfter(purpose, not_before->time);
      }
    }
  }
  return trust;
}

std::string PathOf(StoreLocation location, StoreName name) {
  return std::string(NameOf(location)) + "\\" + std::string(NameOf(name));
}

void AppendTo(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

}  // namespace

StoreTrustSource::StoreTrustSource(std::unique_ptr<CertificateStores> stores,
                                   std::unique_ptr<StoreChanges> changes, Clock now)
    : stores_(std::move(stores)), changes_(std::move(changes)), now_(std::move(now)) {}

StoreTrustSource::~StoreTrustSource() = default;

LoadResult StoreTrustSource::Load() {
  interrupted_ = true;
  next_date_ = CertificateTrust::kNever;
  std::vector<std::string> problems = changes_->Watch();  // before anything is read

  std::vector<Copy> roots;
  std::vector<Copy> disallowed;
  std::string locations;
  std::string absent;
  for (const StoreLocation location : kStoreLocations) {
    for (const StoreName name : {StoreName::kRoot, StoreName::kDisallowed}) {
      const std::string store = PathOf(location, name);
      StoreContent content = stores_->Read(location, name);
      if (content.state == StoreContent::State::kUnreadable) {
        problems.push_back(store + " cannot be read: " + content.error);
        if (read_before_.count(store) != 0) return {nullptr, problems.back()};
      } else if (content.state == StoreContent::State::kAbsent) {
        AppendTo(absent, store);
      } else if (name == StoreName::kRoot) {
        AppendTo(locations, NameOf(location));
      }
      if (content.state == StoreContent::State::kRead) read_before_.insert(store);
      for (StoredCertificate& certificate : content.certificates) {
        (name == StoreName::kRoot ? roots : disallowed).push_back({std::move(certificate), store});
      }
    }
  }

  std::vector<TrustedCertificate> certificates;
  const auto add = [&](const Listed& listed, CertificateTrust trust) {
    if (auto certificate = MakeTrustedCertificate(listed.der, trust)) {
      for (const Copy* const copy : listed.copies) {
        // As the limits by date: what is said of one copy holds. Said once: the same copy is in
        // more than one store, for CurrentUser shows LocalMachine's, which shows those of group
        // policy.
        const auto& constraints = copy->certificate.name_constraints;
        std::vector<Bytes>& known = certificate->name_constraints;
        if (constraints && std::find(known.begin(), known.end(), *constraints) == known.end()) {
          known.push_back(*constraints);
        }
      }
      certificates.push_back(std::move(*certificate));
    } else {
      problems.push_back(listed.copies.front()->store + ": the certificate with the thumbprint " +
                         Sha1Fingerprint(listed.der) + " cannot be read and is skipped");
    }
  };
  const std::int64_t now = now_();
  for (const Listed& root : GroupByCertificate(roots)) add(root, TrustOf(root, now, next_date_));
  for (const Listed& one : GroupByCertificate(disallowed)) {
    add(one, CertificateTrust::Distrusted());  // wins over what ROOT says (MergedWith)
  }

  std::string error = "no root certificate was found in the certificate stores of Windows";
  for (const std::string& problem : problems) error += "; " + problem;
  if (!absent.empty()) error += "; not there: " + absent;
  auto store = std::make_shared<const MemoryTrustStore>(
      std::move(certificates), "Windows certificate stores (" + locations + ")",
      std::move(problems));
  interrupted_ = false;
  if (store->AnchorCount() > 0) return {std::move(store), {}};
  if (store->Entries().empty()) store = nullptr;
  return {std::move(store), std::move(error)};
}

bool StoreTrustSource::Changed() {
  return interrupted_ || changes_->Happened() || next_date_ <= now_();
}

}  // namespace ostrust::platform
