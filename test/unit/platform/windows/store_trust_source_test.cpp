// What is made of the stores' contents. The stores are a double: Wine keeps none of the properties
// that the root program sets, so what they do was not yet run on Windows.
#include "platform/windows/store_trust_source.hpp"

#include <gtest/gtest.h>

#include <map>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "embedded_certificates.hpp"

namespace ostrust::platform {
namespace {

constexpr const char* kServerAuth = "1.3.6.1.5.5.7.3.1";
constexpr const char* kClientAuth = "1.3.6.1.5.5.7.3.2";
constexpr const char* kCodeSigning = "1.3.6.1.5.5.7.3.3";
constexpr const char* kEmailProtection = "1.3.6.1.5.5.7.3.4";
constexpr const char* kEncryptingFileSystem = "1.3.6.1.4.1.311.10.3.4";
constexpr const char* kAnyExtendedKeyUsage = "2.5.29.37.0";

constexpr std::int64_t kNow = 1'700'000'000;

constexpr StoreLocation kUser = StoreLocation::kCurrentUser;
constexpr StoreLocation kMachine = StoreLocation::kLocalMachine;

using Log = std::vector<std::string>;

class StoresDouble final : public CertificateStores {
 public:
  explicit StoresDouble(Log& log) : log_(log) {}

  StoreContent Read(StoreLocation location, StoreName name) override {
    log_.push_back("read " + std::string(NameOf(location)) + " " + std::string(NameOf(name)));
    if (fails) throw std::bad_alloc();
    const auto found = contents.find({location, name});
    if (found != contents.end()) return found->second;
    StoreContent absent;
    absent.state = StoreContent::State::kAbsent;
    return absent;
  }

  std::map<std::pair<StoreLocation, StoreName>, StoreContent> contents;
  bool fails = false;

 private:
  Log& log_;
};

class ChangesDouble final : public StoreChanges {
 public:
  explicit ChangesDouble(Log& log) : log_(log) {}

  std::vector<std::string> Watch() override {
    log_.push_back("watch");
    happened = false;
    return problems;
  }
  bool Happened() override { return happened; }

  bool happened = false;
  std::vector<std::string> problems;

 private:
  Log& log_;
};

CertificateTrust TrustedOnlyFor(PurposeSet purposes) {
  return CertificateTrust::LimitedAnchor(purposes.Complement(), false);
}

CertificateTrust RejectedOnlyFor(PurposeSet purposes) {
  return CertificateTrust::LimitedAnchor(purposes, false);
}

class StoreTrustSourceTest : public testing::Test {
 protected:
  StoreTrustSourceTest() {
    auto stores = std::make_unique<StoresDouble>(log_);
    auto changes = std::make_unique<ChangesDouble>(log_);
    stores_ = stores.get();
    changes_ = changes.get();
    source_ = std::make_unique<StoreTrustSource>(std::move(stores), std::move(changes),
                                                 [this] { return now_; });
  }

  static StoredCertificate Certificate(Bytes der, Usages usages = std::nullopt) {
    return {std::move(der), std::move(usages), std::nullopt, std::nullopt};
  }
  void Put(StoreLocation location, StoreName name, StoredCertificate certificate) {
    stores_->contents[{location, name}].certificates.push_back(std::move(certificate));
  }
  void MakeUnreadable(StoreLocation location, StoreName name) {
    StoreContent& content = stores_->contents[{location, name}];
    content.state = StoreContent::State::kUnreadable;
    content.error = "Windows error 5";
  }
  // How far `der` is trusted now.
  CertificateTrust Trust(const Bytes& der) {
    const LoadResult result = source_->Load();
    EXPECT_NE(result.store, nullptr) << result.error;
    return result.store == nullptr ? CertificateTrust() : result.store->TrustOf(der);
  }
  static std::string ProblemsOf(const LoadResult& result) {
    std::string all;
    if (result.store != nullptr) {
      for (const std::string& problem : result.store->Problems()) all += problem + "\n";
    }
    return all;
  }

