// The hashed directory beside the bundle, through `auto`, as programs meet it.
#include "platform/linux/layered_trust_store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "certificates.hpp"
#include "failing_open.hpp"
#include "first_location.hpp"
#include "platform/linux/file_io.hpp"
#include "platform/linux/file_trust_source.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

// A system with a bundle and a hashed directory.
class LayeredTrustStoreTest : public testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_HASHED_DIRECTORY(); }
  void WriteBundle(const std::string& pem) { root_.Write(FirstBundle(), pem); }
  std::string HashedName(ByteView certificate, int number = 0) const {
    return FirstHashedDirectory() + "/" + HashName(certificate) + "." + std::to_string(number);
  }
  std::shared_ptr<const TrustStore> Load() {
    std::string error;
    FileTrustOptions options;
    options.root = root_.Path();
    options.racy_window = std::chrono::nanoseconds(0);
    source_ = MakeFileTrustSource("auto", options, error);
    LoadResult result = source_->Load();
    EXPECT_NE(result.store, nullptr) << result.error;
    return result.store;
  }

  const Bytes one_ = MakeRoot("One");
  const Bytes two_ = MakeRoot("Two");
  TemporaryDirectory root_;
  std::unique_ptr<TrustSource> source_;
};

TEST_F(LayeredTrustStoreTest, WhereBothAreEqualTheBundleAnswers) {
  WriteBundle(Pem(one_) + Pem(two_));
  root_.Write(HashedName(one_), Pem(one_));
  root_.Write(HashedName(two_), Pem(two_));
  const auto store = Load();
  EXPECT_EQ(store->AnchorCount(), 2U);
  EXPECT_EQ(store->FindBySubject(NameDer("One")).size(), 1U);
  EXPECT_EQ(store->Entries().size(), 2U);
  EXPECT_EQ(store->AnchorCount(), 2U);
  EXPECT_TRUE(store->Problems().empty());
}

TEST_F(LayeredTrustStoreTest, AnAddedFileIsReadAtOnce) {
  WriteBundle(Pem(one_));
  root_.Write(HashedName(one_), Pem(one_));
  root_.Write(HashedName(two_), Pem(two_));
  const auto store = Load();
  root_.Remove(HashedName(two_));
  EXPECT_EQ(store->AnchorCount(), 2U);
  EXPECT_TRUE(store->TrustOf(two_).IsAnchor());
  ASSERT_EQ(store->Entries().size(), 2U);
  EXPECT_EQ(AsText(store->Entries()[1]->der), AsText(two_));
}

TEST_F(LayeredTrustStoreTest, AnAddedFileOfASubjectInTheBundleIsReadAtOnce) {
  const Bytes another_one = MakeRoot("ONE", 2);
  WriteBundle(Pem(two_) + Pem(one_));
  root_.Write(HashedName(one_), Pem(one_));
  root_.Write(HashedName(one_, 1), Pem(another_one));
  const auto store = Load();
  root_.Remove(FirstHashedDirectory());
  EXPECT_EQ(store->AnchorCount(), 3U);
  const auto found = store->FindBySubject(NameDer("One"));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(AsText(found[0]->der), AsText(one_));
  EXPECT_EQ(AsText(found[1]->der), AsText(another_one));
}

TEST_F(LayeredTrustStoreTest, AFileThatDiffersFromTheBundleIsMergedWhenItIsLookedUp) {
  WriteBundle(Pem(one_) + Pem(two_));
  root_.Write(HashedName(one_), TrustedPem(one_, nullptr, "serverAuth"));
  const auto store = Load();
  EXPECT_TRUE(store->TrustOf(one_).Rejected().Contains(Purpose::kServerAuth));
  const auto found = store->FindBySubject(NameDer("One"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0]->trust.Rejected().Contains(Purpose::kServerAuth));
  EXPECT_EQ(store->TrustOf(two_), CertificateTrust::Anchor());
}

TEST_F(LayeredTrustStoreTest, ADistrustInTheDirectoryHoldsEverywhere) {
  WriteBundle(Pem(one_) + Pem(two_));
  root_.Write(HashedName(one_), TrustedPem(one_, nullptr, "anyExtendedKeyUsage"));
  const auto store = Load();
  EXPECT_EQ(store->AnchorCount(), 2U);                  // not read yet
  EXPECT_TRUE(store->MayLimit(Named(NameDer("One"))));  // reads it
  EXPECT_FALSE(store->MayLimit(Named(NameDer("Two"))));
  const auto entries = store->Entries();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_TRUE(entries[0]->trust.IsDistrusted());
  EXPECT_EQ(AsText(entries[0]->der), AsText(one_));
  EXPECT_EQ(store->AnchorCount(), 1U);
  EXPECT_TRUE(store->TrustOf(one_).IsDistrusted());
}

