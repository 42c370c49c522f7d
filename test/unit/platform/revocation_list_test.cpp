// An excerpt says of one certificate what the whole list says, however the index is damaged.
#include "platform/revocation_list.hpp"

#include <gtest/gtest.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "certificates.hpp"
#include "list_medium.hpp"
#include "platform/der.hpp"
#include "revocation_lists.hpp"

namespace ostrust::platform {
namespace {

using namespace std::string_view_literals;

constexpr std::int64_t kNewYear = 1'767'225'600;  // 2026
constexpr std::int64_t kWeek = 604'800;
constexpr std::ptrdiff_t kSignatureSize = 20;

/// `list` with these entries instead of its own: what an excerpt should be.
Bytes Excerpt(ListParts parts, const Bytes& list, const Bytes& entries) {
  parts.entries = entries;
  Bytes wanted = MakeList(parts);
  // The signature, which stands at the end, is that of the whole list.
  std::copy(list.end() - kSignatureSize, list.end(), wanted.end() - kSignatureSize);
  return wanted;
}

struct CrlDeleter {
  void operator()(X509_CRL* crl) const { X509_CRL_free(crl); }
};
using CrlPtr = std::unique_ptr<X509_CRL, CrlDeleter>;

CrlPtr Parse(ByteView list) {
  const auto* data = reinterpret_cast<const unsigned char*>(list.data());
  CrlPtr crl(d2i_X509_CRL(nullptr, &data, static_cast<long>(list.size())));
  return data == reinterpret_cast<const unsigned char*>(list.data()) + list.size() ? std::move(crl)
                                                                                   : nullptr;
}

/// What OpenSSL says of a certificate: 0, 1 (revoked) or 2 (removed), and the reason.
std::pair<int, int> Lookup(ByteView list, X509* certificate) {
  const CrlPtr crl = Parse(list);
  if (crl == nullptr) return {-1, -1};
  X509_REVOKED* revoked = nullptr;
  const int result = X509_CRL_get0_by_cert(crl.get(), &revoked, certificate);
  if (result == 0) return {0, -1};
  auto* reason = static_cast<ASN1_ENUMERATED*>(
      X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, nullptr, nullptr));
  const std::pair found(result,
                        reason != nullptr ? static_cast<int>(ASN1_ENUMERATED_get(reason)) : -1);
  ASN1_ENUMERATED_free(reason);
  return found;
}

// --- Reading

TEST(RevocationListReading, EveryFieldIsRead) {
  ListParts parts = PartsOf("CA", Join({Revoked(1), Revoked(2)}));
  parts.extensions = CrlNumber(0x1234);
  const Bytes list = MakeList(parts);
  const auto fields = ReadRevocationList(list);
  ASSERT_TRUE(fields);
  EXPECT_EQ(AsText(fields->issuer), AsText(NameDer("CA")));
  EXPECT_EQ(fields->this_update, kNewYear);
  EXPECT_EQ(fields->next_update, kNewYear + kWeek);
  EXPECT_EQ(AsText(fields->entries), AsText(parts.entries));
  EXPECT_EQ(AsText(fields->number), "\x12\x34");
  EXPECT_FALSE(fields->is_delta);
  EXPECT_EQ(fields->signature.size(), 20U);
  EXPECT_EQ(AsText(fields->signature_algorithm),
            "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02");
  EXPECT_TRUE(CheckOf("key")(fields->to_be_signed, fields->signature_algorithm, fields->signature));
  EXPECT_FALSE(
      CheckOf("other")(fields->to_be_signed, fields->signature_algorithm, fields->signature));
}

TEST(RevocationListReading, WhatIsOptionalMayBeMissing) {
  ListParts parts = PartsOf("CA");
  parts.next_update = {};
  const auto fields = ReadRevocationList(MakeList(parts));
  ASSERT_TRUE(fields);
  EXPECT_FALSE(fields->next_update);
  EXPECT_TRUE(fields->entries.empty());
  EXPECT_TRUE(fields->number.empty());
}

TEST(RevocationListReading, ADeltaIsToldFromABase) {
  ListParts parts = PartsOf("CA", Revoked(1));
  parts.extensions = Join({CrlNumber(8), DeltaCrlIndicator(7)});
  const Bytes list = MakeList(parts);
  ASSERT_TRUE(ReadRevocationList(list));
  EXPECT_TRUE(ReadRevocationList(list)->is_delta);
  EXPECT_EQ(AsText(ReadRevocationList(list)->number), "\x08");
  EXPECT_TRUE(RevocationList::FromDer(list)->IsDelta());
}

TEST(RevocationListReading, TimesAreThoseOfRfc5280AndNothingElse) {
  for (const std::string_view text :
       {"260101000000Z", "700101000000Z", "691231235959Z", "500101000000Z", "491231235959Z",
        "240229120000Z", "000229235959Z"}) {
    ListParts parts = PartsOf("CA");
    parts.this_update = text;
    const Bytes list = MakeList(parts);
    const auto fields = ReadRevocationList(list);
    ASSERT_TRUE(fields) << text;
    tm broken_down{};
    ASSERT_EQ(ASN1_TIME_to_tm(X509_CRL_get0_lastUpdate(Parse(list).get()), &broken_down), 1);
    EXPECT_EQ(fields->this_update, timegm(&broken_down)) << text;
  }
  for (const std::string_view text :
       {"2601010000Z", "260101000000", "260101000000+0000", "261301000000Z", "260001000000Z",
        "260230000000Z", "250229000000Z", "260101240000Z", "260101006000Z", "260101000060Z",
        "26010100000 Z", "2601010000-1Z", ""}) {
    ListParts parts = PartsOf("CA");
    parts.this_update = text;
    EXPECT_FALSE(ReadRevocationList(MakeList(parts))) << text;
    parts.this_update = "260101000000Z";
    if (!text.empty()) parts.next_update = text;
    EXPECT_EQ(ReadRevocationList(MakeList(parts)).has_value(), text.empty()) << text;
  }
}

TEST(RevocationListReading, WhatIsNotExactlyOneListIsRefused) {
  const Bytes list = MakeList(PartsOf("CA", Join({Revoked(1), Revoked(2, ReasonCode(1))})));
  ASSERT_TRUE(ReadRevocationList(list));
  for (std::size_t size = 0; size < list.size(); ++size) {
    // A copy of exactly this size, so that AddressSanitizer sees a read behind it.
    const Bytes cut(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(ReadRevocationList(cut)) << size;
  }
  EXPECT_FALSE(ReadRevocationList(Concatenate(list, ByteView(list).first(1))));
  EXPECT_FALSE(ReadRevocationList(MakeRoot("CA")));
}

TEST(RevocationListReading, TheTwoAlgorithmsMustBeTheSame) {
  Bytes list = MakeList(PartsOf("CA"));
  const std::string_view text = AsText(list);
  const std::string_view oid = "\x2a\x86\x48\xce\x3d\x04\x03\x02";
  const std::size_t outer = text.rfind(oid);
  ASSERT_NE(outer, text.find(oid));
  list[outer + 7] = std::byte{3};
  EXPECT_FALSE(ReadRevocationList(list));
  list[outer + 7] = std::byte{2};
  EXPECT_TRUE(ReadRevocationList(list));
}

TEST(RevocationListReading, EveryEntryMustBeWellFormed) {
  const Bytes good = Revoked(1);
  const Bytes twice_a_reason = Join({ReasonCode(1), ReasonCode(1)});
  const Bytes twice_an_issuer = Join({CertificateIssuer("A"), CertificateIssuer("A")});
  const std::pair<const char*, Bytes> bad[] = {
      {"not a sequence", ToBytes("\x02\x01\x01"sv)},
      {"an empty one", ToBytes("\x30\x00"sv)},
      {"no time", ToBytes("\x30\x03\x02\x01\x01"sv)},
      {"an empty number", Revoked(Bytes())},
      {"a number that is not minimal", Revoked(ToBytes("\x00\x01"sv))},
      {"a negative one", Revoked(ToBytes("\xff\x80"sv))},
      {"extensions that are none", Revoked(2, ToBytes("\x05\x00"sv))},
      {"a reason that is none", Revoked(2, CeExtension(21, ToBytes("\x02\x01\x01"sv)))},
      {"two reasons", Revoked(2, twice_a_reason)},
      {"two issuers", Revoked(2, twice_an_issuer)},
      {"an issuer that is none", Revoked(2, CeExtension(29, ToBytes("\x05\x00"sv), true))},
      {"too large", Revoked(2, CeExtension(99, Bytes(64 << 10)))},
  };
  for (const auto& [name, entry] : bad) {
    for (const Bytes& entries : {entry, Join({good, entry}), Join({entry, good})}) {
      EXPECT_FALSE(ReadRevocationList(MakeList(PartsOf("CA", entries)))) << name;
      EXPECT_FALSE(IndexRevocationList(MakeList(PartsOf("CA", entries)))) << name;
    }
  }
  EXPECT_TRUE(ReadRevocationList(MakeList(PartsOf("CA", good))));
  for (const Bytes& entry :
       {Revoked(ToBytes("\x80"sv)), Revoked(ToBytes("\x00\x80"sv)), Revoked(2, InvalidityDate()),
        Revoked(2, CeExtension(99, Bytes(63 << 10)))}) {
    EXPECT_TRUE(ReadRevocationList(MakeList(PartsOf("CA", entry))));
  }
}

TEST(RevocationListReading, WhatStandsBesideTheEntriesIsLimited) {
  ListParts parts = PartsOf("CA", Revoked(1));
  parts.extensions = CeExtension(99, Bytes(255 << 10));
  EXPECT_TRUE(ReadRevocationList(MakeList(parts)));
  parts.extensions = CeExtension(99, Bytes(256 << 10));
  EXPECT_FALSE(ReadRevocationList(MakeList(parts)));
}

TEST(RevocationListReading, AListThatIsTooLongHasNoIndex) {
  // One entry, again and again.
  const Bytes entry = Revoked(1, CeExtension(99, Bytes(60 << 10)));
  Bytes entries;
  entries.reserve(kMaxRevocationList);
  while (entries.size() + entry.size() < kMaxRevocationList) {
    entries.insert(entries.end(), entry.begin(), entry.end());
  }
  // And one that fills it up.
  const std::size_t around = MakeList(PartsOf("CA", Bytes(1 << 24))).size() - (1 << 24);
  const std::size_t rest = kMaxRevocationList - around - entries.size();
  const std::size_t overhead = Revoked(Bytes(1000, std::byte{1})).size() - 1000;
  ASSERT_GT(rest, 1000U);
  for (const std::size_t more : {0, 1}) {
    const Bytes last = Revoked(Bytes(rest - overhead + more, std::byte{1}));
    ListParts parts = PartsOf("CA", Concatenate(entries, last));
    parts.key = {};
    const Bytes list = MakeList(parts);
    ASSERT_EQ(list.size(), kMaxRevocationList + more);
    EXPECT_EQ(IndexRevocationList(list).has_value(), more == 0);
    EXPECT_EQ(RevocationList::FromDer(list) != nullptr, more == 0);
  }
}

// --- Excerpts

TEST(RevocationListExcerpt, ItHasTheEntryAndNoOther) {
  ListParts parts = PartsOf("CA", Join({Revoked(300), Revoked(5, ReasonCode(1)), Revoked(0x800001),
                                        Revoked(7, UnknownExtension(false))}));
  parts.extensions = CrlNumber(1);
  const Bytes list = MakeList(parts);
  const auto indexed = RevocationList::FromDer(list);
  ASSERT_TRUE(indexed);
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(300)), Excerpt(parts, list, Revoked(300)));
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(5)), Excerpt(parts, list, Revoked(5, ReasonCode(1))));
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(0x800001)), Excerpt(parts, list, Revoked(0x800001)));
  for (const std::uint64_t other : {0, 1, 6, 299, 301, 0x800000, 0x800002}) {
    EXPECT_EQ(indexed->ExcerptFor(SerialNumber(other)), Excerpt(parts, list, {})) << other;
  }
  EXPECT_EQ(indexed->ExcerptFor({}), Excerpt(parts, list, {}));
}

