#include "provider/log.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace ostrust {
namespace {

class LogFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "ostrust-log-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = directory_ / "log";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Contents() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

  std::filesystem::path directory_;
  std::filesystem::path path_;
};

TEST_F(LogFile, IsMadeForItsOwnerOnlyAndGetsTheLevelsAskedFor) {
  const Log log({LogLevel::kInfo, path_.string()});
  log.Write(LogLevel::kError, "first");
  log.Write(LogLevel::kInfo, "second");
  log.Write(LogLevel::kDebug, "third");
  const std::string text = Contents();
  EXPECT_NE(text.find("error: first\n"), std::string::npos) << text;
  EXPECT_NE(text.find("info: second\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("third"), std::string::npos) << text;
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(LogFile, NoLineCanBeForgedByWhatIsLogged) {
  const Log log({LogLevel::kError, path_.string()});
  log.Write(LogLevel::kError, "a\nostrust[1] error: b\x1b[2J");
  const std::string text = Contents();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
}

TEST_F(LogFile, ASymbolicLinkIsNotFollowed) {
  const auto target = directory_ / "target";
  std::filesystem::create_symlink(target, path_);
  const Log log({LogLevel::kError, path_.string()});
  log.Write(LogLevel::kError, "x");
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(LogFile, AFifoDoesNotHangTheProcess) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const Log log({LogLevel::kError, path_.string()});
  log.Write(LogLevel::kError, "x");
}

TEST(LogToStandardError, IsLostWhereNobodyReadsIt) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  ::close(fds[0]);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(fds[1], STDERR_FILENO);
    std::signal(SIGPIPE, SIG_DFL);
    Log({LogLevel::kError, ""}).Write(LogLevel::kError, "x");
    sigset_t blocked;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    ::_exit(sigismember(&blocked, SIGPIPE));
  }
  ::close(fds[1]);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(LogTarget, Syntax) {
  EXPECT_EQ(ParseLogTarget("off")->level, LogLevel::kOff);
  EXPECT_EQ(ParseLogTarget("no")->level, LogLevel::kOff);
  EXPECT_EQ(ParseLogTarget("debug")->level, LogLevel::kDebug);
  EXPECT_EQ(ParseLogTarget("info:/var/log/x")->path, "/var/log/x");
  for (const char* bad : {"", "on", "info:", "info:x", "INFO", "off:/x", "error /x"}) {
    EXPECT_FALSE(ParseLogTarget(bad)) << bad;
  }
}

}  // namespace
}  // namespace ostrust
