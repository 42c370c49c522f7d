// What is kept is found again, by other processes too, and never taken for something else; older
// never replaces newer; one at a time fetches.
#include "platform/revocation_store.hpp"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "certificates.hpp"
#include "children.hpp"
#include "mounts.hpp"
#include "platform/linux/cache_directory.hpp"
#include "platform/linux/revocation_files.hpp"
#include "platform/name.hpp"
#include "revocation_lists.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using Lists = std::vector<RevocationStore::ListPtr>;

constexpr const char* kUrl = "http://ca.example/ca.crl";
constexpr const char* kOtherUrl = "http://ca.example/other.crl";

/// A list of CN=`issuer` that revokes this serial number.
Bytes ListOf(std::string_view issuer, std::uint64_t serial,
             std::string_view this_update = "260101000000Z") {
  ListParts parts = PartsOf(issuer, Revoked(serial));
  parts.this_update = this_update;
  return MakeList(parts);
}

/// The same, of more than `size` bytes.
Bytes LargeListOf(std::string_view issuer, std::uint64_t serial, std::size_t size) {
  Bytes entries = Revoked(serial);
  const Bytes more = Revoked(0x7000, CeExtension(99, Bytes(60 << 10)));
  while (entries.size() <= size) entries.insert(entries.end(), more.begin(), more.end());
  return MakeList(PartsOf(issuer, entries));
}

RevocationStore::ListPtr Signed(ByteView der) {
  auto list = RevocationList::FromDer(der);
  EXPECT_TRUE(list->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
  return list;
}

bool Revokes(const RevocationList& list, std::uint64_t serial) {
  const auto excerpt = list.ExcerptFor(SerialNumber(serial));
  EXPECT_TRUE(excerpt);
  return excerpt && !ReadRevocationList(*excerpt)->entries.empty();
}

/// Which serial numbers below 100 the lists revoke, one list after the other.
std::vector<int> Serials(const Lists& lists) {
  std::vector<int> serials;
  for (const auto& list : lists) {
    for (int serial = 0; serial < 100; ++serial) {
      if (Revokes(*list, serial)) serials.push_back(serial);
    }
  }
  return serials;
}
using Found = std::vector<int>;

std::string NameOf(std::string_view prefix, std::string_view about) {
  return CachedName(prefix, AsBytes(about));
}

std::string HashedName(std::string_view issuer, int number) {
  char name[32];
  std::snprintf(name, sizeof name, "%08x.r%d",
                static_cast<unsigned>(NameHash(*CanonicalName(NameDer(issuer)))), number);
  return name;
}

class RevocationStoreTest : public testing::Test {
 protected:
  RevocationStoreTest() {
    for (const char* const name : {"first", "second", "hashed", "hashed too"}) {
      temporary_.MakeDirectory(name);
      Mode(name, 0755);
    }
  }

  void Mode(const std::string& name, mode_t mode) const {
    ASSERT_EQ(chmod(temporary_.Path(name).c_str(), mode), 0) << name;
  }
  void Owner(const std::string& name, uid_t owner) const {
    ASSERT_EQ(lchown(temporary_.Path(name).c_str(), owner, static_cast<gid_t>(-1)), 0) << name;
  }
  /// As another process has it.
  RevocationStore In(const std::vector<const char*>& names) const {
    std::vector<std::string> directories;
    for (const char* const name : names) directories.push_back(temporary_.Path(name));
    return RevocationStore([directories] { return directories; },
                           {temporary_.Path("hashed"), temporary_.Path("hashed too")});
  }
  Found Fetched(const std::vector<const char*>& names, std::string_view url = kUrl) const {
    RevocationStore store = In(names);
    return Serials(store.Fetched(url));
  }
  /// Back in time, so that a change now shows.
  void Age(const std::string& name) const {
    fs::last_write_time(temporary_.Path(name),
                        fs::file_time_type::clock::now() - std::chrono::hours(1));
  }
  static int AsUser(uid_t user, const std::function<int()>& body) {
    return InChild([&] {
      if (geteuid() == 0 &&
          (setgroups(0, nullptr) != 0 || setgid(user) != 0 || setuid(user) != 0)) {
        return 100;
      }
      return body();
    });
  }
  std::size_t FilesIn(const char* directory) const { return temporary_.NamesIn(directory).size(); }

  const TemporaryDirectory temporary_;
};

// --- Fetched lists

TEST_F(RevocationStoreTest, WhatIsKeptAnotherProcessFindsByItsUrlAndNoOther) {
  RevocationStore store = In({"first"});
  EXPECT_EQ(Serials(store.Fetched(kUrl)), Found());
  EXPECT_EQ(store.Keep(kUrl, Signed(ListOf("CA", 5))), "");
  EXPECT_EQ(Serials(store.Fetched(kUrl)), Found{5});
  EXPECT_EQ(Fetched({"first"}), Found{5});
  EXPECT_EQ(Fetched({"second"}), Found());
  EXPECT_EQ(Fetched({"first"}, kOtherUrl), Found());
  EXPECT_EQ(temporary_.NamesIn("first"), std::vector<std::string>{NameOf("crl-", kUrl)});
  RevocationStore another = In({"first"});
  const auto list = another.Fetched(kUrl).front();
  EXPECT_EQ(list->ThisUpdate(), 1'767'225'600);
  EXPECT_TRUE(list->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
  EXPECT_FALSE(list->IsSignedBy(AsBytes("other"), CheckOf("other"), false));
}

TEST_F(RevocationStoreTest, OlderNeverReplacesNewer) {
  const Bytes older = ListOf("CA", 1, "260101000000Z");
  const Bytes newer = ListOf("CA", 2, "260102000000Z");
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(newer)), "");
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(older)), "");
  EXPECT_EQ(Fetched({"first"}), Found{2});
  // As old: it may be the same with another issuing key.
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 3, "260102000000Z"))), "");
  EXPECT_EQ(Fetched({"first"}), Found{3});
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 4, "260103000000Z"))), "");
  EXPECT_EQ(Fetched({"first"}), Found{4});
  // In memory the same.
  RevocationStore memory = In({});
  EXPECT_EQ(memory.Keep(kUrl, Signed(newer)), "");
  EXPECT_EQ(memory.Keep(kUrl, Signed(older)), "");
  EXPECT_EQ(Serials(memory.Fetched(kUrl)), Found{2});
}

