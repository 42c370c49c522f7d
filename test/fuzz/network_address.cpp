// Addresses: the literal in a URL is what inet_aton() and inet_pton() read in it, and an IPv6
// address that stands for an IPv4 address is as reachable as that one.
#include "platform/linux/network_address.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "fuzz_target.hpp"
#include "platform/linux/name_resolution.hpp"
#include "platform/tcp_connection.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

namespace {

NetworkAddress OfIpv4(const in_addr& address) {
  sockaddr_in socket{};
  socket.sin_family = AF_INET;
  socket.sin_addr = address;
  return NetworkAddress::Of(reinterpret_cast<const sockaddr*>(&socket), sizeof socket);
}

NetworkAddress OfIpv6(const in6_addr& address) {
  sockaddr_in6 socket{};
  socket.sin6_family = AF_INET6;
  socket.sin6_addr = address;
  return NetworkAddress::Of(reinterpret_cast<const sockaddr*>(&socket), sizeof socket);
}

void CheckIpv4(const in_addr& address) {
  const NetworkAddress ipv4 = OfIpv4(address);
  in_addr again{};
  Require(inet_pton(AF_INET, ToText(ipv4).c_str(), &again) == 1 && again.s_addr == address.s_addr);
  const bool global = IsGloballyReachable(ipv4);
  // What nobody may reach through us, written down once more.
  const std::uint32_t number = ntohl(address.s_addr);
  if (number >> 24 == 127 || number >> 24 == 10 || number >> 24 == 0 || number >> 20 == 0xac1 ||
      number >> 16 == 0xc0a8 || number >> 16 == 0xa9fe || number >> 28 >= 14) {
    Require(!global);
  }
  in6_addr mapped{};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  std::memcpy(mapped.s6_addr + 12, &address, 4);
  Require(IsGloballyReachable(OfIpv6(mapped)) == global);
  in6_addr translated{};
  translated.s6_addr[1] = 0x64;
  translated.s6_addr[2] = 0xff;
  translated.s6_addr[3] = 0x9b;
  std::memcpy(translated.s6_addr + 12, &address, 4);
  Require(IsGloballyReachable(OfIpv6(translated)) == global);
}

void CheckIpv6(const in6_addr& address) {
  const NetworkAddress ipv6 = OfIpv6(address);
  in6_addr again{};
  Require(inet_pton(AF_INET6, ToText(ipv6).c_str(), &again) == 1 &&
          std::memcmp(&again, &address, sizeof again) == 0);
  if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_LINKLOCAL(&address) ||
      IN6_IS_ADDR_MULTICAST(&address) || IN6_IS_ADDR_UNSPECIFIED(&address) ||
      (address.s6_addr[0] & 0xfe) == 0xfc) {
    Require(!IsGloballyReachable(ipv6));
  }
}

void CheckText(const std::string& text) {
  const auto literal = ResolveLiteral(text, 80);
  Require(literal.size() <= 1);
  const bool is_private = TcpConnection::IsPrivateLiteral(text);
  if (literal.empty()) {
    Require(!is_private);
  } else {
    Require(is_private == !IsGloballyReachable(literal.front()));
  }
  if (text.find('\0') != std::string::npos) {
    Require(literal.empty());
    return;
  }
  in_addr ipv4{};
  in6_addr ipv6{};
  if (inet_aton(text.c_str(), &ipv4) != 0 &&
      text.find_first_of(" \t\n\v\f\r") == std::string::npos) {
    Require(literal.size() == 1 && ToText(literal.front()) == ToText(OfIpv4(ipv4)));
  }
  if (inet_pton(AF_INET6, text.c_str(), &ipv6) == 1) {
    Require(literal.size() == 1 && ToText(literal.front()) == ToText(OfIpv6(ipv6)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CheckText(std::string(reinterpret_cast<const char*>(data), size));
  if (size >= 4) {
    in_addr ipv4{};
    std::memcpy(&ipv4, data, sizeof ipv4);
    CheckIpv4(ipv4);
  }
  if (size >= 16) {
    in6_addr ipv6{};
    std::memcpy(&ipv6, data, sizeof ipv6);
    CheckIpv6(ipv6);
  }
  sockaddr_storage storage{};
  std::copy_n(data, std::min(size, sizeof storage), reinterpret_cast<std::uint8_t*>(&storage));
  const auto any = NetworkAddress::Of(reinterpret_cast<const sockaddr*>(&storage),
                                      static_cast<socklen_t>(std::min(size, sizeof storage)));
  Require(!ToText(any).empty());
  Require(!IsGloballyReachable(any) || storage.ss_family == AF_INET ||
          storage.ss_family == AF_INET6);
  return 0;
}
