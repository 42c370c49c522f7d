// What is asked again and what is not, with a verifier and clocks that the test sets.
#include "platform/verdict_cache.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace ostrust::platform {
namespace {

using namespace std::chrono_literals;

constexpr std::time_t kNow = 1'700'000'000;

// The clocks; function pointers have no state of their own.
VerdictCache::SteadyTime steady_now;
std::time_t now;

class Scripted final : public ChainVerifier {
 public:
  struct Script {
    std::atomic<int> asked{0};
    ChainError error = ChainError::kNone;
    std::vector<ChainFinding> others = {};
    std::size_t chain_size = 3;
    std::function<void()> meanwhile = [] {};
  };
  explicit Scripted(Script& script) : script_(script) {}

  ChainVerdict Verify(const ChainQuestion& /*question*/) const override {
    const int number = ++script_.asked;
    script_.meanwhile();
    ChainVerdict verdict;
    verdict.error = script_.error;
    verdict.depth = 1;
    verdict.detail = "answer " + std::to_string(number);
    verdict.others = script_.others;
    verdict.chain.push_back(Bytes(script_.chain_size, std::byte{1}));
    return verdict;
  }

 private:
  Script& script_;
};

class VerdictCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    steady_now = VerdictCache::SteadyTime(1h);
    now = kNow;
    Make([](std::string_view key) { return std::hash<std::string_view>()(key); });
  }

  void Make(std::size_t (*hash)(std::string_view)) {
    VerdictCache::Environment environment;
    environment.steady_now = [] { return steady_now; };
    environment.now = [] { return now; };
    environment.hash = hash;
    cache_ = std::make_unique<VerdictCache>(std::make_unique<Scripted>(script_), environment);
  }

  ChainQuestion Question() const {
    ChainQuestion question;
    question.chain = chain_;
    question.name = "example.com";
    question.time = kNow;
    question.stapled_response = AsBytes("response");
    question.store_id = 7;
    return question;
  }

  // Whether the verifier was asked.
  bool Asks(const ChainQuestion& question) {
    const int before = script_.asked;
    detail_ = cache_->Verify(question).detail;
    return script_.asked != before;
  }

  // Whether `change` makes a question that the verdict about the first one is no answer to.
  bool AsksAgainAfter(const std::function<void(ChainQuestion&)>& change) {
    Make([](std::string_view key) { return std::hash<std::string_view>()(key); });
    ChainQuestion question = Question();
    EXPECT_TRUE(Asks(question));
    EXPECT_FALSE(Asks(question)) << "the same question was asked again";
    change(question);
    return Asks(question);
  }

  Scripted::Script script_;
  std::vector<ByteView> chain_ = {AsBytes("leaf"), AsBytes("root")};
  std::unique_ptr<VerdictCache> cache_;
  std::string detail_;
};

TEST_F(VerdictCacheTest, TheSameQuestionIsAskedOnceAndAnsweredInFull) {
  ASSERT_TRUE(Asks(Question()));
  // The same bytes elsewhere.
  const std::string leaf = "leaf";
  const std::vector<ByteView> copy = {AsBytes(leaf), AsBytes("root")};
  ChainQuestion question = Question();
  question.chain = copy;
  const ChainVerdict verdict = cache_->Verify(question);
  EXPECT_EQ(script_.asked, 1);
  EXPECT_EQ(verdict.error, ChainError::kNone);
  EXPECT_EQ(verdict.depth, 1U);
  EXPECT_EQ(verdict.detail, "answer 1");
  ASSERT_EQ(verdict.chain.size(), 1U);
  EXPECT_EQ(verdict.chain[0].size(), 3U);
}

