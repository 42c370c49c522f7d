// Seeds of what the tool reads: program files, answers of child processes, certificates to
// describe.
#include <elf.h>

#include <cstring>
#include <string>

#include "certificates.hpp"
#include "corpus.hpp"
#include "libcrypto.hpp"
#include "provider/tool/explanation.hpp"
#include "provider/tool/probe_json.hpp"

namespace ostrust::fuzz {
namespace {

using namespace std::string_literals;
using platform::AsText;

template <typename Value>
std::string Raw(const Value& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// A library that exports f and OPENSSL_init_crypto, as far as section headers tell.
std::string ElfLibrary() {
  const std::string names = "\0f\0OPENSSL_init_crypto\0"s;
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_machine = EM_X86_64;
  header.e_shoff = sizeof header;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  Elf64_Shdr symbols{};
  symbols.sh_type = SHT_DYNSYM;
  symbols.sh_link = 2;
  symbols.sh_offset = sizeof header + 3 * sizeof(Elf64_Shdr);
  symbols.sh_size = 2 * sizeof(Elf64_Sym);
  Elf64_Shdr strings{};
  strings.sh_type = SHT_STRTAB;
  strings.sh_offset = symbols.sh_offset + symbols.sh_size;
  strings.sh_size = names.size();
  Elf64_Sym first{};
  first.st_name = 1;
  first.st_shndx = 1;
  Elf64_Sym second = first;
  second.st_name = 3;
  return Raw(header) + Raw(Elf64_Shdr{}) + Raw(symbols) + Raw(strings) + Raw(first) + Raw(second) +
         names;
}

// As test/unit/tool/pe_image_test.cpp forges it, with less in it.
std::string PeLibrary() {
  constexpr std::uint32_t kBase = 0x1000;
  constexpr std::size_t kOptional = 0x40 + 24;
  constexpr std::size_t kSections = kOptional + 240;
  constexpr std::size_t kSection = kSections + 40;
  std::string file(kSection + 0xc0, '\0');
  const auto put = [&](std::size_t at, auto value) {
    std::memcpy(file.data() + at, &value, sizeof value);
  };
  const auto text = [&](std::size_t at, std::string_view value) {
    file.replace(kSection + at, value.size(), value);
  };
  put(0, std::uint16_t{0x5a4d});
  put(0x3c, std::uint32_t{0x40});
  put(0x40, std::uint32_t{0x4550});
  put(0x44, std::uint16_t{0x8664});
  put(0x46, std::uint16_t{1});
  put(0x54, std::uint16_t{240});
  put(kOptional, std::uint16_t{0x20b});
  put(kOptional + 108, std::uint32_t{16});
  put(kSections + 12, kBase);
  put(kSections + 16, std::uint32_t{0xc0});
  put(kSections + 20, static_cast<std::uint32_t>(kSection));
  put(kOptional + 112, kBase + 0x30);  // exports
  put(kOptional + 112 + 8, kBase);     // imports
  put(kSection + 12, kBase + 0x60);    // the name of the first
  put(kSection + 0x30 + 24, std::uint32_t{1});
  put(kSection + 0x30 + 32, kBase + 0x5c);
  put(kSection + 0x5c, kBase + 0x70);
  text(0x60, "libcrypto.dll");
  text(0x70, "OPENSSL_init_crypto");
  text(0x90, "OpenSSL 3.0.13 30 Jan 2024");
  return file;
}

}  // namespace

void AddCorporaOfTheTool(const std::filesystem::path& top) {
  const Corpus elf(top / "elf_file");
  elf.Add("library", ElfLibrary());
  const Corpus pe(top / "pe_image");
  pe.Add("library", PeLibrary());
  pe.Add("version", "xOpenSSL 3.0.13 30 Jan 2024\0OpenSSL 1.1.1w  11 Sep 2023"s);

  const Corpus escaped(top / "escaped");
  escaped.Add("plain", "CN=M\xc3\xbcller, O=a\\b");
  escaped.Add("terminal", "a\x1b[2J\n\xc2\x9b\xe2\x80\xae\xff\xed\xa0\x80\xf3\xa0\x81\x81");

  const Corpus text(top / "certificate_text");
  auto leaf = UnsignedCertificate({.subject = "leaf", .issuer = "CA", .key = 2, .serial = -5});
  const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> names(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                          "DNS:www.example.com,IP:192.0.2.1,IP:2001:db8::1,email:a@b"));
  const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> access(X509V3_EXT_conf_nid(
      nullptr, nullptr, NID_info_access, "caIssuers;URI:http://a/,OCSP;URI:http://b/"));
  X509_add_ext(leaf.get(), names.get(), -1);
  X509_add_ext(leaf.get(), access.get(), -1);
  X509_sign(leaf.get(), SmallKey(1), EVP_sha256());
  const platform::Bytes der = DerOf(leaf.get());
  text.Add("leaf", AsText(der));
  text.Add("pem", platform::Pem(der) + platform::Pem(der));

  const Corpus configuration(top / "openssl_configuration");
  configuration.Add("usual",
                    "info:/a b\\c'd\"e`f$g#h;i\0openssl_conf = init\n[init]\nproviders = p\n[p]\n"
                    "default = d\nostrust = o\n[d]\nactivate = 1\n[o]\nmodule = /x/ostrust.so\n"
                    "activate = yes\nverify = roots\n"s);
  configuration.Add("broken", "x\0[init\n= 1\n$a\n"s);

  const Corpus answers(top / "tool_answers");
  tool::Governed governed;
  governed.verified = true;
  governed.result.error = 20;
  governed.result.text = "unable to get local issuer certificate";
  governed.result.chain.emplace_back();
  governed.result.chain.back().subject = "CN=leaf";
  governed.result.events.push_back({20, 0, "unable to get local issuer certificate", "CN=leaf"});
  governed.log.push_back({"error", "refused: CN=leaf: no issuer"});
  governed.sent = {"\x30\x01"s};
  tool::Stock stock;
  stock.verified = true;
  stock.result.accepted = true;
  stock.strict.emplace();
  answers.Add("explained", "\0"s + GovernedToJson(governed) + '\0' + StockToJson(stock));
  // In whatever is shown.
  const std::string hostile = "\x1b[2J\xe2\x80\xae\x7f\n";
  governed.address = governed.protocol = governed.handshake = governed.name = hostile;
  governed.result.text = governed.errors = governed.ca_error = hostile;
  governed.result.chain.back().subject = governed.result.chain.back().issuer = hostile;
  governed.result.chain.back().names = {hostile};
  governed.log.push_back({"error", hostile});
  governed.log.push_back({"info", "revocation: " + hostile});
  stock.anchors = stock.result.text = hostile;
  answers.Add("hostile", "\0"s + GovernedToJson(governed) + '\0' + StockToJson(stock));
  tool::Probe probe;
  probe.version = "OpenSSL 3.0.13 30 Jan 2024";
  probe.providers = {"default", "ostrust"};
  probe.module.emplace();
  probe.module->reach = "full";
  probe.served["/etc/ssl/cert.pem"] = true;
  answers.Add("probe", "\1" + ProbeToJson(probe));
  tool::ProbeQuestion question;
  question.file = "/etc/ssl/openssl.cnf";
  answers.Add("question", "\2" + QuestionToJson(question));
  answers.Add("node",
              "\3ostrust[1] info: loaded; layers: store loader, binding (limited); verify: roots; "
              "intermediates: off; revocation: off\nostrust[1] info: serving 7 anchors from x\n"
              "ostrust[1] error: trust source: y\n");
}

}  // namespace ostrust::fuzz