TEST_F(RevocationStoreTest, OneOfTheFutureOrOfAnotherIssuerIsReplaced) {
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 1, "490102000000Z"))), "");
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 2))), "");
  EXPECT_EQ(Fetched({"first"}), Found{2});
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("Other", 3, "260102000000Z"))), "");
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 4))), "");
  EXPECT_EQ(Fetched({"first"}), Found{4});
}

TEST_F(RevocationStoreTest, EveryDirectoryIsLookedIntoAndTheFirstIsWritten) {
  EXPECT_EQ(In({"second"}).Keep(kUrl, Signed(ListOf("CA", 2))), "");
  EXPECT_EQ(In({"first", "second"}).Keep(kUrl, Signed(ListOf("CA", 1))), "");
  EXPECT_EQ(Fetched({"first", "second"}), (Found{1, 2}));
  EXPECT_EQ(FilesIn("second"), 1U);
}

TEST_F(RevocationStoreTest, WithoutDirectoriesThereIsMemoryAndThatIsNoFailure) {
  RevocationStore store("off", "auto");
  EXPECT_EQ(store.Keep(kUrl, Signed(ListOf("CA", 1))), "");
  EXPECT_EQ(Serials(store.Fetched(kUrl)), Found{1});
  EXPECT_EQ(Serials(store.Fetched(kOtherUrl)), Found());
  EXPECT_EQ(store.KeepResponse("about", AsBytes("response"), true), "");
  EXPECT_EQ(store.Responses("about"), std::vector<Bytes>{ToBytes("response")});
  EXPECT_NE(store.TakeTurn(kUrl), nullptr);
}

TEST_F(RevocationStoreTest, TheSameFileIsCheckedOnceUntilItIsReplaced) {
  RevocationStore store = In({"first"});
  EXPECT_EQ(store.Keep(kUrl, Signed(ListOf("CA", 1))), "");
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(store.Fetched(kUrl).front()->IsSignedBy(AsBytes("key"), Counting(calls), false));
  }
  EXPECT_EQ(calls, 1);
  const auto old = store.Fetched(kUrl).front();
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 2, "260102000000Z"))), "");
  // What was found of the old file is of nothing that is there now.
  EXPECT_FALSE(old->ExcerptFor(SerialNumber(1)));
  EXPECT_FALSE(old->IsSignedBy(AsBytes("another"), CheckOf("key"), false));
  EXPECT_FALSE(old->Index());
  const auto list = store.Fetched(kUrl).front();
  EXPECT_EQ(Serials({list}), Found{2});
  EXPECT_TRUE(list->IsSignedBy(AsBytes("key"), Counting(calls), false));
  EXPECT_EQ(calls, 2);
}

