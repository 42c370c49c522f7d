// Names, compared with libcrypto: whatever it says of two names must be said here.
#include "platform/name.hpp"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "certificates.hpp"
#include "platform/bundle.hpp"
#include "platform/certificate_fields.hpp"
#include "platform/der.hpp"
#ifndef __APPLE__
#include "platform/linux/locations.hpp"
#endif

namespace ostrust::platform {
namespace {

using namespace std::string_view_literals;

constexpr std::uint8_t kNumericString = 0x12;
constexpr std::string_view kCommonName = "\x55\x04\x03"sv;
constexpr std::string_view kOrganization = "\x55\x04\x0a"sv;

Bytes Element(std::uint8_t tag, ByteView content) {
  Bytes out;
  AppendDer(tag, content, out);
  return out;
}

Bytes AttributeDer(std::string_view type, std::uint8_t tag, std::string_view value) {
  return Element(der::kSequence, Concatenate(Element(der::kObjectIdentifier, AsBytes(type)),
                                             Element(tag, AsBytes(value))));
}

Bytes RdnDer(const std::vector<Bytes>& attributes) {
  Bytes content;
  for (const Bytes& attribute : attributes) content = Concatenate(content, attribute);
  return Element(der::kSet, content);
}

Bytes Name(const std::vector<Bytes>& rdns) {
  Bytes content;
  for (const Bytes& rdn : rdns) content = Concatenate(content, rdn);
  return Element(der::kSequence, content);
}

// A name of one attribute.
Bytes Name(std::uint8_t tag, std::string_view value) {
  return Name({RdnDer({AttributeDer(kCommonName, tag, value)})});
}

X509NamePtr Parse(const Bytes& der) {
  const auto* data = reinterpret_cast<const unsigned char*>(der.data());
  return X509NamePtr(d2i_X509_NAME(nullptr, &data, static_cast<long>(der.size())));
}

std::uint32_t LibcryptoHash(const X509_NAME* name) {
  int ok = 0;
  const unsigned long hash = X509_NAME_hash_ex(name, nullptr, nullptr, &ok);
  EXPECT_EQ(ok, 1);
  return static_cast<std::uint32_t>(hash);
}

// Every kind of name, equal and unequal ones among them.
std::vector<Bytes> Samples() {
  std::vector<Bytes> samples = {
      Name({}),
      Name({RdnDer({})}),
      Name(der::kUtf8String, "Example CA"),
      Name(der::kUtf8String, "example ca"),
      Name(der::kUtf8String, "  EXAMPLE \t\n  CA  "),
      Name(der::kUtf8String, "ExampleCA"),
      Name(der::kUtf8String, ""),
      Name(der::kUtf8String, "   "),
      Name(der::kUtf8String, " x"),
      Name(der::kUtf8String, "x\v\f\r y"),
      Name(der::kUtf8String, "Example CA\0"sv),
      Name(der::kUtf8String, "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 X"),
      Name(der::kUtf8String, "CAF\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 x"),
      Name(der::kUtf8String, "CAF\xc3\x89"),
      Name(der::kUtf8String, "caf\xc3\xa9"),
      Name(der::kUtf8String, "a\xc2\xa0 b"),  // no-break space is no space here
      Name(der::kPrintableString, "Example CA"),
      Name(der::kPrintableString, "caf\xe9"),
      Name(der::kIa5String, "Example  ca"),
      Name(der::kIa5String, "caf\xe9"),
      Name(der::kT61String, "EXAMPLE CA"),
      Name(der::kT61String, "caf\xe9"),
      Name(der::kVisibleString, "Example CA"),
      Name(kNumericString, "12  34"),
      Name(kNumericString, "12 34"),
      Name(der::kUtf8String, "12 34"),
      Name(der::kBmpString, "\0E\0x\0a\0m\0p\0l\0e\0 \0C\0A"sv),
      Name(der::kBmpString, "\0c\0a\0f\0\xe9"sv),
      Name(der::kBmpString, "\0c\0a\0f\0\xe9\0"sv),
      Name(der::kBmpString, "\xd8\x3d\xde\x00"sv),
      Name(der::kBmpString, "\x20\xac"sv),
      Name(der::kUniversalString, "\0\0\0E\0\0\0X"sv),
      Name(der::kUtf8String, "ex"),
      Name(der::kUniversalString, "\0\1\xf6\0"sv),
      Name(der::kUniversalString, "\0\x10\xff\xff"sv),
      Name(der::kUniversalString, "\0\x11\0\0"sv),
      Name(der::kUniversalString, "\0\0\xd8\0"sv),
      Name(der::kUniversalString, "\0\0\0"sv),
      Name(der::kUtf8String, "\xff"),
      Name(der::kUtf8String, "\xc3"),
      Name(der::kUtf8String, "\xc0\x80"),
      Name(der::kUtf8String, "\xe0\x80\x80"),
      Name(der::kUtf8String, "\xed\xa0\x80"),
      Name(der::kUtf8String, "\xf4\x90\x80\x80"),
      Name(der::kUtf8String, "\xf8\x88\x80\x80\x80"),
      Name(der::kUtf8String, "\xe2\x82"),
      Name(der::kBitString, "\0\xff"sv),
      Name(der::kBitString, "\3\xff"sv),
      Name(der::kBitString, "\3\xf8"sv),
      Name(der::kBitString, "\3"sv),
      Name(der::kBitString, "\0"sv),
      Name(der::kBitString, "\x08\xff"sv),
      Name(der::kBitString, ""),
      Name(der::kSequence, "\x0c\1A"),
      Name(der::kSequence, "\x0c\1a"),
      Name(der::kOctetString, "a"),
      Name(der::kInteger, "\1"),
      Name(der::kUtcTime, "200101000000Z"),
      Name(0x1b, "general"),  // GeneralString
      Name(0x07, "object"),
      Name(0x0d, "relative"),
      Name(0x80, "context"),
      Name({RdnDer({AttributeDer("\x55\x84"sv, der::kUtf8String, "x")})}),
      Name({RdnDer({AttributeDer(kOrganization, der::kUtf8String, "Example CA")})}),
      // RDNs of several values, in and out of order, and in an order that folding changes.
      Name({RdnDer({AttributeDer(kCommonName, der::kUtf8String, "x"),
                    AttributeDer(kOrganization, der::kUtf8String, "y")})}),
      Name({RdnDer({AttributeDer(kOrganization, der::kPrintableString, "Y"),
                    AttributeDer(kCommonName, der::kPrintableString, "X")})}),
      Name({RdnDer({AttributeDer(kCommonName, der::kUtf8String, "B"),
                    AttributeDer(kCommonName, der::kUtf8String, "a")})}),
      Name({RdnDer({AttributeDer(kCommonName, der::kUtf8String, "A"),
                    AttributeDer(kCommonName, der::kUtf8String, "b")})}),
      Name({RdnDer({AttributeDer(kCommonName, der::kUtf8String, "long  "),
                    AttributeDer(kCommonName, der::kUtf8String, "other")})}),
      // The same attributes in two RDNs are another name.
      Name({RdnDer({AttributeDer(kCommonName, der::kUtf8String, "x")}),
            RdnDer({AttributeDer(kOrganization, der::kUtf8String, "y")})}),
      Name({RdnDer({AttributeDer(kOrganization, der::kUtf8String, "y")}),
            RdnDer({AttributeDer(kCommonName, der::kUtf8String, "x")})}),
      Name({RdnDer({AttributeDer(kCommonName, der::kUtf8String, "x")}), RdnDer({}),
            RdnDer({AttributeDer(kOrganization, der::kUtf8String, "y")})}),
      Name(der::kUtf8String, std::string(200, 'L')),
      Name(der::kBmpString, std::string(300, '\x41')),
  };
  return samples;
}

TEST(Name, IsReadExactlyIfLibcryptoReadsIt) {
  const std::vector<Bytes> samples = Samples();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const X509NamePtr theirs = Parse(samples[i]);
    // OpenSSL folds VisibleString but does not decode it; nothing depends on it.
    if (samples[i] == Name(der::kVisibleString, "Example CA")) continue;
    EXPECT_EQ(CanonicalName(samples[i]).has_value(), theirs != nullptr) << "sample " << i;
  }
}

TEST(Name, TwoAreEqualExactlyIfLibcryptoSaysSo) {
  const std::vector<Bytes> samples = Samples();
  int equal = 0;
  for (std::size_t a = 0; a < samples.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      const X509NamePtr their_a = Parse(samples[a]);
      const X509NamePtr their_b = Parse(samples[b]);
      if (their_a == nullptr || their_b == nullptr) continue;
      const bool theirs = X509_NAME_cmp(their_a.get(), their_b.get()) == 0;
      EXPECT_EQ(CanonicalName(samples[a]) == CanonicalName(samples[b]), theirs)
          << "samples " << a << " and " << b;
      if (theirs) ++equal;
    }
  }
  EXPECT_GT(equal, 20);
}

