#include "platform/linux/network_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ostrust::platform {
namespace {

/// The addresses whose first `length` bits are those of `prefix`: an IPv4 address, or the first 32
/// bits of an IPv6 address. 1 to 32 bits.
struct Block {
  std::uint32_t prefix;
  int length;

  constexpr bool Contains(std::uint32_t address) const {
    return ((address ^ prefix) >> (32 - length)) == 0;
  }
};

constexpr std::uint32_t V4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// The rows of the IANA IPv4 Special-Purpose Address Registry that are not globally reachable, and
// multicast, which has a registry of its own. Rows that lie within another one are not repeated:
// two anycast addresses of 192.0.0.0/24 are globally reachable, but no place of certificates.
constexpr auto kNotGlobalIpv4 = std::to_array<Block>({
    {V4(0, 0, 0, 0), 8},        // this network, unspecified: RFC 791, RFC 1122 section 3.2.1.3
    {V4(10, 0, 0, 0), 8},       // private: RFC 1918
    {V4(100, 64, 0, 0), 10},    // shared between a carrier and its customers: RFC 6598
    {V4(127, 0, 0, 0), 8},      // loopback: RFC 1122 section 3.2.1.3
    {V4(169, 254, 0, 0), 16},   // link-local: RFC 3927
    {V4(172, 16, 0, 0), 12},    // private: RFC 1918
    {V4(192, 0, 0, 0), 24},     // IETF protocol assignments: RFC 6890 section 2.1
    {V4(192, 0, 2, 0), 24},     // documentation: RFC 5737
    {V4(192, 88, 99, 0), 24},   // 6to4 relays, deprecated: RFC 7526
    {V4(192, 168, 0, 0), 16},   // private: RFC 1918
    {V4(198, 18, 0, 0), 15},    // benchmarking: RFC 2544
    {V4(198, 51, 100, 0), 24},  // documentation: RFC 5737
    {V4(203, 0, 113, 0), 24},   // documentation: RFC 5737
    {V4(224, 0, 0, 0), 4},      // multicast: RFC 5771
    {V4(240, 0, 0, 0), 4},      // reserved: RFC 1112 section 4; limited broadcast: RFC 919
});

constexpr Block kGlobalUnicastIpv6 = {0x20000000, 3};  // RFC 4291 section 2.4, RFC 3587

// The same of the IPv6 registry, as far as they lie in 2000::/3. Addresses of 2001::/23 that are
// globally reachable are anycast ones and identifiers.
constexpr auto kNotGlobalIpv6 = std::to_array<Block>({
    {0x20010000, 23},  // IETF protocol assignments: RFC 2928; with Teredo (RFC 4380), benchmarking
                       // (RFC 5180), ORCHID (RFC 4843, RFC 7343), drone identifiers (RFC 9374)
    {0x20010db8, 32},  // documentation: RFC 3849
    {0x3fff0000, 20},  // documentation: RFC 9637
});

/// IPv6 addresses that stand for the IPv4 address that follows the prefix.
struct Embedding {
  std::array<std::uint8_t, 12> prefix;
  std::size_t size;
};

constexpr auto kEmbeddings = std::to_array<Embedding>({
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12},  // ::ffff:0:0/96, mapped: RFC 4291
    {{0, 0x64, 0xff, 0x9b}, 12},                       // 64:ff9b::/96, NAT64: RFC 6052
    {{0x20, 0x02}, 2},                                 // 2002::/16, 6to4: RFC 3056
});

template <std::size_t kSize>
bool InAny(const std::array<Block, kSize>& blocks, std::uint32_t address) {
  return std::any_of(blocks.begin(), blocks.end(),
                     [address](const Block& block) { return block.Contains(address); });
}

std::uint32_t ReadWord(const std::uint8_t* bytes) {
  std::uint32_t word;
  std::memcpy(&word, bytes, sizeof word);
  return ntohl(word);
}

bool IsGlobalIpv4(std::uint32_t address) {
  return !InAny(kNotGlobalIpv4, address);
}

bool IsGlobalIpv6(const in6_addr& address) {
  const std::uint8_t* const bytes = address.s6_addr;
  for (const Embedding& embedding : kEmbeddings) {
    const auto* const prefix = embedding.prefix.data();
    if (std::equal(prefix, prefix + embedding.size, bytes)) {
      return IsGlobalIpv4(ReadWord(bytes + embedding.size));
    }
  }
  const std::uint32_t first = ReadWord(bytes);
  return kGlobalUnicastIpv6.Contains(first) && !InAny(kNotGlobalIpv6, first);
}

/// The address as what its family says it is; the caller looked at the family.
template <typename Address>
Address As(const NetworkAddress& address) {
  Address result;
  std::memcpy(&result, &address.storage, sizeof result);
  return result;
}

}  // namespace

NetworkAddress NetworkAddress::Of(const sockaddr* address, socklen_t length) {
  NetworkAddress result;
  result.size = std::min(length, static_cast<socklen_t>(sizeof result.storage));
  std::memcpy(&result.storage, address, result.size);
  return result;
}

bool IsGloballyReachable(const NetworkAddress& address) {
  if (address.storage.ss_family == AF_INET) {
    return IsGlobalIpv4(ntohl(As<sockaddr_in>(address).sin_addr.s_addr));
  }
  return address.storage.ss_family == AF_INET6 && IsGlobalIpv6(As<sockaddr_in6>(address).sin6_addr);
}

std::string ToText(const NetworkAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* result = nullptr;
  if (address.storage.ss_family == AF_INET) {
    const in_addr ipv4 = As<sockaddr_in>(address).sin_addr;
    result = inet_ntop(AF_INET, &ipv4, text.data(), text.size());
  } else if (address.storage.ss_family == AF_INET6) {
    const in6_addr ipv6 = As<sockaddr_in6>(address).sin6_addr;
    result = inet_ntop(AF_INET6, &ipv6, text.data(), text.size());
  }
  return result == nullptr ? "an address of another family" : result;
}

}  // namespace ostrust::platform