TEST_F(LayeredTrustStoreTest, AReplacedFileOfTheSameSubjectIsAnAdditionalAnchor) {
  const Bytes another_one = MakeRoot("One", 2);
  WriteBundle(Pem(one_));
  root_.Write(HashedName(one_), Pem(another_one));
  const auto store = Load();
  EXPECT_TRUE(store->TrustOf(another_one).IsAnchor());
  EXPECT_EQ(store->FindBySubject(NameDer("One")).size(), 2U);
  EXPECT_EQ(store->Entries().size(), 2U);
  EXPECT_EQ(store->AnchorCount(), 2U);
}

TEST_F(LayeredTrustStoreTest, ABundleThatTheDirectoryDistrustsEntirelyIsNoSource) {
  WriteBundle(Pem(one_));
  root_.Write(HashedName(one_), Pem(one_));
  root_.Write(HashedName(one_, 1), TrustedPem(one_, nullptr, "anyExtendedKeyUsage"));
  std::string error;
  const auto source = MakeFileTrustSource("auto", {root_.Path()}, error);
  const LoadResult result = source->Load();
  ASSERT_NE(result.store, nullptr);
  EXPECT_TRUE(result.store->TrustOf(one_).IsDistrusted());
  EXPECT_NE(result.error.find("holds no certificate that is trusted"), std::string::npos)
      << result.error;
}

TEST_F(LayeredTrustStoreTest, EntriesOfOneLookupAreThoseOfTheNext) {
  WriteBundle(Pem(one_) + Pem(two_));
  root_.Write(HashedName(one_), TrustedPem(one_, nullptr, "serverAuth"));
  const auto store = Load();
  const auto first = store->FindBySubject(NameDer("One"));
  const auto entries = store->Entries();
  const auto second = store->FindBySubject(NameDer("one"));
  EXPECT_EQ(first, second);
  EXPECT_EQ(entries[0], first[0]);
}

TEST_F(LayeredTrustStoreTest, OnlyHashedNamesCount) {
  WriteBundle(Pem(one_));
  root_.Write(FirstHashedDirectory() + "/two.pem", Pem(two_));
  root_.Write(FirstHashedDirectory() + "/" + HashName(two_) + ".r0", Pem(two_));
  const auto store = Load();
  EXPECT_TRUE(store->FindBySubject(NameDer("Two")).empty());
  EXPECT_EQ(store->Entries().size(), 1U);
}

TEST_F(LayeredTrustStoreTest, ACertificateUnderAnothersHashIsNotFound) {
  WriteBundle(Pem(one_));
  root_.Write(HashedName(one_), Pem(one_));
  root_.Write(HashedName(one_, 1), Pem(two_));
  const auto store = Load();
  EXPECT_EQ(store->TrustOf(two_), CertificateTrust::Unspecified());
  EXPECT_EQ(store->Entries().size(), 1U);
}

TEST_F(LayeredTrustStoreTest, AnUnreadableFileLeavesTheBundlesAnswerAndIsReported) {
  WriteBundle(Pem(one_) + Pem(two_));
  root_.Link(HashedName(one_), "nothing.pem");
  root_.Write(HashedName(two_), Pem(AsBytes("broken")));
  const auto store = Load();
  const std::vector<std::string>& before = store->Problems();
  EXPECT_TRUE(before.empty());
  EXPECT_EQ(store->FindBySubject(NameDer("One")).size(), 1U);
  EXPECT_EQ(store->FindBySubject(NameDer("Two")).size(), 1U);
  ASSERT_EQ(store->Problems().size(), 2U);
  EXPECT_NE(store->Problems()[0].find("No such file"), std::string::npos) << store->Problems()[0];
  EXPECT_NE(store->Problems()[1].find("certificate 1"), std::string::npos) << store->Problems()[1];
  EXPECT_TRUE(before.empty());
}

TEST_F(LayeredTrustStoreTest, ASystemThatDisappearsAfterTheLoadIsStillTrusted) {
  WriteBundle(Pem(one_) + Pem(two_));
  root_.Write(HashedName(one_), Pem(one_));
  root_.Write(HashedName(two_), Pem(two_));
  const auto store = Load();
  root_.Remove("etc");
  EXPECT_EQ(store->FindBySubject(NameDer("One")).size(), 1U);
  EXPECT_TRUE(store->TrustOf(two_).IsAnchor());
  EXPECT_EQ(store->Entries().size(), 2U);
  EXPECT_TRUE(source_->Changed());
}