TEST(Name, HashesAreThoseOfHashedDirectories) {
  for (const Bytes& sample : Samples()) {
    const X509NamePtr theirs = Parse(sample);
    const auto ours = CanonicalName(sample);
    if (theirs == nullptr || !ours) continue;
    EXPECT_EQ(NameHash(*ours), LibcryptoHash(theirs.get()));
  }
}

TEST(Name, OnlyOneWholeNameIsRead) {
  const Bytes name = NameDer("Root");
  EXPECT_TRUE(CanonicalName(name));
  EXPECT_FALSE(CanonicalName({}));
  EXPECT_FALSE(CanonicalName(Concatenate(name, Bytes(1))));
  EXPECT_FALSE(CanonicalName(Concatenate(name, name)));
  for (std::size_t size = 0; size < name.size(); ++size) {
    const Bytes cut(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(CanonicalName(cut)) << size;
  }
  EXPECT_FALSE(CanonicalName(RdnDer({AttributeDer(kCommonName, der::kUtf8String, "x")})));
}

TEST(Name, VisibleStringIsFoldedLikeTheOthers) {
  EXPECT_EQ(CanonicalName(Name(der::kVisibleString, " Example  CA")),
            CanonicalName(Name(der::kUtf8String, "example ca")));
}

#ifndef __APPLE__  // whose roots are in no file
TEST(Name, EveryRootOfThisMachineHasLibcryptosHash) {
  for (const BundleLocation& location : SystemBundles()) {
    std::ifstream stream(location.bundle, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    if (text.empty()) continue;
    const Bundle bundle = ReadBundle(AsBytes(text), location.bundle);
    EXPECT_TRUE(bundle.problems.empty());
    for (const TrustedCertificate& certificate : bundle.certificates) {
      const auto* data = reinterpret_cast<const unsigned char*>(certificate.der.data());
      const X509Ptr theirs(d2i_X509(nullptr, &data, static_cast<long>(certificate.der.size())));
      ASSERT_NE(theirs, nullptr);
      EXPECT_EQ(NameHash(certificate.canonical_subject),
                LibcryptoHash(X509_get_subject_name(theirs.get())));
      EXPECT_EQ(certificate.self_issued, X509_NAME_cmp(X509_get_subject_name(theirs.get()),
                                                       X509_get_issuer_name(theirs.get())) == 0);
    }
  }
}
#endif

}  // namespace
}  // namespace ostrust::platform
