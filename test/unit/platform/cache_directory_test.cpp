// Who may have written what is read, and what is left of a write that failed.
#include "platform/linux/cache_directory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "children.hpp"
#include "mounts.hpp"
#include "platform/linux/file_io.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

namespace fs = std::filesystem;

class CacheDirectoryTest : public testing::Test {
 protected:
  CacheDirectoryTest() {
    temporary_.Write("parent/cache/file", "content");
    Mode("parent", 0755);
    Mode("parent/cache", 0755);
    Mode("parent/cache/file", 0644);
  }

  void Mode(const char* name, mode_t mode) const {
    ASSERT_EQ(chmod(temporary_.Path(name).c_str(), mode), 0) << name;
  }
  void Owner(const char* name, uid_t owner) const {
    ASSERT_EQ(chown(temporary_.Path(name).c_str(), owner, static_cast<gid_t>(-1)), 0) << name;
  }
  std::string Read() const {
    const auto content = ReadCached(directory_, "file");
    return content ? std::string(AsText(*content)) : "(nothing)";
  }
  bool Write(std::string_view content) const {
    return WriteCached(directory_, "file", AsBytes(content));
  }
  static std::string WhyNot(const std::string& directory) {
    std::string why;
    return PrepareCacheDirectory(directory, why) ? "" : why;
  }
  /// Nothing is read there, and nothing written.
  void ExpectRefused(const char* reason) const {
    EXPECT_EQ(Read(), "(nothing)");
    EXPECT_FALSE(Write("other"));
    const std::string why = WhyNot(directory_);
    EXPECT_NE(why.find(reason), std::string::npos) << why;
  }
  void ExpectUsed() const {
    EXPECT_EQ(Read(), "content");
    EXPECT_TRUE(Write("content"));
    EXPECT_EQ(WhyNot(directory_), "");
  }

  const TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.Path("parent/cache");
};

TEST_F(CacheDirectoryTest, WhatWasWrittenIsReadAndNothingElseIsThere) {
  ASSERT_TRUE(Write("new"));
  EXPECT_EQ(Read(), "new");
  ASSERT_TRUE(Write(""));
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(temporary_.NamesIn("parent/cache"), std::vector<std::string>{"file"});
  EXPECT_FALSE(ReadCached(directory_, "other"));
}

