// What is kept is found again by its subject, whatever else lies in the directories; what failed is
// left alone for as long as is said.
#include "platform/intermediate_cache.hpp"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "certificates.hpp"
#include "children.hpp"
#include "mounts.hpp"
#include "platform/der.hpp"
#include "platform/linux/cache_directory.hpp"
#include "platform/linux/file_io.hpp"
#include "platform/linux/intermediate_files.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Serials = std::vector<long>;

constexpr const char* kUrl = "http://ca.example/intermediate.cer";

/// A certificate CN=`common_name` of `size` bytes, most of them signature.
Bytes MakeSized(std::string_view common_name, long serial, std::size_t size) {
  const Bytes root = MakeRoot(common_name, serial);
  const ByteView signed_part = TbsCertificateOf(root);
  Bytes content(signed_part.begin(), signed_part.end());
  const Bytes algorithm = ToBytes("\x30\x05\x06\x03\x55\x04\x03");
  content.insert(content.end(), algorithm.begin(), algorithm.end());
  constexpr std::size_t kHeaders = 4 + 4;  // of 256 to 65535 bytes each
  AppendDer(der::kBitString, Bytes(size - kHeaders - content.size()), content);
  Bytes certificate;
  AppendDer(der::kSequence, content, certificate);
  EXPECT_EQ(certificate.size(), size);
  return certificate;
}

/// In memory, and then in the directories.
std::vector<Bytes> Find(const IntermediateCache& cache, ByteView subject) {
  std::vector<Bytes> found = cache.FindRemembered(subject);
  for (Bytes& certificate : cache.FindKept(subject)) found.push_back(std::move(certificate));
  return found;
}

/// In the order in which they are found.
Serials Found(const IntermediateCache& cache, std::string_view subject) {
  Serials serials;
  for (const Bytes& certificate : Find(cache, NameDer(subject))) {
    const auto fields = ReadCertificateFields(certificate);
    long serial = 0;
    for (const std::byte byte : fields->serial_number) {
      serial = serial << 8 | std::to_integer<long>(byte);
    }
    serials.push_back(serial);
  }
  return serials;
}

bool Remembers(const IntermediateCache& cache, const Bytes& certificate) {
  return cache.Remembers(SubjectOf(certificate), certificate);
}

/// The name of the file, as docs and administrators may rely on it.
std::string FileOf(std::string_view subject) {
  std::string name = "intermediates-";
  for (const std::uint8_t byte : Sha1(NameDer(subject))) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    name += digits;
  }
  return name;
}

