// What is kept is read again as it was, or not at all; and it holds only as long as its stamps do.
#include "platform/linux/policy_cache.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "certificates.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

namespace fs = std::filesystem;

/// Every field has a value that no other has.
KeptPolicy Sample() {
  KeptPolicy kept;
  kept.setting = "/a setting";
  kept.stamps.push_back(FileStamp::Kept(
      "/present", FileStamp::Identity{1, 2, 3, -4, std::numeric_limits<std::int64_t>::max()}));
  kept.stamps.push_back(FileStamp::Kept("/missing", std::nullopt));
  TrustPolicy::Certificate trusted;
  trusted.trusted = true;
  trusted.authority = true;
  trusted.certificate = ToBytes("certificate");
  trusted.public_key_info = ToBytes("public key");
  trusted.issuer = ToBytes("issuer");
  trusted.serial_number = ToBytes(std::string_view("\x02\0\1", 3));
  trusted.server_distrust_after = ToBytes("server date");
  trusted.email_distrust_after = ToBytes("email date");
  trusted.origin = 1;
  TrustPolicy::Certificate distrusted;
  distrusted.distrusted = true;
  distrusted.origin = 0xffffffff;
  kept.policy.certificates = {trusted, distrusted};
  kept.policy.extensions = {{ToBytes("extension"), ToBytes("its key"), 2}};
  kept.policy.origins = {"/origin", "", "/other\norigin"};
  kept.policy.paths = {"/path"};
  kept.policy.problems = {"a problem"};
  return kept;
}

/// What comes behind the header.
Bytes BodyOf(const KeptPolicy& kept) {
  const Bytes encoded = EncodeKeptPolicy(kept);
  const auto header = static_cast<std::ptrdiff_t>(WithPolicyHeader({}).size());
  return {encoded.begin() + header, encoded.end()};
}

TEST(KeptPolicyTest, EverythingIsReadAgainAsItWas) {
  const auto kept = DecodeKeptPolicy(EncodeKeptPolicy(Sample()));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->setting, "/a setting");
  ASSERT_EQ(kept->stamps.size(), 2U);
  EXPECT_EQ(kept->stamps[0].Path(), "/present");
  EXPECT_EQ(kept->stamps[0].GetIdentity(), Sample().stamps[0].GetIdentity());
  EXPECT_EQ(kept->stamps[1].Path(), "/missing");
  EXPECT_TRUE(kept->stamps[1].IsMissing());
  const TrustPolicy& policy = kept->policy;
  ASSERT_EQ(policy.certificates.size(), 2U);
  const TrustPolicy::Certificate& trusted = policy.certificates[0];
  EXPECT_TRUE(trusted.trusted && trusted.authority && !trusted.distrusted);
  EXPECT_EQ(AsText(trusted.certificate), "certificate");
  EXPECT_EQ(AsText(trusted.public_key_info), "public key");
  EXPECT_EQ(AsText(trusted.issuer), "issuer");
  EXPECT_EQ(trusted.serial_number, Sample().policy.certificates[0].serial_number);
  EXPECT_EQ(AsText(trusted.server_distrust_after), "server date");
  EXPECT_EQ(AsText(trusted.email_distrust_after), "email date");
  EXPECT_EQ(trusted.origin, 1U);
  const TrustPolicy::Certificate& distrusted = policy.certificates[1];
  EXPECT_TRUE(distrusted.distrusted && !distrusted.trusted && !distrusted.authority);
  EXPECT_TRUE(distrusted.certificate.empty());
  EXPECT_EQ(distrusted.origin, 0xffffffffU);
  ASSERT_EQ(policy.extensions.size(), 1U);
  EXPECT_EQ(AsText(policy.extensions[0].extension), "extension");
  EXPECT_EQ(AsText(policy.extensions[0].public_key_info), "its key");
  EXPECT_EQ(policy.extensions[0].origin, 2U);
  EXPECT_EQ(policy.origins, Sample().policy.origins);
  EXPECT_EQ(policy.paths, Sample().policy.paths);
  EXPECT_EQ(policy.problems, Sample().policy.problems);
}

TEST(KeptPolicyTest, EveryTruncationAndWhatFollowsTheEndAreRefused) {
  Bytes encoded = EncodeKeptPolicy(Sample());
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    // A copy of exactly this size, so that AddressSanitizer sees a read behind it.
    const Bytes cut(encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(DecodeKeptPolicy(cut)) << size;
  }
  EXPECT_TRUE(DecodeKeptPolicy(encoded));
  encoded.push_back(std::byte{0});
  EXPECT_FALSE(DecodeKeptPolicy(encoded));
}

