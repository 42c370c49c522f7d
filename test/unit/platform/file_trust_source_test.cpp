// What each kind of source reads, and what it says when it cannot. Changes are in refresh_test.cpp.
#include "platform/linux/file_trust_source.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "certificates.hpp"
#include "failing_open.hpp"
#include "first_location.hpp"
#include "loading.hpp"
#include "platform/linux/file_io.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

LoadResult LoadFrom(const std::string& path) {
  std::string error;
  auto source = MakeTrustSource(path, {}, error);
  EXPECT_NE(source, nullptr) << error;
  return source->Load();
}

// --- The factory

TEST(TrustSource, AutoAndNothingAndAbsolutePathsAreSources) {
  for (const char* value : {"", "auto", "/etc/ssl/certs", "/nonexistent"}) {
    std::string error = "old";
    EXPECT_NE(MakeTrustSource(value, {}, error), nullptr) << value;
    EXPECT_EQ(error, "");
  }
}

TEST(TrustSource, ARelativePathIsRefused) {
  for (const char* value : {"certs.pem", "./certs.pem", "../certs", "~/certs", " /etc/ssl/certs"}) {
    std::string error;
    EXPECT_EQ(MakeTrustSource(value, {}, error), nullptr) << value;
    EXPECT_TRUE(Has(error, value)) << error;
    EXPECT_TRUE(Has(error, "absolute path")) << error;
  }
}

TEST(TrustSource, OffIsRefusedWithWhatIsAllowed) {
  for (const char* value : {"off", "no"}) {
    std::string error;
    EXPECT_EQ(MakeTrustSource(value, {}, error), nullptr);
    EXPECT_TRUE(Has(error, "auto")) << error;
    EXPECT_TRUE(Has(error, "trust-source")) << error;
  }
}

TEST(TrustSource, APathWithANulIsRefused) {
  std::string error;
  EXPECT_EQ(MakeTrustSource(std::string_view("/etc\0/x", 7), {}, error), nullptr);
}

// --- A file

TEST(FileSource, GivesTheAnchorsOfTheFile) {
  const TemporaryDirectory directory;
  directory.Write("bundle.pem", Pem(MakeRoot("One")) + Pem(MakeRoot("Two")));
  const LoadResult result = LoadFrom(directory.Path("bundle.pem"));
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->AnchorCount(), 2U);
  EXPECT_EQ(result.store->Source(), directory.Path("bundle.pem"));
  EXPECT_TRUE(Holds(*result.store, "One"));
  EXPECT_FALSE(Holds(*result.store, "Three"));
}

TEST(FileSource, FollowsALink) {
  const TemporaryDirectory directory;
  directory.Write("bundle.pem", Pem(MakeRoot("One")));
  directory.Link("link.pem", directory.Path("bundle.pem"));
  EXPECT_NE(LoadFrom(directory.Path("link.pem")).store, nullptr);
}

TEST(FileSource, AMissingFileIsNamedWithTheReason) {
  const TemporaryDirectory directory;
  const LoadResult result = LoadFrom(directory.Path("nothing"));
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, directory.Path("nothing"))) << result.error;
  EXPECT_TRUE(Has(result.error, "No such file or directory")) << result.error;
}

TEST(FileSource, AnEmptyFileIsAnErrorThatSaysSo) {
  const TemporaryDirectory directory;
  for (const char* content : {"", "\n", "no certificate\n"}) {
    directory.Write("bundle.pem", content);
    const LoadResult result = LoadFrom(directory.Path("bundle.pem"));
    EXPECT_EQ(result.store, nullptr);
    EXPECT_TRUE(Has(result.error, "holds no certificate that is trusted")) << result.error;
  }
}

TEST(FileSource, AFileOfOnlyBrokenCertificatesSaysWhatIsBroken) {
  const TemporaryDirectory directory;
  directory.Write("bundle.pem", Pem(AsBytes("broken")));
  const LoadResult result = LoadFrom(directory.Path("bundle.pem"));
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, "certificate 1 (line 1)")) << result.error;
}

