#include "provider/tool/mach_o_image.hpp"

#include <cstring>

#include <gtest/gtest.h>

namespace ostrust::tool {
namespace {

/// A Mach-O image made field by field.
class Forged {
 public:
  static constexpr std::size_t kSize = 0x300;
  static constexpr std::size_t kFirst = 32;              // LC_LOAD_DYLIB
  static constexpr std::size_t kSecond = kFirst + 64;    // LC_LOAD_WEAK_DYLIB
  static constexpr std::size_t kRunPath = kSecond + 64;  // LC_RPATH
  static constexpr std::size_t kTable = kRunPath + 32;   // LC_SYMTAB
  static constexpr std::size_t kEnd = kTable + 24;
  static constexpr std::size_t kSymbols = 0x180;
  static constexpr std::size_t kStrings = 0x200;

  explicit Forged(std::uint32_t processor = kMachOArm64) : bytes_(kSize) {
    Put(0, 0xfeedfacf);
    Put(4, processor);
    Put(16, 4);              // commands
    Put(20, kEnd - kFirst);  // and their size
    Command(kFirst, 0xc, 64, 24, "/usr/lib/libSystem.B.dylib");
    Command(kSecond, 0x80000018, 64, 24, "@rpath/libcrypto.3.dylib");
    Command(kRunPath, 0x8000001c, 32, 12, "@loader_path/../lib");
    Command(kTable, 0x2, 24, kSymbols, "");
    Put(kTable + 12, 5);
    Put(kTable + 16, kStrings);
    Put(kTable + 20, 0x100);
    Symbol(0, 0x01, 0x0f, "_OPENSSL_init_crypto");  // external, in a section
    Symbol(1, 0x20, 0x01, "_imported");             // external, undefined
    Symbol(2, 0x40, 0x0e, "_local");
    Symbol(3, 0x60, 0x1f, "_hidden");  // private external
    Symbol(4, 0x80, 0x0f, "no_underscore");
  }