class IntermediateCacheTest : public testing::Test {
 protected:
  IntermediateCacheTest() {
    for (const char* const name : {"first", "second"}) {
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
  /// As another process has it: what it finds is on disk.
  IntermediateCache In(const std::vector<const char*>& names) const {
    std::vector<std::string> directories;
    for (const char* const name : names) directories.push_back(temporary_.Path(name));
    return IntermediateCache([directories] { return directories; }, [this] { return now_; });
  }
  /// In a child that is this user, and nobody else, for good; as it is when the test is not root.
  static int AsUser(uid_t user, const std::function<int()>& body) {
    return InChild([&] {
      if (geteuid() == 0 &&
          (setgroups(0, nullptr) != 0 || setgid(user) != 0 || setuid(user) != 0)) {
        return 100;
      }
      return body();
    });
  }

  const TemporaryDirectory temporary_;
  IntermediateCache::Clock::time_point now_ = IntermediateCache::Clock::time_point(1'700'000'000s);
};

// --- Memory

TEST_F(IntermediateCacheTest, WhatIsRememberedIsFoundByItsSubjectAndNoOther) {
  IntermediateCache cache = In({});
  const Bytes certificate = MakeIssued("A", "Root", 1);
  EXPECT_FALSE(Remembers(cache, certificate));
  EXPECT_EQ(Found(cache, "A"), Serials());
  cache.Remember(certificate);
  EXPECT_TRUE(Remembers(cache, certificate));
  EXPECT_EQ(Find(cache, NameDer("A")), std::vector<Bytes>{certificate});
  for (const char* const other : {"B", "Root", "a", "A ", "AA"}) {
    EXPECT_EQ(Found(cache, other), Serials()) << other;
  }
  EXPECT_EQ(Find(cache, {}).size(), 0U);
  // Another of the same subject, and this one under another.
  EXPECT_FALSE(Remembers(cache, MakeIssued("A", "Root", 1)));
  EXPECT_FALSE(cache.Remembers(NameDer("B"), certificate));
}

TEST_F(IntermediateCacheTest, WhatIsRememberedTwiceIsThereOnceAndAllOfASubjectAreFound) {
  IntermediateCache cache = In({});
  const Bytes one = MakeIssued("A", "Root", 1);
  cache.Remember(one);
  cache.Remember(MakeIssued("A", "Root", 2));
  cache.Remember(one);
  cache.Remember(MakeIssued("B", "Root", 3));
  EXPECT_EQ(Found(cache, "A"), (Serials{1, 2}));
  EXPECT_EQ(Found(cache, "B"), Serials{3});
}

TEST_F(IntermediateCacheTest, WhatIsRememberedIsACopy) {
  IntermediateCache cache = In({});
  Bytes certificate = MakeIssued("A", "Root", 1);
  const Bytes copy = certificate;
  cache.Remember(certificate);
  std::fill(certificate.begin(), certificate.end(), std::byte{0});
  EXPECT_EQ(Find(cache, NameDer("A")), std::vector<Bytes>{copy});
}

TEST_F(IntermediateCacheTest, WhatIsNotExactlyOneCertificateIsNeitherRememberedNorKept) {
  IntermediateCache cache = In({"first"});
  const Bytes certificate = MakeIssued("A", "Root", 1);
  Bytes cut = certificate;
  cut.pop_back();
  Bytes trailing = certificate;
  trailing.push_back(std::byte{0});
  Bytes indefinite = certificate;
  indefinite[1] = std::byte{0x80};
  for (const Bytes& bytes :
       {Bytes(), cut, trailing, indefinite, Concatenate(certificate, certificate),
        TrustedDer(certificate, "serverAuth", nullptr), ToBytes("nonsense"),
        ToBytes(Pem(certificate)), MakeSized("A", 2, (64 << 10) + 1)}) {
    SCOPED_TRACE(bytes.size());
    cache.Remember(bytes);
    EXPECT_EQ(cache.Keep(bytes), "it is not a certificate in DER of at most 64 KiB");
    EXPECT_EQ(Found(cache, "A"), Serials());
  }
  EXPECT_EQ(temporary_.NamesIn("first"), std::vector<std::string>());
  EXPECT_EQ(cache.Keep(MakeSized("A", 3, 64 << 10)), "");
  EXPECT_EQ(Found(cache, "A"), Serials{3});
  EXPECT_EQ(Found(In({"first"}), "A"), Serials{3});
}

TEST_F(IntermediateCacheTest, OfOneSubjectTheOldestIsForgotten) {
  IntermediateCache cache = In({"first"});
  const Bytes other = MakeIssued("B", "Root", 100);
  cache.Keep(other);
  for (long serial = 1; serial <= 9; ++serial) {
    EXPECT_EQ(cache.Keep(MakeIssued("A", "Root", serial)), "");
  }
  for (const char* const directory : {"first", "second"}) {
    const Serials expected =
        directory == std::string("first") ? Serials{2, 3, 4, 5, 6, 7, 8, 9} : Serials();
    EXPECT_EQ(Found(In({directory}), "A"), expected);
  }
  temporary_.Remove("first");
  EXPECT_EQ(Found(cache, "A"), (Serials{2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_TRUE(Remembers(cache, other));
}

TEST_F(IntermediateCacheTest, WhenThereAreTooManyTheOldestAreForgotten) {
  IntermediateCache cache = In({});
  std::vector<Bytes> certificates;
  for (int i = 0; i < 1026; ++i) {
    certificates.push_back(MakeIssued("CA " + std::to_string(i), "Root"));
    cache.Remember(certificates.back());
  }
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    EXPECT_EQ(Remembers(cache, certificates[i]), i >= 2) << i;
  }
}

TEST_F(IntermediateCacheTest, WhenTheyAreTooLargeTheOldestAreForgotten) {
  IntermediateCache cache = In({});
  std::vector<Bytes> certificates;
  for (int i = 0; i < 66; ++i) {
    certificates.push_back(MakeSized("CA " + std::to_string(i / 2), i + 1, 64 << 10));
    cache.Remember(certificates.back());
  }
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    EXPECT_EQ(Remembers(cache, certificates[i]), i >= 2) << i;
  }
  // One small one takes the place of a large one.
  cache.Remember(MakeIssued("CA", "Root"));
  EXPECT_FALSE(Remembers(cache, certificates[2]));
  EXPECT_TRUE(Remembers(cache, certificates[3]));
}

// --- Directories

TEST_F(IntermediateCacheTest, WhatIsKeptAnotherProcessFindsAndWhatIsRememberedItDoesNot) {
  IntermediateCache cache = In({"first"});
  const Bytes kept = MakeIssued("A", "Root", 1);
  EXPECT_EQ(cache.Keep(kept), "");
  cache.Remember(MakeIssued("B", "Root", 2));
  EXPECT_EQ(Found(cache, "A"), Serials{1});  // once, although it is in both
  const IntermediateCache other = In({"first"});
  EXPECT_EQ(Find(other, NameDer("A")), std::vector<Bytes>{kept});
  EXPECT_EQ(Found(other, "B"), Serials());
  EXPECT_EQ(Found(In({"second"}), "A"), Serials());
  // What was found was not accepted yet.
  EXPECT_FALSE(Remembers(other, kept));
  EXPECT_EQ(temporary_.NamesIn("first"), std::vector<std::string>{FileOf("A")});
}

TEST_F(IntermediateCacheTest, MemoryComesFirstAndThenTheDirectoriesInOrder) {
  const Bytes both = MakeIssued("A", "Root", 3);
  EXPECT_EQ(In({"second"}).Keep(MakeIssued("A", "Root", 1)), "");
  EXPECT_EQ(In({"second"}).Keep(both), "");
  EXPECT_EQ(In({"first"}).Keep(both), "");
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root", 2)), "");
  IntermediateCache cache = In({"first", "second"});
  EXPECT_EQ(Found(cache, "A"), (Serials{3, 2, 1}));
  cache.Remember(MakeIssued("A", "Root", 4));
  EXPECT_EQ(Found(cache, "A"), (Serials{4, 3, 2, 1}));
}

TEST_F(IntermediateCacheTest, ItIsKeptInTheFirstDirectoryAndWhatIsThereIsNotWrittenAgain) {
  IntermediateCache cache = In({"first", "second"});
  const Bytes certificate = MakeIssued("A", "Root");
  EXPECT_EQ(cache.Keep(certificate), "");
  EXPECT_EQ(temporary_.NamesIn("second").size(), 0U);
  struct stat before {};
  struct stat after {};
  const std::string file = temporary_.Path("first/" + FileOf("A"));
  ASSERT_EQ(stat(file.c_str(), &before), 0);
  EXPECT_EQ(In({"first"}).Keep(certificate), "");
  ASSERT_EQ(stat(file.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root")), "");
  ASSERT_EQ(stat(file.c_str(), &after), 0);
  EXPECT_NE(before.st_ino, after.st_ino);
}

TEST_F(IntermediateCacheTest, TheConfigurationKeyNamesTheDirectory) {
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root", 1)), "");
  EXPECT_EQ(Found(IntermediateCache(temporary_.Path("first")), "A"), Serials{1});
  EXPECT_EQ(Found(IntermediateCache(temporary_.Path("second")), "A"), Serials());
}

TEST_F(IntermediateCacheTest, WithoutDirectoriesThereIsMemoryAndThatIsNoFailure) {
  IntermediateCache cache("off");
  EXPECT_EQ(cache.Keep(MakeIssued("A", "Root", 1)), "");
  EXPECT_EQ(Found(cache, "A"), Serials{1});
  cache.NoteFailure(kUrl);
  EXPECT_TRUE(cache.FailedLately(kUrl));
  cache.NoteSuccess(kUrl);
  EXPECT_FALSE(cache.FailedLately(kUrl));
}

TEST_F(IntermediateCacheTest, SubjectsWhoseHashesAreTheSameShareAFileAndAreToldApart) {
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root", 1)), "");
  fs::rename(temporary_.Path("first/" + FileOf("A")), temporary_.Path("first/" + FileOf("B")));
  EXPECT_EQ(Found(In({"first"}), "B"), Serials());
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("B", "Root", 2)), "");
  EXPECT_EQ(Found(In({"first"}), "B"), Serials{2});
  // Nor was the other one thrown out.
  fs::rename(temporary_.Path("first/" + FileOf("B")), temporary_.Path("first/" + FileOf("A")));
  EXPECT_EQ(Found(In({"first"}), "A"), Serials{1});
}

TEST_F(IntermediateCacheTest, InAFullDirectoryTheOldestMakeRoom) {
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root", 1)), "");
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (int i = 1; i < 4096; ++i) {
    const std::string name = "first/intermediates-" + std::to_string(i);
    temporary_.Write(name, "");
    if (i <= 512) fs::last_write_time(temporary_.Path(name), old);
  }
  // None of these is one of them: one is being written, the other was left behind.
  const std::string fresh = "first/." + FileOf("B") + ".1.2.3";
  const std::string left = "first/." + FileOf("B") + ".1.2.4";
  for (const std::string& name : {std::string("first/trust-policy"), fresh, left}) {
    temporary_.Write(name, "");
    fs::last_write_time(temporary_.Path(name), old - std::chrono::hours(name == left ? 24 : 0));
  }
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root", 2)), "");  // not a new file
  EXPECT_TRUE(fs::exists(temporary_.Path(left)));
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("B", "Root", 3)), "");
  EXPECT_EQ(Found(In({"first"}), "A"), (Serials{1, 2}));
  EXPECT_EQ(Found(In({"first"}), "B"), Serials{3});
  EXPECT_FALSE(fs::exists(temporary_.Path("first/intermediates-1")));
  EXPECT_FALSE(fs::exists(temporary_.Path("first/intermediates-512")));
  EXPECT_TRUE(fs::exists(temporary_.Path("first/intermediates-513")));
  EXPECT_TRUE(fs::exists(temporary_.Path("first/trust-policy")));
  EXPECT_TRUE(fs::exists(temporary_.Path(fresh)));
  EXPECT_FALSE(fs::exists(temporary_.Path(left)));
}

TEST_F(IntermediateCacheTest, WhatIsDamagedIsIgnoredAndReplaced) {
  const std::string file = "first/" + FileOf("A");
  const std::string path = temporary_.Path(file);
  const Bytes one = MakeIssued("A", "Root", 1);
  const std::string good(AsText(one));
  temporary_.Write("elsewhere", good);
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += AsText(MakeIssued("A", "Root", 1));
  const auto write = [&](const std::string& content) {
    return [&, content] { temporary_.Write(file, content); };
  };
  const std::pair<const char*, std::function<void()>> damages[] = {
      {"empty", write("")},
      {"cut", write(good.substr(0, good.size() - 1))},
      {"the second cut", write(good + good.substr(0, 100))},
      {"more behind it", write(good + '\0')},
      {"nonsense", write("nonsense")},
      {"zeros", write(std::string(good.size(), '\0'))},
      {"another tag", write('\x31' + good.substr(1))},
      {"PEM", write(Pem(one))},
      {"too many", write(nine)},
      {"too large a certificate", write(std::string(AsText(MakeSized("A", 1, (64 << 10) + 1))))},
      {"huge", [&] { ASSERT_EQ(truncate(path.c_str(), kMaxFileSize + 1), 0); }},
      {"as large as can be read", [&] { ASSERT_EQ(truncate(path.c_str(), kMaxFileSize), 0); }},
      {"can be written by others", [&] { Mode(file, 0666); }},
      {"a link", [&] { temporary_.Link(file, temporary_.Path("elsewhere")); }},
      {"a link to nothing", [&] { temporary_.Link(file, temporary_.Path("nothing")); }},
      {"a FIFO",
       [&] {
         temporary_.Remove(file);
         ASSERT_EQ(mkfifo(path.c_str(), 0644), 0);
       }},
      {"missing", [&] { temporary_.Remove(file); }},
  };
  for (const auto& [name, damage] : damages) {
    SCOPED_TRACE(name);
    temporary_.Remove(file);
    EXPECT_EQ(In({"first"}).Keep(one), "");
    EXPECT_EQ(Found(In({"first"}), "A"), Serials{1});
    damage();
    EXPECT_EQ(Found(In({"first"}), "A"), Serials());
    EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root", 2)), "");
    EXPECT_EQ(Found(In({"first"}), "A"), Serials{2});
  }
  EXPECT_EQ(fs::file_size(temporary_.Path("elsewhere")), good.size());
  EXPECT_FALSE(fs::exists(temporary_.Path("nothing")));
}

TEST_F(IntermediateCacheTest, ADirectoryInThePlaceOfTheFileIsIgnoredAndTheClauseSaysSo) {
  temporary_.MakeDirectory("first/" + FileOf("A"));
  IntermediateCache cache = In({"first"});
  EXPECT_EQ(Found(cache, "A"), Serials());
  EXPECT_EQ(cache.Keep(MakeIssued("A", "Root", 1)),
            temporary_.Path("first") + " cannot be written");
  EXPECT_EQ(Found(cache, "A"), Serials{1});
  EXPECT_EQ(temporary_.NamesIn("first"), std::vector<std::string>{FileOf("A")});
}

TEST_F(IntermediateCacheTest, WhatIsDamagedInOneDirectoryHidesNothingInTheOther) {
  EXPECT_EQ(In({"second"}).Keep(MakeIssued("A", "Root", 1)), "");
  temporary_.Write("first/" + FileOf("A"), "nonsense");
  EXPECT_EQ(Found(In({"first", "second"}), "A"), Serials{1});
}

TEST_F(IntermediateCacheTest, ATemporaryFileThatWasLeftIsNotRead) {
  const std::string content(AsText(MakeIssued("A", "Root", 1)));
  temporary_.Write("first/." + FileOf("A") + ".1.2.3", content);
  EXPECT_EQ(Found(In({"first"}), "A"), Serials());
  temporary_.Write("first/" + FileOf("A"), content);
  EXPECT_EQ(Found(In({"first"}), "A"), Serials{1});
}

TEST_F(IntermediateCacheTest, ADirectoryThatVanishesLeavesMemory) {
  IntermediateCache cache = In({"first"});
  EXPECT_EQ(cache.Keep(MakeIssued("A", "Root", 1)), "");
  cache.NoteFailure(kUrl);
  temporary_.Remove("first");
  EXPECT_EQ(Found(cache, "A"), Serials{1});
  EXPECT_TRUE(cache.FailedLately(kUrl));
  EXPECT_EQ(Found(In({"first"}), "A"), Serials());
  EXPECT_FALSE(In({"first"}).FailedLately(kUrl));
  // It is made again where it may be.
  EXPECT_EQ(cache.Keep(MakeIssued("A", "Root", 2)), "");
  EXPECT_EQ(Found(In({"first"}), "A"), Serials{2});
}

TEST_F(IntermediateCacheTest, AReadOnlyDirectoryIsReadAndTheClauseSaysWhyNothingIsWritten) {
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root", 1)), "");
  if (geteuid() == 0) Owner("first", kNobody);
  Mode("first", 0500);
  const int result = AsUser(kNobody, [&] {
    IntermediateCache cache = In({"first"});
    if (Found(cache, "A") != Serials{1}) return 1;
    const std::string why = cache.Keep(MakeIssued("A", "Root", 2));
    if (why != temporary_.Path("first") + " cannot be written") return 2;
    if (Found(cache, "A") != Serials{2, 1}) return 3;
    cache.NoteFailure(kUrl);
    return cache.FailedLately(kUrl) ? 0 : 4;
  });
  Mode("first", 0700);
  EXPECT_EQ(result, 0);
  EXPECT_FALSE(In({"first"}).FailedLately(kUrl));
}

TEST_F(IntermediateCacheTest, ALimitOnTheSizeOfFilesLeavesWhatWasThere) {
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root", 1)), "");
  const int result = InChild([&] {
    const rlimit limit{20, 20};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    IntermediateCache cache = In({"first"});
    const std::string why = cache.Keep(MakeIssued("A", "Root", 2));
    if (why != temporary_.Path("first") + " cannot be written") return 2;
    cache.NoteFailure(kUrl);
    return Found(cache, "A") == Serials{2, 1} && cache.FailedLately(kUrl) ? 0 : 3;
  });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(Found(In({"first"}), "A"), Serials{1});
  EXPECT_EQ(temporary_.NamesIn("first"), std::vector<std::string>{FileOf("A")});
}

TEST_F(IntermediateCacheTest, AFullDiskLeavesWhatWasThere) {
  const int result = InChild([&] {
    if (!MountSmall(temporary_.Path("first"))) return kNoMount;
    IntermediateCache cache = In({"first"});
    if (!cache.Keep(MakeIssued("A", "Root", 1)).empty()) return 1;
    if (cache.Keep(MakeSized("A", 2, 64 << 10)) != temporary_.Path("first") + " cannot be written")
      return 2;
    if (temporary_.NamesIn("first").size() != 1) return 3;
    if (Found(cache, "A") != Serials{1, 2}) return 4;
    return Found(In({"first"}), "A") == Serials{1} ? 0 : 5;
  });
  if (result == kNoMount) GTEST_SKIP() << "no file system can be mounted";
  EXPECT_EQ(result, 0);
}

// --- Users

TEST_F(IntermediateCacheTest, RootReadsNothingThatOthersCouldHaveWritten) {
  SKIP_UNLESS_ROOT();
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root", 1)), "");
  In({"first"}).NoteFailure(kUrl);
  const auto expect = [&](bool read) {
    EXPECT_EQ(Found(In({"first"}), "A"), read ? Serials{1} : Serials());
    EXPECT_EQ(In({"first"}).FailedLately(kUrl), read);
  };
  expect(true);
  for (const mode_t mode : {0775, 0757, 01777}) {
    SCOPED_TRACE(mode);
    Mode("first", mode);
    expect(false);
    EXPECT_NE(In({"first"}).Keep(MakeIssued("B", "Root", 2)), "");
  }
  Mode("first", 0755);
  expect(true);
  Owner("first", kNobody);
  expect(false);
  EXPECT_NE(In({"first"}).Keep(MakeIssued("B", "Root", 2)), "");
  Owner("first", 0);
  Owner("first/" + FileOf("A"), kNobody);
  Owner("first/failed-fetches", kNobody);
  expect(false);
}

TEST_F(IntermediateCacheTest, AUserReadsWhatRootWroteAndWritesHisOwn) {
  SKIP_UNLESS_ROOT();
  EXPECT_EQ(In({"first"}).Keep(MakeIssued("A", "Root", 1)), "");
  In({"first"}).NoteFailure(kUrl);
  Owner("second", kNobody);
  const int result = AsUser(kNobody, [&] {
    IntermediateCache cache = In({"first", "second"});
    if (Found(cache, "A") != Serials{1} || !cache.FailedLately(kUrl)) return 1;
    if (!cache.Keep(MakeIssued("A", "Root", 2)).empty()) return 2;
    cache.NoteFailure("http://other.example/");
    cache.NoteSuccess(kUrl);  // of which the machine's directory is not his to tell
    if (Found(In({"first"}), "A") != Serials{1} || !cache.FailedLately(kUrl)) return 3;
    const IntermediateCache another = In({"second"});
    if (Found(another, "A") != Serials{2}) return 4;
    return another.FailedLately("http://other.example/") && !another.FailedLately(kUrl) ? 0 : 5;
  });
  EXPECT_EQ(result, 0);
  // Root and a third user read none of what he wrote.
  const auto reads_only_roots = [&] {
    const IntermediateCache cache = In({"first", "second"});
    return Found(cache, "A") == Serials{1} && !cache.FailedLately("http://other.example/");
  };
  EXPECT_TRUE(reads_only_roots());
  EXPECT_EQ(AsUser(kNobody - 1, [&] { return reads_only_roots() ? 0 : 1; }), 0);
}

TEST_F(IntermediateCacheTest, AUserIsToldWhyNothingIsWritten) {
  SKIP_UNLESS_ROOT();
  const int result = AsUser(kNobody, [&] {
    const std::string why = In({"first", "second"}).Keep(MakeIssued("A", "Root", 1));
    const std::string wanted = temporary_.Path("first") + " belongs to another user; " +
                               temporary_.Path("second") + " belongs to another user";
    return why == wanted ? 0 : 1;
  });
  EXPECT_EQ(result, 0);
}

TEST_F(IntermediateCacheTest, AProcessThatChangesItsUserHasThatUsersDirectory) {
  SKIP_UNLESS_ROOT();
  Owner("second", kNobody);
  const int result = InChild([&] {
    // As CacheDirectories(), which looks the user up.
    IntermediateCache cache(
        [&] { return std::vector{temporary_.Path(geteuid() == 0 ? "first" : "second")}; },
        IntermediateCache::Clock::now);
    if (!cache.Keep(MakeIssued("A", "Root", 1)).empty()) return 1;
    if (setuid(kNobody) != 0) return 2;
    return cache.Keep(MakeIssued("A", "Root", 2)).empty() ? 0 : 3;
  });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(Found(In({"first"}), "A"), Serials{1});
  EXPECT_EQ(temporary_.NamesIn("second"), std::vector<std::string>{FileOf("A")});
}

// --- Many at once

/// Certificates of four subjects.
std::vector<Bytes> MakeMany(int count) {
  std::vector<Bytes> certificates;
  for (int i = 0; i < count; ++i) {
    certificates.push_back(MakeIssued("CA " + std::to_string(i % 4), "Root", i + 1));
  }
  return certificates;
}

TEST_F(IntermediateCacheTest, ProcessesThatWriteAtOnceCorruptNothing) {
  constexpr int kWriters = 4;
  constexpr int kEach = 48;
  const std::vector<Bytes> certificates = MakeMany(kWriters * kEach);
  std::vector<pid_t> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.push_back(StartChild([&, writer] {
      IntermediateCache cache = In({"first"});
      for (int i = 0; i < kEach; ++i) {
        if (!cache.Keep(certificates[writer * kEach + i]).empty()) return 1;
        cache.NoteFailure("http://" + std::to_string(writer) + ".example/" + std::to_string(i));
      }
      return 0;
    }));
  }
  int reads = 0;
  int damaged = 0;
  const auto look = [&] {
    for (int subject = 0; subject < 4; ++subject) {
      const auto content =
          ReadCached(temporary_.Path("first"), FileOf("CA " + std::to_string(subject)));
      if (!content) continue;
      ++reads;
      const auto decoded = DecodeIntermediates(*content);
      if (decoded.empty()) ++damaged;
      for (const Bytes& certificate : decoded) {
        EXPECT_NE(std::find(certificates.begin(), certificates.end(), certificate),
                  certificates.end());
      }
    }
    const auto failed = ReadCached(temporary_.Path("first"), "failed-fetches");
    if (failed && DecodeFailedFetches(*failed).empty()) ++damaged;
  };
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) look();
  });
  for (const pid_t writer : writers) EXPECT_EQ(WaitForChild(writer), 0);
  stop = true;
  reader.join();
  look();
  EXPECT_EQ(damaged, 0);
  EXPECT_GT(reads, 4);
  // Each file is full: of eight, some were lost at times, and added to again.
  EXPECT_EQ(temporary_.NamesIn("first").size(), 5U);
  for (const char* const subject : {"CA 0", "CA 1", "CA 2", "CA 3"}) {
    EXPECT_EQ(Found(In({"first"}), subject).size(), 8U) << subject;
  }
}