TEST_F(VerdictCacheTest, AnythingThatCanChangeAVerdictIsAskedAgain) {
  using Q = ChainQuestion;
  const std::vector<ByteView> other_leaf = {AsBytes("lead"), AsBytes("root")};
  const std::vector<ByteView> other_order = {AsBytes("root"), AsBytes("leaf")};
  const std::vector<ByteView> longer = {AsBytes("leaf"), AsBytes("root"), AsBytes("more")};
  const std::vector<ByteView> shorter = {AsBytes("leaf")};
  const std::vector<ByteView> other_border = {AsBytes("leafr"), AsBytes("oot")};
  EXPECT_TRUE(AsksAgainAfter([&](Q& q) { q.chain = other_leaf; }));
  EXPECT_TRUE(AsksAgainAfter([&](Q& q) { q.chain = other_order; }));
  EXPECT_TRUE(AsksAgainAfter([&](Q& q) { q.chain = longer; }));
  EXPECT_TRUE(AsksAgainAfter([&](Q& q) { q.chain = shorter; }));
  EXPECT_TRUE(AsksAgainAfter([&](Q& q) { q.chain = other_border; }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.purpose = Purpose::kClientAuth; }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.name = "example.org"; }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.name.clear(); }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.network.intermediates = Intermediates::kOff; }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.network.revocation = Revocation::kHard; }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.network.timeout = 1ms; }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.network.may_fetch = false; }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.stapled_response = AsBytes("responsf"); }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.stapled_response = {}; }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.store_id = 8; }));
  EXPECT_TRUE(AsksAgainAfter([](Q& q) { q.store_id = 6; }));
  // What ends one field may not begin the next.
  EXPECT_TRUE(AsksAgainAfter([](Q& q) {
    q.name = "example.comr";
    q.stapled_response = AsBytes("esponse");
  }));
  // The negative twin: nothing was changed.
  EXPECT_FALSE(AsksAgainAfter([](Q&) {}));
}

TEST_F(VerdictCacheTest, EqualHashesAreNoEqualQuestions) {
  Make([](std::string_view) { return std::size_t{4}; });
  ChainQuestion other = Question();
  other.name = "example.org";
  EXPECT_TRUE(Asks(Question()));
  EXPECT_TRUE(Asks(other));
  EXPECT_FALSE(Asks(Question()));
  EXPECT_EQ(detail_, "answer 1");
  EXPECT_FALSE(Asks(other));
  EXPECT_EQ(detail_, "answer 2");
}

TEST_F(VerdictCacheTest, AVerdictHoldsForAMinuteAfterItsTimeAndNotBeforeIt) {
  ChainQuestion question = Question();
  EXPECT_TRUE(Asks(question));
  question.time = kNow + 59;
  EXPECT_FALSE(Asks(question));
  now = kNow + 60;
  question.time = kNow + 60;
  EXPECT_TRUE(Asks(question));
  question.time = kNow + 59;
  EXPECT_TRUE(Asks(question)) << "a verdict was given for a time before it was made";
}

TEST_F(VerdictCacheTest, AVerdictIsForgottenAfterAMinuteByTheSteadyClock) {
  EXPECT_TRUE(Asks(Question()));
  steady_now += 59s;
  EXPECT_FALSE(Asks(Question()));
  steady_now += 1s;
  EXPECT_TRUE(Asks(Question()));
  EXPECT_FALSE(Asks(Question()));
}

TEST_F(VerdictCacheTest, AVerdictIsAsOldAsItsQuestion) {
  script_.meanwhile = [] { steady_now += 50s; };
  EXPECT_TRUE(Asks(Question()));
  steady_now += 9s;
  EXPECT_FALSE(Asks(Question()));
  steady_now += 1s;
  EXPECT_TRUE(Asks(Question()));
}

TEST_F(VerdictCacheTest, ATimeGivenByHandIsNotMixedWithOthers) {
  ChainQuestion by_hand = Question();
  by_hand.time = kNow - 86400;
  EXPECT_TRUE(Asks(Question()));
  EXPECT_TRUE(Asks(by_hand));
  EXPECT_FALSE(Asks(Question()));
  EXPECT_EQ(detail_, "answer 1");
  EXPECT_FALSE(Asks(by_hand));
  EXPECT_EQ(detail_, "answer 2");
  ++by_hand.time;
  EXPECT_TRUE(Asks(by_hand));
}

TEST_F(VerdictCacheTest, WhatTheNextAttemptMayMendIsAskedAgain) {
  for (int number = 0; number <= static_cast<int>(ChainError::kUndecided); ++number) {
    const auto error = static_cast<ChainError>(number);
    script_.error = error;
    SetUp();
    EXPECT_TRUE(Asks(Question()));
    const bool again = error == ChainError::kUndecided || error == ChainError::kRevocationUnknown ||
                       error == ChainError::kNoIssuer;
    EXPECT_EQ(Asks(Question()), again) << "error " << number;
  }
  script_.error = ChainError::kRevoked;
  for (int number = 1; number <= static_cast<int>(ChainError::kUndecided); ++number) {
    const auto error = static_cast<ChainError>(number);
    script_.others = {{ChainError::kExpired, 1, "first"}, {error, 0, "second"}};
    SetUp();
    EXPECT_TRUE(Asks(Question()));
    const bool again = error == ChainError::kRevocationUnknown || error == ChainError::kNoIssuer;
    EXPECT_EQ(Asks(Question()), again) << "another error " << number;
  }
}