TEST_F(CacheDirectoryTest, TheFileCanBeReadByAllWhateverTheUmask) {
  const mode_t before = umask(0077);
  const bool written = Write("new");
  umask(before);
  ASSERT_TRUE(written);
  struct stat status {};
  ASSERT_EQ(stat((directory_ + "/file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
}

// --- Who could have written it

TEST_F(CacheDirectoryTest, AFileThatOthersCanWriteIsNotRead) {
  for (const mode_t mode : {0664, 0646, 0666, 0622}) {
    Mode("parent/cache/file", mode);
    EXPECT_EQ(Read(), "(nothing)") << std::oct << mode;
  }
  for (const mode_t mode : {0644, 0600, 0755}) {
    Mode("parent/cache/file", mode);
    EXPECT_EQ(Read(), "content") << std::oct << mode;
  }
}

TEST_F(CacheDirectoryTest, ADirectoryThatOthersCanWriteIsNotUsed) {
  // The sticky bit keeps others from replacing what is there, not from being first.
  for (const mode_t mode : {0775, 0757, 0777, 01777}) {
    Mode("parent/cache", mode);
    SCOPED_TRACE(mode);
    ExpectRefused("can be written by others");
  }
  Mode("parent/cache", 0700);
  ExpectUsed();
}

TEST_F(CacheDirectoryTest, AnAncestorThatOthersCanWriteIsRefusedUnlessItIsSticky) {
  for (const mode_t mode : {0775, 0757, 0777}) {
    Mode("parent", mode);
    SCOPED_TRACE(mode);
    ExpectRefused("parent belongs to another user or can be written by others");
  }
  SKIP_UNLESS_ROOT();
  Mode("parent", 01777);
  ExpectUsed();
}

TEST_F(CacheDirectoryTest, AStickyAncestorOfAnotherUserIsRefused) {
  SKIP_UNLESS_ROOT();
  Mode("parent", 01777);
  Owner("parent", kNobody);
  ExpectRefused("parent belongs to another user");
  Mode("parent", 0755);
  ExpectRefused("parent belongs to another user");
}

TEST_F(CacheDirectoryTest, AFileOfAnotherUserIsNotReadEvenByRoot) {
  SKIP_UNLESS_ROOT();
  Owner("parent/cache/file", kNobody);
  EXPECT_EQ(Read(), "(nothing)");
  {
    const Unprivileged unprivileged;
    EXPECT_EQ(Read(), "content");
  }
  Owner("parent/cache/file", kNobody - 1);
  const Unprivileged unprivileged;
  EXPECT_EQ(Read(), "(nothing)");
}

TEST_F(CacheDirectoryTest, ADirectoryOfAnotherUserIsNotUsedEvenByRoot) {
  SKIP_UNLESS_ROOT();
  Owner("parent/cache", kNobody);
  ExpectRefused("cache belongs to another user");
  const Unprivileged unprivileged;
  ExpectUsed();
}

TEST_F(CacheDirectoryTest, WhatRootWroteIsReadByAllAndWrittenByNobodyElse) {
  SKIP_UNLESS_ROOT();
  const Unprivileged unprivileged;
  EXPECT_EQ(Read(), "content");
  EXPECT_FALSE(Write("other"));
  EXPECT_EQ(WhyNot(directory_), directory_ + " belongs to another user");
  EXPECT_EQ(Read(), "content");
}

TEST_F(CacheDirectoryTest, WhatIsNoFileIsNotRead) {
  temporary_.Write("elsewhere", "content");
  temporary_.Link("parent/cache/file", temporary_.Path("elsewhere"));
  EXPECT_EQ(Read(), "(nothing)");
  temporary_.Remove("parent/cache/file");
  ASSERT_EQ(mkfifo((directory_ + "/file").c_str(), 0644), 0);
  EXPECT_EQ(Read(), "(nothing)");  // and does not hang
  temporary_.Remove("parent/cache/file");
  temporary_.MakeDirectory("parent/cache/file");
  EXPECT_EQ(Read(), "(nothing)");
}

TEST_F(CacheDirectoryTest, ALinkIsReplacedAndNotWrittenThrough) {
  temporary_.Write("elsewhere", "old");
  temporary_.Link("parent/cache/file", temporary_.Path("elsewhere"));
  EXPECT_TRUE(Write("new"));
  EXPECT_EQ(Read(), "new");
  EXPECT_EQ(fs::file_size(temporary_.Path("elsewhere")), 3U);
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(directory_ + "/file")));
}

TEST_F(CacheDirectoryTest, WhatALinkToADirectoryLeadsToIsWhatCounts) {
  temporary_.Link("link", directory_);
  EXPECT_TRUE(ReadCached(temporary_.Path("link"), "file"));
  EXPECT_EQ(WhyNot(temporary_.Path("link")), "");
  Mode("parent", 0777);
  EXPECT_FALSE(ReadCached(temporary_.Path("link"), "file"));
  EXPECT_NE(WhyNot(temporary_.Path("link")), "");
}

TEST_F(CacheDirectoryTest, AHugeFileIsNotRead) {
  const std::string file = directory_ + "/file";
  ASSERT_EQ(truncate(file.c_str(), kMaxFileSize + 1), 0);
  EXPECT_EQ(Read(), "(nothing)");
  ASSERT_EQ(truncate(file.c_str(), 100), 0);
  EXPECT_EQ(Read().size(), 100U);
  // Nor is room made for what it says it holds.
  const int result = InChild([&] {
    if (!MountSmall(directory_)) return kNoMount;
    Write("content");
    if (truncate(file.c_str(), off_t{1} << 62) != 0) return 2;
    return Read() == "(nothing)" ? 0 : 1;
  });
  if (result == kNoMount) GTEST_SKIP() << "no file system can be mounted";
  EXPECT_EQ(result, 0);
}

// --- Making the directory

TEST_F(CacheDirectoryTest, TheDirectoryAndItsParentAreMadeAndNotMore) {
  const std::string two = temporary_.Path("parent/.cache/ostrust");
  EXPECT_EQ(WhyNot(two), "");
  for (const std::string& made : {two, temporary_.Path("parent/.cache")}) {
    struct stat status {};
    ASSERT_EQ(stat(made.c_str(), &status), 0) << made;
    EXPECT_EQ(status.st_mode & 07777, 0700U) << made;
  }
  EXPECT_NE(WhyNot(temporary_.Path("no/.cache/ostrust")), "");
  EXPECT_FALSE(fs::exists(temporary_.Path("no")));
}

TEST_F(CacheDirectoryTest, RootMakesNothingInTheHomeOfAUser) {
  SKIP_UNLESS_ROOT();
  temporary_.MakeDirectory("home");
  Owner("home", kNobody);
  const std::string directory = temporary_.Path("home/.cache/ostrust");
  EXPECT_NE(WhyNot(directory), "");
  EXPECT_FALSE(WriteCached(directory, "file", AsBytes("x")));
  EXPECT_EQ(temporary_.NamesIn("home"), std::vector<std::string>());
  const Unprivileged unprivileged;
  EXPECT_EQ(WhyNot(directory), "");
  EXPECT_TRUE(WriteCached(directory, "file", AsBytes("x")));
}

TEST_F(CacheDirectoryTest, NothingIsMadeWhereOthersCanWrite) {
  Mode("parent", 0777);
  EXPECT_NE(WhyNot(temporary_.Path("parent/.cache/ostrust")), "");
  EXPECT_FALSE(fs::exists(temporary_.Path("parent/.cache")));
}

TEST_F(CacheDirectoryTest, ADirectoryThatCannotBeReachedIsARefusalWithTheReason) {
  temporary_.Write("parent/plain", "");
  const std::string why = WhyNot(temporary_.Path("parent/plain/ostrust"));
  EXPECT_NE(why.find("Not a directory"), std::string::npos) << why;
  EXPECT_FALSE(ReadCached(temporary_.Path("parent/plain"), "file"));
}

TEST_F(CacheDirectoryTest, WhoActsForAUserForAWhileBelievesNothingOfTheUsers) {
  SKIP_UNLESS_ROOT();
  for (const char* const name : {"parent/cache", "parent/cache/file"}) Owner(name, kNobody);
  struct Users {
    uid_t real, effective, saved;
    bool is_one;
  };
  for (const Users& users : {Users{kNobody, kNobody, kNobody, true},
                             {0, kNobody, 0, false},
                             {kNobody, kNobody, 0, false},
                             {0, kNobody, kNobody, false}}) {
    const int result = InChild([&] {
      if (setresuid(users.real, users.effective, users.saved) != 0) return 2;
      const bool read = Read() == "content";
      const bool written = Write("content") && WhyNot(directory_).empty();
      return read == users.is_one && written == users.is_one ? 0 : 1;
    });
    EXPECT_EQ(result, 0) << users.real << ' ' << users.effective << ' ' << users.saved;
  }
  // What is root's is anybody's to believe.
  for (const char* const name : {"parent/cache", "parent/cache/file"}) Owner(name, 0);
  const int result = InChild([&] {
    if (seteuid(kNobody) != 0) return 2;
    return Read() == "content" && !Write("other") ? 0 : 1;
  });
  EXPECT_EQ(result, 0);
}

// --- Writes that fail

TEST_F(CacheDirectoryTest, AWriteThatFailsLeavesNoTemporaryFile) {
  // A directory cannot be replaced by a file.
  temporary_.Remove("parent/cache/file");
  temporary_.MakeDirectory("parent/cache/file");
  EXPECT_FALSE(Write("new"));
  EXPECT_EQ(temporary_.NamesIn("parent/cache"), std::vector<std::string>{"file"});
}

TEST_F(CacheDirectoryTest, AReadOnlyDirectoryIsReadAndNotWritten) {
  if (geteuid() == 0) Owner("parent/cache", kNobody);
  Mode("parent/cache", 0500);
  const Unprivileged unprivileged;
  EXPECT_FALSE(Write("new"));
  EXPECT_EQ(Read(), "content");
}

TEST_F(CacheDirectoryTest, ATemporaryFileOfAKilledProcessIsNotInTheWay) {
  for (int count = 0; count < 100; ++count) {
    temporary_.Write("parent/cache/.file." + std::to_string(getpid()) + "." + std::to_string(count),
                     "");
  }
  EXPECT_TRUE(Write("new"));
  EXPECT_EQ(Read(), "new");
}

TEST_F(CacheDirectoryTest, ALimitOnTheSizeOfFilesDoesNotEndTheProcess) {
  const int result = InChild([&] {
    const rlimit limit{10, 10};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    if (Write("eleven byte")) return 3;
    return Write("ten bytes.") ? 0 : 4;
  });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(Read(), "ten bytes.");
  EXPECT_EQ(temporary_.NamesIn("parent/cache"), std::vector<std::string>{"file"});
}

TEST_F(CacheDirectoryTest, AFullDiskLeavesWhatWasThere) {
  const std::string large(1 << 20, 'x');
  const int result = InChild([&] {
    if (!MountSmall(directory_)) return kNoMount;
    if (!Write("small")) return 2;
    if (Write(large)) return 3;
    if (temporary_.NamesIn("parent/cache").size() != 1) return 4;
    return Read() == "small" ? 0 : 5;
  });
  if (result == kNoMount) GTEST_SKIP() << "no file system can be mounted";
  EXPECT_EQ(result, 0);
  EXPECT_TRUE(Write(large));  // where there is room
}

TEST_F(CacheDirectoryTest, ALockIsTakenByOneProcess) {
  using Result = FileLock::Result;
  {
    FileLock lock;
    ASSERT_EQ(LockCached(directory_, "lock", lock), Result::kTaken);
    const int result = InChild([this] {
      FileLock other;
      if (LockCached(directory_, "lock", other) != Result::kTakenByOther) return 1;
      return other.Holder() == getppid() ? 0 : 2;
    });
    EXPECT_EQ(result, 0);
    EXPECT_TRUE(fs::exists(temporary_.Path("parent/cache/lock")));
  }
  EXPECT_FALSE(fs::exists(temporary_.Path("parent/cache/lock")));
  FileLock again;
  EXPECT_EQ(LockCached(directory_, "lock", again), Result::kTaken);
  struct stat status {};
  ASSERT_EQ(stat(temporary_.Path("parent/cache/lock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(CacheDirectoryTest, AChildHasNoPartInALock) {
  std::optional<FileLock> lock;
  ASSERT_EQ(LockCached(directory_, "lock", lock.emplace()), FileLock::Result::kTaken);
  const int result = InChild([&lock] {
    lock.reset();
    return 0;
  });
  EXPECT_EQ(result, 0);
  EXPECT_TRUE(fs::exists(temporary_.Path("parent/cache/lock")));
}

/// Whoever has the lock is the only one who can make this file.
TEST_F(CacheDirectoryTest, ALockThatIsRemovedIsNotTakenByTwo) {
  const std::string inside = temporary_.Path("parent/cache/inside");
  const auto take_and_give_back = [&] {
    int taken = 0;
    for (int i = 0; i < 2'000'000 && taken < 3'000; ++i) {
      FileLock lock;
      if (LockCached(directory_, "lock", lock) != FileLock::Result::kTaken) continue;
      ++taken;
      const UniqueFd file(open(inside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      if (file.Get() < 0) return 1;
      unlink(inside.c_str());
    }
    return 0;
  };
  const pid_t other = fork();
  ASSERT_GE(other, 0);
  if (other == 0) _exit(take_and_give_back());
  EXPECT_EQ(take_and_give_back(), 0);
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  EXPECT_EQ(status, 0);
}

TEST_F(CacheDirectoryTest, WhatAKillLeftIsTaken) {
  temporary_.Write("parent/cache/lock", "");
  {
    FileLock lock;
    EXPECT_EQ(LockCached(directory_, "lock", lock), FileLock::Result::kTaken);
  }
  EXPECT_FALSE(fs::exists(temporary_.Path("parent/cache/lock")));
}

TEST_F(CacheDirectoryTest, WhatOthersCouldHavePutThereIsNoLock) {
  using Result = FileLock::Result;
  const auto take = [this](const char* name) {
    FileLock lock;
    return LockCached(directory_, name, lock);
  };
  ASSERT_EQ(mkfifo(temporary_.Path("parent/cache/fifo").c_str(), 0600), 0);
  temporary_.Link("parent/cache/link", temporary_.Path("parent/target"));
  Mode("parent/cache/file", 0664);
  for (const char* const name : {"fifo", "link", "file", ".", "absent/lock"}) {
    EXPECT_EQ(take(name), Result::kImpossible) << name;
  }
  EXPECT_FALSE(fs::exists(temporary_.Path("parent/target")));
  EXPECT_TRUE(fs::exists(temporary_.Path("parent/cache/file")));
  Mode("parent/cache", 0777);
  EXPECT_EQ(take("lock"), Result::kImpossible);
}

// --- Which directories

class CacheDirectoriesTest : public testing::Test {
 protected:
  CacheDirectoriesTest() { unsetenv("XDG_CACHE_HOME"); }
  ~CacheDirectoriesTest() override { unsetenv("XDG_CACHE_HOME"); }

  static std::vector<std::string> Machine() { return {kMachineCacheDirectory}; }
  static std::vector<std::string> MachineAnd(const std::string& other) {
    return {kMachineCacheDirectory, other};
  }
  static std::string Home() {
    const passwd* const account = getpwuid(geteuid());
    return account != nullptr ? account->pw_dir : "";
  }
};

TEST_F(CacheDirectoriesTest, OffAndNoAreNone) {
  setenv("XDG_CACHE_HOME", "/xdg", 1);
  EXPECT_EQ(CacheDirectories("off"), std::vector<std::string>());
  EXPECT_EQ(CacheDirectories("no"), std::vector<std::string>());
}

TEST_F(CacheDirectoriesTest, APathStandsForTheUsersBehindTheMachines) {
  setenv("XDG_CACHE_HOME", "/xdg", 1);
  EXPECT_EQ(CacheDirectories("/named"), MachineAnd("/named"));
  EXPECT_EQ(CacheDirectories(""), MachineAnd("/xdg/ostrust"));
}

TEST_F(CacheDirectoriesTest, ARelativeOrEmptyXdgCacheHomeMeansNothing) {
  const auto without = CacheDirectories("");
  for (const char* const value : {"", "relative", "./relative", "~/.cache"}) {
    setenv("XDG_CACHE_HOME", value, 1);
    EXPECT_EQ(CacheDirectories(""), without) << value;
  }
}

TEST_F(CacheDirectoriesTest, TheHomeIsTheAccountsWhateverTheEnvironmentSays) {
  if (Home().size() < 2) GTEST_SKIP() << "this account has no home";
  const char* const variable = getenv("HOME");
  const std::string home = variable != nullptr ? variable : "";
  setenv("HOME", "/elsewhere", 1);
  const auto directories = CacheDirectories("");
  setenv("HOME", home.c_str(), 1);
  EXPECT_EQ(directories, MachineAnd(Home() + "/.cache/ostrust"));
}

TEST_F(CacheDirectoriesTest, AnAccountThatIsNotInEtcPasswdHasTheMachinesOnly) {
  SKIP_UNLESS_ROOT();
  const int result = InChild([] {
    if (seteuid(3'999'999'999) != 0) return 2;
    return CacheDirectories("") == Machine() ? 0 : 1;
  });
  EXPECT_EQ(result, 0);
}

TEST_F(CacheDirectoriesTest, OfEtcPasswdOnlyAnAbsoluteHomeBehindTheUsersNumberCounts) {
  constexpr uid_t kUser = 54321;
  struct Case {
    std::string accounts;
    std::string home;
  };
  const Case cases[] = {
      {"a:x:54321:1:A:/home/a:/bin/sh\n", "/home/a"},
      {"a:x:54321:1::/home/a", "/home/a"},
      {"b:x:5432:1::/home/b:\nc:x:1:54321::/home/c:\n\n+::::::\na:x:54321:1::/home/a:\n",
       "/home/a"},
      {"long:x:1:1:" + std::string(100'000, 'x') + ":/:\na:x:54321:1::/home/a:\n", "/home/a"},
      {"a:x:54321:1::/home/a:\nagain:x:54321:1::/home/again:\n", "/home/a"},
      {"a:x:54321:1::home/a:\n", ""},
      {"a:x:54321:1::/:\n", ""},
      {"a:x:54321\n", ""},
      {"54321:54321:1:1::/home/a:\n", ""},
      {"", ""},
  };
  const TemporaryDirectory directory;
  for (const auto& [accounts, home] : cases) {
    directory.Write("passwd", accounts);
    const int result = InChild([&, wanted = home] {
      if (!MountOn("/etc/passwd", directory.Path("passwd"))) return kNoMount;
      if (seteuid(kUser) != 0) return 2;
      const auto expected = wanted.empty() ? Machine() : MachineAnd(wanted + "/.cache/ostrust");
      return CacheDirectories("") == expected ? 0 : 1;
    });
    if (result == kNoMount) GTEST_SKIP() << "nothing can be mounted on /etc/passwd";
    EXPECT_EQ(result, 0) << accounts.substr(0, 200);
  }
}

TEST_F(CacheDirectoriesTest, SecureExecutionHasTheMachinesOnly) {
  if (getgid() != getegid()) {  // the copy that is run below
    setenv("XDG_CACHE_HOME", "/xdg", 1);
    EXPECT_EQ(CacheDirectories(""), Machine());
    EXPECT_EQ(CacheDirectories("/named"), Machine());
    EXPECT_EQ(CacheDirectories("off"), std::vector<std::string>());
    std::puts(HasFailure() ? "failed" : "all as it should be");
    std::fflush(stdout);
    _exit(HasFailure() ? 1 : 0);  // LeakSanitizer cannot look into such a process
  }
  SKIP_UNLESS_ROOT();
  const TemporaryDirectory directory;
  const std::string program = directory.Path("program");
  const std::string output = directory.Path("output");
  fs::copy_file(OSTRUST_PLATFORM_TEST_FILE, program);
  ASSERT_EQ(chmod(program.c_str(), 02755), 0);  // set-group-ID, of group root
  const int result = InChild([&] {
    const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (dup2(file, 1) < 0 || dup2(file, 2) < 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0)
      return 2;
    execl(program.c_str(), program.c_str(),
          "--gtest_filter=CacheDirectoriesTest.SecureExecutionHasTheMachinesOnly", nullptr);
    return 3;
  });
  std::string ignored;
  const auto content = ReadContent(OpenPath(output, {}), ignored);
  const std::string said(content ? AsText(*content) : "");
  if (result == kNotLoaded) GTEST_SKIP() << "its libraries are out of that user's reach: " << said;
  EXPECT_EQ(result, 0) << said;
  if (said.find("SKIPPED") != std::string::npos) {
    GTEST_SKIP() << "programs in " << directory.Path() << " cannot be set-group-ID";
  }
  EXPECT_NE(said.find("all as it should be"), std::string::npos) << said;
}

}  // namespace
}  // namespace ostrust::platform
