#include <gtest/gtest.h>

#include "provider/tool/child_process.hpp"
#include "provider/tool/executable.hpp"

namespace ostrust::tool {
namespace {

using namespace std::chrono_literals;
using End = ChildOutcome::End;

std::vector<std::string> Shell(const std::string& command) {
  return {FindExecutable("cmd"), "/c", command};
}

TEST(RunCommand, KeepsTheStreamsApart) {
  const ChildOutcome outcome =
      RunCommand(Shell("echo out& echo %NAME%>&2& exit 3"), 60s, {{"NAME", "value"}});
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "value\n");
  EXPECT_EQ(outcome.end, End::kExited);
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(RunCommand(Shell("echo [%NAME%]"), 60s).out, "[%NAME%]\n") << "the variable stayed";
}

TEST(RunCommand, EndsACommandThatHangs) {
  const ChildOutcome outcome = RunCommand(Shell("echo started& for /l %i in (0,0,1) do rem"), 3s);
  EXPECT_EQ(outcome.end, End::kTimedOut);
  EXPECT_EQ(outcome.out.substr(0, 8), "started\n");
}

TEST(RunCommand, SaysThatThereIsNoSuchCommand) {
  EXPECT_EQ(RunCommand({"C:\\nonexistent.exe"}, 60s).end, End::kNotStarted);
}

TEST(FindExecutable, LooksAtPathAndPathextOnly) {
  EXPECT_EQ(CommandName(FindExecutable("cmd")), "cmd");
  EXPECT_EQ(FindExecutable("CMD.EXE").empty(), false);
  EXPECT_EQ(FindExecutable("cmd.ex"), "");
  EXPECT_EQ(FindExecutable(""), "");
}

}  // namespace
}  // namespace ostrust::tool