TEST_F(VerdictCacheTest, AnExceptionIsPassedOnAndNothingIsRemembered) {
  script_.meanwhile = [] { throw std::bad_alloc(); };
  EXPECT_THROW(cache_->Verify(Question()), std::bad_alloc);
  script_.meanwhile = [] {};
  EXPECT_TRUE(Asks(Question()));
}

TEST_F(VerdictCacheTest, AnotherSnapshotDropsWhatWasThere) {
  EXPECT_TRUE(Asks(Question()));
  ChainQuestion newer = Question();
  newer.store_id = 8;
  EXPECT_TRUE(Asks(newer));
  EXPECT_TRUE(Asks(Question())) << "what an older snapshot was told is still there";
  EXPECT_TRUE(Asks(Question())) << "a verdict about an older snapshot was kept";
  EXPECT_FALSE(Asks(newer)) << "an older snapshot drops what a newer one was told";
}

TEST_F(VerdictCacheTest, AVerdictThatAChangeOvertookIsNotKept) {
  script_.meanwhile = [this] {
    if (script_.asked != 1) return;
    ChainQuestion newer = Question();
    newer.store_id = 8;
    cache_->Verify(newer);  // deadlocks if anything is locked meanwhile
  };
  EXPECT_TRUE(Asks(Question()));
  EXPECT_TRUE(Asks(Question()));
}

TEST_F(VerdictCacheTest, TheOldestOfTooManyGoesFirst) {
  const auto numbered = [this](std::size_t number) {
    ChainQuestion question = Question();
    question.name = std::to_string(number);
    return question;
  };
  for (std::size_t i = 0; i < VerdictCache::kMaxEntries; ++i) EXPECT_TRUE(Asks(numbered(i)));
  EXPECT_FALSE(Asks(numbered(0)));
  EXPECT_TRUE(Asks(numbered(VerdictCache::kMaxEntries)));
  EXPECT_FALSE(Asks(numbered(1)));
  EXPECT_FALSE(Asks(numbered(VerdictCache::kMaxEntries)));
  EXPECT_TRUE(Asks(numbered(0)));
}

TEST_F(VerdictCacheTest, MemoryIsBounded) {
  const auto numbered = [this](std::size_t number) {
    ChainQuestion question = Question();
    question.name = std::to_string(number);
    return question;
  };
  script_.chain_size = VerdictCache::kMaxSize / 4;  // three fit, with what else an entry has
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(Asks(numbered(i)));
  EXPECT_FALSE(Asks(numbered(0)));
  EXPECT_TRUE(Asks(numbered(3)));
  EXPECT_FALSE(Asks(numbered(1)));
  EXPECT_TRUE(Asks(numbered(0)));

  // One that does not fit at all drops no other.
  script_.chain_size = VerdictCache::kMaxSize;
  EXPECT_TRUE(Asks(numbered(9)));
  EXPECT_TRUE(Asks(numbered(9)));
  EXPECT_FALSE(Asks(numbered(0)));
}

TEST_F(VerdictCacheTest, ALongQuestionIsNotRemembered) {
  const std::string fits(VerdictCache::kMaxQuestion - 1024, 'x');
  const std::string longer(VerdictCache::kMaxQuestion, 'x');
  std::array<ByteView, 1> chain = {AsBytes(fits)};
  ChainQuestion question = Question();
  question.chain = chain;
  EXPECT_TRUE(Asks(question));
  EXPECT_FALSE(Asks(question));
  chain[0] = AsBytes(longer);
  EXPECT_TRUE(Asks(question));
  EXPECT_TRUE(Asks(question));
}

TEST_F(VerdictCacheTest, ManyThreadsGetTheAnswersToTheirOwnQuestions) {
  class Echo final : public ChainVerifier {
   public:
    ChainVerdict Verify(const ChainQuestion& question) const override {
      ChainVerdict verdict;
      verdict.detail = question.name;
      return verdict;
    }
  };
  const VerdictCache cache(std::make_unique<Echo>());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        ChainQuestion question = Question();
        question.time = std::time(nullptr);
        question.name = std::to_string((i * 7 + t) % 50);
        question.store_id = static_cast<std::uint64_t>(i / 100);
        if (cache.Verify(question).detail != question.name) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace ostrust::platform