  const Bytes first_ = FirstRoot();
  const Bytes second_ = SecondRoot();
  std::int64_t now_ = kNow;
  Log log_;
  StoresDouble* stores_;
  ChangesDouble* changes_;
  std::unique_ptr<StoreTrustSource> source_;
};

// --- roots

TEST_F(StoreTrustSourceTest, ARootAtEachLocationIsAnAnchor) {
  for (const StoreLocation location : kStoreLocations) {
    stores_->contents.clear();
    Put(location, StoreName::kRoot, Certificate(first_));
    const LoadResult result = source_->Load();
    ASSERT_NE(result.store, nullptr) << NameOf(location) << ": " << result.error;
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.store->AnchorCount(), 1U);
    EXPECT_EQ(result.store->TrustOf(first_), CertificateTrust::Anchor());
    EXPECT_EQ(result.store->TrustOf(second_), CertificateTrust::Unspecified());
    EXPECT_EQ(result.store->Source(),
              "Windows certificate stores (" + std::string(NameOf(location)) + ")");
    EXPECT_EQ(ProblemsOf(result), "");
  }
}

TEST_F(StoreTrustSourceTest, SeveralCopiesAreOneAnchor) {
  Put(kUser, StoreName::kRoot, Certificate(first_));
  Put(kMachine, StoreName::kRoot, Certificate(first_));
  Put(kMachine, StoreName::kRoot, Certificate(second_));
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->AnchorCount(), 2U);
  EXPECT_EQ(result.store->Source(), "Windows certificate stores (CurrentUser, LocalMachine)");
}

// --- purposes

TEST_F(StoreTrustSourceTest, AnAnchorIsTrustedForItsUsagesOnly) {
  const struct {
    Usages usages;
    CertificateTrust expected;
  } cases[] = {
      {std::nullopt, CertificateTrust::Anchor()},
      {{{kAnyExtendedKeyUsage}}, CertificateTrust::Anchor()},
      {{{kCodeSigning, kAnyExtendedKeyUsage}}, CertificateTrust::Anchor()},
      {{{kServerAuth}}, TrustedOnlyFor(PurposeSet().With(Purpose::kServerAuth))},
      {{{kServerAuth, kEncryptingFileSystem, kClientAuth}},
       TrustedOnlyFor(PurposeSet().With(Purpose::kServerAuth).With(Purpose::kClientAuth))},
      {{{"1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9",
         "1.3.6.1.5.5.7.48.1"}},
       RejectedOnlyFor(PurposeSet().With(Purpose::kServerAuth).With(Purpose::kClientAuth))},
      {{{kEncryptingFileSystem}}, TrustedOnlyFor({})},
      {Usages(std::in_place), TrustedOnlyFor({})},
  };
  for (const auto& test : cases) {
    stores_->contents.clear();
    Put(kMachine, StoreName::kRoot, Certificate(first_, test.usages));
    EXPECT_EQ(Trust(first_), test.expected)
        << (test.usages ? testing::PrintToString(*test.usages) : "every usage");
  }
}

TEST_F(StoreTrustSourceTest, TheUsagesOfAllCopiesCount) {
  Put(kUser, StoreName::kRoot, Certificate(first_, {{kServerAuth}}));
  EXPECT_EQ(Trust(first_), TrustedOnlyFor(PurposeSet().With(Purpose::kServerAuth)));
  Put(kMachine, StoreName::kRoot, Certificate(second_, {{kEmailProtection}}));
  Put(kMachine, StoreName::kRoot, Certificate(first_, {{kClientAuth}}));
  EXPECT_EQ(Trust(first_),
            TrustedOnlyFor(PurposeSet().With(Purpose::kServerAuth).With(Purpose::kClientAuth)));
  Put(kMachine, StoreName::kRoot, Certificate(first_));
  EXPECT_EQ(Trust(first_), CertificateTrust::Anchor());
}

// --- Disallowed

