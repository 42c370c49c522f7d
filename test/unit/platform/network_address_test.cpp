// Every row of the tables, the addresses at both ends of it and those just outside.
#include "platform/linux/network_address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <ostream>
#include <string>

namespace ostrust::platform {
namespace {

NetworkAddress Parse(const std::string& text) {
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  if (inet_pton(AF_INET, text.c_str(), &ipv4.sin_addr) == 1) {
    return NetworkAddress::Of(reinterpret_cast<const sockaddr*>(&ipv4), sizeof ipv4);
  }
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &ipv6.sin6_addr), 1) << text;
  return NetworkAddress::Of(reinterpret_cast<const sockaddr*>(&ipv6), sizeof ipv6);
}

struct Row {
  const char* name;
  const char* before;  // the address just before the first one; null where that is refused, too
  const char* first;
  const char* last;
  const char* after;  // just behind the last one; null as above

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.first; }
};

class NetworkAddressRow : public testing::TestWithParam<Row> {};

TEST_P(NetworkAddressRow, IsRefusedFromEndToEndAndItsNeighboursAreNot) {
  const Row& row = GetParam();
  EXPECT_FALSE(IsGloballyReachable(Parse(row.first))) << row.first;
  EXPECT_FALSE(IsGloballyReachable(Parse(row.last))) << row.last;
  if (row.before != nullptr) {
    EXPECT_TRUE(IsGloballyReachable(Parse(row.before))) << row.before;
  }
  if (row.after != nullptr) {
    EXPECT_TRUE(IsGloballyReachable(Parse(row.after))) << row.after;
  }
}

const auto kName = [](const testing::TestParamInfo<Row>& row) { return row.param.name; };

INSTANTIATE_TEST_SUITE_P(
    Ipv4, NetworkAddressRow,
    testing::Values(
        Row{"ThisNetwork", nullptr, "0.0.0.0", "0.255.255.255", "1.0.0.0"},
        Row{"Private10", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
        Row{"Shared", "100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"},
        Row{"Loopback", "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"},
        Row{"LinkLocal", "169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"},
        Row{"Private172", "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
        Row{"Protocols", "191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"},
        Row{"Documentation1", "192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"},
        Row{"Relays6to4", "192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"},
        Row{"Private192", "192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"},
        Row{"Benchmarking", "198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"},
        Row{"Documentation2", "198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"},
        Row{"Documentation3", "203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"},
        Row{"Multicast", "223.255.255.255", "224.0.0.0", "239.255.255.255", nullptr},
        Row{"ReservedAndBroadcast", nullptr, "240.0.0.0", "255.255.255.255", nullptr}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Ipv6, NetworkAddressRow,
    testing::Values(Row{"BeforeGlobalUnicast", nullptr,
                        "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"},
                    Row{"BehindGlobalUnicast", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                        "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr},
                    Row{"ProtocolsAndTeredo", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                        "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
                    Row{"Documentation1", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
                        "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
                    Row{"Documentation2", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                        "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
                    // What the registries name outside of 2000::/3.
                    Row{"Loopback", nullptr, "::1", "::1", nullptr},
                    Row{"Ipv4Compatible", nullptr, "::8.8.8.8", "::8.8.8.8", nullptr},
                    Row{"LocalTranslation", nullptr, "64:ff9b:1::8.8.8.8",
                        "64:ff9b:1:ffff::8.8.8.8", nullptr},
                    Row{"DiscardOnly", nullptr, "100::", "100::ffff:ffff:ffff:ffff", nullptr},
                    Row{"SegmentRouting", nullptr, "5f00::", "5f00:ffff::", nullptr},
                    Row{"UniqueLocal", nullptr, "fc00::", "fdff:ffff::1", nullptr},
                    Row{"LinkLocal", nullptr, "fe80::1", "febf:ffff::1", nullptr},
                    Row{"SiteLocal", nullptr, "fec0::1", "feff::1", nullptr},
                    Row{"Multicast", nullptr, "ff00::", "ff0e::1", nullptr}),
    kName);

TEST(NetworkAddress, OneThatStandsForAnIpv4AddressIsWhatThatIs) {
  for (const char* const prefix : {"::ffff:", "64:ff9b::"}) {
    EXPECT_FALSE(IsGloballyReachable(Parse(prefix + std::string("127.0.0.1")))) << prefix;
    EXPECT_FALSE(IsGloballyReachable(Parse(prefix + std::string("169.254.169.254")))) << prefix;
    EXPECT_FALSE(IsGloballyReachable(Parse(prefix + std::string("192.168.255.255")))) << prefix;
    EXPECT_TRUE(IsGloballyReachable(Parse(prefix + std::string("192.169.0.0")))) << prefix;
    EXPECT_TRUE(IsGloballyReachable(Parse(prefix + std::string("8.8.8.8")))) << prefix;
  }
  EXPECT_FALSE(IsGloballyReachable(Parse("2002:7f00:1::1"))) << "6to4 of 127.0.0.1";
  EXPECT_FALSE(IsGloballyReachable(Parse("2002:c0a8:ffff:ffff::1"))) << "6to4 of 192.168.255.255";
  EXPECT_TRUE(IsGloballyReachable(Parse("2002:c0a9::1"))) << "6to4 of 192.169.0.0";
  // Neighbours of the prefixes stand for nothing.
  EXPECT_FALSE(IsGloballyReachable(Parse("::fffe:8.8.8.8")));
  EXPECT_FALSE(IsGloballyReachable(Parse("::1:ffff:8.8.8.8")));
  EXPECT_FALSE(IsGloballyReachable(Parse("64:ff9b::1:8.8.8.8")));
  EXPECT_TRUE(IsGloballyReachable(Parse("2003:7f00:1::1")));
}

TEST(NetworkAddress, OfTheRegistriesTheReachableRowsAreReachable) {
  for (const char* const address : {"192.31.196.1", "192.52.193.1", "192.175.48.1",  // IPv4
                                    "2620:4f:8000::1", "2a00::1", "2606:4700::1"}) {
    EXPECT_TRUE(IsGloballyReachable(Parse(address))) << address;
  }
}

TEST(NetworkAddress, OfAnotherFamilyIsNotReachable) {
  EXPECT_FALSE(IsGloballyReachable(NetworkAddress{}));
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  const auto address =
      NetworkAddress::Of(reinterpret_cast<const sockaddr*>(&local), sizeof(sockaddr_un));
  EXPECT_FALSE(IsGloballyReachable(address));
  EXPECT_EQ(ToText(address), "an address of another family");
}

TEST(NetworkAddress, IsWrittenAsPeopleDo) {
  EXPECT_EQ(ToText(Parse("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(ToText(Parse("2001:DB8:0::1")), "2001:db8::1");
}

}  // namespace
}  // namespace ostrust::platform
