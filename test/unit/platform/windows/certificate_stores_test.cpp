// The system's stores, read through crypt32. These tests change them, so they run under Wine only;
// not yet run on Windows.
#include "platform/windows/certificate_stores.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "embedded_certificates.hpp"
#include "platform/sha1.hpp"
#include "platform/trust_source.hpp"
#include "platform/windows/handles.hpp"
#include "registry.hpp"

namespace ostrust::platform {
namespace {

constexpr const char* kServerAuth = "1.3.6.1.5.5.7.3.1";
constexpr const char* kClientAuth = "1.3.6.1.5.5.7.3.2";

struct Place {
  StoreLocation location;
  HKEY root;
  const char* path;
};
const std::array kPlaces = {
    Place{StoreLocation::kCurrentUser, HKEY_CURRENT_USER,
          "Software\\Microsoft\\SystemCertificates"},
    Place{StoreLocation::kCurrentUserGroupPolicy, HKEY_CURRENT_USER,
          "Software\\Policies\\Microsoft\\SystemCertificates"},
    Place{StoreLocation::kLocalMachine, HKEY_LOCAL_MACHINE,
          "Software\\Microsoft\\SystemCertificates"},
    Place{StoreLocation::kLocalMachineGroupPolicy, HKEY_LOCAL_MACHINE,
          "Software\\Policies\\Microsoft\\SystemCertificates"},
    Place{StoreLocation::kLocalMachineEnterprise, HKEY_LOCAL_MACHINE,
          "Software\\Microsoft\\EnterpriseCertificates"},
};
// Wine opens no store of LocalMachineEnterprise: not yet run on Windows.
bool CanBeRead(const Place& place) {
  return place.location != StoreLocation::kLocalMachineEnterprise;
}
const Place& kUser = kPlaces[0];
const Place& kMachine = kPlaces[2];

struct Property {
  std::uint32_t id;
  Bytes value;
};

Bytes Concatenated(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

template <typename T>
Bytes BytesOf(const T& value) {
  Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

Bytes FiletimeOf(std::int64_t seconds) {
  return BytesOf((seconds + 11'644'473'600) * 10'000'000);
}

// ExtKeyUsageSyntax with id-kp usages, by the last number of each.
Bytes UsagesDer(std::initializer_list<std::uint8_t> last_numbers) {
  Bytes der = BytesOf(
      std::array<std::uint8_t, 2>{0x30, static_cast<std::uint8_t>(10 * last_numbers.size())});
  for (const std::uint8_t last : last_numbers) {
    der = Concatenated(
        {der, BytesOf(std::array<std::uint8_t, 10>{6, 8, 0x2b, 6, 1, 5, 5, 7, 3, last})});
  }
  return der;
}

std::string Hex(ByteView bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02X", std::to_integer<unsigned>(byte));
    text += digits.data();
  }
  return text;
}

class SystemStores : public testing::Test {
 protected:
  void SetUp() override {
    if (!IsWine()) GTEST_SKIP() << "changes the system's stores: not yet run on Windows";
    source_ = MakeTrustSource("auto", "", error_);
    ASSERT_NE(source_, nullptr) << error_;
    // The first time that a process opens ROOT, Wine copies the host's certificates there.
    stores_->Read(kMachine.location, StoreName::kRoot);
  }

  static std::string KeyOf(const Place& place, StoreName name, const Bytes& der) {
    const Sha1Digest thumbprint = Sha1(der);
    return std::string(place.path) + "\\" + std::string(NameOf(name)) + "\\Certificates\\" +
           Hex(std::as_bytes(std::span(thumbprint)));
  }
  // Writes what crypt32 would write: a serialized certificate with its properties.
  void Put(const Place& place, StoreName name, const Bytes& der,
           std::vector<Property> properties = {}) {
    constexpr std::uint32_t kCertificate = 32;  // CERT_CERT_PROP_ID of Wine, as in a .sst file
    properties.push_back({kCertificate, der});
    Bytes blob;
    for (const Property& property : properties) {
      blob = Concatenated({blob, BytesOf(property.id), BytesOf(std::uint32_t{1}),
                           BytesOf(static_cast<std::uint32_t>(property.value.size())),
                           property.value});
    }
    const std::string store = std::string(place.path) + "\\" + std::string(NameOf(name));
    // Wine makes these when it reads the store, which is a change.
    for (const char* const part : {"\\CRLs", "\\CTLs"}) scratch_.Make(place.root, store + part);
    scratch_.SetValue(place.root, KeyOf(place, name, der), "Blob", blob);
  }
  void Remove(const Place& place, StoreName name, const Bytes& der) {
    scratch_.Remove(place.root, KeyOf(place, name, der));
  }
  // Through crypt32.
  void Add(const Place& place, DWORD location, const Bytes& der, const char* usage) {
    // So that the key goes when the test does.
    scratch_.Make(place.root, KeyOf(place, StoreName::kRoot, der));
    const CertificateHandle certificate(
        CertCreateCertificateContext(X509_ASN_ENCODING, reinterpret_cast<const BYTE*>(der.data()),
                                     static_cast<DWORD>(der.size())));
    ASSERT_NE(certificate, nullptr) << GetLastError();
    if (usage != nullptr) {
      std::string identifier = usage;
      LPSTR identifiers[] = {identifier.data()};
      CERT_ENHKEY_USAGE usages = {1, identifiers};
      ASSERT_TRUE(CertSetEnhancedKeyUsage(certificate.get(), &usages)) << GetLastError();
    }
    const StoreHandle store(CertOpenStore(CERT_STORE_PROV_SYSTEM_A, 0, 0, location, "ROOT"));
    ASSERT_NE(store, nullptr) << GetLastError();
    ASSERT_TRUE(CertAddCertificateContextToStore(store.get(), certificate.get(),
                                                 CERT_STORE_ADD_REPLACE_EXISTING, nullptr))
        << GetLastError();
  }

  std::optional<StoredCertificate> Find(const Place& place, StoreName name, const Bytes& der) {
    const StoreContent content = stores_->Read(place.location, name);
    EXPECT_EQ(content.error, "");
    for (const StoredCertificate& certificate : content.certificates) {
      if (certificate.der == der) return certificate;
    }
    return std::nullopt;
  }
  CertificateTrust Trust(const Bytes& der) {
    const LoadResult result = source_->Load();
    if (result.store != nullptr) return result.store->TrustOf(der);
    ADD_FAILURE() << result.error;
    return {};
  }

  const Bytes first_ = FirstRoot();
  const Bytes second_ = SecondRoot();
  std::string error_;
  std::unique_ptr<CertificateStores> stores_ = MakeSystemCertificateStores();
  std::unique_ptr<TrustSource> source_;
  RegistryScratch scratch_;
};

// Wine has no such properties: that they are asked for was not yet run on Windows.
TEST(ReadDateLimit, ReadsTimeAndUsages) {
  const DateLimit limit = ReadDateLimit(FiletimeOf(1'700'000'000), UsagesDer({1, 2}));
  EXPECT_EQ(limit.time, 1'700'000'000);
  EXPECT_EQ(limit.usages, (std::vector<std::string>{kServerAuth, kClientAuth}));
  EXPECT_EQ(ReadDateLimit(FiletimeOf(-5), UsagesDer({})).time, -5);
  EXPECT_EQ(ReadDateLimit(FiletimeOf(-5), UsagesDer({})).usages, std::vector<std::string>());
}

TEST(ReadDateLimit, HoldsAlwaysAndForEveryUsageWhenItCannotBeRead) {
  EXPECT_EQ(ReadDateLimit(FiletimeOf(5), std::nullopt).usages, std::nullopt);
  for (const std::size_t size : {0, 3, 9}) {
    const DateLimit limit = ReadDateLimit(Bytes(size), Bytes(size));
    EXPECT_EQ(limit.time, DateLimit::kAlways) << size;
    EXPECT_EQ(limit.usages, std::nullopt) << size;
  }
}

TEST_F(SystemStores, EveryStoreIsReadWhereItLies) {
  for (const Place& place : kPlaces) {
    if (!CanBeRead(place)) continue;
    for (const StoreName name : {StoreName::kRoot, StoreName::kDisallowed}) {
      const std::string which =
          std::string(NameOf(place.location)) + " " + std::string(NameOf(name));
      EXPECT_FALSE(Find(place, name, first_)) << which;
      Put(place, name, first_);
      const auto found = Find(place, name, first_);
      ASSERT_TRUE(found) << which;
      EXPECT_EQ(found->usages, std::nullopt) << which;
      EXPECT_FALSE(found->disallowed) << which;
      EXPECT_FALSE(found->not_before) << which;
      Remove(place, name, first_);
      EXPECT_FALSE(Find(place, name, first_)) << which;
    }
  }
}

TEST_F(SystemStores, AStoreThatIsNotThereIsAbsentAndNotMade) {
  const Place& policy = kPlaces[1];
  for (const StoreName name : {StoreName::kRoot, StoreName::kDisallowed}) {
    const StoreContent content = stores_->Read(policy.location, name);
    EXPECT_EQ(content.state, StoreContent::State::kAbsent) << content.error;
    EXPECT_EQ(content.error, "");
    EXPECT_TRUE(content.certificates.empty());
  }
  HKEY key = nullptr;
  EXPECT_EQ(RegOpenKeyExA(policy.root, policy.path, 0, KEY_READ, &key), ERROR_FILE_NOT_FOUND);
  const KeyHandle owner(key);
}

TEST_F(SystemStores, AStoreThatCannotBeOpenedIsReported) {
  if (stores_->Read(StoreLocation::kLocalMachineEnterprise, StoreName::kRoot).state !=
      StoreContent::State::kUnreadable) {
    GTEST_SKIP() << "this Wine opens every store";
  }
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_GT(result.store->AnchorCount(), 0U);
  std::string problems;
  for (const std::string& problem : result.store->Problems()) problems += problem + "\n";
  EXPECT_EQ(problems,
            "LocalMachineEnterprise\\ROOT cannot be read: Windows error 0\n"
            "LocalMachineEnterprise\\Disallowed cannot be read: Windows error 0\n");
}

TEST_F(SystemStores, ARootComesAndGoes) {
  for (const Place& place : kPlaces) {
    EXPECT_EQ(Trust(first_), CertificateTrust::Unspecified());
    EXPECT_FALSE(source_->Changed());
    Put(place, StoreName::kRoot, first_);
    EXPECT_TRUE(source_->Changed()) << NameOf(place.location);
    if (CanBeRead(place)) {
      EXPECT_EQ(Trust(first_), CertificateTrust::Anchor()) << NameOf(place.location);
    }
    EXPECT_EQ(Trust(second_), CertificateTrust::Unspecified());
    EXPECT_FALSE(source_->Changed());
    Remove(place, StoreName::kRoot, first_);
    EXPECT_TRUE(source_->Changed()) << NameOf(place.location);
    EXPECT_EQ(Trust(first_), CertificateTrust::Unspecified()) << NameOf(place.location);
  }
}

TEST_F(SystemStores, ARootThatIsDisallowedLaterIsDistrusted) {
  Put(kMachine, StoreName::kRoot, first_);
  Put(kMachine, StoreName::kRoot, second_);
  EXPECT_EQ(Trust(first_), CertificateTrust::Anchor());
  EXPECT_FALSE(source_->Changed());
  Put(kUser, StoreName::kDisallowed, first_);
  EXPECT_TRUE(source_->Changed());
  EXPECT_EQ(Trust(first_), CertificateTrust::Distrusted());
  EXPECT_EQ(Trust(second_), CertificateTrust::Anchor());
}

TEST_F(SystemStores, AnIntermediateIsAChange) {
  source_->Load();
  EXPECT_FALSE(source_->Changed());
  scratch_.SetValue(kUser.root, std::string(kUser.path) + "\\CA\\Certificates\\0123", "Blob", {});
  EXPECT_TRUE(source_->Changed());
}

TEST_F(SystemStores, WhatCrypt32AddsIsSeen) {
  source_->Load();
  EXPECT_FALSE(source_->Changed());
  Add(kUser, CERT_SYSTEM_STORE_CURRENT_USER, first_, nullptr);
  EXPECT_TRUE(source_->Changed());
  EXPECT_EQ(Trust(first_), CertificateTrust::Anchor());
  Add(kMachine, CERT_SYSTEM_STORE_LOCAL_MACHINE, second_, kServerAuth);
  EXPECT_TRUE(source_->Changed());
  EXPECT_EQ(Trust(second_), CertificateTrust::LimitedAnchor(
                                PurposeSet().With(Purpose::kServerAuth).Complement(), false));
}

// Where both are there, Windows intersects them and Wine takes the property: not yet run on
// Windows.
TEST_F(SystemStores, UsagesAreThoseOfExtensionOrProperty) {
  const auto usages = [&](const Bytes& der, const std::vector<Property>& properties) {
    Put(kUser, StoreName::kRoot, der, properties);
    const auto found = Find(kUser, StoreName::kRoot, der);
    EXPECT_TRUE(found);
    return found ? found->usages : std::nullopt;
  };
  using List = std::vector<std::string>;
  constexpr DWORD kProperty = CERT_ENHKEY_USAGE_PROP_ID;
  EXPECT_EQ(usages(first_, {}), std::nullopt);
  EXPECT_EQ(usages(first_, {{kProperty, UsagesDer({1, 2})}}), (List{kServerAuth, kClientAuth}));
  EXPECT_EQ(usages(first_, {{kProperty, UsagesDer({})}}), List());
  EXPECT_EQ(usages(RootForServers(), {}), List{kServerAuth});
  // What cannot be read is good for nothing.
  EXPECT_EQ(usages(first_, {{kProperty, Bytes(3)}}), List());
}

TEST_F(SystemStores, GarbageHidesNoOther) {
  const Bytes garbage(40, std::byte{0x30});
  Put(kUser, StoreName::kRoot, garbage);
  scratch_.SetValue(kUser.root, KeyOf(kUser, StoreName::kRoot, Bytes(1)), "Blob", garbage);
  scratch_.SetValue(kUser.root, KeyOf(kUser, StoreName::kRoot, Bytes(2)), "Blob", {});
  Put(kUser, StoreName::kRoot, first_);
  Put(kUser, StoreName::kRoot, second_);
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_TRUE(result.store->TrustOf(first_).IsAnchor());
  EXPECT_TRUE(result.store->TrustOf(second_).IsAnchor());
  EXPECT_FALSE(result.store->TrustOf(garbage).IsAnchor());
}

TEST_F(SystemStores, NoneOfAHundredChangesIsMissed) {
  source_->Load();
  for (int i = 0; i < 50; ++i) {
    Put(kUser, StoreName::kRoot, first_);
    ASSERT_TRUE(source_->Changed()) << i;
    ASSERT_EQ(Trust(first_), CertificateTrust::Anchor()) << i;
    ASSERT_FALSE(source_->Changed()) << i;
    Remove(kUser, StoreName::kRoot, first_);
    ASSERT_TRUE(source_->Changed()) << i;
    ASSERT_EQ(Trust(first_), CertificateTrust::Unspecified()) << i;
    ASSERT_FALSE(source_->Changed()) << i;
  }
}

bool Impersonates() {
  HANDLE token = nullptr;
  if (OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token) == FALSE) return false;
  CloseHandle(token);
  return true;
}

TEST(AsTheProcess, TakesTheThreadsTokenOffAndPutsItBack) {
  {
    const AsTheProcess process;
    EXPECT_TRUE(process);
  }
  ASSERT_FALSE(Impersonates());
  ASSERT_NE(ImpersonateSelf(SecurityImpersonation), FALSE);
  ASSERT_TRUE(Impersonates());
  {
    const AsTheProcess process;
    EXPECT_TRUE(process);
    EXPECT_FALSE(Impersonates());
  }
  EXPECT_TRUE(Impersonates());
  RevertToSelf();
}

}  // namespace
}  // namespace ostrust::platform