TEST(RevocationListExcerpt, FieldsAreThoseOfTheList) {
  ListParts parts = PartsOf("CA", Revoked(300));
  parts.extensions = CrlNumber(0x1234);
  for (const Bytes& entries : {Bytes(), Revoked(300)}) {
    parts.entries = entries;
    const auto list = RevocationList::FromDer(MakeList(parts));
    ASSERT_TRUE(list);
    EXPECT_EQ(AsText(list->Issuer()), AsText(NameDer("CA")));
    EXPECT_EQ(list->ThisUpdate(), kNewYear);
    EXPECT_EQ(list->NextUpdate(), kNewYear + kWeek);
    EXPECT_EQ(AsText(list->Number()), "\x12\x34");
    EXPECT_FALSE(list->IsDelta());
  }
}

TEST(RevocationListExcerpt, AnEmptySequenceOfEntriesIsReadAndLeftOut) {
  // As some CAs write it.
  ListParts parts = PartsOf("CA");
  parts.next_update = {};
  const Bytes without = MakeList(parts);
  Bytes content;
  const auto fields = ReadRevocationList(without);
  DerReader reader(DerReader(fields->to_be_signed).Next()->content);
  const ByteView inner = reader.Rest();
  content.assign(inner.begin(), inner.end());
  AppendDer(der::kSequence, {}, content);
  Bytes list;
  AppendDer(der::kSequence, content, list);
  const Bytes behind(without.begin() + static_cast<std::ptrdiff_t>(2 + fields->to_be_signed.size()),
                     without.end());
  const Bytes all = Concatenate(list, behind);
  list.clear();
  AppendDer(der::kSequence, all, list);
  ASSERT_TRUE(Parse(list));
  const auto indexed = RevocationList::FromDer(list);
  ASSERT_TRUE(indexed);
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(1)), without);
}