TEST_F(StoreTrustSourceTest, DisallowedWinsAtEachLocationWhateverItsUsages) {
  for (const StoreLocation location : kStoreLocations) {
    for (const Usages& usages : {Usages(), Usages({kCodeSigning}), Usages(std::in_place)}) {
      stores_->contents.clear();
      Put(kUser, StoreName::kRoot, Certificate(first_));
      Put(kMachine, StoreName::kRoot, Certificate(first_));
      Put(kMachine, StoreName::kRoot, Certificate(second_));
      EXPECT_EQ(Trust(first_), CertificateTrust::Anchor());
      Put(location, StoreName::kDisallowed, Certificate(first_, usages));
      EXPECT_EQ(Trust(first_), CertificateTrust::Distrusted()) << NameOf(location);
      EXPECT_EQ(Trust(second_), CertificateTrust::Anchor());
    }
  }
}

TEST_F(StoreTrustSourceTest, WhatIsInNoRootStoreCanBeDisallowed) {
  Put(kMachine, StoreName::kRoot, Certificate(first_));
  Put(kMachine, StoreName::kDisallowed, Certificate(second_));
  EXPECT_EQ(Trust(second_), CertificateTrust::Distrusted());
  EXPECT_EQ(source_->Load().store->AnchorCount(), 1U);
}

// --- limits by date. Not yet run on Windows.

TEST_F(StoreTrustSourceTest, ARootIsDisabledFromItsDateOn) {
  StoredCertificate root = Certificate(first_);
  root.disallowed = DateLimit{kNow + 10, {{kServerAuth}}};
  Put(kMachine, StoreName::kRoot, root);
  EXPECT_EQ(Trust(first_), CertificateTrust::Anchor());
  EXPECT_FALSE(source_->Changed());
  now_ = kNow + 9;
  EXPECT_FALSE(source_->Changed());
  now_ = kNow + 10;
  EXPECT_TRUE(source_->Changed());
  EXPECT_EQ(Trust(first_), RejectedOnlyFor(PurposeSet().With(Purpose::kServerAuth)));
  EXPECT_FALSE(source_->Changed());
}

TEST_F(StoreTrustSourceTest, TheEarliestDateIsWaitedFor) {
  StoredCertificate early = Certificate(first_);
  early.disallowed = DateLimit{kNow + 10, std::nullopt};
  StoredCertificate late = Certificate(second_);
  late.disallowed = DateLimit{kNow + 20, std::nullopt};
  Put(kUser, StoreName::kRoot, early);
  Put(kMachine, StoreName::kRoot, late);
  source_->Load();
  now_ = kNow + 10;
  EXPECT_TRUE(source_->Changed());
  EXPECT_EQ(Trust(first_), TrustedOnlyFor({}));
  EXPECT_EQ(Trust(second_), CertificateTrust::Anchor());
  now_ = kNow + 20;
  EXPECT_TRUE(source_->Changed());
  EXPECT_EQ(Trust(second_), TrustedOnlyFor({}));
}

TEST_F(StoreTrustSourceTest, ADateThatCannotBeReadDisables) {
  StoredCertificate root = Certificate(first_);
  root.disallowed = DateLimit{DateLimit::kAlways, std::nullopt};
  Put(kMachine, StoreName::kRoot, root);
  EXPECT_EQ(Trust(first_), TrustedOnlyFor({}));
}

TEST_F(StoreTrustSourceTest, ALimitByDateOnOneCopyHolds) {
  StoredCertificate root = Certificate(first_);
  root.disallowed = DateLimit{kNow, {{kClientAuth}}};
  root.not_before = DateLimit{kNow - 5, {{kServerAuth}}};
  Put(kUser, StoreName::kRoot, Certificate(first_));
  Put(kMachine, StoreName::kRoot, root);
  EXPECT_EQ(Trust(first_), RejectedOnlyFor(PurposeSet().With(Purpose::kClientAuth))
                               .WithDistrustAfter(Purpose::kServerAuth, kNow - 5));
}