TEST_F(LayeredTrustStoreTest, AnotherDirectoryAtThePathIsNotReadForThisSnapshot) {
  const Bytes planted = MakeRoot("One", 666);
  WriteBundle(Pem(one_));
  root_.Write(HashedName(one_), Pem(one_));
  const auto store = Load();
  // Not removed: its inode could be the next one's.
  ASSERT_EQ(rename(root_.Path("etc").c_str(), root_.Path("old").c_str()), 0);
  WriteBundle(Pem(one_));
  root_.Write(HashedName(one_), Pem(planted));
  EXPECT_EQ(store->TrustOf(planted), CertificateTrust::Unspecified());
  EXPECT_EQ(store->FindBySubject(NameDer("One")).size(), 1U);
  EXPECT_TRUE(source_->Changed());
}

TEST_F(LayeredTrustStoreTest, AFileOfADirectoryThatWasChangedIsReadAllTheSame) {
  WriteBundle(Pem(one_) + Pem(two_));
  root_.Write(HashedName(one_), TrustedPem(one_, nullptr, "anyExtendedKeyUsage"));
  const auto store = Load();
  root_.Write(HashedName(two_), Pem(two_));
  ASSERT_TRUE(source_->Changed());
  EXPECT_TRUE(store->TrustOf(one_).IsDistrusted());
}

TEST_F(LayeredTrustStoreTest, WithoutADescriptorForAFileOfItsHashNothingIsSaidOfASubject) {
  WriteBundle(Pem(one_) + Pem(two_));
  root_.Write(HashedName(one_), TrustedPem(one_, nullptr, "anyExtendedKeyUsage"));
  root_.Write(HashedName(two_), Pem(two_));
  const auto store = Load();
  const std::string path = root_.Path(HashedName(one_));
  for (const int error : {EMFILE, ENFILE, ENOMEM}) {
    const FailingOpen failing(path, error);
    EXPECT_THROW(static_cast<void>(store->TrustOf(one_)), LackOfMeans);
    EXPECT_THROW(static_cast<void>(store->FindBySubject(NameDer("one"))), LackOfMeans);
    EXPECT_THROW(static_cast<void>(store->MayLimit(Named(NameDer("One")))), LackOfMeans);
    EXPECT_THROW(static_cast<void>(store->Entries()), LackOfMeans);
    EXPECT_TRUE(store->TrustOf(two_).IsAnchor());
    EXPECT_FALSE(source_->Changed());
  }
  try {
    const FailingOpen failing(path, EMFILE);
    static_cast<void>(store->TrustOf(one_));
  } catch (const LackOfMeans& lack) {
    EXPECT_EQ(std::string(lack.what()), path + " cannot be read: " + ErrorText(EMFILE));
  }
  EXPECT_TRUE(store->Problems().empty());
  EXPECT_TRUE(store->TrustOf(one_).IsDistrusted());
  // What was read is known from then on.
  const FailingOpen failing(path, EMFILE);
  EXPECT_TRUE(store->TrustOf(one_).IsDistrusted());
  EXPECT_EQ(store->Entries().size(), 2U);
}

TEST_F(LayeredTrustStoreTest, AnUnreadableDirectoryIsReported) {
  WriteBundle(Pem(one_));
  root_.MakeDirectory(FirstHashedDirectory());
  ASSERT_EQ(chmod(root_.Path(FirstHashedDirectory()).c_str(), 0711), 0);
  const Unprivileged unprivileged;
  const auto store = Load();
  EXPECT_EQ(store->AnchorCount(), 1U);
  ASSERT_EQ(store->Problems().size(), 1U);
  EXPECT_NE(store->Problems()[0].find("Permission denied"), std::string::npos);
}

TEST_F(LayeredTrustStoreTest, ThreadsThatReadTheSameFilesAgree) {
  std::string bundle;
  std::vector<Bytes> roots;
  for (int i = 0; i < 20; ++i) {
    roots.push_back(MakeRoot("Root " + std::to_string(i)));
    bundle += Pem(roots.back());
    root_.Write(HashedName(roots.back()),
                i % 3 == 0 ? TrustedPem(roots.back(), nullptr, "serverAuth")
                           : Pem(i % 3 == 1 ? ByteView(roots.back()) : AsBytes("broken")));
  }
  WriteBundle(bundle);
  const auto store = Load();
  std::vector<std::vector<const StoreEntry*>> seen(4);
  std::vector<std::thread> threads;
  for (auto& mine : seen) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const auto found = store->FindBySubject(NameDer("Root " + std::to_string(i)));
        mine.insert(mine.end(), found.begin(), found.end());
        static_cast<void>(store->Problems().size());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : seen) EXPECT_EQ(mine, seen[0]);
  EXPECT_EQ(seen[0].size(), 20U);
  EXPECT_EQ(store->Problems().size(), 6U);
}

}  // namespace
}  // namespace ostrust::platform
