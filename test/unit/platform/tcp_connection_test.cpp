// Peers and name services as bad as they come: nothing waits longer than the deadline, and nothing
// happens to the program.
#include "platform/linux/tcp_connection.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "platform/linux/file_io.hpp"

namespace ostrust::platform {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
constexpr bool kThreadSanitizer = __has_feature(thread_sanitizer);
#else
constexpr bool kThreadSanitizer = false;
#endif

#define SKIP_UNDER_THREAD_SANITIZER() \
  if (kThreadSanitizer) GTEST_SKIP() << "ThreadSanitizer ends a child that starts a thread"

// For what happens, and for what does not.
constexpr auto kLong = 20s;
constexpr auto kShort = 300ms;

/// That the deadline was waited for, and not much longer.
class Stopwatch {
 public:
  void ExpectShort() const {
    const auto elapsed = Clock::now() - begin_;
    EXPECT_GE(elapsed, kShort);
    EXPECT_LT(elapsed, kLong / 2);
  }
  Clock::time_point Deadline() const { return begin_ + kShort; }

 private:
  const Clock::time_point begin_ = Clock::now();
};

/// A socket bound to a free port of 127.0.0.1. Without Listen() it refuses connections.
class Peer {
 public:
  Peer() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    auto* const address = reinterpret_cast<sockaddr*>(&address_);
    if (bind(fd_.Get(), address, size) != 0 || getsockname(fd_.Get(), address, &size) != 0) {
      throw std::runtime_error("no port on loopback");
    }
  }

  void Listen(int backlog = 16) const { ASSERT_EQ(listen(fd_.Get(), backlog), 0); }
  std::uint16_t Port() const { return ntohs(address_.sin_port); }
  NetworkAddress Address() const {
    return NetworkAddress::Of(reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
  }
  UniqueFd Accept() const { return UniqueFd(accept4(fd_.Get(), nullptr, nullptr, SOCK_CLOEXEC)); }
  /// Whether anybody connected and was not accepted yet.
  bool HasCaller() const {
    EXPECT_EQ(fcntl(fd_.Get(), F_SETFL, O_NONBLOCK), 0);
    return Accept().Get() >= 0;
  }

  /// Connects until the system answers no more. The connections last as long as the result.
  std::vector<UniqueFd> FillBacklog() const {
    std::vector<UniqueFd> callers;
    const NetworkAddress address = Address();
    for (int silent = 0; silent < 3 && callers.size() < 100;) {
      callers.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)connect(callers.back().Get(), address.Get(), address.size);
      std::this_thread::sleep_for(10ms);
      sockaddr_storage other{};
      socklen_t size = sizeof other;
      auto* const name = reinterpret_cast<sockaddr*>(&other);
      if (getpeername(callers.back().Get(), name, &size) != 0) ++silent;
    }
    return callers;
  }

 private:
  UniqueFd fd_;
  sockaddr_in address_{};
};

/// The exit status of a child that returns what `body` does, or exits; -1 if it was killed, also by
/// us because it did not end.
int InChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  for (const auto end = Clock::now() + kLong; waitpid(child, &status, WNOHANG) == 0;) {
    if (Clock::now() > end) {
      ADD_FAILURE() << "the child does not end";
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return -1;
    }
    std::this_thread::sleep_for(5ms);
  }
  if (WIFSIGNALED(status)) ADD_FAILURE() << "the child died of signal " << WTERMSIG(status);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// What a connection gets before it ends; "(failed)" behind it after -1.
std::string ReceiveAll(TcpConnection& connection) {
  std::string text;
  std::array<std::byte, 4096> buffer;
  for (;;) {
    const auto count = connection.Receive(buffer);
    if (count <= 0) return count == 0 ? text : text + "(failed)";
    text += AsText(ByteView(buffer).first(static_cast<std::size_t>(count)));
  }
}

