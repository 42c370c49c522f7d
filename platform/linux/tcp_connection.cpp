#include "platform/linux/tcp_connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>
#include <vector>

#include "platform/linux/file_io.hpp"

namespace ostrust::platform {
namespace {

using Deadline = TcpConnection::Deadline;

// A name may have as many addresses as its owner likes; they are not all worth a try.
constexpr std::size_t kMaxTriedAddresses = 8;

/// Milliseconds, rounded up; 0 after the deadline.
int Remaining(Deadline deadline) {
  const auto now = std::chrono::steady_clock::now();
  if (now >= deadline) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
  return static_cast<int>(std::min<std::chrono::milliseconds::rep>(left.count(), INT_MAX));
}

/// 0 when `fd` is ready for `events` (or has an error, which the next call on it tells), else an
/// error number: ETIMEDOUT at the deadline.
int WaitFor(int fd, short events, Deadline deadline) {
  for (;;) {
    const int milliseconds = Remaining(deadline);
    if (milliseconds == 0) return ETIMEDOUT;
    pollfd ready{fd, events, 0};
    const int count = poll(&ready, 1, milliseconds);
    if (count > 0) return 0;
    if (count < 0 && errno != EINTR) return errno;
  }
}

/// Repeats a call on a non-blocking socket until it does something: what that returned, or -1 when
/// it failed or the deadline came. The deadline is looked at first, so that a peer that always has
/// something for us does not make it longer.
template <typename Call>
ssize_t Perform(Call call, int fd, short events, Deadline deadline) {
  while (Remaining(deadline) > 0) {
    const ssize_t count = call();
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    if ((errno != EAGAIN && errno != EWOULDBLOCK) || WaitFor(fd, events, deadline) != 0) break;
  }
  return -1;
}

class Socket final : public TcpConnection {
 public:
  Socket(UniqueFd fd, Deadline deadline) : fd_(std::move(fd)), deadline_(deadline) {}

  bool Send(ByteView data) override {
    while (!data.empty()) {
      const ssize_t count =
          Perform([&] { return send(fd_.Get(), data.data(), data.size(), MSG_NOSIGNAL); },
                  fd_.Get(), POLLOUT, deadline_);
      if (count < 0) return false;
      data = data.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }

  std::ptrdiff_t Receive(std::span<std::byte> out) override {
    return Perform([&] { return recv(fd_.Get(), out.data(), out.size(), 0); }, fd_.Get(), POLLIN,
                   deadline_);
  }

 private:
  const UniqueFd fd_;
  const Deadline deadline_;
};

/// The error number of what connecting came to; 0 when it is connected.
int FinishConnecting(int fd, Deadline deadline) {
  if (const int error = WaitFor(fd, POLLOUT, deadline); error != 0) return error;
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/// Invalid, with a clause in `why`, when it could not be connected.
UniqueFd Connect(const NetworkAddress& address, Deadline deadline, std::string& why) {
  UniqueFd fd(socket(address.Get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int error = 0;
  if (fd.Get() < 0) {
    error = errno;
  } else if (connect(fd.Get(), address.Get(), address.size) != 0) {
    // Interrupted, it goes on all the same (POSIX).
    error = errno == EINPROGRESS || errno == EINTR ? FinishConnecting(fd.Get(), deadline) : errno;
  }
  if (error == 0) return fd;
  why = ToText(address) + ": " + ErrorText(error);
  return UniqueFd(-1);
}

}  // namespace

std::unique_ptr<TcpConnection> OpenTcpConnection(const std::string& host, std::uint16_t port,
                                                 bool allow_private, Deadline deadline,
                                                 Resolver resolver, std::string& why) {
  std::vector<NetworkAddress> addresses = Resolve(host, port, deadline, resolver, why);
  if (addresses.empty()) return nullptr;
  if (!allow_private) {
    const std::string refused = ToText(addresses.front());
    std::erase_if(addresses, [](const auto& address) { return !IsGloballyReachable(address); });
    if (addresses.empty()) {
      why = refused + " is not globally reachable";
      return nullptr;
    }
  }
  std::size_t left = std::min(addresses.size(), kMaxTriedAddresses);
  for (std::size_t i = 0; left > 0; ++i, --left) {
    const auto now = std::chrono::steady_clock::now();
    // One that does not answer leaves half of the time to the others.
    const Deadline its_deadline = left == 1 ? deadline : now + (deadline - now) / 2;
    UniqueFd fd = Connect(addresses[i], its_deadline, why);
    if (fd.Get() >= 0) return std::make_unique<Socket>(std::move(fd), deadline);
  }
  return nullptr;
}

bool TcpConnection::IsPrivateLiteral(const std::string& host) {
  const auto literal = ResolveLiteral(host, 0);
  return !literal.empty() && !IsGloballyReachable(literal.front());
}

bool TcpConnection::ResolverIsStuck() {
  return platform::ResolverIsStuck();
}

std::unique_ptr<TcpConnection> TcpConnection::Open(const std::string& host, std::uint16_t port,
                                                   bool allow_private, Deadline deadline,
                                                   std::string& why) {
  return OpenTcpConnection(host, port, allow_private, deadline, SystemResolver, why);
}

}  // namespace ostrust::platform