TEST(RevocationListExcerpt, ASerialNumberThatIsThereTwiceIsFoundTwiceInTheListsOrder) {
  const Bytes first = Revoked(5, ReasonCode(8));
  const Bytes second = Revoked(5, ReasonCode(1));
  ListParts parts = PartsOf("CA", Join({Revoked(6), first, Revoked(4), second, Revoked(7)}));
  const Bytes list = MakeList(parts);
  EXPECT_EQ(RevocationList::FromDer(list)->ExcerptFor(SerialNumber(5)),
            Excerpt(parts, list, Join({first, second})));
}

TEST(RevocationListExcerpt, ASerialNumberThatIsThereWithoutEndHasNone) {
  // It would be made, and parsed by OpenSSL, before anybody has looked at the signature.
  Bytes entries;
  const Bytes entry = Revoked(5);
  while (entries.size() + entry.size() <= 1 << 20) {
    entries.insert(entries.end(), entry.begin(), entry.end());
  }
  const auto excerpt_of = [](const Bytes& all, std::uint64_t serial_number) {
    return RevocationList::FromDer(MakeList(PartsOf("CA", all)))
        ->ExcerptFor(SerialNumber(serial_number));
  };
  EXPECT_TRUE(excerpt_of(entries, 5));
  const Bytes more = Concatenate(entries, entry);
  EXPECT_FALSE(excerpt_of(more, 5));
  EXPECT_TRUE(excerpt_of(more, 6));
  // Nor with those that say who issued each.
  Bytes indirect;
  for (std::uint64_t i = 0; indirect.size() < 3 << 19; ++i) {
    const Bytes naming = Revoked(1000 + i, CertificateIssuer("CA of many certificates"));
    indirect.insert(indirect.end(), naming.begin(), naming.end());
    indirect.insert(indirect.end(), entry.begin(), entry.end());
  }
  EXPECT_FALSE(excerpt_of(indirect, 5));
  EXPECT_TRUE(excerpt_of(indirect, 1000));
}

