#include "provider/host/file.hpp"

#include <cerrno>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "test/unit/platform/temporary_directory.hpp"

namespace ostrust::host {
namespace {

using platform::TemporaryDirectory;

constexpr std::size_t kLimit = 100;

TEST(ReadRegularFile, GivesTheContents) {
  const TemporaryDirectory directory;
  directory.Write("file", std::string("a\0b\n", 4));
  directory.Write("empty", "");
  directory.Link("link", directory.Path("file"));
  EXPECT_EQ(ReadRegularFile(directory.Path("file"), kLimit), std::string("a\0b\n", 4));
  EXPECT_EQ(ReadRegularFile(directory.Path("link"), kLimit), std::string("a\0b\n", 4));
  EXPECT_EQ(ReadRegularFile(directory.Path("empty"), kLimit), "");
}

TEST(ReadRegularFile, StopsAtTheLimit) {
  const TemporaryDirectory directory;
  directory.Write("file", std::string(kLimit, 'x'));
  EXPECT_TRUE(ReadRegularFile(directory.Path("file"), kLimit));
  EXPECT_FALSE(ReadRegularFile(directory.Path("file"), kLimit - 1));
}

TEST(ReadRegularFile, ReadsNothingElseAndKeepsErrno) {
  const TemporaryDirectory directory;
  ASSERT_EQ(::mkfifo(directory.Path("fifo").c_str(), 0600), 0);
  directory.Link("dangling", directory.Path("absent"));
  for (const std::string& path :
       {directory.Path(), directory.Path("fifo"), directory.Path("absent"),
        directory.Path("dangling"), std::string("/dev/null"), std::string()}) {
    errno = E2BIG;
    EXPECT_FALSE(ReadRegularFile(path, kLimit)) << path;
    EXPECT_EQ(errno, E2BIG) << path;
  }
}

TEST(RegularFileState, ChangesWithTheFile) {
  const TemporaryDirectory directory;
  directory.Write("file", "one");
  directory.Link("link", directory.Path("file"));
  const auto before = RegularFileState(directory.Path("file"));
  ASSERT_TRUE(before);
  EXPECT_EQ(before, RegularFileState(directory.Path("file")));
  EXPECT_EQ(before, RegularFileState(directory.Path("link")));
  EXPECT_EQ(before->size, 3);

  directory.Replace("file", "two");  // another file of the same size
  EXPECT_NE(before, RegularFileState(directory.Path("file")));
  const auto replaced = RegularFileState(directory.Path("file"));
  directory.Write("file", "three");
  EXPECT_NE(replaced, RegularFileState(directory.Path("file")));
}

TEST(RegularFileState, IsOfRegularFilesOnly) {
  const TemporaryDirectory directory;
  for (const std::string& path :
       {directory.Path(), directory.Path("absent"), std::string("/dev/null"), std::string()}) {
    errno = E2BIG;
    EXPECT_FALSE(RegularFileState(path)) << path;
    EXPECT_EQ(errno, E2BIG);
  }
}

TEST(RealPath, FollowsLinksAndKeepsWhatItCannotFollow) {
  const TemporaryDirectory directory;
  directory.Write("one/file", "");
  directory.Link("link", directory.Path("one"));
  const std::string real = RealPath(directory.Path("one/file"));
  EXPECT_EQ(RealPath(directory.Path("link/../link/./file")), real);
  errno = E2BIG;
  EXPECT_EQ(RealPath(directory.Path("absent/../x")), directory.Path("absent/../x"));
  EXPECT_EQ(errno, E2BIG);
}

TEST(MatchesShellPattern, MatchesTheWholePathAndSlashes) {
  EXPECT_TRUE(MatchesShellPattern("*/certifi/cacert.pem", "/a/b/certifi/cacert.pem"));
  EXPECT_FALSE(MatchesShellPattern("*/certifi/cacert.pem", "certifi/cacert.pem"));
  EXPECT_FALSE(MatchesShellPattern("*/certifi/cacert.pem", "/a/certifi/cacert.pem.bak"));
  EXPECT_FALSE(MatchesShellPattern("*/certifi/cacert.pem", "/a/mycertifi/cacert.pem"));
  EXPECT_TRUE(MatchesShellPattern("/opt/*.pem", "/opt/a/b.pem"));
  EXPECT_TRUE(MatchesShellPattern("/ca?[12].pem", "/cax2.pem"));
  EXPECT_FALSE(MatchesShellPattern("/opt/ca.pem", "/opt/CA.pem"));
}

TEST(FilesMatching, AreSorted) {
  const TemporaryDirectory directory;
  for (const char* name : {"certifi-2.dist-info/RECORD", "certifi-1.dist-info/RECORD",
                           "certifi-1.dist-info/other", "other-1.dist-info/RECORD"}) {
    directory.Write(name, "");
  }
  errno = E2BIG;
  EXPECT_EQ(FilesMatching(directory.Path("certifi-"), ".dist-info/RECORD"),
            (std::vector<std::string>{directory.Path("certifi-1.dist-info/RECORD"),
                                      directory.Path("certifi-2.dist-info/RECORD")}));
  EXPECT_TRUE(FilesMatching(directory.Path("nothing-"), "").empty());
  EXPECT_EQ(errno, E2BIG);
}

}  // namespace
}  // namespace ostrust::host