TEST(KeptPolicyTest, EveryChangeOfAByteIsRefused) {
  Bytes encoded = EncodeKeptPolicy(Sample());
  for (std::size_t at = 0; at < encoded.size(); ++at) {
    for (int change = 1; change < 256; ++change) {
      encoded[at] ^= static_cast<std::byte>(change);
      EXPECT_FALSE(DecodeKeptPolicy(encoded)) << at << ' ' << change;
      encoded[at] ^= static_cast<std::byte>(change);
    }
  }
  EXPECT_TRUE(DecodeKeptPolicy(encoded));
}

TEST(KeptPolicyTest, BehindACorrectChecksumAChangedByteIsReadAsItStandsOrRefused) {
  Bytes body = BodyOf(Sample());
  std::size_t read = 0;
  std::size_t refused = 0;
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (int change = 1; change < 256; ++change) {
      body[at] ^= static_cast<std::byte>(change);
      const Bytes encoded = WithPolicyHeader(body);
      if (const auto kept = DecodeKeptPolicy(encoded)) {
        EXPECT_EQ(EncodeKeptPolicy(*kept), encoded) << at << ' ' << change;
        ++read;
      } else {
        ++refused;
      }
      body[at] ^= static_cast<std::byte>(change);
    }
  }
  // A text may have any bytes, a length may not.
  EXPECT_GT(read, 10'000U);
  EXPECT_GT(refused, 10'000U);
}

TEST(KeptPolicyTest, BehindACorrectChecksumEveryTruncationIsRefused) {
  const Bytes body = BodyOf(Sample());
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(DecodeKeptPolicy(WithPolicyHeader(ByteView(body).first(size)))) << size;
  }
  EXPECT_TRUE(DecodeKeptPolicy(WithPolicyHeader(body)));
}

TEST(KeptPolicyTest, ACountOfBillionsCostsNothing) {
  // No setting, and then as many stamps as can be said, with room for none.
  Bytes body(4, std::byte{0});
  body.insert(body.end(), 4, std::byte{0xff});
  EXPECT_FALSE(DecodeKeptPolicy(WithPolicyHeader(body)));
  // The same as a length.
  EXPECT_FALSE(DecodeKeptPolicy(WithPolicyHeader(Bytes(4, std::byte{0xff}))));
}

TEST(KeptPolicyTest, WhatAnotherVersionWroteIsNotRead) {
  Bytes encoded = EncodeKeptPolicy(Sample());
  const std::string_view header = AsText(ByteView(encoded).first(24));
  const auto number = header.find_first_of("0123456789");
  ASSERT_NE(number, std::string_view::npos) << header;
  encoded[number] = std::byte{'9'};
  EXPECT_FALSE(DecodeKeptPolicy(encoded));
}

class PolicyCacheTest : public testing::Test {
 protected:
  PolicyCacheTest() {
    for (const char* const name : {"first", "second"}) {
      temporary_.MakeDirectory(name);
      chmod(temporary_.Path(name).c_str(), 0755);
    }
    temporary_.Write("input", "as it was");
  }

  /// Kept with the input as it is now, and with the fact that there is no other.
  KeptPolicy Kept(const std::string& setting, const std::string& problem) const {
    KeptPolicy kept;
    kept.setting = setting;
    kept.policy.problems = {problem};
    for (const char* const name : {"input", "other input"}) {
      kept.stamps.push_back(FileStamp::OfPath(temporary_.Path(name), std::chrono::seconds(0)));
    }
    return kept;
  }
  static std::string Found(const PolicyCache& cache, const std::string& setting = "") {
    const auto kept = cache.Find(setting);
    return kept ? kept->policy.problems.front() : "(nothing)";
  }
  std::vector<std::string> FilesIn(const char* directory) const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(temporary_.Path(directory))) {
      files.push_back(entry.path());
    }
    return files;
  }

  const TemporaryDirectory temporary_;
  const PolicyCache first_{{temporary_.Path("first")}};
  const PolicyCache second_{{temporary_.Path("second")}};
  const PolicyCache both_{{temporary_.Path("first"), temporary_.Path("second")}};
};

TEST_F(PolicyCacheTest, WhatIsKeptIsFoundWhileNothingChanges) {
  EXPECT_EQ(Found(first_), "(nothing)");
  EXPECT_EQ(first_.Keep(Kept("", "kept")), "");
  EXPECT_EQ(Found(first_), "kept");
  EXPECT_EQ(Found(second_), "(nothing)");
}

TEST_F(PolicyCacheTest, WhatWasMadeFromSomethingElseIsNotFound) {
  const auto change = [&](const std::function<void()>& how) {
    ASSERT_EQ(first_.Keep(Kept("", "kept")), "");
    ASSERT_EQ(Found(first_), "kept");
    WaitForFileClock();
    how();
    EXPECT_EQ(Found(first_), "(nothing)");
  };
  change([&] { temporary_.Write("input", "another size"); });
  change([&] { temporary_.Replace("input", "another inode"); });
  change([&] { temporary_.Write("other input", "there now"); });
  change([&] { temporary_.Remove("other input"); });
  change([&] { temporary_.Remove("input"); });
  change([&] { temporary_.MakeDirectory("input"); });
  change([&] { chmod(temporary_.Path("input").c_str(), 0500); });
}

