// Addresses of the network, and which of them are places on the public Internet.
//
// Where a certificate says its issuer's certificate is to be found, whoever made the certificate
// chose the place: without a look at the address he could have any program send requests to what
// only this machine or its neighbours can reach.
#pragma once

#include <sys/socket.h>

#include <string>

namespace ostrust::platform {

/// A copy of a socket address of any family.
struct NetworkAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  /// Copies `length` bytes, or as many as there is room for.
  static NetworkAddress Of(const sockaddr* address, socklen_t length);

  const sockaddr* Get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Whether the address is one of the public Internet: unicast, and nothing of which the IANA
/// special-purpose address registries (RFC 6890, kept up to date by RFC 8190) say that it is not
/// globally reachable. An IPv6 address that stands for an IPv4 address (mapped, NAT64's well-known
/// prefix, 6to4) is what that one is. Of IPv6, only 2000::/3 is in use as global unicast (RFC 4291,
/// section 2.4, and the IANA IPv6 address space registry); all else is refused, and so is every
/// other family. What cannot be seen: a NAT64 prefix of the network's own (RFC 6052), and public
/// addresses behind a firewall, this machine's among them.
bool IsGloballyReachable(const NetworkAddress& address);

/// As "192.0.2.1" or "2001:db8::1"; without port and scope.
std::string ToText(const NetworkAddress& address);

}  // namespace ostrust::platform