TEST(FileSource, AFileOfOnlyDistrustedCertificatesHasNoAnchor) {
  const TemporaryDirectory directory;
  const Bytes root = MakeRoot("One");
  directory.Write("bundle.pem", TrustedPem(root, nullptr, "anyExtendedKeyUsage"));
  for (const std::string& more : {std::string(), Pem(root)}) {
    directory.Write("bundle.pem", TrustedPem(root, nullptr, "anyExtendedKeyUsage") + more);
    const LoadResult result = LoadFrom(directory.Path("bundle.pem"));
    EXPECT_TRUE(Has(result.error, "holds no certificate that is trusted")) << result.error;
    ASSERT_NE(result.store, nullptr);
    EXPECT_TRUE(result.store->TrustOf(root).IsDistrusted());
  }
}

TEST(FileSource, ADistrustedCertificateBesideAnAnchorIsKept) {
  const TemporaryDirectory directory;
  const Bytes bad = MakeRoot("Bad");
  directory.Write("bundle.pem",
                  TrustedPem(bad, nullptr, "anyExtendedKeyUsage") + Pem(MakeRoot("Good")));
  const LoadResult result = LoadFrom(directory.Path("bundle.pem"));
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->AnchorCount(), 1U);
  EXPECT_TRUE(result.store->TrustOf(bad).IsDistrusted());
}

TEST(FileSource, AFifoIsRefusedAndDoesNotHang) {
  const TemporaryDirectory directory;
  ASSERT_EQ(mkfifo(directory.Path("fifo").c_str(), 0644), 0);
  const LoadResult result = LoadFrom(directory.Path("fifo"));
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, "neither a file nor a directory")) << result.error;
}

TEST(FileSource, ADeviceIsRefused) {
  const LoadResult result = LoadFrom("/dev/zero");
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, "neither a file nor a directory")) << result.error;
}

TEST(FileSource, AHugeFileIsRefused) {
  const TemporaryDirectory directory;
  directory.Write("bundle.pem", Pem(MakeRoot("One")));
  ASSERT_EQ(truncate(directory.Path("bundle.pem").c_str(), (32 << 20) + 1), 0);
  const LoadResult result = LoadFrom(directory.Path("bundle.pem"));
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, "larger than 32 MiB")) << result.error;
  ASSERT_EQ(truncate(directory.Path("bundle.pem").c_str(), 32 << 20), 0);
  EXPECT_NE(LoadFrom(directory.Path("bundle.pem")).store, nullptr);
}

#ifdef __linux__  // whose /proc has files of no known size, and one of which nothing can be read
TEST(FileSource, AFileWhoseSizeIsNotKnownIsRead) {
  const LoadResult result = LoadFrom("/proc/self/maps");
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, "holds no certificate")) << result.error;
}

TEST(FileSource, AFileThatTurnsOutTooLargeIsRefused) {
  const OpenedPath file = OpenPath("/proc/self/maps", {}, 16);
  ASSERT_TRUE(file.IsOpen()) << file.error;
  std::string error;
  EXPECT_FALSE(ReadContent(file, error));
  EXPECT_TRUE(Has(error, "larger than ")) << error;
}

// Opened as a file of no known size, and then nothing of it can be read: EIO.
constexpr const char* kUnreadable = "/proc/self/mem";

TEST(FileSource, AFileOfWhichReadingFailsIsRefusedWithTheReason) {
  const LoadResult result = LoadFrom(kUnreadable);
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, "mem cannot be read: " + ErrorText(EIO))) << result.error;
}
#endif

TEST(FileSource, AnUnreadableFileIsRefusedWithTheReason) {
  const TemporaryDirectory directory;
  directory.Write("bundle.pem", Pem(MakeRoot("One")));
  chmod(directory.Path("bundle.pem").c_str(), 0);
  const Unprivileged unprivileged;
  const LoadResult result = LoadFrom(directory.Path("bundle.pem"));
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, "Permission denied")) << result.error;
}

TEST(FileSource, ALoopOfLinksIsRefusedWithTheReason) {
  const TemporaryDirectory directory;
  directory.Link("a", directory.Path("b"));
  directory.Link("b", directory.Path("a"));
  const LoadResult result = LoadFrom(directory.Path("a"));
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, ErrorText(ELOOP))) << result.error;
}

// --- A directory