TEST_F(IntermediateCacheTest, AProcessThatIsKilledWhileItWritesCorruptsNothing) {
  const std::vector<Bytes> certificates = MakeMany(64);
  EXPECT_EQ(In({"first"}).Keep(certificates.front()), "");
  In({"first"}).NoteFailure(kUrl);
  for (int round = 0; round < 30; ++round) {
    const pid_t writer = StartChild([&] {
      IntermediateCache cache = In({"first"});
      for (int i = 0;; ++i) {
        cache.Keep(certificates[i % certificates.size()]);
        cache.NoteFailure("http://" + std::to_string(i) + ".example/");
      }
      return 0;
    });
    std::this_thread::sleep_for(std::chrono::microseconds(2000 + 137 * round));
    ASSERT_EQ(kill(writer, SIGKILL), 0);
    EXPECT_EQ(WaitForChild(writer), -1);
    EXPECT_NE(Found(In({"first"}), "CA 0"), Serials()) << round;
    const auto failed = ReadCached(temporary_.Path("first"), "failed-fetches");
    EXPECT_TRUE(failed && !DecodeFailedFetches(*failed).empty()) << round;
  }
}

TEST_F(IntermediateCacheTest, ThreadsUseItAtOnce) {
  IntermediateCache cache = In({"first"});
  const std::vector<Bytes> certificates = MakeMany(40);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 40; ++i) {
        const Bytes& certificate = certificates[(i + 10 * thread) % certificates.size()];
        ByteView subject;
        if (!IsIntermediate(certificate, subject)) ++wrong;
        if (i % 4 == 0) {
          if (!cache.Keep(certificate).empty()) ++wrong;
        } else {
          cache.Remember(certificate);
        }
        static_cast<void>(cache.Remembers(subject, certificate));
        if (Find(cache, subject).empty()) ++wrong;
        const std::string url = "http://" + std::to_string(i % 3) + ".example/";
        cache.NoteFailure(url);
        static_cast<void>(cache.FailedLately(url));
        if (i % 5 == 0) cache.NoteSuccess(url);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  for (const char* const subject : {"CA 0", "CA 1", "CA 2", "CA 3"}) {
    EXPECT_GE(Found(cache, subject).size(), 8U) << subject;
  }
}

