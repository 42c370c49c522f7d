// From names to addresses, before a deadline.
//
// getaddrinfo() waits for as long as the name service likes (30 seconds and more) and cannot be
// told to stop. So it is called in a thread of its own, which is left alone when the deadline
// comes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "platform/linux/network_address.hpp"

namespace ostrust::platform {

/// The addresses of a name with this port, in the order in which to try them; none, with a clause
/// in `why`, when there are none. Called in a thread with a small stack and all signals blocked,
/// which may outlive everything but the module's code. May throw.
using Resolver = std::vector<NetworkAddress> (*)(const std::string& host, std::uint16_t port,
                                                 std::string& why);

/// The system's: getaddrinfo().
std::vector<NetworkAddress> SystemResolver(const std::string& host, std::uint16_t port,
                                           std::string& why);

/// While so many threads wait for resolvers although nobody waits for them any more, no name is
/// resolved. There may be more of them by as many as were started before the last of these was
/// given up: one for each thread of the program that had a name resolved at that time.
inline constexpr int kMaxAbandonedResolvers = 8;

/// The address that `host` is the literal of; none for a name. Asks nobody.
std::vector<NetworkAddress> ResolveLiteral(const std::string& host, std::uint16_t port);

/// Whether there are so many now. Thread-safe.
bool ResolverIsStuck();

/// The addresses of `host` as `resolver` knows them, or the one that it is the literal of, for
/// which no resolver is asked and no thread is started. None, with a clause in `why`, when it is
/// unknown, the deadline came, no thread could be started, or the process called chroot() (see
/// FirstRoot()). Thread-safe; keeps no lock over
/// fork(), and a child begins without abandoned threads. Changes errno. May throw std::bad_alloc.
std::vector<NetworkAddress> Resolve(const std::string& host, std::uint16_t port,
                                    std::chrono::steady_clock::time_point deadline,
                                    Resolver resolver, std::string& why);

}  // namespace ostrust::platform