TEST_F(StoreTrustSourceTest, NotBeforeDistrustsWhatIsIssuedAfter) {
  const auto with = [&](Usages usages) {
    StoredCertificate root = Certificate(first_);
    root.not_before = DateLimit{kNow + 5, std::move(usages)};
    stores_->contents.clear();
    Put(kMachine, StoreName::kRoot, root);
    return Trust(first_);
  };
  const auto anchor = CertificateTrust::Anchor();
  const auto for_servers = anchor.WithDistrustAfter(Purpose::kServerAuth, kNow + 5);
  EXPECT_EQ(with({{kServerAuth}}), for_servers);
  EXPECT_EQ(with({{kEmailProtection, kCodeSigning}}),
            anchor.WithDistrustAfter(Purpose::kEmailProtection, kNow + 5));
  EXPECT_EQ(with(std::nullopt), for_servers.WithDistrustAfter(Purpose::kEmailProtection, kNow + 5));
  // No such date can be expressed for these.
  EXPECT_EQ(with({{kClientAuth, kCodeSigning}}), anchor);
  // Nothing changes when that date comes.
  now_ = kNow + 5;
  EXPECT_FALSE(source_->Changed());
}

// --- other properties. Not yet run on Windows.

TEST_F(StoreTrustSourceTest, NameConstraintsBesideACopyHold) {
  const auto with = [&](const Bytes& value) {
    StoredCertificate root = Certificate(first_);
    root.name_constraints = value;
    return root;
  };
  // As certinject writes them: what an extension would have.
  const Bytes constraints(12, std::byte{0x30});
  Put(kUser, StoreName::kRoot, Certificate(first_));
  Put(kMachine, StoreName::kRoot, with(constraints));
  Put(kMachine, StoreName::kRoot, Certificate(second_));
  LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->TrustOf(first_), CertificateTrust::Anchor());
  auto found = result.store->ConstraintsOf(first_).name_constraints;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(AsText(found.front()), AsText(constraints));
  EXPECT_TRUE(result.store->ConstraintsOf(second_).name_constraints.empty());

  // One copy that is seen in several stores has them once; other ones are kept.
  const Bytes other(12, std::byte{0x31});
  for (const StoreLocation location : {kUser, kMachine}) {
    Put(location, StoreName::kRoot, with(other));
  }
  result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  found = result.store->ConstraintsOf(first_).name_constraints;
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(AsText(found.front()), AsText(found.back()));

  // What cannot be read is there, and no name satisfies it.
  stores_->contents.clear();
  Put(kMachine, StoreName::kRoot, with({}));
  result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  found = result.store->ConstraintsOf(first_).name_constraints;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found.front().empty());
}

// --- what cannot be read

TEST_F(StoreTrustSourceTest, AnUnreadableStoreIsReportedAndHidesNoOther) {
  Put(kMachine, StoreName::kRoot, Certificate(first_));
  MakeUnreadable(kUser, StoreName::kRoot);
  MakeUnreadable(kMachine, StoreName::kDisallowed);
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.store->AnchorCount(), 1U);
  EXPECT_EQ(ProblemsOf(result),
            "CurrentUser\\ROOT cannot be read: Windows error 5\n"
            "LocalMachine\\Disallowed cannot be read: Windows error 5\n");
  EXPECT_EQ(result.store->Source(), "Windows certificate stores (LocalMachine)");
}

TEST_F(StoreTrustSourceTest, AStoreThatCouldBeReadBeforeFailsTheWholeUntilItCanBeReadAgain) {
  Put(kMachine, StoreName::kRoot, Certificate(first_));
  Put(kMachine, StoreName::kDisallowed, Certificate(second_));
  EXPECT_TRUE(Trust(second_).IsDistrusted());
  const StoreContent before = stores_->contents[{kMachine, StoreName::kDisallowed}];
  stores_->contents[{kMachine, StoreName::kDisallowed}].certificates.clear();
  MakeUnreadable(kMachine, StoreName::kDisallowed);
  const LoadResult result = source_->Load();
  EXPECT_EQ(result.store, nullptr);
  EXPECT_EQ(result.error, "LocalMachine\\Disallowed cannot be read: Windows error 5");
  EXPECT_TRUE(source_->Changed());
  stores_->contents[{kMachine, StoreName::kDisallowed}] = before;
  EXPECT_TRUE(Trust(second_).IsDistrusted());
  EXPECT_FALSE(source_->Changed());
}