TEST(DirectorySource, ReadsEveryFileUnderWhateverName) {
  const TemporaryDirectory directory;
  const Bytes two = MakeRoot("Two");
  directory.Write("one.pem", Pem(MakeRoot("One")));
  directory.Write("two.der", AsText(two));
  directory.Write("three", "text\n" + Pem(MakeRoot("Three")) + Pem(MakeRoot("Four")));
  const LoadResult result = LoadFrom(directory.Path());
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->AnchorCount(), 4U);
  EXPECT_TRUE(result.store->TrustOf(two).IsAnchor());
  EXPECT_TRUE(result.store->Problems().empty());
  EXPECT_EQ(result.store->Source(), directory.Path());
}

TEST(DirectorySource, LinksAreFollowedAndAFileIsReadOnce) {
  const TemporaryDirectory elsewhere;
  elsewhere.Write("broken.pem", Pem(AsBytes("broken")));
  const TemporaryDirectory directory;
  directory.Write("one.pem", Pem(MakeRoot("One")));
  directory.Link("0a0a0a0a.0", "one.pem");
  directory.Link("b.pem", elsewhere.Path("broken.pem"));
  directory.Link("c.pem", "b.pem");
  const LoadResult result = LoadFrom(directory.Path());
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->Entries().size(), 1U);
  EXPECT_EQ(result.store->Problems().size(), 1U);
}

TEST(DirectorySource, HiddenFilesSubdirectoriesFifosAndCrlsArePassedOver) {
  const TemporaryDirectory directory;
  directory.Write("one.pem", Pem(MakeRoot("One")));
  directory.Write(".hidden.pem", Pem(MakeRoot("Hidden")));
  directory.Write("sub/two.pem", Pem(MakeRoot("Two")));
  directory.Link("link-to-sub", "sub");
  directory.Write("0a0a0a0a.r0", Pem(MakeRoot("Named like a CRL")));
  ASSERT_EQ(mkfifo(directory.Path("fifo").c_str(), 0644), 0);
  const LoadResult result = LoadFrom(directory.Path());
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->Entries().size(), 1U);
  EXPECT_TRUE(result.store->Problems().empty());
}

TEST(DirectorySource, FilesThatGiveNothingAreNotedOnceEach) {
  const TemporaryDirectory directory;
  directory.Write("one.pem", Pem(MakeRoot("One")));
  directory.Write("README", "These are the roots.\n");
  directory.Link("README.link", "README");
  directory.Link("dangling", "nothing");
  directory.Link("loop", "loop");
  const LoadResult result = LoadFrom(directory.Path());
  ASSERT_NE(result.store, nullptr) << result.error;
  ASSERT_EQ(result.store->Problems().size(), 3U);
  EXPECT_TRUE(Has(result.store->Problems()[0], "/README holds no certificate"));
  EXPECT_TRUE(Has(result.store->Problems()[1], "/dangling is not read: No such file"));
  EXPECT_TRUE(Has(result.store->Problems()[2], "/loop is not read: "));
}

#ifdef __linux__
TEST(DirectorySource, AFileOfWhichReadingFailsIsNoted) {
  const TemporaryDirectory directory;
  directory.Write("one.pem", Pem(MakeRoot("One")));
  directory.Link("two.pem", kUnreadable);
  const LoadResult result = LoadFrom(directory.Path());
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->AnchorCount(), 1U);
  ASSERT_EQ(result.store->Problems().size(), 1U);
  EXPECT_TRUE(Has(result.store->Problems()[0], "/two.pem is not read: " + ErrorText(EIO)));
}
#endif

TEST(DirectorySource, AnEmptyDirectoryIsAnErrorThatSaysSo) {
  const TemporaryDirectory directory;
  const LoadResult result = LoadFrom(directory.Path());
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, "holds no certificate that is trusted")) << result.error;
}

TEST(DirectorySource, DistrustInOneFileHoldsAgainstAnother) {
  const TemporaryDirectory directory;
  const Bytes bad = MakeRoot("Bad");
  directory.Write("bundle.pem", Pem(MakeRoot("Good")) + Pem(bad));
  directory.Write("bad.pem", TrustedPem(bad, nullptr, "anyExtendedKeyUsage"));
  const LoadResult result = LoadFrom(directory.Path());
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_TRUE(result.store->TrustOf(bad).IsDistrusted());
  EXPECT_EQ(result.store->AnchorCount(), 1U);
}

