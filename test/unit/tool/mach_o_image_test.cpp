#include "provider/tool/mach_o_image.hpp"

#include <cstring>
#include <utility>

#include <gtest/gtest.h>

namespace ostrust::tool {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using Exported = MachOImage::Exported;

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
  /// One command more, at kEnd, and a trie at the end of the file; the symbol table stays as it is.
  void AddTrie(std::string_view trie, std::uint32_t command = kDyldInfoOnly) {
    const std::size_t size = command == kExportsTrie ? 16 : 48;
    Put(16, 5);
    Put(20, kEnd - kFirst + size);
    Command(kEnd, command, size, 0, "");
    Put(kEnd + size - 8, kSize);
    Put(kEnd + size - 4, trie.size());
    const auto* const begin = reinterpret_cast<const std::byte*>(trie.data());
    bytes_.insert(bytes_.end(), begin, begin + trie.size());
  }
  const std::vector<std::byte>& Bytes() const { return bytes_; }

  static constexpr std::uint32_t kDyldInfo = 0x22;
  static constexpr std::uint32_t kDyldInfoOnly = 0x80000022;
  static constexpr std::uint32_t kExportsTrie = 0x80000033;

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
  EXPECT_EQ(image->Exports("OPENSSL_init_crypto"), Exported::kYes);
}

/// As lld 14 writes it for a program with OPENSSL_init_crypto(), which is weak, OPENSSL_init_ssl()
/// and OPENSSL_tls of each thread, linked with -export_dynamic.
constexpr std::string_view kTrie =
    "\x00\x01_\0\x05"
    "\x00\x03_mh_execute_header\0\x2bmain\0\x2fOPENSSL_\0\x34"
    "\x02\x00\x00\x00"
    "\x03\x00\xa0\x08\x00"
    "\x00\x02tls\0\x42init_\0\x48"
    "\x04\x01\x80\x80\x01\x00"
    "\x00\x02ssl\0\x57"
    "crypto\0\x5c"
    "\x03\x00\x98\x08\x00"
    "\x03\x04\x90\x08\x00"
    "\0\0\0\0\0\0\0"sv;

/// What an image with this trie says of `function`; by whichever command, the same.
Exported InTrie(std::string_view trie, std::string_view function) {
  std::optional<Exported> first;
  for (const std::uint32_t command :
       {Forged::kDyldInfo, Forged::kDyldInfoOnly, Forged::kExportsTrie}) {
    Forged forged;
    forged.AddTrie(trie, command);
    const auto image = MachOImage::Read(forged.Bytes(), kMachOArm64);
    EXPECT_TRUE(image);
    if (!image) break;
    const Exported exported = image->Exports(function);
    EXPECT_EQ(first.value_or(exported), exported) << command;
    first = exported;
  }
  return first.value_or(Exported::kMalformed);
}

TEST(MachOImage, SaysWhatAFileLinksAndExports) {
  const Forged forged;
  const auto image = MachOImage::Read(forged.Bytes(), kMachOArm64);
  ExpectWhatIsInIt(image);
  for (const char* const other : {"imported", "local", "hidden", "no_underscore", "o_underscore",
                                  "OPENSSL_init_crypt", "_OPENSSL_init_crypto", ""}) {
    EXPECT_EQ(image->Exports(other), Exported::kNo) << other;
  }
}

TEST(MachOImage, SaysWhatAnExportTrieHas) {
  ASSERT_EQ(kTrie.size(), 104U);
  for (const char* const name : {"OPENSSL_init_crypto", "OPENSSL_init_ssl", "main"}) {
    EXPECT_EQ(InTrie(kTrie, name), Exported::kYes) << name;
  }
  for (const char* const name : {"OPENSSL_tls", "OPENSSL_", "OPENSSL_init_", "OPENSSL_init_s",
                                 "OPENSSL_init_ssl_", "OPENSSL_init_x", "X509_new", ""}) {
    EXPECT_EQ(InTrie(kTrie, name), Exported::kNo) << name;
  }
}

TEST(MachOImage, ANameInATrieMayGoOnInAnother) {
  // Both f and fg; not fgh.
  constexpr std::string_view kBoth = "\x00\x01_f\0\x06\x02\x00?\x01g\0\x0d\x02\x00?\x00"sv;
  EXPECT_EQ(InTrie(kBoth, "f"), Exported::kYes);
  EXPECT_EQ(InTrie(kBoth, "fg"), Exported::kYes);
  EXPECT_EQ(InTrie(kBoth, "fgh"), Exported::kNo);
}

TEST(MachOImage, ANumberInATrieMayBeOfSeveralBytes) {
  for (const std::string_view offset : {"\x80\x02"sv, "\x80\x82\x80\x80\x00"sv}) {
    std::string trie = "\x00\x01_f\0"s + std::string(offset);
    trie.resize(0x100);
    trie += "\x02\x00?\x00"sv;
    EXPECT_EQ(InTrie(trie, "f"), Exported::kYes);
  }
}

TEST(MachOImage, ATrieCountsAndNotTheSymbolTable) {
  EXPECT_EQ(InTrie("\x00\x00"sv, "OPENSSL_init_crypto"), Exported::kNo);
  EXPECT_EQ(InTrie("", "OPENSSL_init_crypto"), Exported::kYes);  // there is no trie
}

