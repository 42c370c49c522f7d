// Which key signed a list is found once for each, and never believed of an index that was damaged.
#include "platform/revocation_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "certificates.hpp"
#include "list_medium.hpp"
#include "platform/der.hpp"
#include "revocation_lists.hpp"

namespace ostrust::platform {
namespace {

class RevocationListSigned : public testing::Test {
 protected:
  RevocationListSigned() {
    parts_.extensions = CrlNumber(1);
    list_ = MakeList(parts_);
    medium_.bytes = *IndexRevocationList(list_);
  }
  std::shared_ptr<const RevocationList> Load(std::vector<Bytes> believed = {}) {
    return RevocationList::FromIndex(medium_.Open(), std::move(believed));
  }
  /// Of more than kCheckedAgain bytes.
  void MakeLarge() {
    const Bytes entry = Revoked(3, CeExtension(99, Bytes(60 << 10)));
    while (parts_.entries.size() <= kCheckedAgain) {
      parts_.entries.insert(parts_.entries.end(), entry.begin(), entry.end());
    }
    list_ = MakeList(parts_);
    medium_.bytes = *IndexRevocationList(list_);
  }

  ListParts parts_ = PartsOf("CA", Join({Revoked(1), Revoked(2, CertificateIssuer("A")), Revoked(3),
                                         Revoked(4, UnknownExtension(true)), Revoked(5)}));
  Bytes list_;
  Medium medium_;
};

TEST_F(RevocationListSigned, TheKeyThatSignedAndNoOther) {
  for (const auto& list : {RevocationList::FromDer(list_), Load()}) {
    ASSERT_TRUE(list);
    EXPECT_TRUE(list->SignedBy().empty());
    EXPECT_FALSE(list->IsSignedBy(AsBytes("other"), CheckOf("other"), false));
    EXPECT_TRUE(list->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
    EXPECT_FALSE(list->IsSignedBy(AsBytes("other"), CheckOf("other"), true));
    EXPECT_EQ(list->SignedBy(), std::vector<Bytes>{ToBytes("key")});
  }
}

TEST_F(RevocationListSigned, WhatWasFoundIsRememberedForEachKey) {
  int calls = 0;
  int other_calls = 0;
  const auto list = Load();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(list->IsSignedBy(AsBytes("key"), Counting(calls), i == 1));
    EXPECT_FALSE(list->IsSignedBy(AsBytes("other"), Counting(other_calls, "other"), i == 1));
  }
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(other_calls, 1);
  // Of too many keys the oldest are forgotten, and that is all.
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(list->IsSignedBy(AsBytes(std::to_string(i)), CheckOf(""), false));
  }
  EXPECT_TRUE(list->IsSignedBy(AsBytes("key"), Counting(calls), false));
  EXPECT_EQ(calls, 2);
}

TEST_F(RevocationListSigned, ThatAKeyDidNotSignIsForgottenAfterAMinute) {
  const auto list = Load();
  const auto start = std::chrono::steady_clock::now();
  // As when OpenSSL has no memory for it.
  EXPECT_FALSE(list->IsSignedBy(AsBytes("key"), CheckOf("other"), false, {}, start));
  int calls = 0;
  const auto at = [&](std::chrono::seconds after) {
    return list->IsSignedBy(AsBytes("key"), Counting(calls), false, {}, start + after);
  };
  EXPECT_FALSE(at(std::chrono::seconds(59)));
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(at(std::chrono::seconds(60)));
  EXPECT_TRUE(at(std::chrono::hours(24)));
  EXPECT_EQ(calls, 1);
}

TEST_F(RevocationListSigned, WhatOneVerifierFoundIsNoAnswerToAnother) {
  const auto list = Load();
  int calls = 0;
  // As in a library context that may not verify this kind of signature.
  EXPECT_FALSE(list->IsSignedBy(AsBytes("key"), CheckOf("other"), false, "fips"));
  EXPECT_TRUE(list->SignedBy().empty());
  EXPECT_TRUE(list->IsSignedBy(AsBytes("key"), Counting(calls), false, "default"));
  EXPECT_FALSE(list->IsSignedBy(AsBytes("key"), Counting(calls), false, "fips"));
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(list->IsSignedBy(AsBytes("key"), Counting(calls), false, "third"));
  EXPECT_EQ(list->SignedBy(), std::vector<Bytes>{ToBytes("key")});
}

TEST_F(RevocationListSigned, WhatIsGoneIsNotSignedAndThatIsNotRemembered) {
  int calls = 0;
  const auto list = Load();
  medium_.gone = true;
  EXPECT_FALSE(list->IsSignedBy(AsBytes("key"), Counting(calls), false));
  EXPECT_FALSE(list->ExcerptFor(SerialNumber(1)));
  EXPECT_FALSE(list->Index());
  EXPECT_FALSE(Load());
  medium_.gone = false;
  EXPECT_TRUE(list->IsSignedBy(AsBytes("key"), Counting(calls), false));
  EXPECT_TRUE(list->ExcerptFor(SerialNumber(1)));
  EXPECT_EQ(*list->Index(), medium_.bytes);
  EXPECT_EQ(calls, 1);
}

TEST_F(RevocationListSigned, ALargeListIsReadAgainUnlessTheKeyIsBelieved) {
  const std::vector<Bytes> believed = {ToBytes("some"), ToBytes("key")};
  int calls = 0;
  // A small one always is.
  EXPECT_TRUE(Load(believed)->IsSignedBy(AsBytes("key"), Counting(calls), false));
  EXPECT_EQ(calls, 1);
  MakeLarge();
  EXPECT_TRUE(Load({})->IsSignedBy(AsBytes("key"), Counting(calls), false));
  EXPECT_EQ(calls, 2);
  medium_.read = 0;
  EXPECT_TRUE(Load(believed)->IsSignedBy(AsBytes("key"), Counting(calls), false));
  EXPECT_EQ(calls, 2);
  EXPECT_LT(medium_.read, 1000U);
  EXPECT_TRUE(Load(believed)->IsSignedBy(AsBytes("key"), Counting(calls), true));
  EXPECT_EQ(calls, 3);
  // Another key, which nobody has found to have signed it.
  EXPECT_FALSE(Load(believed)->IsSignedBy(AsBytes("other"), Counting(calls, "other"), false));
  EXPECT_EQ(calls, 4);
}

TEST_F(RevocationListSigned, ThreadsAskAtOnce) {
  const auto list = RevocationList::FromDer(list_);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const std::string key = i % 2 == 0 ? "key" : "other " + std::to_string(i);
        if (list->IsSignedBy(AsBytes(key), CheckOf(key), false) != (i % 2 == 0)) ++wrong;
        if (!list->ExcerptFor(SerialNumber(1))) ++wrong;
        static_cast<void>(list->SignedBy());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// --- Hostile indexes

/// Whatever is in the medium: no crash, and what is signed hides nothing.
void ExpectHarmless(Medium& medium, const std::vector<std::pair<Bytes, Bytes>>& excerpts,
                    int& signed_ones) {
  const auto list = RevocationList::FromIndex(medium.Open(), {});
  if (list == nullptr) return;
  std::vector<std::optional<Bytes>> found;
  for (const auto& [serial, wanted] : excerpts) found.push_back(list->ExcerptFor(serial));
  if (!list->IsSignedBy(AsBytes("key"), CheckOf("key"), false)) return;
  ++signed_ones;
  for (std::size_t i = 0; i < excerpts.size(); ++i) EXPECT_EQ(found[i], excerpts[i].second);
}

TEST_F(RevocationListSigned, AnIndexThatIsChangedAnywhereHidesNothing) {
  std::vector<std::pair<Bytes, Bytes>> excerpts;
  const auto good = RevocationList::FromDer(list_);
  for (std::uint64_t serial = 0; serial < 7; ++serial) {
    excerpts.emplace_back(SerialNumber(serial), *good->ExcerptFor(SerialNumber(serial)));
  }
  int signed_ones = 0;
  ExpectHarmless(medium_, excerpts, signed_ones);
  ASSERT_EQ(signed_ones, 1);
  const Bytes index = medium_.bytes;
  for (std::size_t i = 0; i < index.size(); ++i) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff, -1, -2}) {
      std::byte changed = static_cast<std::byte>(value);
      if (value == -1) changed = static_cast<std::byte>(std::to_integer<int>(index[i]) + 1);
      if (value == -2) changed = static_cast<std::byte>(std::to_integer<int>(index[i]) - 1);
      if (changed == index[i]) continue;
      medium_.bytes = index;
      medium_.bytes[i] = changed;
      ExpectHarmless(medium_, excerpts, signed_ones);
    }
  }
  EXPECT_EQ(signed_ones, 1) << "one that was changed was believed";
}

