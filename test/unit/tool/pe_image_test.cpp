#include "provider/tool/pe_image.hpp"

#include <cstring>
#include <ctime>

#include <gtest/gtest.h>

namespace ostrust::tool {
namespace {

/// A PE32+ file with one section, made field by field.
class Forged {
 public:
  static constexpr std::uint32_t kBase = 0x1000;  // of the section, in memory
  static constexpr std::size_t kSection = 0x200;  // and in the file
  static constexpr std::size_t kHeader = 0x40;
  static constexpr std::size_t kOptional = kHeader + 24;
  static constexpr std::size_t kDirectories = kOptional + 112;
  static constexpr std::size_t kSections = kOptional + 240;

  Forged() : bytes_(kSection + 0x400) {
    Put<std::uint16_t>(0, 0x5a4d);
    Put<std::uint32_t>(0x3c, kHeader);
    Put<std::uint32_t>(kHeader, 0x4550);
    Put<std::uint16_t>(kHeader + 4, 0x8664);
    Put<std::uint16_t>(kHeader + 6, 1);     // sections
    Put<std::uint16_t>(kHeader + 20, 240);  // the optional header's size
    Put<std::uint16_t>(kOptional, 0x20b);
    Put<std::uint32_t>(kDirectories - 4, 16);
    Put<std::uint32_t>(kSections + 12, kBase);
    Put<std::uint32_t>(kSections + 16, 0x400);
    Put<std::uint32_t>(kSections + 20, kSection);
    // Two imports at 0x00, a delayed one at 0x80, exports at 0x100, names from 0x200 on.
    Directory(1, 0x00);
    InSection(0x00 + 12, kBase + 0x200);
    InSection(0x14 + 12, kBase + 0x220);
    Directory(13, 0x80);
    InSection(0x80 + 4, kBase + 0x240);
    Directory(0, 0x100);
    InSection(0x100 + 24, 2);
    InSection(0x100 + 32, kBase + 0x180);
    InSection(0x180, kBase + 0x260);
    InSection(0x184, kBase + 0x280);
    Text(0x200, "KERNEL32.dll");
    Text(0x220, "libcrypto-3-x64.dll");
    Text(0x240, "late.dll");
    Text(0x260, "OPENSSL_init_crypto");
    Text(0x280, "other");
  }

