// Writes the seed corpus of every fuzz target below a directory.
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "certificates.hpp"
#include "corpus.hpp"
#include "platform/der.hpp"
#include "platform/linux/intermediate_files.hpp"
#include "platform/linux/policy_cache.hpp"
#include "platform/linux/revocation_files.hpp"
#include "revocation_lists.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Corpus;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

// A Name of one RDN with two attributes.
Bytes Name(std::uint8_t tag, std::string_view value) {
  Bytes type;
  AppendDer(der::kObjectIdentifier, AsBytes("\x55\x04\x03"sv), type);
  Bytes attribute_content = type;
  AppendDer(tag, AsBytes(value), attribute_content);
  Bytes attribute;
  AppendDer(der::kSequence, attribute_content, attribute);
  attribute = Concatenate(attribute, attribute);
  Bytes set;
  AppendDer(der::kSet, attribute, set);
  Bytes name;
  AppendDer(der::kSequence, set, name);
  return name;
}

std::string TwoNames(const Bytes& a, const Bytes& b) {
  std::string input;
  input += static_cast<char>(a.size() >> 8);
  input += static_cast<char>(a.size() & 0xff);
  return input + std::string(AsText(Concatenate(a, b)));
}

std::string Numbers(std::initializer_list<std::uint32_t> numbers, bool big_endian = false) {
  std::string text;
  for (const std::uint32_t number : numbers) {
    for (int i = 0; i < 4; ++i) {
      text += static_cast<char>(number >> 8 * (big_endian ? 3 - i : i));
    }
  }
  return text;
}

// A Mach-O image of these load commands, with `rest` behind them.
std::string Image(std::uint32_t processor, const std::vector<std::string>& commands,
                  std::string_view rest) {
  std::string all;
  for (const std::string& command : commands) all += command;
  return Numbers({0xfeedfacf, processor, 0, 2, static_cast<std::uint32_t>(commands.size()),
                  static_cast<std::uint32_t>(all.size()), 0, 0}) +
         all + std::string(rest);
}

Bytes SettingsOf(const char* trust, const char* reject) {
  const Bytes root = MakeRoot("Root");
  const Bytes all = TrustedDer(root, trust, reject);
  return {all.begin() + static_cast<std::ptrdiff_t>(root.size()), all.end()};
}

Bytes PublicKeyInfoOf(const Bytes& certificate) {
  const auto* data = reinterpret_cast<const unsigned char*>(certificate.data());
  const X509Ptr parsed(d2i_X509(nullptr, &data, static_cast<long>(certificate.size())));
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(parsed.get()), &der);
  const auto* begin = reinterpret_cast<const std::byte*>(der);
  Bytes info(begin, begin + size);
  OPENSSL_free(der);
  return info;
}

// An Extension; `identifier` and `value` are content octets.
Bytes Extension(std::string_view identifier, std::string_view value) {
  Bytes content;
  AppendDer(der::kObjectIdentifier, AsBytes(identifier), content);
  AppendDer(der::kOctetString, AsBytes(value), content);
  Bytes extension;
  AppendDer(der::kSequence, content, extension);
  return extension;
}

// As it is kept, without the header.
std::string Body(const TrustPolicy& policy) {
  KeptPolicy kept;
  kept.setting = "/directory";
  kept.stamps = {FileStamp::Kept("/present", FileStamp::Identity{1, 2, 3, 4, 5}),
                 FileStamp::Kept("/missing", std::nullopt)};
  kept.policy = policy;
  const Bytes encoded = EncodeKeptPolicy(kept);
  return std::string(AsText(encoded).substr(WithPolicyHeader({}).size()));
}

