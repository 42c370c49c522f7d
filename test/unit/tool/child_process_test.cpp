#include "provider/tool/child_process.hpp"

#include <csignal>
#include <stdexcept>

#include <gtest/gtest.h>
#include <unistd.h>

namespace ostrust::tool {
namespace {

using namespace std::chrono_literals;
using End = ChildOutcome::End;

std::string Crash() {
  ::raise(SIGKILL);
  return {};
}

std::string Throw() {
  throw std::runtime_error("no");
}

std::string Hang() {
  for (;;) ::pause();
}

TEST(RunForked, ReturnsWhatTheWorkReturned) {
  const std::string large(1 << 20, 'x');  // more than a pipe holds
  const ChildOutcome outcome = RunForked([&] { return large; }, 30s);
  EXPECT_TRUE(outcome.Succeeded());
  EXPECT_EQ(outcome.out, large);
}

TEST(RunForked, SurvivesACrashAnExceptionAndAHang) {
  const ChildOutcome crash = RunForked(Crash, 30s);
  EXPECT_EQ(crash.end, End::kSignalled);
  EXPECT_EQ(crash.code, SIGKILL);
  EXPECT_NE(crash.Describe().find("signal 9"), std::string::npos);
  EXPECT_FALSE(RunForked(Throw, 30s).Succeeded());
  EXPECT_EQ(RunForked(Hang, 100ms).end, End::kTimedOut);
}

TEST(RunCommand, KeepsTheStreamsApart) {
  const ChildOutcome outcome = RunCommand(
      {"/bin/sh", "-c", "echo out; echo $NAME >&2; cat; exit 3"}, 30s, {{"NAME", "value"}});
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "value\n");
  EXPECT_EQ(outcome.end, End::kExited);
  EXPECT_EQ(outcome.code, 3);
}

TEST(RunCommand, EndsWhatTheCommandStartedToo) {
  // The grandchild holds the pipe and would go on for ten minutes.
  const ChildOutcome outcome = RunCommand({"/bin/sh", "-c", "sleep 600 & echo started; wait"}, 1s);
  EXPECT_EQ(outcome.end, End::kTimedOut);
  EXPECT_EQ(outcome.out, "started\n");
}

TEST(RunCommand, SaysThatThereIsNoSuchCommand) {
  EXPECT_EQ(RunCommand({"/nonexistent"}, 30s).code, 127);
}

}  // namespace
}  // namespace ostrust::tool
