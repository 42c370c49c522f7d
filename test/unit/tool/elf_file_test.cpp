#include "provider/tool/elf_file.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "provider/tool/executable.hpp"

namespace ostrust::tool {
namespace {

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

TEST(ElfFile, SeesWhatTheModuleExports) {
  const ElfFile module(MODULE_FILE);
  EXPECT_TRUE(module.IsOurs());
  EXPECT_TRUE(module.Exports("OSSL_provider_init"));
  EXPECT_FALSE(module.Exports("OSSL_provider_ini"));
  EXPECT_FALSE(module.Exports("OSSL_provider_init2"));
  EXPECT_FALSE(module.Exports("dlopen")) << "only referred to";
}

TEST(ElfFile, IsNothingForOtherFiles) {
  for (const char* const path : {"/", "/dev/null", "/nonexistent", "/etc/passwd", ""}) {
    EXPECT_FALSE(ElfFile(path).IsOurs()) << path;
    EXPECT_FALSE(ElfFile(path).Exports("OSSL_provider_init")) << path;
  }
}

TEST(ElfFile, SurvivesAFileThatWasCutOff) {
  std::ifstream file(MODULE_FILE, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string path = testing::TempDir() + "ostrust-cut-off.so";
  for (std::size_t size = 1; size < whole.size(); size += size / 3 + 1) {
    Write(path, whole.substr(0, size));
    EXPECT_FALSE(ElfFile(path).Exports("OSSL_provider_init")) << size;
  }
  std::remove(path.c_str());
}

TEST(OwnLoader, IsTheDynamicLoader) {
  EXPECT_EQ(OwnLoader().front(), '/');
}

TEST(FirstLineOfScript, IsWhatFollowsTheMark) {
  const std::string path = testing::TempDir() + "ostrust-script";
  Write(path, "#!/usr/bin/env python3\nmore\n");
  EXPECT_EQ(FirstLineOfScript(path), "/usr/bin/env python3");
  Write(path, "no script\n");
  EXPECT_EQ(FirstLineOfScript(path), std::nullopt);
  std::remove(path.c_str());
  EXPECT_EQ(FirstLineOfScript(path), std::nullopt);
}

}  // namespace
}  // namespace ostrust::tool