bool WriteAll(const UniqueFd& fd, std::string_view text) {
  return send(fd.Get(), text.data(), text.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(text.size());
}

std::unique_ptr<TcpConnection> Open(const std::string& host, const Peer& peer, std::string& why,
                                    Clock::time_point deadline = Clock::now() + kLong) {
  return TcpConnection::Open(host, peer.Port(), true, deadline, why);
}

void ExpectContains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << text << "\" without \"" << part << "\"";
}

// Resolvers. They are plain functions, so what they answer with is here.
std::vector<NetworkAddress>& Answer() {
  static auto* const answer = new std::vector<NetworkAddress>;
  return *answer;
}
std::atomic<int> asked{0};
std::atomic<int> answered{0};
std::atomic<bool> released{false};

std::vector<NetworkAddress> Answering(const std::string&, std::uint16_t, std::string&) {
  ++asked;
  return Answer();
}

std::vector<NetworkAddress> Hanging(const std::string&, std::uint16_t, std::string&) {
  ++asked;
  while (!released) std::this_thread::sleep_for(1ms);
  ++answered;
  return {};
}

std::unique_ptr<TcpConnection> OpenWith(Resolver resolver, std::string& why, bool allow_private,
                                        Clock::time_point deadline = Clock::now() + kLong) {
  return OpenTcpConnection("a.name", 80, allow_private, deadline, resolver, why);
}

class TcpConnectionTest : public testing::Test {
 protected:
  TcpConnectionTest() {
    asked = answered = 0;
    released = false;
    Answer().clear();
  }
  /// No thread of ours is left behind.
  ~TcpConnectionTest() override {
    released = true;
    const auto end = Clock::now() + kLong;
    while (hung_ > answered && Clock::now() < end) std::this_thread::sleep_for(1ms);
    // A thread is counted out a little after it answered.
    Answer() = {refusing_.Address()};
    std::string why;
    do {
      OpenWith(Answering, why, false);
    } while (why.find("not globally") == std::string::npos && Clock::now() < end);
    ExpectContains(why, "not globally reachable");
  }

  void Hang(int count) {
    for (int i = 0; i < count; ++i) {
      const Stopwatch stopwatch;
      std::string why;
      EXPECT_EQ(OpenWith(Hanging, why, true, stopwatch.Deadline()), nullptr);
      EXPECT_EQ(why, "a.name: not resolved in time");
      stopwatch.ExpectShort();
      ++hung_;
    }
    EXPECT_EQ(asked, hung_);
  }

  const Peer refusing_;
  int hung_ = 0;
  std::string why_;
};

TEST_F(TcpConnectionTest, BothSidesGetWhatTheOtherSent) {
  const Peer peer;
  peer.Listen();
  const auto connection = Open("127.0.0.1", peer, why_);
  ASSERT_NE(connection, nullptr) << why_;
  const UniqueFd other = peer.Accept();
  EXPECT_TRUE(connection->Send(AsBytes("question")));
  std::array<char, 16> question{};
  EXPECT_EQ(recv(other.Get(), question.data(), question.size(), 0), 8);
  EXPECT_STREQ(question.data(), "question");
  EXPECT_TRUE(WriteAll(other, "answer"));
  EXPECT_EQ(shutdown(other.Get(), SHUT_WR), 0);
  EXPECT_EQ(ReceiveAll(*connection), "answer");
}

TEST_F(TcpConnectionTest, LoopbackIsRefusedHoweverItIsWritten) {
  const Peer peer;
  peer.Listen();
  for (const char* const host :
       {"127.0.0.1", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "::"}) {
    EXPECT_EQ(TcpConnection::Open(host, peer.Port(), false, Clock::now() + kLong, why_), nullptr)
        << host;
    ExpectContains(why_, "is not globally reachable");
  }
  EXPECT_FALSE(peer.HasCaller());
  EXPECT_NE(Open("::ffff:127.0.0.1", peer, why_), nullptr) << why_;  // when it is allowed
}