TEST_F(RevocationStoreTest, AFileThatIsChangedOrCutBetweenUsesIsNotRead) {
  const std::string path = temporary_.Path("first/" + NameOf("crl-", kUrl));
  const std::pair<const char*, std::function<void()>> changes[] = {
      {"cut", [&] { fs::resize_file(path, fs::file_size(path) - 1); }},
      {"emptied", [&] { fs::resize_file(path, 0); }},
      {"longer", [&] { fs::resize_file(path, fs::file_size(path) + 1); }},
      {"removed", [&] { fs::remove(path); }},
      {"can be written by others", [&] { chmod(path.c_str(), 0666); }},
      {"another time", [&] { fs::last_write_time(path, fs::file_time_type::clock::now()); }},
      {"a link",
       [&] {
         fs::rename(path, temporary_.Path("elsewhere"));
         fs::create_symlink(temporary_.Path("elsewhere"), path);
       }},
  };
  for (const auto& [name, change] : changes) {
    SCOPED_TRACE(name);
    fs::remove(path);
    RevocationStore store = In({"first"});
    EXPECT_EQ(store.Keep(kUrl, Signed(ListOf("CA", 1))), "");
    const auto list = store.Fetched(kUrl).front();
    EXPECT_TRUE(Revokes(*list, 1));
    WaitForFileClock();
    change();
    EXPECT_FALSE(list->ExcerptFor(SerialNumber(1)));
    EXPECT_FALSE(list->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
    const bool is_the_same = name == "another time"s;
    EXPECT_EQ(Serials(store.Fetched(kUrl)), is_the_same ? Found{1} : Found());
    EXPECT_EQ(store.Keep(kUrl, Signed(ListOf("CA", 2))), "");
    EXPECT_EQ(Serials(store.Fetched(kUrl)), Found{2});
  }
}

TEST_F(RevocationStoreTest, AFileOfOneUrlIsNotTakenForAnothers) {
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 1))), "");
  EXPECT_EQ(In({"first"}).KeepResponse("a", AsBytes("response"), true), "");
  fs::rename(temporary_.Path("first/" + NameOf("crl-", kUrl)),
             temporary_.Path("first/" + NameOf("crl-", kOtherUrl)));
  fs::rename(temporary_.Path("first/" + NameOf("ocsp-", "a")),
             temporary_.Path("first/" + NameOf("ocsp-", "b")));
  EXPECT_EQ(Fetched({"first"}, kOtherUrl), Found());
  EXPECT_TRUE(In({"first"}).Responses("b").empty());
  // It is in nobody's way.
  EXPECT_EQ(In({"first"}).Keep(kOtherUrl, Signed(ListOf("CA", 2))), "");
  EXPECT_EQ(Fetched({"first"}, kOtherUrl), Found{2});
}

TEST_F(RevocationStoreTest, WhatIsDamagedIsIgnoredOrNotSignedAndReplaced) {
  const std::string file = "first/" + NameOf("crl-", kUrl);
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 1))), "");
  std::string good(AsText(*ReadCached(temporary_.Path("first"), NameOf("crl-", kUrl))));
  for (std::size_t i = 0; i <= good.size(); ++i) {
    SCOPED_TRACE(i);
    std::string damaged = good;
    if (i < good.size()) damaged[i] = static_cast<char>(damaged[i] ^ 0x01);
    if (i == good.size()) damaged = "nonsense";
    temporary_.Write(file, damaged);
    RevocationStore store = In({"first"});
    for (const auto& list : store.Fetched(kUrl)) {
      static_cast<void>(list->ExcerptFor(SerialNumber(1)));
      // A key that is written down wrongly does no harm: a list this small is always checked.
      const bool is_signed = list->IsSignedBy(AsBytes("key"), CheckOf("key"), false);
      EXPECT_TRUE(!is_signed || Revokes(*list, 1));
    }
  }
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 2))), "");
  EXPECT_EQ(Fetched({"first"}), Found{2});
}

TEST_F(RevocationStoreTest, AListLargerThanOtherCachedFilesIsKept) {
  const Bytes list = LargeListOf("CA", 1, kMaxFileSize);
  EXPECT_EQ(In({"first"}).Keep(kUrl, RevocationList::FromDer(list)), "");
  EXPECT_EQ(Fetched({"first"}), Found{1});
}

TEST_F(RevocationStoreTest, InAFullDirectoryTheOldestOfAKindMakeRoom) {
  RevocationStore store = In({"first"});
  EXPECT_EQ(store.KeepResponse("a", AsBytes("response"), true), "");
  for (int i = 0; i < 4096; ++i) {
    const std::string name = "first/crl-" + std::to_string(i);
    temporary_.Write(name, "");
    if (i < 512) {
      fs::last_write_time(temporary_.Path(name),
                          fs::file_time_type::clock::now() - std::chrono::hours(1));
    }
  }
  EXPECT_EQ(store.Keep(kUrl, Signed(ListOf("CA", 1))), "");
  EXPECT_EQ(Fetched({"first"}), Found{1});
  EXPECT_FALSE(fs::exists(temporary_.Path("first/crl-511")));
  EXPECT_TRUE(fs::exists(temporary_.Path("first/crl-512")));
  EXPECT_EQ(In({"first"}).Responses("a").size(), 1U);
}

TEST_F(RevocationStoreTest, InMemoryTheOldestAreForgotten) {
  RevocationStore store = In({});
  const auto url = [](int i) { return "http://" + std::to_string(i) + ".example/"; };
  for (int i = 0; i < 66; ++i) store.Keep(url(i), RevocationList::FromDer(ListOf("CA", 1)));
  for (int i = 0; i < 66; ++i) EXPECT_EQ(store.Fetched(url(i)).size(), i < 2 ? 0U : 1U) << i;
  // Of five of 4 MiB the last three, because each is a little more.
  for (int i = 100; i < 105; ++i) {
    store.Keep(url(i), RevocationList::FromDer(LargeListOf("CA", 1, 4 << 20)));
  }
  for (int i = 100; i < 105; ++i) EXPECT_EQ(store.Fetched(url(i)).size(), i < 102 ? 0U : 1U) << i;
  // One that is larger than all may be stays until the next comes.
  store.Keep(url(200), RevocationList::FromDer(LargeListOf("CA", 1, 17 << 20)));
  EXPECT_EQ(store.Fetched(url(104)).size(), 0U);
  EXPECT_EQ(store.Fetched(url(200)).size(), 1U);
}

