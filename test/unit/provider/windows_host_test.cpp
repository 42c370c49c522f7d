// What provider/host asks of Windows.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>

#include <windows.h>

#include <gtest/gtest.h>

#include "provider/config.hpp"
#include "provider/host/file.hpp"
#include "provider/host/image.hpp"
#include "provider/host/process.hpp"
#include "provider/host/symbols.hpp"
#include "provider/host/wide.hpp"
#include "provider/log.hpp"

namespace ostrust::host {
namespace {

namespace fs = std::filesystem;

const int read_only = 7;
int writable = 7;

/// In libcrypto itself; `&X509_STORE_new` would be a jump to it in this program.
const void* LibcryptoAddress() {
  return reinterpret_cast<const void*>(
      ::GetProcAddress(::GetModuleHandleW(L"libcrypto-3-x64.dll"), "X509_STORE_new"));
}

class Directory : public testing::Test {
 protected:
  Directory() : path_(fs::temp_directory_path() / fs::path(L"ostrust-\u00e4-" + Unique())) {
    fs::create_directories(path_);
  }
  ~Directory() override {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  std::string Path(const std::string& name) const { return Narrow(path_.wstring()) + "\\" + name; }
  void Write(const std::string& name, const std::string& text) const {
    const fs::path file(WidePath(Path(name)));
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(fs::path(WidePath(Path(name))), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

 private:
  static std::wstring Unique() {
    static int count = 0;
    return std::to_wstring(::GetCurrentProcessId()) + L"-" + std::to_wstring(++count);
  }

  fs::path path_;
};

using File = Directory;

TEST(Image, FindsTheLibraryAnAddressBelongsTo) {
  std::string why;
  const auto image = Image::Containing(LibcryptoAddress(), why);
  ASSERT_TRUE(image) << why;
  EXPECT_NE(image->Name().find("libcrypto-3-x64.dll"), std::string::npos) << image->Name();
  EXPECT_TRUE(image->ContainsCode(LibcryptoAddress()));
  EXPECT_EQ(image->Symbol("X509_STORE_new"), LibcryptoAddress());
  EXPECT_EQ(image->Symbol("malloc"), nullptr);
  EXPECT_EQ(image->Symbol("no_such_symbol"), nullptr);
  Symbols symbols;
  EXPECT_EQ(ResolveSymbols(*image, symbols), "");
}

TEST(Image, TheProgramItselfIsAnImage) {
  std::string why;
  const auto image = Image::Containing(&writable, why);
  ASSERT_TRUE(image) << why;
  EXPECT_EQ(image->Name(), "the program itself");
  EXPECT_TRUE(image->IsWritableData(&writable, sizeof(writable)));
  EXPECT_FALSE(image->IsWritableData(&read_only, sizeof(read_only)));
  EXPECT_FALSE(image->ContainsCode(&writable));
}

TEST(Image, AHeapAddressBelongsToNone) {
  std::string why;
  const auto heap = std::make_unique<int>(1);
  EXPECT_FALSE(Image::Containing(heap.get(), why));
  EXPECT_FALSE(why.empty());
}

// Pages of its own, so that their protection can be changed.
alignas(4096) char page[8192] = {'x'};

TEST(Image, DataThatWasProtectedLaterIsNotWritable) {
  std::string why;
  const auto image = Image::Containing(page, why);
  ASSERT_TRUE(image) << why;
  EXPECT_TRUE(image->IsWritableData(page, 8));
  DWORD before = 0;
  ASSERT_NE(::VirtualProtect(page, 4096, PAGE_READONLY, &before), 0);
  EXPECT_FALSE(image->IsWritableData(page, 8));
  EXPECT_FALSE(image->IsWritableData(page + 4092, 8));
  ASSERT_NE(::VirtualProtect(page, 4096, before, &before), 0);
  EXPECT_TRUE(image->IsWritableData(page, 8));
}

TEST(Image, ThisProgramUsesThatLibcryptoButExportsNoLibssl) {
  std::string why;
  const auto image = Image::Containing(LibcryptoAddress(), why);
  ASSERT_TRUE(image) << why;
  EXPECT_TRUE(image->Users("SSL_CTX_new", "X509_verify_cert").empty());
}

TEST_F(File, IsReadUpToALimit) {
  Write("file", std::string("a\0b\n", 4));
  EXPECT_EQ(ReadRegularFile(Path("file"), 4), std::string("a\0b\n", 4));
  EXPECT_FALSE(ReadRegularFile(Path("file"), 3));
  EXPECT_FALSE(ReadRegularFile(Path("absent"), 100));
  EXPECT_FALSE(ReadRegularFile(Path(""), 100));
  EXPECT_FALSE(ReadRegularFile("NUL", 100));
}

TEST_F(File, StateChangesWithIt) {
  Write("file", "one");
  const auto before = RegularFileState(Path("file"));
  ASSERT_TRUE(before);
  EXPECT_EQ(before, RegularFileState(Path("file")));
  Write("file", "three");
  EXPECT_NE(before, RegularFileState(Path("file")));
  EXPECT_FALSE(RegularFileState(Path("")));
  EXPECT_FALSE(RegularFileState(Path("absent")));
}

TEST_F(File, RealPathHasNoDots) {
  Write("one/file", "");
  const std::string real = RealPath(Path("one\\..\\one/./file"));
  EXPECT_EQ(real.find(".."), std::string::npos) << real;
  EXPECT_TRUE(real.ends_with("\\one\\file")) << real;
  EXPECT_EQ(real.find("\\\\?"), std::string::npos) << real;
  EXPECT_EQ(RealPath(Path("absent")), Path("absent"));
}

TEST(Path, IsAbsoluteWithADriveOrAServer) {
  for (const char* path : {"C:/a", "z:\\a", "\\\\server\\share", "//server/share"}) {
    EXPECT_TRUE(IsAbsolute(path)) << path;
  }
  for (const char* path : {"", "a", "C:", "C:a", "/a", "\\a", "1:/a"}) {
    EXPECT_FALSE(IsAbsolute(path)) << path;
  }
}

TEST(MatchesShellPattern, TakesEitherSeparatorAndNoNoticeOfCase) {
  EXPECT_TRUE(MatchesShellPattern("*/certifi/cacert.pem", "C:\\Lib\\Certifi\\cacert.pem"));
  EXPECT_TRUE(MatchesShellPattern("C:\\opt\\*.pem", "c:/opt/a/b.pem"));
  EXPECT_TRUE(MatchesShellPattern("*/ca?.pem", "C:/ca1.pem"));
  EXPECT_FALSE(MatchesShellPattern("*/certifi/cacert.pem", "C:\\mycertifi\\cacert.pem"));
  EXPECT_FALSE(MatchesShellPattern("*/certifi/cacert.pem", "C:\\certifi\\cacert.pem.bak"));
}

TEST_F(File, MatchingOnesAreSorted) {
  for (const char* name : {"certifi-2.dist-info/RECORD", "certifi-1.dist-info/RECORD",
                           "certifi-1.dist-info/other", "other-1.dist-info/RECORD"}) {
    Write(name, "");
  }
  EXPECT_EQ(FilesMatching(Path("certifi-"), ".dist-info/RECORD"),
            (std::vector<std::string>{Path("certifi-1.dist-info/RECORD"),
                                      Path("certifi-2.dist-info/RECORD")}));
  EXPECT_TRUE(FilesMatching(Path("nothing-"), "").empty());
}

TEST(Environment, IsTheProcesssAndNotACopyOfACRuntimes) {
  ::SetEnvironmentVariableW(L"OSTRUST_TEST_VARIABLE", L"\u00e4");
  EXPECT_EQ(SecureGetenv("OSTRUST_TEST_VARIABLE"), "\xc3\xa4");
  ::SetEnvironmentVariableW(L"OSTRUST_TEST_VARIABLE", std::wstring(1000, L'x').c_str());
  EXPECT_EQ(SecureGetenv("OSTRUST_TEST_VARIABLE"), std::string(1000, 'x'));
  ::SetEnvironmentVariableW(L"OSTRUST_TEST_VARIABLE", nullptr);
  EXPECT_EQ(SecureGetenv("OSTRUST_TEST_VARIABLE"), std::nullopt);
}

TEST(Process, HasTheNameOfItsFile) {
  EXPECT_EQ(ProgramName(), "provider_test.exe");
  EXPECT_GT(ProcessId(), 0);
  EXPECT_TRUE(KeepLoaded());
}

TEST_F(File, OfTheLogGetsLinesAtItsEndAndIsNothingElse) {
  Write("log", "before\n");
  const Log log({LogLevel::kInfo, Path("log")});
  log.Write(LogLevel::kInfo, "one");
  log.Write(LogLevel::kDebug, "not this");
  log.Write(LogLevel::kError, "two");
  const std::string prefix = "ostrust[" + std::to_string(ProcessId()) + "] ";
  EXPECT_EQ(Read("log"), "before\n" + prefix + "info: one\n" + prefix + "error: two\n");
  Log({LogLevel::kInfo, Path("")}).Write(LogLevel::kError, "a directory takes nothing");
  EXPECT_FALSE(ParseLogTarget("info:/no/drive"));
  EXPECT_TRUE(ParseLogTarget("info:C:/log"));
}

TEST(Config, WhatWindowsDoesItselfCannotBeAskedOfUs) {
  const auto errors_of = [](const std::string& key, const std::string& value) {
    return ReadConfig([&](const char* name) {
             return key == name ? std::optional<std::string>(value) : std::nullopt;
           })
        .ErrorText();
  };
  EXPECT_NE(errors_of("cache-dir", "C:/cache").find("cache-dir = C:/cache is not a value"),
            std::string::npos);
  EXPECT_EQ(errors_of("cache-dir", "off"), "");
  EXPECT_NE(errors_of("trust-source", "C:/bundle.pem").find("trust-source"), std::string::npos);
  EXPECT_EQ(errors_of("trust-source", "auto"), "");
  EXPECT_EQ(errors_of("replace-bundles", "certifi, C:/app/ca.pem, D:\\app\\*.pem"), "");
  EXPECT_NE(errors_of("replace-bundles", "/app/ca.pem"), "");
}

}  // namespace
}  // namespace ostrust::host