TEST_F(IntermediateCacheTest, AChildUsesItAlthoughThreadsOfItsParentDid) {
  IntermediateCache cache = In({"first"});
  const Bytes certificate = MakeIssued("A", "Root", 1);
  ByteView subject;
  ASSERT_TRUE(IsIntermediate(certificate, subject));
  cache.Remember(certificate);
  cache.NoteFailure(kUrl);
  const std::vector<Bytes> certificates = MakeMany(8);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; !stop; ++i) cache.Remember(certificates[i % certificates.size()]);
    });
  }
  for (int i = 0; i < 50; ++i) {
    const int result = InChild([&] {
      alarm(20);  // one that waits for ever is killed
      // These take the lock and allocate nothing, which sanitizers do not allow in such a child.
      return cache.Remembers(subject, certificate) && cache.FailedLately(kUrl) ? 0 : 1;
    });
    EXPECT_EQ(result, 0);
    if (result != 0) break;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

// --- URLs that failed

TEST_F(IntermediateCacheTest, AfterAFailureAUrlAndNoOtherIsLeftAloneForAMinute) {
  IntermediateCache cache = In({});
  EXPECT_FALSE(cache.FailedLately(kUrl));
  cache.NoteFailure(kUrl);
  EXPECT_TRUE(cache.FailedLately(kUrl));
  EXPECT_FALSE(cache.FailedLately("http://ca.example/"));
  EXPECT_FALSE(cache.FailedLately(""));
  now_ += 59s;
  EXPECT_TRUE(cache.FailedLately(kUrl));
  now_ += 1s;
  EXPECT_FALSE(cache.FailedLately(kUrl));
}

TEST_F(IntermediateCacheTest, TheTimeDoublesWithEachFurtherFailureUpToAnHour) {
  // The same with memory only, and with the file only: each time another process.
  for (const bool on_disk : {false, true}) {
    SCOPED_TRACE(on_disk);
    IntermediateCache memory = In({});
    for (const auto minutes : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
      const auto with_cache = [&](const std::function<void(IntermediateCache&)>& use) {
        if (!on_disk) return use(memory);
        IntermediateCache another = In({"first"});
        use(another);
      };
      with_cache([&](IntermediateCache& cache) { cache.NoteFailure(kUrl); });
      now_ += std::chrono::minutes(minutes) - 1s;
      with_cache(
          [&](IntermediateCache& cache) { EXPECT_TRUE(cache.FailedLately(kUrl)) << minutes; });
      now_ += 1s;
      with_cache(
          [&](IntermediateCache& cache) { EXPECT_FALSE(cache.FailedLately(kUrl)) << minutes; });
    }
  }
}

TEST_F(IntermediateCacheTest, FailuresAtTheSameTimeCountOnce) {
  IntermediateCache one = In({"first"});
  IntermediateCache another = In({"first"});
  IntermediateCache memory = In({});
  for (int i = 0; i < 5; ++i) {
    for (IntermediateCache* const cache : {&one, &another, &memory}) cache->NoteFailure(kUrl);
    now_ += 1s;
  }
  EXPECT_TRUE(another.FailedLately(kUrl));
  now_ += 55s;  // since the first
  for (IntermediateCache* const cache : {&one, &another, &memory}) {
    EXPECT_FALSE(cache->FailedLately(kUrl));
  }
}

TEST_F(IntermediateCacheTest, WhatConcernsThisProcessIsNotOnDisk) {
  constexpr auto kThisProcess = IntermediateCache::Concerns::kThisProcess;
  IntermediateCache cache = In({"first"});
  cache.NoteFailure(kUrl, kThisProcess);
  EXPECT_TRUE(cache.FailedLately(kUrl, kThisProcess));
  EXPECT_FALSE(In({"first"}).FailedLately(kUrl));
  cache.NoteSuccess(kUrl, kThisProcess);
  EXPECT_FALSE(cache.FailedLately(kUrl, kThisProcess));
  // Nor is what others put there believed, or taken away.
  In({"first"}).NoteFailure(kUrl);
  EXPECT_FALSE(cache.FailedLately(kUrl, kThisProcess));
  cache.NoteSuccess(kUrl, kThisProcess);
  EXPECT_TRUE(In({"first"}).FailedLately(kUrl));
}

TEST_F(IntermediateCacheTest, ASuccessForgetsEarlierFailuresOfThatUrlForAllProcesses) {
  IntermediateCache cache = In({"first", "second"});
  cache.NoteFailure(kUrl);
  now_ += 60s;
  cache.NoteFailure(kUrl);
  cache.NoteFailure("http://other.example/");
  In({"second"}).NoteFailure(kUrl);
  EXPECT_TRUE(In({"first"}).FailedLately(kUrl));
  EXPECT_TRUE(In({"second"}).FailedLately(kUrl));
  cache.NoteSuccess(kUrl);
  EXPECT_FALSE(cache.FailedLately(kUrl));
  EXPECT_FALSE(In({"first"}).FailedLately(kUrl));
  EXPECT_FALSE(In({"second"}).FailedLately(kUrl));
  EXPECT_TRUE(cache.FailedLately("http://other.example/"));
  EXPECT_TRUE(In({"first"}).FailedLately("http://other.example/"));
  cache.NoteFailure(kUrl);
  now_ += 60s;  // the first again
  EXPECT_FALSE(cache.FailedLately(kUrl));
}

TEST_F(IntermediateCacheTest, AFailureInTheFutureIsNone) {
  IntermediateCache cache = In({"first"});
  cache.NoteFailure(kUrl);
  now_ -= 1s;
  EXPECT_FALSE(cache.FailedLately(kUrl));
  EXPECT_FALSE(In({"first"}).FailedLately(kUrl));
  // One that is noted now takes its place.
  cache.NoteFailure(kUrl);
  EXPECT_TRUE(cache.FailedLately(kUrl));
  EXPECT_TRUE(In({"first"}).FailedLately(kUrl));
}

TEST_F(IntermediateCacheTest, AnyTimeInTheFileIsHarmless) {
  const std::int64_t now = IntermediateCache::Clock::to_time_t(now_);
  using Limits = std::numeric_limits<std::int64_t>;
  for (const std::int64_t when : {Limits::min(), Limits::max(), std::int64_t{0}, now + 1, now}) {
    temporary_.Write("first/failed-fetches",
                     AsText(EncodeFailedFetches({{Sha1(AsBytes(kUrl)), 7, when}})));
    EXPECT_EQ(In({"first"}).FailedLately(kUrl), when == now) << when;
  }
}

TEST_F(IntermediateCacheTest, OfTooManyUrlsTheOldestAreForgotten) {
  IntermediateCache memory = In({});
  IntermediateCache disk = In({"first"});
  const auto url = [](int i) { return "http://" + std::to_string(i) + ".example/"; };
  for (int i = 0; i < 258; ++i) {
    memory.NoteFailure(url(i));
    disk.NoteFailure(url(i));
  }
  const IntermediateCache another = In({"first"});
  for (int i = 0; i < 258; ++i) {
    EXPECT_EQ(memory.FailedLately(url(i)), i >= 2) << i;
    EXPECT_EQ(another.FailedLately(url(i)), i >= 2) << i;
  }
}

TEST_F(IntermediateCacheTest, ADamagedFileOfFailuresCountsAsNoneAndIsReplaced) {
  const FailedFetch fetch{Sha1(AsBytes(kUrl)), 1, IntermediateCache::Clock::to_time_t(now_)};
  const auto encoded = [](const std::vector<FailedFetch>& failed) {
    return std::string(AsText(EncodeFailedFetches(failed)));
  };
  const std::string good = encoded({fetch});
  FailedFetch never = fetch;
  never.failures = 0;
  FailedFetch often = fetch;
  often.failures = kMaxFailures + 1;
  std::string other_version = good;
  other_version[other_version.find('1')] = '2';
  const std::string damages[] = {"",
                                 "nonsense",
                                 good.substr(0, good.size() - 1),
                                 good + '\0',
                                 other_version,
                                 std::string(good.size(), '\0'),
                                 encoded({never}),
                                 encoded({fetch, often}),
                                 encoded(std::vector<FailedFetch>(257, fetch))};
  temporary_.Write("first/failed-fetches", good);
  EXPECT_TRUE(In({"first"}).FailedLately(kUrl));
  for (const std::string& damage : damages) {
    SCOPED_TRACE(std::to_string(&damage - damages) + " in the list");
    temporary_.Write("first/failed-fetches", damage);
    EXPECT_FALSE(In({"first"}).FailedLately(kUrl));
    In({"first"}).NoteSuccess(kUrl);
    In({"first"}).NoteFailure(kUrl);
    EXPECT_TRUE(In({"first"}).FailedLately(kUrl));
  }
}

// --- The files

TEST(IntermediateFilesTest, EverythingIsReadAgainAsItWas) {
  const std::vector<Bytes> certificates = MakeMany(8);
  EXPECT_EQ(DecodeIntermediates(EncodeIntermediates(certificates)), certificates);
  std::vector<FailedFetch> failed(256);
  for (std::size_t i = 0; i < failed.size(); ++i) {
    failed[i].url[i % 20] = static_cast<std::uint8_t>(i);
    failed[i].failures = static_cast<std::uint8_t>(1 + i % kMaxFailures);
    failed[i].when = static_cast<std::int64_t>(i * 0x0123456789abcdefU);
  }
  EXPECT_EQ(DecodeFailedFetches(EncodeFailedFetches(failed)), failed);
}

TEST(IntermediateFilesTest, ACertificateThatIsTooLargeIsNotRead) {
  EXPECT_EQ(DecodeIntermediates(MakeSized("A", 1, 64 << 10)).size(), 1U);
  EXPECT_EQ(DecodeIntermediates(MakeSized("A", 1, (64 << 10) + 1)).size(), 0U);
}

TEST(IntermediateFilesTest, WhatIsCutIsReadUpToAWholeOneOrNotAtAll) {
  const std::vector<Bytes> certificates = MakeMany(2);
  const Bytes encoded = EncodeIntermediates(certificates);
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    // A copy of exactly this size, so that AddressSanitizer sees a read behind it.
    const Bytes cut(encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(size));
    const std::size_t whole = size == certificates[0].size() ? 1 : 0;
    EXPECT_EQ(DecodeIntermediates(cut).size(), whole) << size;
  }
}

}  // namespace
}  // namespace ostrust::platform
