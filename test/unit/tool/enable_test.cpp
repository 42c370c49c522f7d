#include <gtest/gtest.h>

#include "provider/tool/enable_record.hpp"
#include "provider/tool/enable_texts.hpp"
#include "provider/tool/text_diff.hpp"

namespace ostrust::tool {
namespace {

TEST(IncludeLines, AreFoundWithOrWithoutAnEqualsSign) {
  const auto lines = IncludeLines(
      "# .include /no\n.include /a\n [x]\n  .include = /b d\n.include relative\n.include $x/y\n"
      ".includes /no\n.include=/c");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].path, "/a");
  EXPECT_EQ(lines[1].path, "/b d");
  EXPECT_EQ(lines[2].path, "/c");
}

TEST(IncludeLines, MayOpenSectionsOnlyBeforeASectionOrAtTheEnd) {
  const auto lines = IncludeLines(
      ".include /a\n\n# text\n.include /b\n[x]\n.include /c\nkey = value\n.include /d\n# end\n");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_FALSE(lines[0].may_open_sections);  // what follows may belong to its section
  EXPECT_TRUE(lines[1].may_open_sections);
  EXPECT_FALSE(lines[2].may_open_sections);
  EXPECT_TRUE(lines[3].may_open_sections);
}

Sections Stock() {
  return {{"default", {{"HOME", "."}, {"openssl_conf", "init"}}},
          {"init", {{"providers", "prov"}, {"ssl_conf", "tls"}}},
          {"prov", {{"default", "def"}}},
          {"def", {}},
          {"tls", {{"MinProtocol", "TLSv1.2"}, {"CipherString", "DEFAULT"}}}};
}

RunConfiguration Ours() {
  RunConfiguration run;
  run.module = "/m/ostrust.so";
  return run;
}

Sections With() {
  Sections with = Stock();
  with["default"].emplace_back("nodejs_conf", "node");
  with["prov"].emplace_back("ostrust", "ours");
  with["def"].emplace_back("activate", "1");
  with["ours"] = {{"module", "/m/ostrust.so"}, {"activate", "1"}, {"refresh", "3"}};
  with["node"] = {{"providers", "nprov"}};
  with["nprov"] = {{"default", "def"}, {"ostrust", "ours"}};
  return with;
}

TEST(EntryPointIn, ReadsAsALibcryptoDoes) {
  const EntryPoint entry = EntryPointIn(With(), "openssl_conf");
  EXPECT_EQ(entry.init, "init");
  EXPECT_EQ(entry.providers, "prov");
  EXPECT_EQ(entry.ostrust_section, "ours");
  EXPECT_EQ(entry.activated, (std::vector<std::string>{"default", "ostrust"}));
  // What a section does not say, the unnamed one may.
  EXPECT_EQ(EntryPointIn({{"default", {{"openssl_conf", "i"}, {"providers", "p"}}}, {"i", {}}},
                         "openssl_conf")
                .providers,
            "p");
}

TEST(WhatChanged, LetsOnlyPassWhatIsAdded) {
  EXPECT_EQ(WhatChanged(Stock(), With(), Ours()), "");

  Sections after = With();
  after["tls"][0].second = "TLSv1";
  EXPECT_EQ(WhatChanged(Stock(), after, Ours()), "[tls] says something else");
  after = With();
  std::swap(after["tls"][0], after["tls"][1]);
  EXPECT_EQ(WhatChanged(Stock(), after, Ours()), "[tls] says something else");
  after = With();
  after["tls"].emplace_back("Options", "x");
  EXPECT_EQ(WhatChanged(Stock(), after, Ours()), "Options in [tls] is new");
  after = With();
  after["other"] = {};
  EXPECT_EQ(WhatChanged(Stock(), after, Ours()), "[other] is new");
  after = With();
  after.erase("tls");
  EXPECT_EQ(WhatChanged(Stock(), after, Ours()), "[tls] is gone");
  after = With();
  after["prov"].emplace_back("legacy", "leg");
  EXPECT_EQ(WhatChanged(Stock(), after, Ours()), "legacy in [prov] is new");
  after = With();
  after["ours"][0].second = "/other.so";
  EXPECT_NE(WhatChanged(Stock(), after, Ours()), "");
  Sections before = Stock();
  before["def"].emplace_back("activate", "0");
  EXPECT_EQ(WhatChanged(before, With(), Ours()), "[def] says something else");
}

TEST(NotUnderstood, TakesWhatOpenSslWouldTake) {
  EXPECT_EQ(NotUnderstood(Stock(), "f"), "");
  EXPECT_EQ(NotUnderstood({}, "f"), "");
  EXPECT_NE(NotUnderstood({{"x", {{"openssl_conf", "y"}}}}, "f"), "");
  EXPECT_NE(NotUnderstood({{"default", {{"openssl_conf", "y"}}}}, "f"), "");
}

