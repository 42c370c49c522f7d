// TcpConnection: the one connection that fetching uses, with one deadline for all of it.
//
// It belongs to a program that knows nothing of it and is waiting for a TLS handshake: no call
// waits longer than the deadline, no signal is raised, and nothing is reached that only this
// machine or its neighbours can reach unless that was allowed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "platform/bytes.hpp"

namespace ostrust::platform {

/// Connections are independent of each other; one is used by one thread at a time. The calls change
/// errno. Closed by the destructor, and in programs that are started (close-on-exec).
class TcpConnection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Connects to the first address of `host` that answers. `host` is a name, or the literal of an
  /// address (IPv6 without brackets). The deadline holds for everything that is done with the
  /// connection.
  ///
  /// Unless `allow_private`, addresses that are not globally reachable are passed over. This is
  /// decided of the address that is then connected to, not of the name, so that names need no rule
  /// of their own: whatever "localhost" or a name under .internal leads to, it is the address that
  /// counts. The name service is asked for any name, though, as this machine has it set up: it sees
  /// the name, and for one under .local it may ask the neighbours. Any port is allowed here.
  ///
  /// Null, with a clause in `why`, when there is no connection. A name is resolved in a thread of
  /// its own, which goes on after the deadline if the name service does not answer: more are not
  /// started while there are too many of those. May throw std::bad_alloc.
  static std::unique_ptr<TcpConnection> Open(const std::string& host, std::uint16_t port,
                                             bool allow_private, Deadline deadline,
                                             std::string& why);

  /// Whether `host` is the literal of an address that is not globally reachable, in any form that
  /// inet_aton() knows. For what a proxy is asked to connect to. Asks nobody; thread-safe.
  static bool IsPrivateLiteral(const std::string& host);

  /// True while Open() resolves no names, because too many earlier ones were never answered: that
  /// it fails then says nothing about the host. Thread-safe.
  static bool ResolverIsStuck();

  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;
  virtual ~TcpConnection() = default;

  /// Whether all of `data` was handed to the system before the deadline.
  virtual bool Send(ByteView data) = 0;

  /// Waits for bytes of the peer's and puts what there is, as far as there is room, into `out`,
  /// which is not empty. How many; 0 when the peer has ended; -1 after an error or the deadline,
  /// also when bytes are waiting by then.
  virtual std::ptrdiff_t Receive(std::span<std::byte> out) = 0;

 protected:
  TcpConnection() = default;
};

}  // namespace ostrust::platform