TEST(RevocationListExcerpt, OfAnIndirectListItSaysWhoIssuedWhat) {
  const Bytes a = Revoked(1, CertificateIssuer("A"));
  const Bytes b = Revoked(2, CertificateIssuer("B"));
  ListParts parts = PartsOf("CA", Join({Revoked(5), a, Revoked(3), Revoked(5), b, Revoked(3),
                                        Revoked(5, ReasonCode(1)), Revoked(6)}));
  parts.extensions = IndirectCrl();
  const Bytes list = MakeList(parts);
  const auto indexed = RevocationList::FromDer(list);
  // The first 5 is the CA's own.
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(5)),
            Excerpt(parts, list, Join({Revoked(5), a, Revoked(5), b, Revoked(5, ReasonCode(1))})));
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(3)),
            Excerpt(parts, list, Join({a, Revoked(3), b, Revoked(3)})));
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(6)), Excerpt(parts, list, Join({b, Revoked(6)})));
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(1)), Excerpt(parts, list, a));
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(4)), Excerpt(parts, list, {}));
}

TEST(RevocationListExcerpt, OneEntryThatIsNotUnderstoodIsInEvery) {
  const Bytes odd = Revoked(9, UnknownExtension(true));
  ListParts parts =
      PartsOf("CA", Join({Revoked(1), odd, Revoked(2), Revoked(10, UnknownExtension(true))}));
  const Bytes list = MakeList(parts);
  const auto indexed = RevocationList::FromDer(list);
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(1)), Excerpt(parts, list, Join({Revoked(1), odd})));
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(2)), Excerpt(parts, list, Join({odd, Revoked(2)})));
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(9)), Excerpt(parts, list, odd));
  EXPECT_EQ(indexed->ExcerptFor(SerialNumber(77)), Excerpt(parts, list, odd));
}