  template <typename Value>
  void Put(std::size_t offset, Value value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof(value));
  }
  void Directory(std::size_t index, std::uint32_t at) {
    Put<std::uint32_t>(kDirectories + index * 8, kBase + at);
  }
  void InSection(std::size_t offset, std::uint32_t value) { Put(kSection + offset, value); }
  void Text(std::size_t offset, const char* text) {
    std::memcpy(bytes_.data() + kSection + offset, text, std::strlen(text) + 1);
  }
  std::span<const std::byte> Bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

TEST(PeImage, SaysWhatAFileImportsAndExports) {
  const Forged forged;
  const auto image = PeImage::Read(forged.Bytes());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->Machine(), 0x8664);
  EXPECT_EQ(image->Imports(),
            (std::vector<std::string>{"KERNEL32.dll", "libcrypto-3-x64.dll", "late.dll"}));
  EXPECT_TRUE(image->Exports("OPENSSL_init_crypto"));
  EXPECT_TRUE(image->Exports("other"));
  EXPECT_FALSE(image->Exports("OPENSSL_init_crypt"));
  EXPECT_FALSE(image->Exports("libcrypto-3-x64.dll"));
}

TEST(PeImage, IsNothingForOtherFiles) {
  Forged forged;
  forged.Put<std::uint32_t>(Forged::kHeader, 0x4551);
  EXPECT_FALSE(PeImage::Read(forged.Bytes()));
  EXPECT_FALSE(PeImage::Read({}));
  for (const std::uint32_t far : {0xffffffffu, 0x600u - 3}) {
    Forged other;
    other.Put<std::uint32_t>(0x3c, far);
    EXPECT_FALSE(PeImage::Read(other.Bytes())) << far;
  }
}

TEST(PeImage, SurvivesAFileThatWasCutOff) {
  const Forged forged;
  for (std::size_t size = 0; size < forged.Bytes().size(); ++size) {
    // A copy of its own, so that a sanitizer sees what is read behind it.
    const std::vector<std::byte> cut(forged.Bytes().begin(),
                                     forged.Bytes().begin() + static_cast<std::ptrdiff_t>(size));
    const auto image = PeImage::Read(cut);
    if (size < Forged::kSection + 0x280 + sizeof("other")) {
      EXPECT_FALSE(image && image->Exports("other")) << size;
    }
    if (image) {
      EXPECT_LE(image->Imports().size(), 3u) << size;
    }
  }
}

TEST(PeImage, SurvivesEveryFieldThatLies) {
  for (const std::uint32_t lie : {0u, 1u, 0x7fffffffu, 0xffffffffu, Forged::kBase + 0x3ffu}) {
    for (std::size_t at = 0; at + 4 <= Forged().Bytes().size(); ++at) {
      Forged forged;
      forged.Put(at, lie);
      const auto image = PeImage::Read(forged.Bytes());
      if (!image) continue;
      image->Exports("absent");
      EXPECT_LE(image->Imports().size(), 8192u);
    }
  }
}

TEST(PeImage, AForgedFileKeepsNobodyBusy) {
  // Sixteen million names, each of which is four thousand bytes long.
  constexpr std::uint32_t kNames = std::uint32_t{1} << 24;
  constexpr std::size_t kText = Forged::kSection + 0x2000 + std::size_t{kNames} * 4;
  const Forged head;
  std::vector<std::byte> file(head.Bytes().begin(), head.Bytes().end());
  file.resize(kText + 0x1000, std::byte{1});
  const auto put = [&](std::size_t at, std::uint32_t value) {
    std::memcpy(file.data() + at, &value, sizeof value);
  };
  const auto address_of = [](std::size_t offset) {
    return static_cast<std::uint32_t>(Forged::kBase + offset - Forged::kSection);
  };
  put(Forged::kSections + 16, static_cast<std::uint32_t>(file.size() - Forged::kSection));
  put(Forged::kSection + 0x100 + 24, kNames);
  put(Forged::kSection + 0x100 + 32, address_of(Forged::kSection + 0x2000));
  for (std::size_t i = 0; i < kNames; ++i) {
    put(Forged::kSection + 0x2000 + i * 4, address_of(kText));
  }
  const auto image = PeImage::Read(file);
  ASSERT_TRUE(image);
  const std::clock_t began = std::clock();
  EXPECT_FALSE(image->Exports("absent"));
  EXPECT_LT(std::clock() - began, CLOCKS_PER_SEC / 10);

  // Windows loads 96 sections.
  file[Forged::kHeader + 6] = std::byte{97};
  EXPECT_FALSE(PeImage::Read(file));
}

std::string VersionIn(const std::string& text) {
  return OpenSslVersionIn(std::as_bytes(std::span(text)));
}

TEST(OpenSslVersionIn, KnowsTheWordsOfTheLibraryFromAMention) {
  EXPECT_EQ(VersionIn(std::string("\0x\0OpenSSL 3.0.13 30 Jan 2024\0y", 31)), "3.0.13");
  EXPECT_EQ(VersionIn("needs OpenSSL 3.0.0 or later. OpenSSL 3.5.7 9 Jun 2026"), "3.5.7");
  EXPECT_EQ(VersionIn("OpenSSL 4.0.0-alpha1 10 Mar 2026"), "4.0.0-alpha1");
  for (const char* const text : {"", "OpenSSL ", "OpenSSL 3.0.13", "OpenSSL 3.0.13 30 Jan 202",
                                 "OpenSSL was made 30 Jan 2024", "OpenSSL 3.0.13 or 30 Jan 2024"}) {
    EXPECT_EQ(VersionIn(text), "") << text;
  }
}

}  // namespace
}  // namespace ostrust::tool