TEST_F(TcpConnectionTest, LoopbackIsRefusedByName) {
  addrinfo* addresses = nullptr;
  if (getaddrinfo("localhost", nullptr, nullptr, &addresses) != 0) {
    GTEST_SKIP() << "localhost has no address here";
  }
  freeaddrinfo(addresses);
  const Peer peer;
  peer.Listen();
  EXPECT_EQ(TcpConnection::Open("localhost", peer.Port(), false, Clock::now() + kLong, why_),
            nullptr);
  ExpectContains(why_, "is not globally reachable");
  EXPECT_FALSE(peer.HasCaller());
  EXPECT_NE(Open("localhost", peer, why_), nullptr) << why_;
}

TEST_F(TcpConnectionTest, PrivateAddressesOfANameArePassedOver) {
  const Peer peer;
  peer.Listen();
  // A public one that connect() does not understand, so that nothing is sent to it.
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  ASSERT_EQ(inet_pton(AF_INET6, "2a00::1", &address.sin6_addr), 1);
  NetworkAddress reachable =
      NetworkAddress::Of(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  reachable.size = sizeof(sa_family_t);
  Answer() = {peer.Address(), reachable, peer.Address()};
  EXPECT_EQ(OpenWith(Answering, why_, false), nullptr);
  EXPECT_EQ(why_, std::string("2a00::1: ") + std::strerror(EINVAL));
  EXPECT_FALSE(peer.HasCaller());
  EXPECT_NE(OpenWith(Answering, why_, true), nullptr) << why_;
}

TEST_F(TcpConnectionTest, ARefusedConnectionIsSaidToBe) {
  EXPECT_EQ(Open("127.0.0.1", refusing_, why_), nullptr);
  EXPECT_EQ(why_, std::string("127.0.0.1: ") + std::strerror(ECONNREFUSED));
}

TEST_F(TcpConnectionTest, TheNextAddressIsTriedButNotAnyNumber) {
  const Peer peer;
  peer.Listen();
  Answer().assign(7, refusing_.Address());
  Answer().push_back(peer.Address());
  EXPECT_NE(OpenWith(Answering, why_, true), nullptr) << why_;
  Answer().insert(Answer().begin(), refusing_.Address());
  EXPECT_EQ(OpenWith(Answering, why_, true), nullptr);
  ExpectContains(why_, std::strerror(ECONNREFUSED));
}

TEST_F(TcpConnectionTest, ConnectingEndsAtTheDeadline) {
  const Peer silent;
  silent.Listen(0);
  const auto callers = silent.FillBacklog();
  const Stopwatch stopwatch;
  EXPECT_EQ(Open("127.0.0.1", silent, why_, stopwatch.Deadline()), nullptr);
  EXPECT_EQ(why_, std::string("127.0.0.1: ") + std::strerror(ETIMEDOUT));
  stopwatch.ExpectShort();
}

TEST_F(TcpConnectionTest, AnAddressThatDoesNotAnswerLeavesTimeToTheNext) {
  const Peer silent;
  silent.Listen(0);
  const auto callers = silent.FillBacklog();
  const Peer peer;
  peer.Listen();
  Answer() = {silent.Address(), peer.Address()};
  EXPECT_NE(OpenWith(Answering, why_, true, Clock::now() + 4s), nullptr) << why_;
}

TEST_F(TcpConnectionTest, ReceivingAndSendingEndAtTheDeadline) {
  const Peer peer;  // the system answers for it; nobody reads or writes
  peer.Listen();
  {
    const Stopwatch stopwatch;
    const auto connection = Open("127.0.0.1", peer, why_, stopwatch.Deadline());
    ASSERT_NE(connection, nullptr) << why_;
    EXPECT_EQ(ReceiveAll(*connection), "(failed)");
    stopwatch.ExpectShort();
  }
  const Stopwatch stopwatch;
  const auto connection = Open("127.0.0.1", peer, why_, stopwatch.Deadline());
  ASSERT_NE(connection, nullptr) << why_;
  EXPECT_FALSE(connection->Send(Bytes(std::size_t{64} << 20)));
  stopwatch.ExpectShort();
}

TEST_F(TcpConnectionTest, APeerThatAlwaysHasSomethingMoreDoesNotMoveTheDeadline) {
  for (const auto pause : {0ms, 20ms}) {
    const Peer peer;
    peer.Listen();
    const Stopwatch stopwatch;
    const auto connection = Open("127.0.0.1", peer, why_, stopwatch.Deadline());
    ASSERT_NE(connection, nullptr) << why_;
    std::atomic<bool> stop{false};
    const UniqueFd other = peer.Accept();
    std::thread dripping([&] {
      const std::string more(pause == 0ms ? 100'000 : 1, 'x');
      while (!stop && WriteAll(other, more)) std::this_thread::sleep_for(pause);
    });
    const auto end = Clock::now() + kLong;
    std::array<std::byte, 1> buffer;
    int received = 0;
    std::ptrdiff_t result;
    while ((result = connection->Receive(buffer)) > 0 && Clock::now() < end) ++received;
    EXPECT_EQ(result, -1);
    stopwatch.ExpectShort();
    EXPECT_GT(received, 1);
    stop = true;
    shutdown(other.Get(), SHUT_RDWR);  // it may be waiting for room
    dripping.join();
  }
}

TEST_F(TcpConnectionTest, APeerThatResetsRaisesNoSignal) {
  const int status = InChild([] {
    signal(SIGPIPE, SIG_DFL);
    const Peer peer;
    peer.Listen();
    std::string why;
    const auto connection = Open("127.0.0.1", peer, why);
    if (connection == nullptr) return 1;
    {
      const UniqueFd other = peer.Accept();
      const linger reset{1, 0};
      setsockopt(other.Get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    // The first error is ECONNRESET, the next ones are EPIPE.
    for (int i = 0; i < 3; ++i) {
      if (connection->Send(AsBytes("x"))) return 2;
    }
    std::array<std::byte, 1> buffer;
    return connection->Receive(buffer) == 0 ? 0 : 3;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(TcpConnectionTest, IsClosedOnExecAndWhenItIsDestroyed) {
  const Peer peer;
  peer.Listen();
  const int next = dup(STDERR_FILENO);
  close(next);
  auto connection = Open("127.0.0.1", peer, why_);
  ASSERT_NE(connection, nullptr) << why_;
  EXPECT_EQ(fcntl(next, F_GETFD), FD_CLOEXEC);
  connection.reset();
  EXPECT_EQ(fcntl(next, F_GETFD), -1);
}

TEST_F(TcpConnectionTest, WorksInAProgramWithThousandsOfDescriptors) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < 2048) GTEST_SKIP() << "no more than " << limit.rlim_max << " descriptors";
  const int status = InChild([&limit] {
    limit.rlim_cur = 2048;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
    const Peer peer;
    peer.Listen();
    while (dup(STDERR_FILENO) < FD_SETSIZE) continue;
    std::string why;
    const auto connection = Open("127.0.0.1", peer, why);
    if (connection == nullptr) return 2;
    const UniqueFd other = peer.Accept();
    if (other.Get() < FD_SETSIZE || !WriteAll(other, "answer")) return 3;
    shutdown(other.Get(), SHUT_WR);
    return ReceiveAll(*connection) == "answer" ? 0 : 4;
  });
  EXPECT_EQ(status, 0);
}

std::atomic<int> alarms{0};

TEST_F(TcpConnectionTest, AStormOfSignalsInterruptsNothing) {
  const Peer silent;
  silent.Listen(0);
  const auto callers = silent.FillBacklog();
  const Peer peer;
  peer.Listen();
  Answer() = {silent.Address(), peer.Address()};
  const std::string content(std::size_t{8} << 20, 'x');  // more than buffers hold
  std::thread slow([&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    const UniqueFd other = peer.Accept();
    std::this_thread::sleep_for(100ms);
    std::vector<char> got(content.size());
    if (recv(other.Get(), got.data(), got.size(), MSG_WAITALL) ==
        static_cast<ssize_t>(got.size())) {
      std::this_thread::sleep_for(100ms);
      WriteAll(other, "answer");
    }
  });
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { ++alarms; };  // without SA_RESTART
  ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
  const itimerval storm{{0, 1000}, {0, 1000}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &storm, nullptr), 0);
  const auto late = [](const std::string&, std::uint16_t, std::string&) {
    std::this_thread::sleep_for(100ms);
    return Answer();
  };
  {
    const auto connection = OpenWith(late, why_, true, Clock::now() + 8s);
    EXPECT_NE(connection, nullptr) << why_;
    if (connection != nullptr) {
      EXPECT_TRUE(connection->Send(AsBytes(content)));
      EXPECT_EQ(ReceiveAll(*connection), "answer");
    }
  }
  const itimerval calm{};
  EXPECT_EQ(setitimer(ITIMER_REAL, &calm, nullptr), 0);
  EXPECT_EQ(sigaction(SIGALRM, &before, nullptr), 0);
  EXPECT_GT(alarms, 100);
  std::string ignored;
  if (HasFailure()) Open("127.0.0.1", peer, ignored);  // lets go of one that still waits for us
  slow.join();
}

TEST_F(TcpConnectionTest, NoResolverIsAskedForALiteral) {
  const Peer peer;
  for (const char* const host : {"127.0.0.1", "::1"}) {
    EXPECT_EQ(OpenTcpConnection(host, peer.Port(), true, Clock::now() + kLong, Answering, why_),
              nullptr);
    ExpectContains(why_, host);
  }
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(OpenWith(Answering, why_, true), nullptr);
  EXPECT_EQ(asked, 1);
}

TEST_F(TcpConnectionTest, WhatIsNoHostNameIsNotResolved) {
  for (const std::string& host : {std::string(), std::string("127.0.0.1\0.example.com", 22)}) {
    EXPECT_EQ(OpenTcpConnection(host, 80, true, Clock::now() + kLong, Answering, why_), nullptr);
    EXPECT_EQ(why_, "no host name");
  }
  EXPECT_EQ(asked, 0);
}

TEST_F(TcpConnectionTest, AnUnknownNameIsSaidInTheResolversWords) {
  const auto unknown = [](const std::string& host, std::uint16_t, std::string& why) {
    why = host + " is unknown";
    return std::vector<NetworkAddress>();
  };
  EXPECT_EQ(OpenWith(unknown, why_, true), nullptr);
  EXPECT_EQ(why_, "a.name is unknown");
}

TEST_F(TcpConnectionTest, WhatAResolverThrowsIsAReason) {
  const auto throwing = [](const std::string&, std::uint16_t,
                           std::string& why) -> std::vector<NetworkAddress> {
    why = "half a reason";
    throw std::bad_alloc();
  };
  EXPECT_EQ(OpenWith(throwing, why_, true), nullptr);
  EXPECT_EQ(why_, "a.name: no memory to resolve it");
}

TEST_F(TcpConnectionTest, ResolversThatNeverAnswerAreNotCollected) {
  EXPECT_FALSE(TcpConnection::ResolverIsStuck());
  Hang(kMaxAbandonedResolvers);
  EXPECT_TRUE(TcpConnection::ResolverIsStuck());
  EXPECT_EQ(OpenWith(Hanging, why_, true), nullptr);  // at once: its deadline is long
  ExpectContains(why_, "has not answered 8 earlier questions");
  EXPECT_EQ(asked, hung_) << "one more was started";

  released = true;
  const Peer peer;
  peer.Listen();
  Answer() = {peer.Address()};
  const auto end = Clock::now() + kLong;
  std::unique_ptr<TcpConnection> connection;
  while (connection == nullptr && Clock::now() < end) connection = OpenWith(Answering, why_, true);
  EXPECT_NE(connection, nullptr) << "they have ended, and still: " << why_;
}

TEST(TcpConnectionLiteral, OfAPrivateAddressIsKnownInEveryFormAndANameIsNone) {
  for (const char* const host :
       {"127.0.0.1", "0x7f.1", "2130706433", "10.0.0.1", "::1", "fe80::1", "::ffff:192.168.0.1"}) {
    EXPECT_TRUE(TcpConnection::IsPrivateLiteral(host)) << host;
  }
  for (const char* const host :
       {"198.41.0.4", "2001:503:ba3e::2:30", "localhost", "a.name", "", "*"}) {
    EXPECT_FALSE(TcpConnection::IsPrivateLiteral(host)) << host;
  }
  EXPECT_FALSE(TcpConnection::IsPrivateLiteral(std::string("127.0.0.1\0.example", 18)));
}

TEST_F(TcpConnectionTest, ResolversThatAnswerInTimeAreNotCounted) {
  const Peer peer;
  peer.Listen(64);
  Answer() = {peer.Address()};
  std::atomic<int> connected{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3 * kMaxAbandonedResolvers; ++i) {
    threads.emplace_back([&connected] {
      std::string why;
      if (OpenWith(Answering, why, true) != nullptr) {
        ++connected;
      } else {
        ADD_FAILURE() << why;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(connected, 3 * kMaxAbandonedResolvers);
}

TEST_F(TcpConnectionTest, AResolversThreadHasNoSignalsAndRoomOnItsStack) {
  sigset_t before;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &before), 0);
  const auto looking = [](const std::string&, std::uint16_t, std::string& why) {
    // The run-time library of ThreadSanitizer has 767 KiB of thread-local storage.
    std::array<volatile char, std::size_t{kThreadSanitizer ? 64 : 256} << 10> room;
    for (volatile char& byte : room) byte = 1;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    for (const int number : {SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGPROF, SIGTERM, SIGUSR1,
                             SIGUSR2, SIGRTMIN, SIGRTMAX}) {
      if (sigismember(&mask, number) != 1) why += " " + std::to_string(number);
    }
    why = "not blocked:" + why;
    return std::vector<NetworkAddress>();
  };
  EXPECT_EQ(OpenWith(looking, why_, true), nullptr);
  EXPECT_EQ(why_, "not blocked:");
  sigset_t after;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &after), 0);
  for (int number = 1; number < SIGRTMAX; ++number) {
    EXPECT_EQ(sigismember(&after, number), sigismember(&before, number)) << number;
  }
}

TEST_F(TcpConnectionTest, AProcessExitsWhileAResolverHangs) {
  SKIP_UNDER_THREAD_SANITIZER();
  const int status = InChild([]() -> int {
    std::string why;
    OpenWith(Hanging, why, true, Clock::now() + kShort);
    std::exit(why == "a.name: not resolved in time" && asked == 1 ? 42 : 1);
  });
  EXPECT_EQ(status, 42);
}

TEST_F(TcpConnectionTest, AChildForkedWhileResolversHangResolves) {
  SKIP_UNDER_THREAD_SANITIZER();
  Hang(kMaxAbandonedResolvers);
  const Peer peer;
  peer.Listen();
  Answer() = {peer.Address()};
  EXPECT_EQ(InChild([] {
              std::string why;
              if (OpenWith(Answering, why, true) != nullptr) return 0;
              std::cerr << "in the child: " << why << '\n';
              return 1;
            }),
            0);
  EXPECT_EQ(OpenWith(Answering, why_, true), nullptr) << "the parent forgot them, too";
}

TEST_F(TcpConnectionTest, WithoutAThreadANameIsNotResolvedAndALiteralIs) {
  SKIP_UNDER_THREAD_SANITIZER();
  const Peer peer;
  peer.Listen();
  Answer() = {peer.Address()};
  constexpr int kThreadStarted = 77;
  const int status = InChild([&peer] {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_NPROC, &none) != 0) return 1;
    if (geteuid() == 0 && setuid(65534) != 0) return 2;  // root has no limit
    std::string why;
    if (OpenWith(Answering, why, true) != nullptr) return kThreadStarted;
    std::cerr << "without a thread: " << why << '\n';
    if (why != std::string("a.name: no thread to resolve it in: ") + std::strerror(EAGAIN))
      return 3;
    return Open("127.0.0.1", peer, why) != nullptr ? 0 : 4;
  });
  if (status == kThreadStarted) GTEST_SKIP() << "the limit of processes does not hold here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace ostrust::platform