TEST(DirectorySource, AFileThatNoDescriptorOrMemoryIsLeftForIsNotPassedOver) {
  const TemporaryDirectory directory;
  directory.Write("good.pem", Pem(MakeRoot("Good")));
  directory.Write("bad.pem", TrustedPem(MakeRoot("Bad"), nullptr, "anyExtendedKeyUsage"));
  for (const int error : {EMFILE, ENFILE, ENOMEM}) {
    const FailingOpen failing(directory.Path("bad.pem"), error);
    const LoadResult result = LoadFrom(directory.Path());
    EXPECT_EQ(result.store, nullptr);
    EXPECT_TRUE(Has(result.error, "/bad.pem cannot be read: ")) << result.error;
  }
  for (const int error : {EACCES, ENOENT, EIO}) {
    const FailingOpen failing(directory.Path("bad.pem"), error);
    const LoadResult result = LoadFrom(directory.Path());
    ASSERT_NE(result.store, nullptr) << result.error;
    EXPECT_EQ(result.store->Entries().size(), 1U);
    ASSERT_EQ(result.store->Problems().size(), 1U);
    EXPECT_TRUE(Has(result.store->Problems()[0], "/bad.pem is not read: "));
  }
  const FailingOpen interrupted(directory.Path("bad.pem"), EINTR, 3);
  const LoadResult result = LoadFrom(directory.Path());
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->Entries().size(), 2U);
}

// --- auto

TEST(AutoSource, NoOtherSourceIsTakenWhereNoDescriptorIsLeft) {
  SKIP_WITHOUT_HASHED_DIRECTORY();
  const TemporaryDirectory root;
  const std::string hashed = FirstHashedDirectory() + "/0a0a0a0a.0";
  root.Write(FirstBundle(), Pem(MakeRoot("One")));
  root.Write(hashed, Pem(MakeRoot("Bad")));
  for (const std::string& path : {FirstBundle(), FirstHashedDirectory(), hashed}) {
    ASSERT_EQ(LoadAuto(root).error, "");
    const FailingOpen failing(root.Path(path), EMFILE);
    const LoadResult result = LoadAuto(root);
    EXPECT_EQ(result.store, nullptr) << path;
    EXPECT_TRUE(Has(result.error, path)) << result.error;
    EXPECT_TRUE(Has(result.error, ErrorText(EMFILE))) << result.error;
  }
}

TEST(AutoSource, ABundleThatMayBeDistrustedIsReadAgainWhenThereAreDescriptors) {
  SKIP_WITHOUT_HASHED_DIRECTORY();
  const Bytes one = MakeRoot("One");
  const TemporaryDirectory root;
  root.Write(FirstBundle(), Pem(one));
  const std::string hashed = FirstHashedDirectory() + "/" + HashName(one);
  const std::string added = hashed + ".1";
  root.Write(hashed + ".0", Pem(one));
  root.Write(added, TrustedPem(one, nullptr, "anyExtendedKeyUsage"));
  std::string error;
  const auto source =
      MakeFileTrustSource("auto", {root.Path(), std::chrono::nanoseconds(0)}, error);
  {
    const FailingOpen failing(root.Path(added), EMFILE);
    const LoadResult result = source->Load();
    EXPECT_EQ(result.store, nullptr);
    EXPECT_TRUE(Has(result.error, added + " cannot be read: " + ErrorText(EMFILE))) << result.error;
  }
  EXPECT_TRUE(source->Changed());
  const LoadResult result = source->Load();
  ASSERT_NE(result.store, nullptr);
  EXPECT_TRUE(result.store->TrustOf(one).IsDistrusted());
  EXPECT_FALSE(source->Changed());
}

TEST(AutoSource, FailureNamesEverythingThatWasTried) {
  SKIP_WITHOUT_BUNDLE();
  const TemporaryDirectory root;
  root.Write(FirstBundle(), "");
  const LoadResult result = LoadAuto(root);
  EXPECT_EQ(result.store, nullptr);
  EXPECT_TRUE(Has(result.error, FirstBundle() + " holds no certificate")) << result.error;
  for (const BundleLocation& location : SystemBundles()) {
    EXPECT_TRUE(Has(result.error, root.Path() + location.bundle)) << result.error;
  }
  for (const char* const directory : SystemDirectories()) {
    EXPECT_TRUE(Has(result.error, root.Path() + directory)) << result.error;
  }
}

}  // namespace
}  // namespace ostrust::platform