TEST(MachOImage, WhatATrieReexportsOrHasAsANumberIsNotExported) {
  for (const auto& [flags, exported] :
       {std::pair('\x00', Exported::kYes), std::pair('\x01', Exported::kNo),
        std::pair('\x02', Exported::kNo), std::pair('\x04', Exported::kYes),
        std::pair('\x08', Exported::kNo), std::pair('\x10', Exported::kYes)}) {
    std::string trie("\x00\x01_f\0\x06\x02?\x00\x00"sv);
    trie[7] = flags;
    EXPECT_EQ(InTrie(trie, "f"), exported) << static_cast<int>(flags);
  }
}

TEST(MachOImage, ATrieThatDoesNotAddUpIsMalformed) {
  for (const auto& [what, trie] : {
           std::pair("a node that is not there", "\x00\x01_f\0\x06"sv),
           std::pair("a node behind the end, and one beside", "\x00\x01_f\0\x0a\x02\x00?\x00"sv),
           std::pair("a node far behind the end", "\x00\x01_f\0\xff\xff\xff\xff\x0f"sv),
           std::pair("the root again", "\x00\x01_\0\x00"sv),
           std::pair("an edge without a text", "\x00\x01\0\x04\x00\x00"sv),
           std::pair("a text without an end", "\x00\x01_f"sv),
           std::pair("no offset behind a text", "\x00\x01_f\0"sv),
           std::pair("an offset without an end", "\x00\x01_f\0\x80\x80"sv),
           std::pair("a number of six bytes", "\x00\x01_f\0\x87\x80\x80\x80\x80\x00\x00\x00"sv),
           std::pair("one edge less than counted", "\x00\x02_g\0\x01"sv),
           std::pair("no count of edges", "\x00"sv),
           std::pair("what is exported is behind the end", "\x03\x00\x00"sv),
           std::pair("a size as large as can be said", "\xff\xff\xff\xff\x7f\x00\x00"sv),
           std::pair("flags longer than they are", "\x00\x01_f\0\x06\x01\x80\x00\x00"sv),
           std::pair("flags without an end", "\x00\x01_f\0\x06\x02\x80\x80"sv),
       }) {
    EXPECT_EQ(InTrie(trie, "f"), Exported::kMalformed) << what;
  }
}

TEST(MachOImage, ATrieThatGoesInCirclesComesToAnEnd) {
  // Behind "_", one node leads to itself by "f".
  constexpr std::string_view kCircle = "\x00\x01_\0\x05\x00\x01\x66\0\x05"sv;
  EXPECT_EQ(InTrie(kCircle, std::string(100000, 'f')), Exported::kNo);
  EXPECT_EQ(InTrie(kCircle, "g"), Exported::kNo);
}

TEST(MachOImage, ATrieThatIsNotInTheFileIsMalformed) {
  for (const auto& [at, value] :
       {std::pair(Forged::kEnd + 40, 0xffffffffU), std::pair(Forged::kEnd + 44, 0xffffffffU),
        std::pair(Forged::kEnd + 44, 105U)}) {
    Forged forged;
    forged.AddTrie(kTrie);
    forged.Put(at, value);
    const auto image = MachOImage::Read(forged.Bytes(), kMachOArm64);
    ASSERT_TRUE(image);
    EXPECT_EQ(image->Libraries().size(), 2U);
    EXPECT_EQ(image->Exports("OPENSSL_init_crypto"), Exported::kMalformed);
  }
}

TEST(MachOImage, ATriesCommandWithoutItsFieldsMakesItNoImage) {
  for (const std::uint32_t command :
       {Forged::kDyldInfo, Forged::kDyldInfoOnly, Forged::kExportsTrie}) {
    Forged forged;
    forged.AddTrie(kTrie, command);
    const std::size_t size = command == Forged::kExportsTrie ? 8 : 40;
    forged.Put(20, Forged::kEnd - Forged::kFirst + size);
    forged.Put(Forged::kEnd + 4, size);
    EXPECT_FALSE(MachOImage::Read(forged.Bytes(), kMachOArm64)) << command;
  }
}

TEST(MachOImage, SurvivesEveryByteOfATrieThatLies) {
  for (std::size_t at = 0; at < kTrie.size(); ++at) {
    for (int lie = 0; lie < 256; ++lie) {
      std::string trie(kTrie);
      trie[at] = static_cast<char>(lie);
      Forged forged;
      forged.AddTrie(trie);
      const auto image = MachOImage::Read(forged.Bytes(), kMachOArm64);
      ASSERT_TRUE(image);
      for (const char* const name : {"OPENSSL_init_crypto", "OPENSSL_tls", "absent"}) {
        image->Exports(name);
      }
    }
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
    EXPECT_EQ(image && image->Exports("OPENSSL_init_crypto") == Exported::kYes,
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

TEST(MachOPathTest, LoaderAndProgramArePutInAsDyldDoes) {
  const auto expanded = [](const char* path) { return ExpandedPath(path, "/l/", "/p/"); };
  EXPECT_EQ(expanded("@loader_path/../lib"), "/l/../lib");
  EXPECT_EQ(expanded("@executable_path/../lib"), "/p/../lib");
  EXPECT_EQ(expanded("@loader_path"), "/l/");
  EXPECT_EQ(expanded("@loader_path/"), "/l/");
  EXPECT_EQ(expanded("@executable_path"), "/p/");
  for (const char* const other : {"", "@", "@loader_paths", "@executable_path.d/x", "@rpath/x",
                                  "/usr/local/lib", "lib/@loader_path"}) {
    EXPECT_EQ(expanded(other), other);
  }
}

}  // namespace
}  // namespace ostrust::tool