TEST(RevocationListExcerpt, OneThatIsCriticalAlthoughItNeedNotBeIsInEvery) {
  // OpenSSL refuses the whole list for it.
  for (const Bytes& extension : {ReasonCode(1, true), InvalidityDate(true)}) {
    const Bytes odd = Revoked(9, extension);
    ListParts parts = PartsOf("CA", odd);
    const Bytes list = MakeList(parts);
    EXPECT_EQ(RevocationList::FromDer(list)->ExcerptFor(SerialNumber(1)),
              Excerpt(parts, list, odd));
  }
}

TEST(RevocationListExcerpt, WhatIsUnderstoodOrNotCriticalIsNotInTheOthers) {
  for (const Bytes& extension : {ReasonCode(1, false), InvalidityDate(false),
                                 UnknownExtension(false), CertificateIssuer("A")}) {
    ListParts parts = PartsOf("CA", Revoked(9, extension));
    const Bytes list = MakeList(parts);
    EXPECT_EQ(RevocationList::FromDer(list)->ExcerptFor(SerialNumber(1)), Excerpt(parts, list, {}));
  }
}

TEST(RevocationListExcerpt, OpenSslSaysOfItWhatItSaysOfTheWholeList) {
  std::mt19937 random(1);
  const auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  std::vector<X509Ptr> certificates;
  constexpr std::string_view kIssuers[] = {"CA", "A", "B"};
  for (const std::string_view issuer : kIssuers) {
    for (long serial = 0; serial < 12; ++serial) {
      const Bytes der = MakeIssued("leaf", issuer, serial);
      const auto* data = reinterpret_cast<const unsigned char*>(der.data());
      certificates.emplace_back(d2i_X509(nullptr, &data, static_cast<long>(der.size())));
    }
  }
  int revoked = 0;
  int removed = 0;
  int not_listed = 0;
  for (int round = 0; round < 150; ++round) {
    // Each pair of issuer and number once: of two OpenSSL takes any.
    std::vector<std::pair<unsigned, unsigned>> pairs;
    for (unsigned issuer = 0; issuer < 3; ++issuer) {
      for (unsigned serial = 0; serial < 10; ++serial) {
        if (pick(3) == 0) pairs.emplace_back(issuer, serial);
      }
    }
    // Of the CA's own the first; later ones need its name.
    std::stable_sort(pairs.begin(), pairs.end(),
                     [](const auto& a, const auto& b) { return a.first == 0 && b.first != 0; });
    std::vector<Bytes> entries;
    unsigned current = 0;
    for (const auto& [issuer, serial] : pairs) {
      Bytes extensions;
      if (issuer != current || pick(4) == 0) extensions = CertificateIssuer(kIssuers[issuer]);
      current = issuer;
      if (pick(2) == 0) {
        extensions = Concatenate(extensions, ReasonCode(pick(4) == 0 ? 8 : 1));
      }
      entries.push_back(Revoked(serial, extensions));
    }
    ListParts parts = PartsOf("CA", Join(entries));
    parts.extensions = IndirectCrl();
    const Bytes list = MakeList(parts);
    const auto indexed = RevocationList::FromDer(list);
    ASSERT_TRUE(indexed);
    for (const X509Ptr& certificate : certificates) {
      const ASN1_INTEGER* const serial = X509_get0_serialNumber(certificate.get());
      const ByteView content = std::as_bytes(
          std::span(ASN1_STRING_get0_data(serial), static_cast<std::size_t>(serial->length)));
      // Zero is no content in OpenSSL's object.
      const auto excerpt = indexed->ExcerptFor(content.empty() ? SerialNumber(0) : content);
      ASSERT_TRUE(excerpt);
      const auto wanted = Lookup(list, certificate.get());
      EXPECT_EQ(Lookup(*excerpt, certificate.get()), wanted) << round;
      revoked += wanted.first == 1;
      removed += wanted.first == 2;
      not_listed += wanted.first == 0;
    }
  }
  EXPECT_GT(revoked, 100);
  EXPECT_GT(removed, 10);
  EXPECT_GT(not_listed, 100);
}