  void Put(std::size_t offset, std::size_t value) {
    const auto number = static_cast<std::uint32_t>(value);
    std::memcpy(bytes_.data() + offset, &number, sizeof(number));
  }
  void Command(std::size_t at, std::size_t command, std::size_t size, std::size_t offset,
               const char* text) {
    Put(at, command);
    Put(at + 4, size);
    Put(at + 8, offset);
    if (*text != 0) std::memcpy(bytes_.data() + at + offset, text, std::strlen(text) + 1);
  }
  void Symbol(std::size_t index, std::size_t name, int type, const char* text) {
    Put(kSymbols + index * 16, name);
    bytes_[kSymbols + index * 16 + 4] = static_cast<std::byte>(type);
    std::memcpy(bytes_.data() + kStrings + name, text, std::strlen(text) + 1);
  }
  const std::vector<std::byte>& Bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

void AddBigEndian(std::vector<std::byte>& bytes, std::uint32_t number) {
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::byte>(number >> shift));
}

/// A universal file of both architectures, fat_arch or fat_arch_64.
std::vector<std::byte> Universal(bool wide) {
  constexpr std::uint32_t kFirst = 0x100;
  std::vector<std::byte> bytes;
  AddBigEndian(bytes, wide ? 0xcafebabf : 0xcafebabe);
  AddBigEndian(bytes, 2);
  for (const std::uint32_t processor : {kMachOX86_64, kMachOArm64}) {
    const std::uint32_t offset = kFirst + (processor == kMachOArm64 ? Forged::kSize : 0);
    AddBigEndian(bytes, processor);
    AddBigEndian(bytes, 0);
    if (wide) AddBigEndian(bytes, 0);
    AddBigEndian(bytes, offset);
    if (wide) AddBigEndian(bytes, 0);
    AddBigEndian(bytes, Forged::kSize);
    AddBigEndian(bytes, 0);
    if (wide) AddBigEndian(bytes, 0);
  }
  bytes.resize(kFirst);
  for (const std::uint32_t processor : {kMachOX86_64, kMachOArm64}) {
    const Forged image(processor);
    bytes.insert(bytes.end(), image.Bytes().begin(), image.Bytes().end());
  }
  return bytes;
}

void ExpectWhatIsInIt(const std::optional<MachOImage>& image) {
  ASSERT_TRUE(image);
  EXPECT_EQ(image->Libraries(),
            (std::vector<std::string>{"/usr/lib/libSystem.B.dylib", "@rpath/libcrypto.3.dylib"}));
  EXPECT_EQ(image->RunPaths(), (std::vector<std::string>{"@loader_path/../lib"}));
  EXPECT_TRUE(image->Exports("OPENSSL_init_crypto"));
}

TEST(MachOImage, SaysWhatAFileLinksAndExports) {
  const Forged forged;
  const auto image = MachOImage::Read(forged.Bytes(), kMachOArm64);
  ExpectWhatIsInIt(image);
  for (const char* const other : {"imported", "local", "hidden", "no_underscore", "o_underscore",
                                  "OPENSSL_init_crypt", "_OPENSSL_init_crypto", ""}) {
    EXPECT_FALSE(image->Exports(other)) << other;
  }
}

TEST(MachOImage, IsOfTheArchitectureThatWasAskedFor) {
  const Forged forged(kMachOX86_64);
  EXPECT_TRUE(MachOImage::Read(forged.Bytes(), kMachOX86_64));
  EXPECT_FALSE(MachOImage::Read(forged.Bytes(), kMachOArm64));
  EXPECT_TRUE(IsMachO(forged.Bytes()));
}

TEST(MachOImage, IsFoundInAUniversalFile) {
  for (const bool wide : {false, true}) {
    const std::vector<std::byte> file = Universal(wide);
    ExpectWhatIsInIt(MachOImage::Read(file, kMachOArm64));
    ExpectWhatIsInIt(MachOImage::Read(file, kMachOX86_64));
    EXPECT_FALSE(MachOImage::Read(file, 7)) << "i386";
  }
}

TEST(MachOImage, APartOfAUniversalFileThatSaysItIsAnotherArchitectureIsNone) {
  std::vector<std::byte> file = Universal(false);
  file[8 + 3] = std::byte{0x0c};  // the first part's, which was x86_64
  EXPECT_FALSE(MachOImage::Read(file, kMachOArm64));
}

TEST(MachOImage, IsNothingForOtherFiles) {
  EXPECT_FALSE(IsMachO({}));
  Forged forged;
  forged.Put(0, 0xfeedface);  // of 32 bits
  EXPECT_FALSE(IsMachO(forged.Bytes()));
  std::vector<std::byte> java = Universal(false);
  java[7] = std::byte{52};
  EXPECT_FALSE(IsMachO(java));
}

TEST(MachOImage, CommandsThatDoNotAddUpMakeItNoImage) {
  struct Lie {
    const char* what;
    std::size_t at;
    std::size_t value;
  };
  for (const Lie& lie : {
           Lie{"more commands than fit", 16, 5},
           Lie{"as many as the field holds", 16, 0xffffffff},
           Lie{"commands larger than the file", 20, Forged::kSize},
           Lie{"as large as the field holds", 20, 0xffffffff},
           Lie{"a command of no size, which would never end", Forged::kFirst + 4, 0},
           Lie{"a command smaller than its head", Forged::kFirst + 4, 7},
           Lie{"a command over the end", Forged::kTable + 4, 32},
           Lie{"a command over all", Forged::kTable + 4, 0xffffffff},
           Lie{"a name behind its command", Forged::kFirst + 8, 64},
           Lie{"a name far behind it", Forged::kFirst + 8, 0xffffffff},
           Lie{"a symbol table's command without its fields", Forged::kTable + 4, 16},
       }) {
    Forged forged;
    forged.Put(lie.at, lie.value);
    EXPECT_FALSE(MachOImage::Read(forged.Bytes(), kMachOArm64)) << lie.what;
  }
}

TEST(MachOImage, ANameWithoutAnEndMakesItNoImage) {
  Forged forged;
  for (std::size_t at = Forged::kFirst + 24; at < Forged::kSecond; at += 4) {
    forged.Put(at, 0x61616161);
  }
  EXPECT_FALSE(MachOImage::Read(forged.Bytes(), kMachOArm64));
}

TEST(MachOImage, SurvivesAFileThatWasCutOff) {
  const Forged forged;
  for (std::size_t size = 0; size < forged.Bytes().size(); ++size) {
    // A copy of its own, so that a sanitizer sees what is read behind it.
    const std::vector<std::byte> cut(forged.Bytes().begin(),
                                     forged.Bytes().begin() + static_cast<std::ptrdiff_t>(size));
    const auto image = MachOImage::Read(cut, kMachOArm64);
    EXPECT_EQ(image.has_value(), size >= Forged::kEnd) << size;
    EXPECT_EQ(image && image->Exports("OPENSSL_init_crypto"),
              size >= Forged::kStrings + 1 + sizeof("_OPENSSL_init_crypto"))
        << size;
  }
}

TEST(MachOImage, SurvivesAUniversalFileThatWasCutOff) {
  for (const bool wide : {false, true}) {
    const std::vector<std::byte> whole = Universal(wide);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::vector<std::byte> cut(whole.begin(),
                                       whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(MachOImage::Read(cut, kMachOArm64)) << size;  // the last part
    }
  }
}

TEST(MachOImage, SurvivesEveryFieldThatLies) {
  const auto look = [](const std::vector<std::byte>& bytes) {
    const auto image = MachOImage::Read(bytes, kMachOArm64);
    if (!image) return;
    image->Exports("absent");
    EXPECT_LE(image->Libraries().size() + image->RunPaths().size(), 4u);
  };
  for (const std::uint32_t lie : {0u, 1u, 7u, 0x2ffu, 0x7fffffffu, 0xfffffff8u, 0xffffffffu}) {
    for (std::size_t at = 0; at + 4 <= Forged::kSize; ++at) {
      Forged forged;
      forged.Put(at, lie);
      look(forged.Bytes());
    }
    for (const bool wide : {false, true}) {
      for (std::size_t at = 0; at < 0x60; ++at) {
        std::vector<std::byte> file = Universal(wide);
        std::memcpy(file.data() + at, &lie, sizeof(lie));
        look(file);
      }
    }
  }
}

}  // namespace
}  // namespace ostrust::tool
