// Changes below registry keys. Run under Wine, not yet run on Windows; the keys are the tests' own.
#include "platform/windows/registry_changes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "registry.hpp"

namespace ostrust::platform {
namespace {

class RegistryChangesTest : public testing::Test {
 protected:
  RegistryChangesTest() { scratch_.Make(HKEY_CURRENT_USER, base_); }

  std::string In(const std::string& name) const { return base_ + "\\" + name; }
  void Make(const std::string& name) { scratch_.Make(HKEY_CURRENT_USER, In(name)); }
  void Remove(const std::string& name) { scratch_.Remove(HKEY_CURRENT_USER, In(name)); }
  void SetValue(const std::string& name, std::string_view value = "value") {
    scratch_.SetValue(HKEY_CURRENT_USER, In(name), "Blob", AsBytes(value));
  }
  // Of the key `name` alone.
  RegistryChanges Of(const std::string& name) const {
    return RegistryChanges({{HKEY_CURRENT_USER, In(name)}});
  }
  static void Watch(RegistryChanges& changes) {
    EXPECT_EQ(changes.Watch(), std::vector<std::string>());
  }

  const std::string base_ = "Software\\ostrust test " + std::to_string(GetCurrentProcessId());
  RegistryScratch scratch_;
};

TEST_F(RegistryChangesTest, NothingHappensByItself) {
  Make("Key\\Sub");
  RegistryChanges changes = Of("Key");
  SetValue("Key\\Sub");
  EXPECT_FALSE(changes.Happened()) << "before Watch()";
  Watch(changes);
  EXPECT_FALSE(changes.Happened());
  SetValue("Other");
  EXPECT_FALSE(changes.Happened()) << "beside the key";
}

TEST_F(RegistryChangesTest, ChangesBelowAreSeenUntilTheNextWatch) {
  Make("Key\\Sub");
  RegistryChanges changes = Of("Key");
  const auto sees = [&](const char* what) {
    EXPECT_TRUE(changes.Happened()) << what;
    EXPECT_TRUE(changes.Happened()) << what;
    Watch(changes);
    EXPECT_FALSE(changes.Happened()) << what;
  };
  Watch(changes);
  SetValue("Key\\Sub");
  sees("a value was set");
  SetValue("Key\\Sub", "another");
  sees("a value was changed");
  Make("Key\\Sub\\Deep\\Deeper");
  sees("keys were made");
  SetValue("Key\\Sub\\Deep\\Deeper");
  sees("a deep value was set");
  Remove("Key\\Sub\\Deep");
  sees("a key was removed");
}

TEST_F(RegistryChangesTest, AKeyThatIsMadeLaterIsSeenAndThenWatched) {
  RegistryChanges changes = Of("Parent\\Middle\\Key");
  for (const char* const made : {"Parent", "Parent\\Middle", "Parent\\Middle\\Key"}) {
    Watch(changes);
    EXPECT_FALSE(changes.Happened());
    Make(made);
    EXPECT_TRUE(changes.Happened()) << made;
  }
  Watch(changes);
  EXPECT_FALSE(changes.Happened());
  SetValue("Parent\\Middle\\Key\\Sub");
  EXPECT_TRUE(changes.Happened());
}

TEST_F(RegistryChangesTest, OfAMissingKeysParentOnlyNewKeysCount) {
  Make("Parent\\Beside");
  RegistryChanges changes = Of("Parent\\Key");
  Watch(changes);
  SetValue("Parent\\Beside");
  SetValue("Parent");
  EXPECT_FALSE(changes.Happened());
  SetValue("Parent\\Key");
  EXPECT_TRUE(changes.Happened());
}

TEST_F(RegistryChangesTest, AKeyThatIsRemovedAndMadeAgainIsSeen) {
  Make("Key");
  RegistryChanges changes = Of("Key");
  Watch(changes);
  Remove("Key");
  EXPECT_TRUE(changes.Happened());
  Make("Key");
  EXPECT_TRUE(changes.Happened());
  Watch(changes);
  EXPECT_FALSE(changes.Happened());
  SetValue("Key");
  EXPECT_TRUE(changes.Happened());
}

// Without REG_NOTIFY_THREAD_AGNOSTIC, Windows would report a change when the thread ends. Wine
// never does, so that this can fail was not yet seen.
TEST_F(RegistryChangesTest, TheThreadThatWatchesMayEnd) {
  Make("Key");
  RegistryChanges changes = Of("Key");
  std::thread([&] { Watch(changes); }).join();
  EXPECT_FALSE(changes.Happened());
  SetValue("Key");
  EXPECT_TRUE(changes.Happened());
}

TEST_F(RegistryChangesTest, EachOfSeveralKeysCounts) {
  Make("One");
  Make("Two");
  RegistryChanges changes({{HKEY_CURRENT_USER, In("One")}, {HKEY_CURRENT_USER, In("Two")}});
  for (const char* const name : {"One", "Two"}) {
    Watch(changes);
    EXPECT_FALSE(changes.Happened());
    SetValue(name);
    EXPECT_TRUE(changes.Happened()) << name;
  }
}

TEST_F(RegistryChangesTest, NoneOfAThousandChangesIsMissed) {
  Make("Key");
  RegistryChanges changes = Of("Key");
  for (int i = 0; i < 1000; ++i) {
    Watch(changes);
    ASSERT_FALSE(changes.Happened()) << i;
    SetValue("Key", std::to_string(i));
    ASSERT_TRUE(changes.Happened()) << i;
  }
}

TEST_F(RegistryChangesTest, WhatCannotBeWatchedAlwaysCountsAsChanged) {
  Make("Key");
  const KeyHandle closed;
  RegistryChanges changes({{HKEY_CURRENT_USER, In("Key")}, {closed.get(), "Key"}});
  EXPECT_FALSE(changes.Happened());
  const std::vector<std::string> problems = changes.Watch();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("cannot be watched (Windows error"), std::string::npos) << problems[0];
  EXPECT_TRUE(changes.Happened());
}

}  // namespace
}  // namespace ostrust::platform
