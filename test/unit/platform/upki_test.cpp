// What is made of libupki's answers, and of libraries that are not what they are called. The double
// (test/doubles/upki.cpp) is scripted by the configuration file that it finds.
#include "platform/linux/upki.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "children.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDouble = OSTRUST_UPKI_DOUBLE_FILE;
constexpr const char* kLacking = OSTRUST_UPKI_LACKING_FILE;
constexpr const char* kProgram = OSTRUST_PLATFORM_TEST_FILE;
constexpr const char* kScript = ".config/upki/config.toml";

std::string ContentOf(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

const char* Word(FilterAnswer answer) {
  switch (answer) {
    case FilterAnswer::kNotCovered:
      return "not covered";
    case FilterAnswer::kRevoked:
      return "revoked";
    case FilterAnswer::kNotRevoked:
      return "not revoked";
  }
  return "nonsense";
}

/// The answer about a chain of these "certificates", and the reason behind it if there is one.
std::string Ask(const RevocationFilter& filter, const std::vector<std::string>& certificates) {
  std::vector<ByteView> chain;
  for (const std::string& certificate : certificates) chain.push_back(AsBytes(certificate));
  std::string why;
  const std::string answer = Word(filter.Check(chain, why));
  return why.empty() ? answer : answer + ": " + why;
}

/// A home of its own.
class UpkiSystemTest : public testing::Test {
 protected:
  UpkiSystemTest() {
    setenv("HOME", home_.Path().c_str(), 1);
    unsetenv("XDG_CONFIG_HOME");
  }
  ~UpkiSystemTest() override {
    for (const auto& [name, value] : before_) {
      value ? setenv(name, value->c_str(), 1) : unsetenv(name);
    }
  }

  const TemporaryDirectory home_;

 private:
  static std::optional<std::string> Variable(const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  }

  const std::map<const char*, std::optional<std::string>> before_ = {
      {"HOME", Variable("HOME")}, {"XDG_CONFIG_HOME", Variable("XDG_CONFIG_HOME")}};
};

/// And the double. It has libupki's soname: the dynamic linker finds no other by that in this
/// process.
class UpkiTest : public UpkiSystemTest {
 protected:
  UpkiTest() {
    std::string why;
    filter_ = LoadUpki(kDouble, why);
    EXPECT_EQ(why, "");
  }

  /// The answer about a leaf and its issuer when the double is told this.
  std::string With(const std::string& script) {
    home_.Replace(kScript, script);
    return Ask(*filter_, {"leaf", "issuer"});
  }

  std::unique_ptr<const RevocationFilter> filter_;
};

// --- answers -------------------------------------------------------------------------------------

TEST_F(UpkiTest, AnswersAreLibupkis) {
  EXPECT_EQ(With("check 2"), "revoked");
  EXPECT_EQ(With("check 3"), "not revoked");
  EXPECT_EQ(With("check 1"), "not covered: libupki: the data does not cover the certificate");
}

TEST_F(UpkiTest, WhatItIsAskedAboutIsTheFirst) {
  const std::string script = "check 2 leaf\ncheck 3";
  EXPECT_EQ(With(script), "revoked");
  EXPECT_EQ(Ask(*filter_, {"other", "leaf"}), "not revoked");
}

TEST_F(UpkiTest, AnErrorIsNoAnswerAndIsPutIntoWords) {
  std::set<std::string> reasons;
  const std::vector<int> all = {16, 17, 18, 19, 32, 33, 34, 35, 36, 64, 65, 66, 67, 68,
                                69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81};
  for (const int error : all) {
    const std::string answer = With("check " + std::to_string(error));
    EXPECT_EQ(answer.rfind("not covered: libupki: ", 0), 0U) << error << ": " << answer;
    reasons.insert(answer);
  }
  EXPECT_EQ(reasons.size(), all.size());
  EXPECT_EQ(With("check 67"),
            "not covered: libupki: the data cannot be read, or was never fetched");
  EXPECT_EQ(With("check 79"), "not covered: libupki: the data is outdated");
}

TEST_F(UpkiTest, AnotherNumberIsNoAnswer) {
  for (const char* const number : {"0", "4", "15", "258", "4294967295"}) {
    EXPECT_EQ(With(std::string("check ") + number),
              std::string("not covered: libupki: it answered ") + number);
  }
}

TEST_F(UpkiTest, WithoutAConfigurationNothingIsAsked) {
  const std::string asked = home_.Path("asked");
  EXPECT_EQ(With("config 32\ncheck 2\nasked " + asked),
            "not covered: libupki: the configuration file is not understood");
  EXPECT_EQ(With("config 2\ncheck 2\nasked " + asked), "not covered: libupki: it answered 2");
  EXPECT_EQ(ContentOf(asked), "");
  EXPECT_EQ(With("null\ncheck 2\nasked " + asked), "not covered: libupki: it answered 0");
  EXPECT_EQ(ContentOf(asked), "config\n");
}

// --- what it is asked ----------------------------------------------------------------------------

TEST_F(UpkiTest, ItGetsTheCertificateAndItsIssuerAndNoMore) {
  const std::string asked = home_.Path("asked");
  home_.Write(kScript, "check 3\nasked " + asked);
  EXPECT_EQ(Ask(*filter_, {"leaf", "issuer", "root"}), "not revoked");
  EXPECT_EQ(ContentOf(asked), "config\ncheck 4 6\nfree\n");
}

TEST_F(UpkiTest, WithoutAnIssuerItIsNotAsked) {
  const std::string asked = home_.Path("asked");
  home_.Write(kScript, "check 2\nasked " + asked);
  EXPECT_EQ(Ask(*filter_, {}), "not covered: libupki: there is no issuer's certificate");
  EXPECT_EQ(Ask(*filter_, {"leaf"}), "not covered: libupki: there is no issuer's certificate");
  EXPECT_EQ(ContentOf(asked), "");
}

TEST_F(UpkiTest, AChangeIsSeenByAProcessThatRuns) {
  EXPECT_EQ(With("check 3"), "not revoked");
  EXPECT_EQ(With("check 2"), "revoked");
  home_.Remove(kScript);
  if (fs::exists("/etc/upki/config.toml")) GTEST_SKIP() << "this machine has upki";
  EXPECT_EQ(Ask(*filter_, {"leaf", "issuer"}),
            "not covered: libupki: the configuration file cannot be read");
}

TEST_F(UpkiTest, ThreadsAskAtTheSameTime) {
  home_.Write(kScript, "check 2 leaf\ncheck 3");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        EXPECT_EQ(Ask(*filter_, {"leaf", "issuer"}), "revoked");
        EXPECT_EQ(Ask(*filter_, {"other", "issuer"}), "not revoked");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// --- whose configuration -------------------------------------------------------------------------

// The double ends the process when it has to look for a home that the environment does not name.
TEST_F(UpkiTest, WithoutAHomeOnlyTheSystemsConfigurationIsRead) {
  if (fs::exists("/etc/upki/config.toml")) GTEST_SKIP() << "this machine has upki";
  setenv("XDG_CONFIG_HOME", home_.Path(".config").c_str(), 1);
  EXPECT_EQ(With("check 2"), "revoked");
  const std::string none = "not covered: libupki: the configuration file cannot be read";
  setenv("HOME", "", 1);
  EXPECT_EQ(With("check 2"), none);
  unsetenv("HOME");
  EXPECT_EQ(With("check 2"), none);
}

TEST_F(UpkiTest, ASetGroupIdProcessReadsNoConfigurationOfTheUsers) {
  if (getgid() != getegid()) {  // the copy that is run below
    // The script that the constructor's HOME has not, but the caller's.
    const char* const named = std::getenv("OSTRUST_TEST_HOME");
    const std::string callers = named != nullptr ? named : "";
    setenv("HOME", callers.c_str(), 1);
    std::string why;
    const auto filter = LoadUpki((callers + "/libupki.so").c_str(), why);
    std::puts(filter == nullptr ? why.c_str() : Ask(*filter, {"leaf", "issuer"}).c_str());
    std::fflush(stdout);
    home_.Remove({});
    _exit(0);  // LeakSanitizer cannot look into such a process
  }
  SKIP_UNLESS_ROOT();
  if (fs::exists("/etc/upki/config.toml")) GTEST_SKIP() << "this machine has upki";
  const std::string program = home_.Path("program");
  const std::string output = home_.Path("output");
  fs::copy_file(kProgram, program);
  fs::copy_file(kDouble, home_.Path("libupki.so"));
  EXPECT_EQ(With("check 2"), "revoked");        // what a plain process reads there
  ASSERT_EQ(chmod(program.c_str(), 02755), 0);  // set-group-ID, of group root
  const int result = InChild([&] {
    setenv("OSTRUST_TEST_HOME", home_.Path().c_str(), 1);
    const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (dup2(file, 1) < 0 || dup2(file, 2) < 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) {
      return 2;
    }
    execl(program.c_str(), program.c_str(),
          "--gtest_filter=UpkiTest.ASetGroupIdProcessReadsNoConfigurationOfTheUsers", nullptr);
    return 3;
  });
  const std::string said = ContentOf(output);
  if (result == kNotLoaded) GTEST_SKIP() << "its libraries are out of that user's reach: " << said;
  EXPECT_EQ(result, 0) << said;
  if (said.find("SKIPPED") != std::string::npos) {
    GTEST_SKIP() << "programs in " << home_.Path() << " cannot be set-group-ID";
  }
  EXPECT_NE(said.find("not covered: libupki: the configuration file cannot be read"),
            std::string::npos)
      << said;
}

// --- the library ---------------------------------------------------------------------------------

TEST_F(UpkiTest, ALibraryThatLacksAFunctionIsNotUsed) {
  std::string why;
  EXPECT_EQ(LoadUpki(kLacking, why), nullptr);
  EXPECT_EQ(why, std::string(kLacking) + " has no upki_check_revocation()");
}

TEST_F(UpkiTest, AFileThatIsNoLibraryIsNotUsed) {
  home_.Write("libupki.so.1", "nonsense");
  std::string why;
  EXPECT_EQ(LoadUpki(home_.Path("libupki.so.1").c_str(), why), nullptr);
  EXPECT_NE(why.find("libupki.so.1"), std::string::npos) << why;
}

/// What SystemRevocationFilter() answers, twice, in a process of its own whose dynamic linker looks
/// into `directory` first. Before the second time `between` is linked there.
std::string SystemFilter(const std::string& directory, const std::string& between = {}) {
  const TemporaryDirectory work;
  const std::string output = work.Path("output");
  const int result = InChild([&] {
    const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (dup2(file, 1) < 0 || setenv("LD_LIBRARY_PATH", directory.c_str(), 1) != 0 ||
        setenv("OSTRUST_TEST_LINK", between.c_str(), 1) != 0 ||
        setenv("OSTRUST_TEST_LINK_TO", (directory + "/" + kUpkiLibrary).c_str(), 1) != 0) {
      return 2;
    }
    execl(kProgram, kProgram, "--gtest_filter=UpkiSystemTest.TheSystemsIsFoundByItsSoname",
          nullptr);
    return 3;
  });
  const std::string said = ContentOf(output);
  EXPECT_EQ(result, 0) << said;
  const std::size_t mark = said.find("system: ");
  if (mark == std::string::npos) return said;
  return said.substr(mark, said.find('\n', mark) - mark);
}

TEST_F(UpkiSystemTest, TheSystemsIsFoundByItsSoname) {
  if (const char* const to = std::getenv("OSTRUST_TEST_LINK_TO"); to != nullptr) {
    std::string why;  // the process that SystemFilter() started
    const RevocationFilter* const filter = SystemRevocationFilter(why);
    const fs::path link = std::getenv("OSTRUST_TEST_LINK");
    if (!link.empty()) fs::create_symlink(link, to);
    std::string again;
    EXPECT_EQ(SystemRevocationFilter(again), filter);
    EXPECT_EQ(again, why);
    home_.Write(kScript, "check 2");
    std::printf("system: %s\n",
                filter == nullptr ? why.c_str() : Ask(*filter, {"leaf", "issuer"}).c_str());
    return;
  }
  EXPECT_EQ(SystemFilter(fs::path(kDouble).parent_path()), "system: revoked");
}

TEST_F(UpkiSystemTest, TheSystemsIsLookedForOnce) {
  const std::string none = SystemFilter(home_.Path());
  if (none.find("cannot open") == none.npos) GTEST_SKIP() << "this machine has libupki: " << none;
  EXPECT_EQ(none.rfind("system: libupki.so.1: ", 0), 0U) << none;
  EXPECT_EQ(SystemFilter(home_.Path(), kDouble), none);
  EXPECT_EQ(SystemFilter(home_.Path()), "system: revoked");  // there it is now
}

TEST_F(UpkiSystemTest, ALibraryOfItsNameThatIsAnotherIsNotUsed) {
  const std::string directory = fs::path(kLacking).parent_path();
  EXPECT_EQ(SystemFilter(directory), "system: libupki.so.1 has no upki_check_revocation()");
}

}  // namespace
}  // namespace ostrust::platform