TEST_F(StoreTrustSourceTest, NothingReadableIsAnErrorThatSaysSo) {
  MakeUnreadable(kUser, StoreName::kRoot);
  const LoadResult result = source_->Load();
  EXPECT_EQ(result.store, nullptr);
  for (const char* const part :
       {"no root certificate was found in the certificate stores of Windows",
        "CurrentUser\\ROOT cannot be read: Windows error 5",
        "not there: ", "LocalMachineEnterprise\\ROOT"}) {
    EXPECT_NE(result.error.find(part), std::string::npos) << part << " is not in " << result.error;
  }
}

TEST_F(StoreTrustSourceTest, WhatIsDistrustedIsKnownWithoutAnAnchor) {
  Put(kMachine, StoreName::kRoot, Certificate(first_));
  Put(kMachine, StoreName::kDisallowed, Certificate(first_));
  const LoadResult result = source_->Load();
  EXPECT_NE(result.error, "");
  ASSERT_NE(result.store, nullptr);
  EXPECT_EQ(result.store->AnchorCount(), 0U);
  EXPECT_TRUE(result.store->TrustOf(first_).IsDistrusted());
}

TEST_F(StoreTrustSourceTest, ACertificateThatDoesNotParseHidesNoOther) {
  const std::string_view text = "no certificate";
  const Bytes garbage(AsBytes(text).begin(), AsBytes(text).end());
  Put(kUser, StoreName::kRoot, Certificate(garbage));
  Put(kUser, StoreName::kRoot, Certificate(first_));
  Put(kMachine, StoreName::kRoot, Certificate(garbage));
  const LoadResult result = source_->Load();
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->AnchorCount(), 1U);
  // printf 'no certificate' | sha1sum
  EXPECT_EQ(ProblemsOf(result),
            "CurrentUser\\ROOT: the certificate with the thumbprint "
            "2A6A501E58584D09E523B22509ABA9D918561D9D cannot be read and is skipped\n");
}

// --- changes

TEST_F(StoreTrustSourceTest, IsWatchedBeforeItIsRead) {
  Put(kMachine, StoreName::kRoot, Certificate(first_));
  EXPECT_FALSE(source_->Changed());
  EXPECT_TRUE(log_.empty()) << testing::PrintToString(log_);
  source_->Load();
  ASSERT_EQ(log_.size(), 11U) << testing::PrintToString(log_);
  EXPECT_EQ(log_.front(), "watch");
  EXPECT_FALSE(source_->Changed());
  changes_->happened = true;
  EXPECT_TRUE(source_->Changed());
  EXPECT_EQ(log_.size(), 11U) << "Changed() read something";
  source_->Load();
  EXPECT_FALSE(source_->Changed());
}

TEST_F(StoreTrustSourceTest, AnInterruptedLoadIsDoneAgain) {
  Put(kMachine, StoreName::kRoot, Certificate(first_));
  stores_->fails = true;
  EXPECT_THROW(source_->Load(), std::bad_alloc);
  EXPECT_TRUE(source_->Changed());
  stores_->fails = false;
  EXPECT_EQ(Trust(first_), CertificateTrust::Anchor());
  EXPECT_FALSE(source_->Changed());
}

TEST_F(StoreTrustSourceTest, WhatCannotBeWatchedIsReported) {
  Put(kMachine, StoreName::kRoot, Certificate(first_));
  changes_->problems = {"a key cannot be watched"};
  EXPECT_EQ(ProblemsOf(source_->Load()), "a key cannot be watched\n");
}

// --- trust-source

TEST(MakeTrustSource, TakesAutoOnly) {
  for (const char* const name : {"", "auto"}) {
    std::string error = "left from before";
    EXPECT_NE(MakeTrustSource(name, "", error), nullptr);
    EXPECT_EQ(error, "");
  }
  for (const char* const name :
       {"p11-kit", "C:\\bundle.pem", "/etc/ssl/cert.pem", "Auto", "auto "}) {
    std::string error;
    EXPECT_EQ(MakeTrustSource(name, "", error), nullptr) << name;
    EXPECT_NE(error.find("on Windows there are only the system's certificate stores"),
              std::string::npos)
        << error;
    EXPECT_NE(error.find(std::string("\"") + name + "\""), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace ostrust::platform