TEST(AddedText, SaysNothingTwice) {
  RunConfiguration run = Ours();
  run.only_additions = true;
  run.prefix = "ostrust";
  run.original.openssl = EntryPointIn(Stock(), "openssl_conf");
  const std::string text = AddedText(run);
  EXPECT_EQ(text.find("openssl_conf"), std::string::npos);
  EXPECT_EQ(text.find("[init]"), std::string::npos);
  EXPECT_EQ(text.find("default = def\n"), std::string::npos);
  EXPECT_LT(text.find("[def]\nactivate = 1\n"), text.find("[prov]\nostrust = ostrust\n"));
}

TEST(AddedText, HasDefaultBesideFipsOnlyWhenTold) {
  RunConfiguration run = Ours();
  run.original.openssl = EntryPointIn(Stock(), "openssl_conf");
  run.original.openssl.activated = {"fips", "base"};
  run.original.nodejs = run.original.openssl;
  EXPECT_EQ(AddedText(run).find("[def]"), std::string::npos);
  run.with_default = true;
  EXPECT_NE(AddedText(run).find("[def]\nactivate = 1\n"), std::string::npos);
}

TEST(StandingOf, KnowsWhoWroteAFile) {
  const RecordedFile file{"/f", false, "now\n", {"before\n"}, false};
  EXPECT_EQ(StandingOf(file, false, ""), Standing::kAbsent);
  EXPECT_EQ(StandingOf(file, true, "now\n"), Standing::kOurs);
  EXPECT_EQ(StandingOf(file, true, "before\n"), Standing::kEarlier);
  EXPECT_EQ(StandingOf(file, true, "now\n\n"), Standing::kChanged);
  EXPECT_EQ(StandingOf(file, true, ""), Standing::kChanged);
}

TEST(StandingOf, KnowsABlockInAFileOfOthers) {
  const std::string block = std::string(kBlockBegin) + "a = 1\n" + kBlockEnd;
  const RecordedFile file{"/f", true, block, {}, false};
  EXPECT_EQ(StandingOf(file, true, "x\n" + block + "y\n"), Standing::kOurs);
  EXPECT_EQ(StandingOf(file, true, "x\n"), Standing::kAbsent);
  EXPECT_EQ(StandingOf(file, true, block + block), Standing::kChanged);
  const std::string changed = "x\n" + std::string(kBlockBegin) + "a = 2\n" + kBlockEnd + "y\n";
  EXPECT_EQ(StandingOf(file, true, changed), Standing::kChanged);
  EXPECT_EQ(WithoutBlock(changed), "x\ny\n");
  EXPECT_EQ(WithoutBlock("x\n" + std::string(kBlockBegin)), std::nullopt);
  EXPECT_EQ(WithoutBlock(kBlockEnd + std::string(kBlockBegin)), std::nullopt);
  EXPECT_EQ(WithoutBlock(block + block), std::nullopt);
}

TEST(EnableRecord, ComesBackAsItWas) {
  EnableRecord record;
  record.complete = true;
  record.files = {{"/f", true, "text\n", {"before\n"}, true}};
  record.folders = {"/a", "/a/b"};
  record.settings = {{"refresh", "3"}};
  std::string why;
  const auto read = RecordFromJson(RecordToJson(record), why);
  ASSERT_TRUE(read) << why;
  EXPECT_TRUE(read->complete);
  EXPECT_EQ(read->files, record.files);
  EXPECT_EQ(read->folders, record.folders);
  EXPECT_EQ(read->settings, record.settings);
  record.files[0].path = "/a/../../etc/passwd";
  EXPECT_FALSE(RecordFromJson(RecordToJson(record), why));
  EXPECT_FALSE(RecordFromJson("", why));
}

TEST(UnifiedDiff, IsAsDiffWritesIt) {
  const std::string a = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  const std::string b = "1\n2\n3\n4\nX\n6\n7\n8\n9\n";
  EXPECT_EQ(UnifiedDiff("/f", &a, &b),
            "--- /f\n+++ /f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+X\n 6\n 7\n 8\n");
  EXPECT_EQ(UnifiedDiff("/f", &a, &a), "");
  const std::string one = "x";
  EXPECT_EQ(UnifiedDiff("/f", nullptr, &one),
            "--- /dev/null\n+++ /f\n@@ -0,0 +1,1 @@\n+x\n\\ No newline at end of file\n");
  EXPECT_EQ(UnifiedDiff("/f", &one, nullptr),
            "--- /f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n\\ No newline at end of file\n");
}

}  // namespace
}  // namespace ostrust::tool