// --- Who may have written it

TEST_F(RevocationStoreTest, RootReadsNothingThatOthersCouldHaveWritten) {
  SKIP_UNLESS_ROOT();
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 1))), "");
  EXPECT_EQ(In({"first"}).KeepResponse("a", AsBytes("response"), true), "");
  const auto expect = [&](bool read) {
    EXPECT_EQ(Fetched({"first"}), read ? Found{1} : Found());
    EXPECT_EQ(In({"first"}).Responses("a").size(), read ? 1U : 0U);
  };
  expect(true);
  Mode("first", 0775);
  expect(false);
  EXPECT_NE(In({"first"}).Keep(kOtherUrl, Signed(ListOf("CA", 1))), "");
  Mode("first", 0755);
  Owner("first", kNobody);
  expect(false);
  EXPECT_NE(In({"first"}).KeepResponse("b", AsBytes("response"), true), "");
  Owner("first", 0);
  expect(true);
  Owner("first/" + NameOf("crl-", kUrl), kNobody);
  Owner("first/" + NameOf("ocsp-", "a"), kNobody);
  expect(false);
}

TEST_F(RevocationStoreTest, AUserReadsWhatRootWroteAndWritesHisOwn) {
  SKIP_UNLESS_ROOT();
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 1))), "");
  Owner("second", kNobody);
  const int result = AsUser(kNobody, [&] {
    RevocationStore store = In({"first", "second"});
    if (Serials(store.Fetched(kUrl)) != Found{1}) return 1;
    if (!store.Keep(kUrl, Signed(ListOf("CA", 2, "260102000000Z"))).empty()) return 2;
    return Serials(store.Fetched(kUrl)) == Found{1, 2} ? 0 : 3;
  });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(Fetched({"first", "second"}), Found{1});
  EXPECT_EQ(FilesIn("second"), 1U);
}

TEST_F(RevocationStoreTest, OnlyWhatRootKeptInTheMachinesDirectoryIsBelieved) {
  SKIP_UNLESS_ROOT();
  const int result = InChild([&] {
    if (!MountEmpty("/var/cache")) return kNoMount;
    if (mkdir(kMachineCacheDirectory, 0755) != 0) return 1;
    const auto machines = [] {
      return RevocationStore([] { return std::vector<std::string>{kMachineCacheDirectory}; }, {});
    };
    const Bytes large = LargeListOf("CA", 1, kCheckedAgain);
    RevocationStore writer = machines();
    if (!writer.Keep(kUrl, Signed(large)).empty()) return 2;
    // One that nobody has verified, as of a hashed directory, is not.
    if (!writer.Keep(kOtherUrl, RevocationList::FromDer(large)).empty()) return 3;
    if (!In({"first"}).Keep(kUrl, Signed(large)).empty()) return 4;

    RevocationStore reader = machines();
    int calls = 0;
    const auto calls_of = [&](RevocationStore& store, const char* url, const char* key,
                              bool strict) {
      calls = 0;
      const auto list = store.Fetched(url).front();
      const bool is_signed = list->IsSignedBy(AsBytes(key), Counting(calls, key), strict);
      return is_signed == (key == "key"s) ? calls : -1;
    };
    if (calls_of(reader, kUrl, "key", false) != 0) return 5;
    if (calls_of(reader, kUrl, "other", false) != 1) return 6;
    if (calls_of(reader, kUrl, "key", true) != 1) return 7;
    if (calls_of(reader, kOtherUrl, "key", false) != 1) return 8;
    RevocationStore users = In({"first"});
    if (calls_of(users, kUrl, "key", false) != 1) return 9;
    // Nor is it when it is another user's, who could not have written what is trusted.
    if (chown(kMachineCacheDirectory, kNobody, static_cast<gid_t>(-1)) != 0) return 10;
    if (setuid(kNobody) != 0) return 11;
    RevocationStore owner = machines();
    return calls_of(owner, kUrl, "key", false) == 1 ? 0 : 12;
  });
  if (result == kNoMount) GTEST_SKIP() << "no file system can be mounted";
  EXPECT_EQ(result, 0);
}

TEST_F(RevocationStoreTest, ADirectoryThatCannotBeWrittenLeavesMemoryAndTheClauseSaysWhy) {
  if (geteuid() == 0) Owner("first", kNobody);
  Mode("first", 0500);
  const int result = AsUser(kNobody, [&] {
    RevocationStore store = In({"first"});
    const std::string why = temporary_.Path("first") + " cannot be written";
    if (store.Keep(kUrl, Signed(ListOf("CA", 1))) != why) return 1;
    if (Serials(store.Fetched(kUrl)) != Found{1}) return 2;
    if (store.KeepResponse("a", AsBytes("response"), true) != why) return 3;
    if (store.Responses("a").size() != 1) return 4;
    const auto turn = store.TakeTurn(kUrl);
    return turn != nullptr && store.TakeTurn(kUrl) == nullptr ? 0 : 5;
  });
  Mode("first", 0700);
  EXPECT_EQ(result, 0);
}