TrustPolicy::Certificate Trusted(const Bytes& certificate) {
  TrustPolicy::Certificate item;
  item.certificate = certificate;
  item.trusted = true;
  item.authority = true;
  return item;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_corpus DIRECTORY\n";
    return 2;
  }
  const std::filesystem::path top(argv[1]);
  const Bytes root = MakeRoot("Example Root CA");

  const Corpus bundle(top / "bundle");
  bundle.Add("two.pem", "# comment\n" + Pem(root) + "\r\n" + Pem(MakeRoot("Another")));
  bundle.Add("trusted.pem", TrustedPem(root, "serverAuth", "emailProtection"));
  bundle.Add("broken.pem", "-----BEGIN CERTIFICATE-----\nTUlJ*\n" + Pem(AsBytes("no certificate")) +
                               Pem(AsBytes("key"), "PRIVATE KEY"));
  bundle.Add("root.der", AsText(root));
  bundle.Add("trusted.der", AsText(TrustedDer(root, nullptr, "anyExtendedKeyUsage")));

  const Corpus certificate_fields(top / "certificate_fields");
  certificate_fields.Add("root", AsText(root));
  certificate_fields.Add("issued", AsText(MakeIssued("Issued", "Example Root CA")));
  certificate_fields.Add("trusted", AsText(TrustedDer(root, "serverAuth", nullptr)));

  const Corpus intermediate_files(top / "intermediate_files");
  const Bytes intermediate = MakeIssued("Intermediate", "Example Root CA");
  intermediate_files.Add("one", AsText(intermediate));
  intermediate_files.Add("two", AsText(EncodeIntermediates({intermediate, root})));
  intermediate_files.Add("no_failures", AsText(EncodeFailedFetches({})));
  intermediate_files.Add("failures",
                         AsText(EncodeFailedFetches({{Sha1(AsBytes("http://a/")), 1, 1'700'000'000},
                                                     {Sha1(AsBytes("http://b/")), 7, -1}})));

  const Corpus name(top / "name");
  name.Add("case", TwoNames(NameDer("Example CA"), NameDer(" EXAMPLE  ca")));
  name.Add("utf8", TwoNames(NameDer("caf\xc3\xa9"), Name(der::kT61String, "caf\xe9")));
  name.Add("bmp", TwoNames(Name(der::kBmpString, "\0a\0 \0b"sv), Name(der::kIa5String, "A B")));
  name.Add("universal", TwoNames(Name(der::kUniversalString, "\0\1\xf6\0"sv),
                                 Name(der::kUtf8String, "\xf0\x9f\x98\x80")));
  name.Add("bits", TwoNames(Name(der::kBitString, "\3\xff"sv), Name(der::kSequence, "\x0c\1A")));
  name.Add("printable", TwoNames(Name(der::kPrintableString, "Ab"), Name(0x12, "12 34")));

  const Corpus revocation_list(top / "revocation_list");
  const Corpus revocation_index(top / "revocation_index");
  const auto add_list = [&](const char* entry_name, const ListParts& parts) {
    const Bytes list = MakeList(parts);
    revocation_list.Add(entry_name, AsText(list));
    revocation_index.Add(entry_name, AsText(*IndexRevocationList(list)));
  };
  add_list("empty", PartsOf("CA"));
  ListParts list_parts = PartsOf("CA", Revoked(1));
  for (const Bytes& entry : {Revoked(5, ReasonCode(1)), Revoked(3), Revoked(5, InvalidityDate())}) {
    list_parts.entries = Concatenate(list_parts.entries, entry);
  }
  list_parts.extensions = CrlNumber(7);
  add_list("entries", list_parts);
  list_parts.extensions = Concatenate(CrlNumber(8), DeltaCrlIndicator(7));
  list_parts.entries = Concatenate(list_parts.entries, Revoked(6, UnknownExtension(true)));
  add_list("delta", list_parts);
  list_parts.extensions = IndirectCrl();
  list_parts.entries = Concatenate(Revoked(2, CertificateIssuer("A")), list_parts.entries);
  add_list("indirect", list_parts);
  revocation_index.Add("head", AsText(*EncodeRevocationHead("http://a/", {ToBytes("key")})));

  const Corpus mach_o_image(top / "mach_o_image");
  const std::string library = Numbers({0xc, 40, 24, 0, 0, 0}) + "libcrypto.dylib\0"s;
  const std::string run_path = Numbers({0x8000001c, 32, 12}) + "@loader_path\0\0\0\0\0\0\0\0"s;
  // Both f and OPENSSL_init_crypto, behind an edge that they share.
  constexpr std::string_view kTrie =
      "\0\1_\0\5\0\2f\0\x1fOPENSSL_init_crypto\0\x24\3\0\x90\1\0\2\4?\0"sv;
  const auto trie_size = static_cast<std::uint32_t>(kTrie.size());
  const std::string arm64 =
      Image(0x0100000c,
            {library, run_path, Numbers({0x80000022, 48, 0, 0, 0, 0, 0, 0, 0, 0, 152, trie_size})},
            kTrie);
  const std::string x86_64 =
      Image(0x01000007, {library, Numbers({0x80000033, 16, 88, trie_size})}, kTrie);
  const std::string symbols = Image(0x0100000c, {library, Numbers({2, 24, 96, 1, 112, 22})},
                                    Numbers({1, 0x010f, 0, 0}) + "\0_OPENSSL_init_crypto\0"s);
  mach_o_image.Add("info", arm64);
  mach_o_image.Add("trie", x86_64);
  mach_o_image.Add("symbols", symbols);
  const auto arm64_size = static_cast<std::uint32_t>(arm64.size());
  const auto x86_64_size = static_cast<std::uint32_t>(x86_64.size());
  mach_o_image.Add("universal", Numbers({0xcafebabe, 2, 0x0100000c, 0, 48, arm64_size, 0,
                                         0x01000007, 0, 48 + arm64_size, x86_64_size, 0},
                                        true) +
                                    arm64 + x86_64);

  const Corpus trust_settings(top / "trust_settings");
  trust_settings.Add("trust", AsText(SettingsOf("serverAuth clientAuth", nullptr)));
  trust_settings.Add("reject", AsText(SettingsOf(nullptr, "emailProtection codeSigning OCSP")));
  trust_settings.Add("any", AsText(SettingsOf("anyExtendedKeyUsage", "timeStamping")));
  trust_settings.Add("distrust", AsText(SettingsOf(nullptr, "anyExtendedKeyUsage")));
  trust_settings.Add("unknown", AsText(SettingsOf("1.3.6.1.4.1.99999.1", nullptr)));
  trust_settings.Add("alias", "\x30\x0e\x0c\x01\x61\x04\x01\x01\xa1\x06\x30\x04\x06\x02\x2a\x03"sv);

  TrustPolicy anchors;
  anchors.certificates = {Trusted(root), Trusted(MakeIssued("Issued", "Example Root CA"))};
  anchors.certificates[0].server_distrust_after = ToBytes("250101000000Z");
  anchors.origins = {"/anchors"};
  TrustPolicy distrusts;
  distrusts.certificates = {Trusted(root), {}, {}};
  distrusts.certificates[1].distrusted = true;
  distrusts.certificates[1].certificate = MakeRoot("Distrusted");
  distrusts.certificates[2].distrusted = true;
  distrusts.certificates[2].issuer = NameDer("Example Root CA");
  distrusts.certificates[2].serial_number = ToBytes("\2\1\1"sv);
  TrustPolicy stapled;
  stapled.certificates = {Trusted(root)};
  const Bytes key = PublicKeyInfoOf(root);
  stapled.extensions = {
      {Extension("\x55\x1d\x25"sv, "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"sv), key, 0},
      {Extension("\x2b\x06\x01\x04\x01\x99\x77\x06\x0a\x01"sv,
                 "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04"sv),
       key, 0},
      {Extension("\x55\x1d\x13"sv, "\x30\x06\x01\x01\xff\x02\x01\0"sv), key, 0},
      {Extension("\x55\x1d\x0f"sv, "\x03\x02\x02\x04"sv), key, 0},
      {Extension("\x55\x1d\x1e"sv, "\x30\0"sv), key, 0}};
  const Corpus kept_policy(top / "kept_policy");
  kept_policy.Add("anchors", Body(anchors));
  kept_policy.Add("empty", Body({}));
  kept_policy.Add("whole", AsText(WithPolicyHeader(AsBytes(Body(stapled)))));
  const Corpus trust_policy(top / "trust_policy");
  trust_policy.Add("anchors", Body(anchors));
  trust_policy.Add("distrusts", Body(distrusts));
  trust_policy.Add("stapled", Body(stapled));

  ostrust::fuzz::AddCorporaOfPeers(top);
  ostrust::fuzz::AddCorporaOfTheTool(top);
  return 0;
}