TEST_F(PolicyCacheTest, ASettingHasItsOwn) {
  EXPECT_EQ(first_.Keep(Kept("", "the system's")), "");
  EXPECT_EQ(first_.Keep(Kept("/a", "a")), "");
  EXPECT_EQ(first_.Keep(Kept("/b", "b")), "");
  EXPECT_EQ(Found(first_), "the system's");
  EXPECT_EQ(Found(first_, "/a"), "a");
  EXPECT_EQ(Found(first_, "/b"), "b");
  EXPECT_EQ(Found(first_, "/c"), "(nothing)");
}

TEST_F(PolicyCacheTest, AnotherSettingsFileUnderTheSameNameIsNotTaken) {
  // As if the hashes in the names were the same.
  ASSERT_EQ(first_.Keep(Kept("/a", "a")), "");
  ASSERT_EQ(second_.Keep(Kept("/b", "b")), "");
  ASSERT_EQ(FilesIn("first").size(), 1U);
  ASSERT_EQ(FilesIn("second").size(), 1U);
  fs::rename(FilesIn("second").front(), FilesIn("first").front());
  EXPECT_EQ(Found(first_, "/a"), "(nothing)");
  // It is the one of its own setting.
  fs::rename(FilesIn("first").front(), temporary_.Path("b"));
  ASSERT_EQ(first_.Keep(Kept("/b", "none")), "");
  fs::rename(temporary_.Path("b"), FilesIn("first").front());
  EXPECT_EQ(Found(first_, "/b"), "b");
}

TEST_F(PolicyCacheTest, WhatHasNoStampsIsNotBelieved) {
  KeptPolicy kept = Kept("", "kept");
  kept.stamps.clear();
  ASSERT_EQ(first_.Keep(kept), "");
  EXPECT_EQ(Found(first_), "(nothing)");
}

TEST_F(PolicyCacheTest, TheFirstDirectoryThatHoldsGoodOnesWins) {
  ASSERT_EQ(second_.Keep(Kept("", "second")), "");
  EXPECT_EQ(Found(both_), "second");
  ASSERT_EQ(first_.Keep(Kept("", "first")), "");
  EXPECT_EQ(Found(both_), "first");
}

TEST_F(PolicyCacheTest, AnOldOneInTheFirstDirectoryHidesNoGoodOneInTheSecond) {
  ASSERT_EQ(first_.Keep(Kept("", "first")), "");
  temporary_.Write("input", "changed since");
  ASSERT_EQ(second_.Keep(Kept("", "second")), "");
  EXPECT_EQ(Found(both_), "second");
}

TEST_F(PolicyCacheTest, NonsenseInTheFirstDirectoryHidesNoGoodOneInTheSecond) {
  ASSERT_EQ(first_.Keep(Kept("", "first")), "");
  ASSERT_EQ(second_.Keep(Kept("", "second")), "");
  temporary_.Write("first/" + fs::path(FilesIn("first").front()).filename().string(), "nonsense");
  EXPECT_EQ(Found(both_), "second");
}

TEST_F(PolicyCacheTest, ItIsKeptInTheFirstDirectoryThatIsThisUsers) {
  EXPECT_EQ(both_.Keep(Kept("", "kept")), "");
  EXPECT_EQ(FilesIn("first").size(), 1U);
  EXPECT_EQ(FilesIn("second").size(), 0U);
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory to another user";
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(chown(temporary_.Path("second").c_str(), kNobody, static_cast<gid_t>(-1)), 0);
  const Unprivileged unprivileged;
  EXPECT_EQ(both_.Keep(Kept("/a", "kept")), "");
  EXPECT_EQ(FilesIn("first").size(), 1U);
  EXPECT_EQ(FilesIn("second").size(), 1U);
  EXPECT_EQ(Found(both_, "/a"), "kept");
}

TEST_F(PolicyCacheTest, WhyItIsNotKeptNamesEveryDirectory) {
  const PolicyCache cache({temporary_.Path("no/where/at/all"), temporary_.Path("input/file")});
  const std::string why = cache.Keep(Kept("", "kept"));
  EXPECT_NE(why.find("/no/where/at/all: No such file or directory; "), std::string::npos) << why;
  EXPECT_NE(why.find("/input/file: Not a directory"), std::string::npos) << why;
}

TEST_F(PolicyCacheTest, WithoutDirectoriesNothingIsKeptAndThatIsNoFailure) {
  const PolicyCache cache({});
  EXPECT_EQ(cache.Keep(Kept("", "kept")), "");
  EXPECT_EQ(Found(cache), "(nothing)");
}

}  // namespace
}  // namespace ostrust::platform