TEST_F(RevocationStoreTest, AFullDiskAndALimitOnFilesLeaveWhatWasThere) {
  EXPECT_EQ(In({"first"}).Keep(kUrl, Signed(ListOf("CA", 1))), "");
  const Bytes large = LargeListOf("CA", 2, 128 << 10);
  const int result = InChild([&] {
    const rlimit limit{100 << 10, 100 << 10};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    RevocationStore store = In({"first"});
    if (store.Keep(kUrl, Signed(large)) != temporary_.Path("first") + " cannot be written")
      return 2;
    return Serials(store.Fetched(kUrl)) == Found{2, 1} ? 0 : 3;
  });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(Fetched({"first"}), Found{1});
  const int small = InChild([&] {
    if (!MountSmall(temporary_.Path("second"))) return kNoMount;
    RevocationStore store = In({"second"});
    if (store.Keep(kUrl, Signed(large)).empty()) return 1;
    return temporary_.NamesIn("second").empty() ? 0 : 2;
  });
  if (small == kNoMount) GTEST_SKIP() << "no file system can be mounted";
  EXPECT_EQ(small, 0);
}

// --- Hashed directories

TEST_F(RevocationStoreTest, ListsAreFoundBesideTheCertificatesByTheirIssuer) {
  RevocationStore store = In({});
  EXPECT_EQ(Serials(store.InDirectories(NameDer("CA"))), Found());
  temporary_.Write("hashed/" + HashedName("CA", 0), AsText(ListOf("CA", 1)));
  temporary_.Write("hashed/" + HashedName("CA", 1),
                   "text\n" + Pem(ListOf("CA", 2), "X509 CRL") + Pem(MakeRoot("CA")) +
                       Pem(AsBytes("nonsense"), "X509 CRL") + Pem(ListOf("CA", 3), "X509 CRL"));
  temporary_.Write("hashed too/" + HashedName("CA", 0), AsText(ListOf("CA", 4)));
  // Behind a gap, of another issuer, and of another hash.
  temporary_.Write("hashed/" + HashedName("CA", 3), AsText(ListOf("CA", 5)));
  temporary_.Write("hashed/" + HashedName("CA", 2), AsText(ListOf("Other", 6)));
  temporary_.Remove("hashed/" + HashedName("CA", 3));
  temporary_.Write("hashed/" + HashedName("CA", 4), AsText(ListOf("CA", 7)));
  temporary_.Write("hashed/" + HashedName("Third", 0), AsText(ListOf("CA", 8)));
  EXPECT_EQ(Serials(store.InDirectories(NameDer("CA"))), (Found{1, 2, 3, 4}));
  EXPECT_EQ(Serials(store.InDirectories(NameDer(" ca"))), (Found{1, 2, 3, 4}));
  EXPECT_EQ(Serials(store.InDirectories(NameDer("Other"))), Found());
  EXPECT_EQ(Serials(store.InDirectories(NameDer("Third"))), Found());
  EXPECT_EQ(Serials(store.InDirectories(AsBytes("no name"))), Found());
}

TEST_F(RevocationStoreTest, AFileIsReadAgainWhenItHasChangedAndOnlyThen) {
  const std::string file = "hashed/" + HashedName("CA", 0);
  temporary_.Write(file, AsText(ListOf("CA", 1)));
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));  // FileStamp::kRacyWindow
  RevocationStore store = In({});
  const auto first = store.InDirectories(NameDer("CA"));
  EXPECT_EQ(Serials(first), Found{1});
  EXPECT_EQ(store.InDirectories(NameDer("CA")), first);
  temporary_.Write(file, AsText(ListOf("CA", 2)));
  EXPECT_EQ(Serials(store.InDirectories(NameDer("CA"))), Found{2});
  // So shortly after a change another one might not show.
  EXPECT_NE(store.InDirectories(NameDer("CA")), store.InDirectories(NameDer("CA")));
  temporary_.Remove(file);
  EXPECT_EQ(Serials(store.InDirectories(NameDer("CA"))), Found());
}