TEST_F(RevocationListSigned, AnIndexThatIsCutOrLongerIsNoneAndSoIsOneThatShrinks) {
  const Bytes index = medium_.bytes;
  for (std::size_t size = 0; size < index.size(); ++size) {
    medium_.bytes.assign(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(Load()) << size;
  }
  medium_.bytes = Concatenate(index, ByteView(index).first(4));
  EXPECT_FALSE(Load());
  medium_.bytes = index;
  const auto list = Load();
  ASSERT_TRUE(list);
  medium_.bytes.pop_back();
  EXPECT_FALSE(list->ExcerptFor(SerialNumber(1)));
  EXPECT_FALSE(list->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
}

TEST_F(RevocationListSigned, TheTablesOfAnotherListAreNotBelieved) {
  // Two lists of the same sizes: the index of one around the other hides what was revoked.
  const Bytes other_list = MakeList(PartsOf("CA", Join({Revoked(1), Revoked(2), Revoked(3)})));
  const Bytes list = MakeList(PartsOf("CA", Join({Revoked(3), Revoked(2), Revoked(1)})));
  const Bytes other = *IndexRevocationList(other_list);
  medium_.bytes = *IndexRevocationList(list);
  ASSERT_EQ(other.size(), medium_.bytes.size());
  EXPECT_TRUE(Load()->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
  std::copy(other.end() - 12, other.end(), medium_.bytes.end() - 12);
  const auto indexed = Load();
  ASSERT_TRUE(indexed);
  int calls = 0;
  EXPECT_FALSE(indexed->IsSignedBy(AsBytes("key"), Counting(calls), false));
  EXPECT_EQ(calls, 0);
}

TEST_F(RevocationListSigned, AnIndexThatChangedAfterItsHeadWasReadIsNotBelieved) {
  const auto list = Load();
  ListParts newer = parts_;
  newer.this_update = "260102000000Z";
  medium_.bytes = *IndexRevocationList(MakeList(newer));
  // The same size, well-formed and signed; but the excerpts would be of both.
  EXPECT_FALSE(list->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
  EXPECT_TRUE(Load()->IsSignedBy(AsBytes("key"), CheckOf("key"), false));
}

TEST_F(RevocationListSigned, EntriesThatOverlapInTheTableMakeNoEndlessExcerpt) {
  // An entry in an entry: found twice, in a table that says so.
  const Bytes inner = Revoked(1);
  parts_ = PartsOf("CA", Join({Revoked(1, CeExtension(99, inner)), Revoked(1)}));
  list_ = MakeList(parts_);
  medium_.bytes = *IndexRevocationList(list_);
  const std::string_view text = AsText(medium_.bytes);
  const std::size_t offset = text.find(AsText(inner)) - 52;
  std::byte* const second = medium_.bytes.data() + medium_.bytes.size() - 4;
  for (int i = 0; i < 4; ++i) second[i] = static_cast<std::byte>(offset >> (8 * i) & 0xff);
  const auto list = Load();
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->ExcerptFor(SerialNumber(1)));
}

}  // namespace
}  // namespace ostrust::platform
