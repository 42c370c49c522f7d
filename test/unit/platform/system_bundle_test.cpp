// What this machine has decides what there is to test: links to its bundle, copies of it.
#include "platform/system_bundle.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "platform/linux/locations.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

const BundleLocation* FirstThatIsThere() {
  for (const BundleLocation& location : SystemBundles()) {
    std::error_code error;
    if (std::filesystem::is_regular_file(location.bundle, error) &&
        std::filesystem::file_size(location.bundle, error) > 0) {
      return &location;
    }
  }
  return nullptr;
}

TEST(SystemBundle, IsWhateverLeadsToIt) {
  const BundleLocation* const here = FirstThatIsThere();
  if (here == nullptr) GTEST_SKIP() << "this machine has no bundle";
  const TemporaryDirectory directory;
  directory.Link("link", here->bundle);
  directory.Link("second", directory.Path("link"));
  EXPECT_TRUE(IsSystemBundle(here->bundle));
  EXPECT_TRUE(IsSystemBundle(directory.Path("link")));
  EXPECT_TRUE(IsSystemBundle(directory.Path("second")));
  EXPECT_FALSE(IsSystemDirectory(here->bundle));
}

TEST(SystemBundle, IsNeverACopyOrANamesake) {
  const BundleLocation* const here = FirstThatIsThere();
  if (here == nullptr) GTEST_SKIP() << "this machine has no bundle";
  std::ostringstream text;
  text << std::ifstream(here->bundle).rdbuf();
  const TemporaryDirectory directory;
  directory.Write(std::string(here->bundle).substr(1), text.str());
  EXPECT_FALSE(IsSystemBundle(directory.Path(std::string(here->bundle).substr(1))));
}

TEST(SystemBundle, TheDirectoryIsTheOneBesideIt) {
  const BundleLocation* const here = FirstThatIsThere();
  if (here == nullptr || here->hashed_directory == nullptr ||
      !std::filesystem::is_directory(here->hashed_directory)) {
    GTEST_SKIP() << "this machine has no bundle with a directory";
  }
  const TemporaryDirectory directory;
  directory.Link("link", here->hashed_directory);
  EXPECT_TRUE(IsSystemDirectory(here->hashed_directory));
  EXPECT_TRUE(IsSystemDirectory(std::string(here->hashed_directory) + "/"));
  EXPECT_TRUE(IsSystemDirectory(directory.Path("link")));
  EXPECT_FALSE(IsSystemDirectory(directory.Path()));
  EXPECT_FALSE(IsSystemBundle(here->hashed_directory));
}

TEST(SystemBundle, NothingElseIsAndErrnoStays) {
  const TemporaryDirectory directory;
  directory.Write("empty", "");
  directory.Link("dangling", directory.Path("absent"));
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("ca-certificates.crt"), directory.Path(),
        directory.Path("empty"), directory.Path("absent"), directory.Path("dangling"),
        std::string("/dev/null")}) {
    errno = E2BIG;
    EXPECT_FALSE(IsSystemBundle(path)) << path;
    EXPECT_FALSE(IsSystemDirectory(path)) << path;
    EXPECT_EQ(errno, E2BIG) << path;
  }
}

}  // namespace
}  // namespace ostrust::platform
