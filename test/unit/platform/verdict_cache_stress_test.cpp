// The verdict cache under load: many threads and settings, stores that change, clocks that jump,
// and more different questions than it may keep. Every answer says what it was the answer to, so a
// stale or foreign one is seen; every byte that is allocated is counted.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "platform/verdict_cache.hpp"

namespace {

// What this program has allocated with new and not freed.
std::atomic<std::size_t> live_bytes{0};

// In front of each block, as large as new aligns: with MSVC, more than std::max_align_t.
constexpr std::size_t kHeader = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
static_assert(kHeader >= sizeof(std::size_t));

}  // namespace

// A sanitizer's own would not call the other one, and what it makes is given to delete below.
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  auto* const block = static_cast<std::byte*>(std::malloc(size + kHeader));
  if (block == nullptr) return nullptr;
  std::memcpy(block, &size, sizeof size);
  live_bytes += size;
  return block + kHeader;
}

void* operator new(std::size_t size) {
  void* const block = operator new(size, std::nothrow);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void operator delete(void* pointer) noexcept {
  if (pointer == nullptr) return;
  std::byte* const block = static_cast<std::byte*>(pointer) - kHeader;
  std::size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  live_bytes -= size;
  std::free(block);
}

void operator delete(void* pointer, std::size_t /*size*/) noexcept {
  operator delete(pointer);
}

namespace ostrust::platform {
namespace {

using namespace std::chrono_literals;

constexpr std::time_t kNow = 1'700'000'000;

// Sanitized builds take ten to forty times as long, and see as much in a tenth.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kTimes = 1;
#else
constexpr int kTimes = 10;
#endif

// The world: two clocks, and the newest snapshot of the stores.
std::atomic<std::int64_t> steady_seconds;
std::atomic<std::time_t> wall_clock;
std::atomic<std::uint64_t> newest_store;

VerdictCache::SteadyTime SteadyNow() {
  return VerdictCache::SteadyTime(std::chrono::seconds(steady_seconds));
}

// Says in `detail` what was asked, and when.
struct Answer {
  std::uint64_t leaf;
  Purpose purpose;
  Intermediates intermediates;
  Revocation revocation;
  std::int64_t timeout;
  bool may_fetch;
  bool stapled;
  std::uint64_t name;
  std::time_t time;
  std::uint64_t store_id;
  std::int64_t steady_seconds;  // when it was asked
};

Answer AnswerTo(const ChainQuestion& question) {
  Answer answer{};
  std::memcpy(&answer.leaf, question.chain.front().data(), sizeof answer.leaf);
  answer.purpose = question.purpose;
  answer.intermediates = question.network.intermediates;
  answer.revocation = question.network.revocation;
  answer.timeout = question.network.timeout.count();
  answer.may_fetch = question.network.may_fetch;
  answer.stapled = !question.stapled_response.empty();
  answer.name = std::stoull(question.name);
  answer.time = question.time;
  answer.store_id = question.store_id;
  answer.steady_seconds = steady_seconds;
  return answer;
}

class Verifier final : public ChainVerifier {
 public:
  explicit Verifier(std::atomic<std::size_t>& asked) : asked_(asked) {}

  ChainVerdict Verify(const ChainQuestion& question) const override {
    ++asked_;
    const Answer answer = AnswerTo(question);
    ChainVerdict verdict;
    verdict.detail.assign(reinterpret_cast<const char*>(&answer), sizeof answer);
    // As the system's would: what it built.
    for (const ByteView certificate : question.chain) {
      verdict.chain.emplace_back(certificate.begin(), certificate.end());
    }
    return verdict;
  }

 private:
  std::atomic<std::size_t>& asked_;
};

class VerdictCacheStress : public testing::Test {
 protected:
  VerdictCacheStress() {
    steady_seconds = 1'000'000;
    wall_clock = kNow;
    newest_store = 1;
    VerdictCache::Environment environment;
    environment.steady_now = SteadyNow;
    environment.now = [] { return wall_clock.load(); };
    cache_ = std::make_unique<VerdictCache>(std::make_unique<Verifier>(asked_), environment);
  }

  std::atomic<std::size_t> asked_{0};
  std::unique_ptr<VerdictCache> cache_;
};

// A chain as TLS servers send it: three certificates of 1 to 2 kB, the first with a number.
class Chain {
 public:
  Chain() : leaf_(1200), others_{Bytes(1500), Bytes(1300)} {
    views_ = {leaf_, others_[0], others_[1]};
  }
  const std::vector<ByteView>& Of(std::uint64_t leaf) {
    std::memcpy(leaf_.data(), &leaf, sizeof leaf);
    return views_;
  }

 private:
  Bytes leaf_;
  std::array<Bytes, 2> others_;
  std::vector<ByteView> views_;
};

TEST(LiveBytes, AreThoseOfEveryNewAndGivenBackByDelete) {
  const std::size_t before = live_bytes;
  void* const thrown = operator new(100);
  void* const unthrown = operator new(1000, std::nothrow);
  EXPECT_EQ(live_bytes - before, 1100U);
  for (void* const block : {thrown, unthrown}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % __STDCPP_DEFAULT_NEW_ALIGNMENT__, 0U);
    operator delete(block);
  }
  EXPECT_EQ(live_bytes, before);
}

TEST_F(VerdictCacheStress, AHundredThousandLeavesTakeNoMoreThanTheBound) {
  constexpr std::uint64_t kLeaves = std::uint64_t{10'000} * kTimes;
  // What each node, index entry and block has beyond what the cache counts.
  constexpr std::size_t kBeside = std::size_t{512} << 10;
  Chain chain;
  ChainQuestion question;
  question.name = "1";
  question.time = kNow;
  question.store_id = 1;
  const std::size_t before = live_bytes;
  std::size_t most = 0;
  for (std::uint64_t leaf = 0; leaf < kLeaves; ++leaf) {
    question.chain = chain.Of(leaf);
    const ChainVerdict verdict = cache_->Verify(question);
    ASSERT_EQ(verdict.detail.size(), sizeof(Answer));
    most = std::max(most, live_bytes - before);
  }
  EXPECT_EQ(asked_, kLeaves);
  EXPECT_LE(most, VerdictCache::kMaxSize + kBeside);
  // It is a cache for all that: the bound is used, and the last ones are there.
  EXPECT_GE(most, VerdictCache::kMaxSize / 2);
  question.chain = chain.Of(kLeaves - 1);
  cache_->Verify(question);
  EXPECT_EQ(asked_, kLeaves);
  question.chain = chain.Of(0);
  cache_->Verify(question);
  EXPECT_EQ(asked_, kLeaves + 1);
  // Another snapshot, and all of it is given back but for one.
  question.store_id = 2;
  cache_->Verify(question);
  EXPECT_LE(live_bytes - before, kBeside);
}

TEST_F(VerdictCacheStress, NoAnswerIsStaleOrAnothersWhateverChangesMeanwhile) {
  constexpr int kThreads = 4;
  constexpr int kQuestions = 3'000 * kTimes;  // of each thread
  constexpr std::size_t kAll = std::size_t{kThreads} * kQuestions;
  constexpr std::size_t kBetweenChanges = 40;
  std::atomic<std::size_t> answered{0};
  std::atomic<std::size_t> wrong{0};
  std::atomic<std::size_t> remembered{0};

  const auto ask = [&](unsigned seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
    Chain chain;
    for (int i = 0; i < kQuestions; ++i) {
      ChainQuestion question;
      // Few enough that most have been asked before.
      const std::uint64_t leaf = below(20);
      question.chain = chain.Of(leaf);
      question.purpose = below(8) == 0 ? Purpose::kClientAuth : Purpose::kServerAuth;
      question.name = std::to_string(leaf + (below(8) == 0 ? 1 : 0));
      question.network.intermediates =
          below(8) == 0 ? Intermediates::kFetch : Intermediates::kLocal;
      question.network.revocation = below(8) == 0 ? Revocation::kHard : Revocation::kLocal;
      question.network.timeout = std::chrono::milliseconds(below(8) == 0 ? 1000 : 3000);
      question.network.may_fetch = below(8) != 0;
      if (below(8) == 0) question.stapled_response = AsBytes("response");
      // Some verifications began before the stores changed, some have a time given by hand.
      const std::uint64_t newest = newest_store;
      question.store_id = below(8) == 0 ? std::max<std::uint64_t>(newest, 2) - 1 : newest;
      question.time = wall_clock;
      if (below(8) == 0) question.time += static_cast<int>(below(400)) - 200;

      const std::int64_t began = steady_seconds;
      const Answer expected = AnswerTo(question);
      const ChainVerdict verdict = cache_->Verify(question);
      Answer answer{};
      if (verdict.detail.size() != sizeof answer || verdict.chain.size() != 3 ||
          !std::equal(question.chain.front().begin(), question.chain.front().end(),
                      verdict.chain.front().begin(), verdict.chain.front().end())) {
        ++wrong;
        ++answered;
        continue;
      }
      std::memcpy(&answer, verdict.detail.data(), sizeof answer);
      const bool same =
          answer.leaf == expected.leaf && answer.purpose == expected.purpose &&
          answer.intermediates == expected.intermediates &&
          answer.revocation == expected.revocation && answer.timeout == expected.timeout &&
          answer.may_fetch == expected.may_fetch && answer.stapled == expected.stapled &&
          answer.name == expected.name && answer.store_id == expected.store_id;
      // Not for a later time, and never a minute old.
      const bool fresh = answer.time <= question.time && question.time - answer.time < 60 &&
                         began - answer.steady_seconds < 60;
      if (!same || !fresh) ++wrong;
      if (answer.time != question.time || answer.steady_seconds < began) ++remembered;
      ++answered;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= kThreads; ++seed) threads.emplace_back(ask, seed);

  std::mt19937 random(0);
  for (std::size_t next = kBetweenChanges; next < kAll; next += kBetweenChanges) {
    while (answered < next) std::this_thread::yield();
    switch (random() % 16) {
      case 0:
        ++newest_store;
        break;
      case 1:  // set by an administrator, or NTP
        wall_clock += static_cast<int>(random() % 7200) - 3600;
        break;
      case 2:  // the machine slept
        steady_seconds += 3600;
        wall_clock += 3600;
        break;
      default:
        ++steady_seconds;
        ++wall_clock;
        break;
    }
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(wrong, 0U);
  // Otherwise nothing was tried.
  EXPECT_GT(asked_, kAll / 20);
  EXPECT_LT(asked_, kAll);
  EXPECT_GT(remembered, kAll / 200);
  EXPECT_GT(newest_store, 5U);
}

}  // namespace
}  // namespace ostrust::platform
