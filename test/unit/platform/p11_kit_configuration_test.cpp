// pkcs11.conf(5), as p11-kit reads it.
#include "platform/linux/p11_kit_configuration.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

#include "temporary_directory.hpp"

namespace ostrust::platform {
namespace {

constexpr const char* kUsual =
    "# comment\n"
    "module: p11-kit-trust.so\n"
    "\n"
    "priority: 1\n"
    "trust-policy: yes\n"
    "x-trust-lookup: pkcs11:library-description=PKCS%2311%20Kit%20Trust%20Module\n"
    "disable-in: p11-kit-proxy\n"
    "x-init-reserved:\n";

class P11KitConfigurationTest : public testing::Test {
 protected:
  /// What is found; nothing when nothing is, with the reason in error_.
  std::optional<P11KitModuleConfiguration> Find() {
    stamps_.clear();
    error_.clear();
    const P11KitLocations locations{{directory_.Path("etc"), directory_.Path("usr")},
                                    {"/lib64/pkcs11", "/lib/pkcs11"}};
    auto found = FindP11KitModule(locations, std::chrono::seconds(0), stamps_, error_);
    EXPECT_EQ(found.has_value(), error_.empty()) << error_;
    return found;
  }
  /// The files, separated by spaces, or the reason.
  std::string Files() {
    const auto found = Find();
    if (!found) return error_;
    std::string files;
    for (const std::string& file : found->files) files += (files.empty() ? "" : " ") + file;
    return files;
  }
  bool IsStamped(const std::string& name) const {
    return std::any_of(stamps_.begin(), stamps_.end(), [&](const FileStamp& stamp) {
      return stamp.Path() == directory_.Path(name);
    });
  }
  bool Changed() const {
    return std::any_of(stamps_.begin(), stamps_.end(),
                       [](const FileStamp& stamp) { return stamp.MayHaveChanged(); });
  }

  static constexpr const char* kInBoth =
      "/lib64/pkcs11/p11-kit-trust.so /lib/pkcs11/p11-kit-trust.so";