TEST_F(RevocationStoreTest, WithoutDescriptorsWhatWasReadStaysAndTheSearchEnds) {
  temporary_.Write("hashed/" + HashedName("CA", 0), AsText(ListOf("CA", 1)));
  temporary_.Write("hashed/" + HashedName("CA", 1), AsText(ListOf("CA", 2)));
  EXPECT_EQ(InChild([this] {
              alarm(20);
              RevocationStore store = In({});
              const auto first = store.InDirectories(NameDer("CA"));
              const rlimit none{0, 0};
              if (Serials(first) != Found{1, 2} || setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
              if (Serials(store.InDirectories(NameDer("CA"))) != Found{1, 2}) return 2;
              return store.InDirectories(NameDer("Other")).empty() ? 0 : 3;
            }),
            0);
}

TEST_F(RevocationStoreTest, WhatIsNoListHidesNoOther) {
  const std::string path = temporary_.Path("hashed/" + HashedName("CA", 0));
  temporary_.Write("hashed/" + HashedName("CA", 1), AsText(ListOf("CA", 1)));
  RevocationStore store = In({});
  EXPECT_EQ(Serials(store.InDirectories(NameDer("CA"))), Found());  // the first is missing
  ASSERT_EQ(mkfifo(path.c_str(), 0644), 0);
  EXPECT_EQ(Serials(store.InDirectories(NameDer("CA"))), Found{1});
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_EQ(Serials(store.InDirectories(NameDer("CA"))), Found{1});
  fs::remove(path);
  temporary_.Write("hashed/" + HashedName("CA", 0), "nonsense");
  EXPECT_EQ(Serials(store.InDirectories(NameDer("CA"))), Found{1});
}

TEST_F(RevocationStoreTest, OfALargeListTheIndexIsKeptForOtherProcesses) {
  const std::string file = "hashed/" + HashedName("CA", 0);
  for (const bool pem : {false, true}) {
    SCOPED_TRACE(pem);
    temporary_.Remove("first");
    temporary_.MakeDirectory("first");
    const Bytes list = LargeListOf("CA", 1, 1 << 20);
    temporary_.Write(file, pem ? Pem(list, "X509 CRL") : std::string(AsText(list)));
    RevocationStore early = In({"first"});
    EXPECT_EQ(Serials(early.InDirectories(NameDer("CA"))), Found{1});
    EXPECT_EQ(FilesIn("first"), 0U);  // it may yet change without that being seen
    std::this_thread::sleep_for(std::chrono::milliseconds(2100));
    RevocationStore store = In({"first"});
    EXPECT_EQ(Serials(store.InDirectories(NameDer("CA"))), Found{1});
    EXPECT_EQ(FilesIn("first"), 1U);
    EXPECT_LT(store.InDirectories(NameDer("CA")).front()->MemorySize(), 10'000U);
    // Another process reads that and writes nothing.
    const std::string cached = temporary_.Path("first/" + NameOf("crl-", temporary_.Path(file)));
    struct stat before {};
    struct stat after {};
    ASSERT_EQ(stat(cached.c_str(), &before), 0);
    RevocationStore another = In({"first"});
    const auto lists = another.InDirectories(NameDer("CA"));
    EXPECT_EQ(Serials(lists), Found{1});
    EXPECT_TRUE(lists.front()->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
    ASSERT_EQ(stat(cached.c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino);
    // What changed takes its place.
    const Bytes newer = LargeListOf("CA", 2, 1 << 20);
    temporary_.Write(file, AsText(newer));
    EXPECT_EQ(Serials(another.InDirectories(NameDer("CA"))), Found{2});
    std::this_thread::sleep_for(std::chrono::milliseconds(2100));
    EXPECT_EQ(Serials(another.InDirectories(NameDer("CA"))), Found{2});
    EXPECT_EQ(FilesIn("first"), 1U);
  }
  // A damaged one is made again, and where none can be kept it is in memory.
  temporary_.Write("first/" + NameOf("crl-", temporary_.Path(file)), "nonsense");
  EXPECT_EQ(Serials(In({"first"}).InDirectories(NameDer("CA"))), Found{2});
  RevocationStore memory = In({});
  EXPECT_EQ(Serials(memory.InDirectories(NameDer("CA"))), Found{2});
  EXPECT_GT(memory.InDirectories(NameDer("CA")).front()->MemorySize(), 1U << 20);
}

TEST_F(RevocationStoreTest, TrustSourceSaysWhichDirectory) {
  temporary_.Write("hashed/" + HashedName("CA", 0), AsText(ListOf("CA", 1)));
  const auto found = [&](const std::string& trust_source) {
    return Serials(RevocationStore("off", trust_source).InDirectories(NameDer("CA")));
  };
  EXPECT_EQ(found(temporary_.Path("hashed")), Found{1});
  EXPECT_EQ(found(temporary_.Path("hashed too")), Found());
  temporary_.Write("bundle.pem", "");
  for (const std::string& other : {"auto"s, ""s, "p11-kit"s, temporary_.Path("bundle.pem")}) {
    EXPECT_EQ(found(other), Found()) << other;
  }
  // The system's, each real one once.
  const int result = InChild([&] {
    if (!MountEmpty("/etc/ssl") || mkdir("/etc/ssl/certs", 0755) != 0 ||
        !MountOn("/etc/ssl/certs", temporary_.Path("hashed"))) {
      return kNoMount;
    }
    for (const char* const trust_source :
         {"auto", "", "p11-kit", "p11-kit:/directory", "/etc/ssl/certs",
          "/etc/ssl/certs/ca-certificates.crt"}) {
      if (found(trust_source) != Found{1}) return 1;
    }
    return found("/etc/ssl/ca-bundle.crt").empty() ? 0 : 2;
  });
  if (result == kNoMount) GTEST_SKIP() << "nothing can be mounted on /etc/ssl";
  EXPECT_EQ(result, 0);
}

// --- OCSP responses

TEST_F(RevocationStoreTest, AResponseIsFoundByWhatItIsAbout) {
  RevocationStore store = In({"first"});
  EXPECT_TRUE(store.Responses("a").empty());
  EXPECT_EQ(store.KeepResponse("a", AsBytes("one"), true), "");
  EXPECT_EQ(store.KeepResponse("b", AsBytes("two"), false), "");
  EXPECT_EQ(store.Responses("a"), std::vector<Bytes>{ToBytes("one")});
  EXPECT_EQ(store.Responses("b"), std::vector<Bytes>{ToBytes("two")});
  EXPECT_EQ(temporary_.NamesIn("first"), std::vector<std::string>{NameOf("ocsp-", "a")});
  RevocationStore another = In({"first"});
  EXPECT_EQ(another.Responses("a"), std::vector<Bytes>{ToBytes("one")});
  EXPECT_TRUE(another.Responses("b").empty());
  EXPECT_EQ(another.KeepResponse("a", AsBytes("newer"), true), "");
  EXPECT_EQ(store.Responses("a"), (std::vector<Bytes>{ToBytes("one"), ToBytes("newer")}));
  EXPECT_EQ(another.Responses("a"), std::vector<Bytes>{ToBytes("newer")});
}

TEST_F(RevocationStoreTest, WhatIsNoResponseIsNotKept) {
  RevocationStore store = In({"first"});
  const Bytes largest(64 << 10);
  EXPECT_EQ(store.KeepResponse("a", {}, true), "it is empty or longer than 64 KiB");
  EXPECT_EQ(store.KeepResponse("a", Bytes((64 << 10) + 1), true),
            "it is empty or longer than 64 KiB");
  EXPECT_TRUE(store.Responses("a").empty());
  EXPECT_EQ(store.KeepResponse("a", largest, true), "");
  EXPECT_EQ(In({"first"}).Responses("a"), std::vector<Bytes>{largest});
  EXPECT_EQ(store.KeepResponse(std::string(20'000, 'x'), largest, true), "its name is too long");
  const Bytes head = *EncodeRevocationHead("b", {});
  temporary_.Write("first/" + NameOf("ocsp-", "b"), AsText(head));
  EXPECT_TRUE(store.Responses("b").empty());
  temporary_.Write("first/" + NameOf("ocsp-", "b"),
                   AsText(Concatenate(head, Bytes((64 << 10) + 1))));
  EXPECT_TRUE(store.Responses("b").empty());
  temporary_.Write("first/" + NameOf("ocsp-", "b"), AsText(Concatenate(head, largest)));
  EXPECT_EQ(store.Responses("b").size(), 1U);
}

TEST_F(RevocationStoreTest, OfTooManyResponsesTheOldestAreForgotten) {
  RevocationStore store = In({});
  for (int i = 0; i < 1026; ++i) store.KeepResponse(std::to_string(i), AsBytes("x"), false);
  for (int i = 0; i < 1026; ++i) {
    EXPECT_EQ(store.Responses(std::to_string(i)).size(), i < 2 ? 0U : 1U) << i;
  }
}

// --- Turns

TEST_F(RevocationStoreTest, OneThreadOfOneProcessHasATurn) {
  RevocationStore store = In({"first"});
  RevocationStore another = In({"second"});
  auto turn = store.TakeTurn(kUrl);
  ASSERT_NE(turn, nullptr);
  EXPECT_EQ(store.TakeTurn(kUrl), nullptr);
  EXPECT_EQ(another.TakeTurn(kUrl), nullptr);
  EXPECT_NE(store.TakeTurn(kOtherUrl), nullptr);
  const auto child_has = [&] {
    return InChild([&] { return In({"first"}).TakeTurn(kUrl) != nullptr ? 1 : 0; });
  };
  EXPECT_EQ(child_has(), 0);
  // Nor is it lost when others ask.
  EXPECT_EQ(store.TakeTurn(kUrl), nullptr);
  EXPECT_EQ(child_has(), 0);
  turn.reset();
  EXPECT_EQ(child_has(), 1);
  EXPECT_NE(store.TakeTurn(kUrl), nullptr);
  EXPECT_EQ(FilesIn("first"), 0U);
}

TEST_F(RevocationStoreTest, AProcessThatDiesOrAChildThatLivesOnHoldsNoTurn) {
  RevocationStore store = In({"first"});
  // Forked while the turn is held: it has none, gives none back, and keeps none.
  auto turn = store.TakeTurn(kUrl);
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = StartChild([&] {
    alarm(60);
    // What a thread of its parent has keeps none of its own waiting; what the process has does.
    if (In({}).TakeTurn(kUrl) == nullptr) return 3;
    turn.reset();
    if (In({"first"}).TakeTurn(kUrl) != nullptr) return 1;
    char byte = 0;
    close(pipe_ends[1]);
    return read(pipe_ends[0], &byte, 1) == 0 ? 0 : 2;
  });
  close(pipe_ends[0]);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(InChild([&] { return In({"first"}).TakeTurn(kUrl) != nullptr ? 1 : 0; }), 0);
  turn.reset();
  EXPECT_EQ(InChild([&] { return In({"first"}).TakeTurn(kUrl) != nullptr ? 1 : 0; }), 1);
  close(pipe_ends[1]);
  EXPECT_EQ(WaitForChild(child), 0);

  // Killed with it, although its own child lives on with the descriptors.
  ASSERT_EQ(pipe(pipe_ends), 0);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t killed = StartChild([&] {
    const auto held = store.TakeTurn(kUrl);
    StartChild([&] {
      alarm(60);
      char byte = 0;
      close(pipe_ends[1]);
      return static_cast<int>(read(pipe_ends[0], &byte, 1));
    });
    static_cast<void>(!write(ready[1], held != nullptr ? "y" : "n", 1));
    pause();
    return 0;
  });
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_EQ(store.TakeTurn(kUrl), nullptr);
  ASSERT_EQ(kill(killed, SIGKILL), 0);
  EXPECT_EQ(WaitForChild(killed), -1);
  EXPECT_NE(store.TakeTurn(kUrl), nullptr);
  for (const int end : {pipe_ends[0], pipe_ends[1], ready[0], ready[1]}) close(end);
  EXPECT_EQ(FilesIn("first"), 0U);
}

TEST_F(RevocationStoreTest, OfManyProcessesAndThreadsOneAtATimeHasIt) {
  // Each writes its number while it has the turn and reads it again.
  const std::string shared = temporary_.Path("shared");
  const auto work = [&](int number) {
    RevocationStore store = In({"first"});
    int had = 0;
    for (int i = 0; i < 200'000 && had < 300; ++i) {
      const auto turn = store.TakeTurn(kUrl);
      if (turn == nullptr) {
        std::this_thread::yield();
        continue;
      }
      ++had;
      const int fd = open(shared.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
      int seen = 0;
      bool alone = pwrite(fd, &number, sizeof number, 0) == sizeof number;
      std::this_thread::yield();
      alone = alone && pread(fd, &seen, sizeof seen, 0) == sizeof seen && seen == number;
      close(fd);
      if (!alone) return 1;
    }
    return had > 0 ? 0 : 2;
  };
  std::vector<pid_t> children;
  for (int child = 0; child < 3; ++child) {
    children.push_back(StartChild([&] {
      std::atomic<int> result{0};
      std::vector<std::thread> threads;
      for (int thread = 0; thread < 2; ++thread) {
        threads.emplace_back([&, thread] {
          const int one = work(10 * child + thread);
          if (one != 0) result = one;
        });
      }
      for (std::thread& thread : threads) thread.join();
      return result.load();
    }));
  }
  for (const pid_t child : children) EXPECT_EQ(WaitForChild(child), 0);
  EXPECT_EQ(FilesIn("first"), 0U);
}

// --- Many at once

TEST_F(RevocationStoreTest, ThreadsAndProcessesUseItAtOnce) {
  const auto work = [&](RevocationStore& store, int number) {
    int wrong = 0;
    for (int i = 0; i < 60; ++i) {
      const std::string url = "http://" + std::to_string(i % 3) + ".example/";
      if (!store.Keep(url, RevocationList::FromDer(ListOf("CA", 1 + number))).empty()) ++wrong;
      for (const auto& list : store.Fetched(url)) {
        // Another may have replaced it meanwhile: then there is none, but never a damaged one.
        static_cast<void>(list->ExcerptFor(SerialNumber(1)));
        if (list->Index() != nullptr && !list->IsSignedBy(AsBytes("key"), CheckOf("key"), false) &&
            list->Index() != nullptr) {
          ++wrong;
        }
      }
      if (!store.KeepResponse(url, AsBytes("response"), true).empty()) ++wrong;
      if (store.Responses(url).size() != 1) ++wrong;
    }
    return wrong;
  };
  const pid_t child = StartChild([&] {
    RevocationStore store = In({"first"});
    return work(store, 50);
  });
  RevocationStore store = In({"first"});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] { wrong += work(store, thread); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(WaitForChild(child), 0);
  EXPECT_EQ(FilesIn("first"), 6U);
}

TEST_F(RevocationStoreTest, AChildUsesItAlthoughThreadsOfItsParentDid) {
  RevocationStore store = In({});
  store.KeepResponse("a", AsBytes("response"), false);
  const auto list = Signed(ListOf("CA", 1));
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&] {
      while (!stop) {
        store.KeepResponse("b", AsBytes("response"), false);
        static_cast<void>(store.TakeTurn(kOtherUrl));
        static_cast<void>(list->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    const int result = InChild([&] {
      alarm(20);  // one that waits for ever is killed
      return list->IsSignedBy(AsBytes("key"), nullptr, false) ? 0 : 1;
    });
    EXPECT_EQ(result, 0);
    if (result != 0) break;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

// --- The files

TEST(RevocationFilesTest, WhatIsWrittenIsReadAndNothingElse) {
  const std::vector<Bytes> keys = {ToBytes("one"), ToBytes("another")};
  const Bytes head = *EncodeRevocationHead("about", keys);
  const auto read = DecodeRevocationHead(Concatenate(head, AsBytes("rest")));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->keys, keys);
  EXPECT_EQ(read->size, head.size());
  EXPECT_EQ(DecodeRevocationHead(head)->about, "about");
  for (std::size_t size = 0; size < head.size(); ++size) {
    const Bytes cut(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(DecodeRevocationHead(cut)) << size;
  }
  EXPECT_TRUE(EncodeRevocationHead(std::string(16'000, 'x'), {}));
  EXPECT_FALSE(EncodeRevocationHead(std::string(17'000, 'x'), {}));
}

}  // namespace
}  // namespace ostrust::platform