TEST(RevocationListExcerpt, LongNumbersAndManyThatBeginAlikeAreFound) {
  std::vector<Bytes> serials;
  for (const std::size_t size : {1, 2, 7, 8, 20, 60, 254, 255, 256, 300, 40'000}) {
    for (const int first : {1, 2, 0x7f}) {
      for (const int last : {0, 1, 2}) {
        Bytes serial(size, std::byte{0});
        serial.back() = static_cast<std::byte>(last);
        serial.front() = static_cast<std::byte>(first);
        serials.push_back(std::move(serial));
      }
    }
  }
  std::sort(serials.begin(), serials.end());
  serials.erase(std::unique(serials.begin(), serials.end()), serials.end());
  std::shuffle(serials.begin(), serials.end(), std::mt19937(2));
  Bytes entries;
  for (const Bytes& serial : serials) entries = Concatenate(entries, Revoked(serial));
  ListParts parts = PartsOf("CA", entries);
  const Bytes list = MakeList(parts);
  const auto indexed = RevocationList::FromDer(list);
  ASSERT_TRUE(indexed);
  for (const Bytes& serial : serials) {
    EXPECT_TRUE(indexed->ExcerptFor(serial) == Excerpt(parts, list, Revoked(serial)))
        << serial.size();
  }
}

TEST(RevocationListExcerpt, OfAMillionEntriesEachIsFoundByReadingLittle) {
  constexpr std::uint64_t kCount = 1'000'000;
  // Each number once, in no order, and as many that are not there.
  const auto serial_of = [](std::uint64_t i) {
    return SerialNumber(0x4000'0000'0000'0000 + i * 0x9e37'79b9'7f4a'7c15 % 0x3fff'ffff'ffff'ffff);
  };
  ListParts parts = PartsOf("CA");
  Bytes& entries = parts.entries;
  entries.reserve(kCount * 32);
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const Bytes serial = serial_of(2 * i);
    AppendDerHeader(der::kSequence, DerHeaderSize(0) + serial.size() + 15, entries);
    AppendDer(der::kInteger, serial, entries);
    AppendDer(der::kUtcTime, AsBytes("250601000000Z"), entries);
  }
  const Bytes list = MakeList(parts);
  Medium medium;
  auto index = IndexRevocationList(list);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->size(), list.size() + 4 * kCount + 52);
  medium.bytes = std::move(*index);
  const auto indexed = RevocationList::FromIndex(medium.Open(), {});
  ASSERT_TRUE(indexed);
  EXPECT_LT(medium.read, 1000U);
  ASSERT_TRUE(indexed->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
  const Bytes nothing = Excerpt(parts, list, {});
  medium.read = 0;
  std::uint64_t looked_for = 0;
  for (std::uint64_t i = 0; i < kCount; i += i < 100 || i > kCount - 200 ? 1 : 997) {
    ++looked_for;
    EXPECT_EQ(indexed->ExcerptFor(serial_of(2 * i)),
              Excerpt(PartsOf("CA"), list, Revoked(serial_of(2 * i))))
        << i;
    EXPECT_EQ(indexed->ExcerptFor(serial_of(2 * i + 1)), nothing) << i;
  }
  EXPECT_LT(medium.read / looked_for, 5000U);
}

}  // namespace
}  // namespace ostrust::platform