  const TemporaryDirectory directory_;
  std::vector<FileStamp> stamps_;
  std::string error_;
};

TEST_F(P11KitConfigurationTest, TheUsualFileNamesTheModule) {
  directory_.Write("usr/p11-kit-trust.module", kUsual);
  EXPECT_EQ(Files(), kInBoth);
  EXPECT_EQ(Find()->arguments, "");
}

TEST_F(P11KitConfigurationTest, WithoutFilesTheErrorSaysWhereOneWasLookedFor) {
  EXPECT_FALSE(Find());
  EXPECT_NE(error_.find(directory_.Path("etc") + ", " + directory_.Path("usr")), std::string::npos)
      << error_;
  EXPECT_TRUE(IsStamped("etc"));
  EXPECT_TRUE(IsStamped("usr"));
  EXPECT_FALSE(Changed());
  directory_.Write("usr/p11-kit-trust.module", kUsual);
  EXPECT_TRUE(Changed());
}

TEST_F(P11KitConfigurationTest, SpaceAroundNamesAndValuesMeansNothing) {
  directory_.Write("usr/a.module",
                   " \t# module: no.so\r\n"
                   "\t module \t:  p11-kit-trust.so \t\r\n"
                   "\v\n"
                   "trust-policy:yes\f\n"
                   "x-init-reserved: paths='/a dir' : # not a comment ");
  EXPECT_EQ(Files(), kInBoth);
  EXPECT_EQ(Find()->arguments, "paths='/a dir' : # not a comment");
}

TEST_F(P11KitConfigurationTest, AnAbsoluteModuleIsTakenAsItIs) {
  directory_.Write("usr/a.module", "module: /opt/lib/p11-kit-trust.so\ntrust-policy: yes");
  EXPECT_EQ(Files(), "/opt/lib/p11-kit-trust.so");
  directory_.Write("usr/a.module", "module: sub/p11-kit-trust.so\ntrust-policy: yes");
  EXPECT_EQ(Files(), "/lib64/pkcs11/sub/p11-kit-trust.so /lib/pkcs11/sub/p11-kit-trust.so");
}

TEST_F(P11KitConfigurationTest, WhatTheAdministratorSetsCountsMoreKeyByKey) {
  directory_.Write("usr/p11-kit-trust.module",
                   "module: p11-kit-trust.so\ntrust-policy: yes\n"
                   "x-init-reserved: theirs");
  directory_.Write("etc/p11-kit-trust.module", "x-init-reserved: mine\n");
  EXPECT_EQ(Files(), kInBoth);
  EXPECT_EQ(Find()->arguments, "mine");
  directory_.Write("etc/p11-kit-trust.module", "x-init-reserved:\n");
  EXPECT_EQ(Find()->arguments, "");
  directory_.Write("etc/p11-kit-trust.module", "module: /mine/p11-kit-trust.so\n");
  EXPECT_EQ(Files(), "/mine/p11-kit-trust.so");
  EXPECT_EQ(Find()->arguments, "theirs");
}

TEST_F(P11KitConfigurationTest, AFileWithAnotherNameOverridesNothing) {
  directory_.Write("usr/p11-kit-trust.module", kUsual);
  directory_.Write("etc/other.module", "trust-policy: no\n");
  directory_.Write("etc/p11-kit-trust", "trust-policy: no\n");
  directory_.Write("etc/p11-kit-trust.module.dpkg-old", "trust-policy: no\n");
  directory_.Write("etc/.module", "trust-policy: no\n");
  EXPECT_EQ(Files(), kInBoth);
}

TEST_F(P11KitConfigurationTest, OnlyYesMakesItASourceOfTrust) {
  directory_.Write("usr/p11-kit-trust.module", kUsual);
  for (const char* const value : {"no", "", "Yes", "true", "1", "yes yes"}) {
    directory_.Write("etc/p11-kit-trust.module", std::string("trust-policy: ") + value + "\n");
    EXPECT_FALSE(Find()) << value;
  }
  directory_.Write("etc/p11-kit-trust.module", "trust-policy: yes\n");
  EXPECT_TRUE(Find());
  directory_.Remove("etc");
  directory_.Write("usr/p11-kit-trust.module", "module: p11-kit-trust.so\n");
  EXPECT_FALSE(Find());
}

TEST_F(P11KitConfigurationTest, AnotherModuleIsNotChosenAlthoughItIsASourceOfTrust) {
  for (const char* const module : {"other.so", "/lib/other.so", "", "p11-kit-trust.so.old",
                                   "/p11-kit-trust.so/other.so", "xp11-kit-trust.so"}) {
    directory_.Write("usr/a.module", std::string("module: ") + module + "\ntrust-policy: yes\n");
    EXPECT_FALSE(Find()) << module;
  }
  directory_.Write("usr/b.module", kUsual);
  EXPECT_EQ(Files(), kInBoth);
}

TEST_F(P11KitConfigurationTest, TheLastOfTwoLinesAboutTheSameCounts) {
  directory_.Write("usr/a.module",
                   "module: other.so\nmodule: p11-kit-trust.so\ntrust-policy: yes\n");
  EXPECT_TRUE(Find());
  directory_.Write("usr/a.module", std::string(kUsual) + "trust-policy: no\n");
  EXPECT_FALSE(Find());
}

TEST_F(P11KitConfigurationTest, LinesWithoutMeaningHideNoOther) {
  directory_.Write("usr/a.module", "no colon\n[section]\n:\n: value\n:::\n" + std::string(kUsual));
  EXPECT_EQ(Files(), kInBoth);
}

TEST_F(P11KitConfigurationTest, EverythingThatWasLookedAtIsStamped) {
  directory_.Write("usr/p11-kit-trust.module", kUsual);
  directory_.Write("usr/other.module", "module: other.so");
  directory_.Write("etc/p11-kit-trust.module", "");
  EXPECT_TRUE(Find());
  for (const char* const name :
       {"etc", "usr", "usr/p11-kit-trust.module", "usr/other.module", "etc/p11-kit-trust.module"}) {
    EXPECT_TRUE(IsStamped(name)) << name;
  }
  EXPECT_FALSE(Changed());
  directory_.Write("etc/p11-kit-trust.module", "trust-policy: no");
  EXPECT_TRUE(Changed());
}

// What cannot be read may say that the module is not to be used.
TEST_F(P11KitConfigurationTest, AFileThatCannotBeReadIsAnErrorThatNamesIt) {
  directory_.Write("usr/p11-kit-trust.module", kUsual);
  directory_.Write("etc/p11-kit-trust.module", "trust-policy: no\n");
  chmod(directory_.Path("etc/p11-kit-trust.module").c_str(), 0);
  {
    const Unprivileged unprivileged;
    EXPECT_EQ(Files(),
              directory_.Path("etc/p11-kit-trust.module") + " cannot be read: Permission denied");
    EXPECT_FALSE(Changed());
  }
  WaitForFileClock();
  chmod(directory_.Path("etc/p11-kit-trust.module").c_str(), 0644);
  EXPECT_TRUE(Changed());
  directory_.Link("etc/p11-kit-trust.module", "nowhere");
  EXPECT_EQ(Files(), directory_.Path("etc/p11-kit-trust.module") +
                         " cannot be read: No such file or directory");
  directory_.Remove("etc/p11-kit-trust.module");
  ASSERT_EQ(mkfifo(directory_.Path("etc/p11-kit-trust.module").c_str(), 0644), 0);
  EXPECT_TRUE(Find());  // not even opened
}

TEST_F(P11KitConfigurationTest, ADirectoryThatCannotBeReadIsAnErrorThatNamesIt) {
  directory_.Write("usr/p11-kit-trust.module", kUsual);
  directory_.MakeDirectory("etc");
  chmod(directory_.Path("etc").c_str(), 0);
  {
    const Unprivileged unprivileged;
    EXPECT_EQ(Files(), directory_.Path("etc") + " cannot be read: Permission denied");
  }
  chmod(directory_.Path("etc").c_str(), 0755);
  EXPECT_EQ(Files(), kInBoth);
}

TEST_F(P11KitConfigurationTest, DirectoriesNamedAsFilesAreIgnoredAndTheOtherWayRound) {
  directory_.Write("usr/p11-kit-trust.module", kUsual);
  directory_.Write("etc", "");
  EXPECT_EQ(Files(), kInBoth);
  directory_.Remove("etc");
  directory_.MakeDirectory("etc/p11-kit-trust.module");
  EXPECT_EQ(Files(), kInBoth);
}

}  // namespace
}  // namespace ostrust::platform
