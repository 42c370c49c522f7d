#include "provider/fetch/http_url.hpp"

#include <gtest/gtest.h>

namespace ostrust::fetch {
namespace {

TEST(HttpUrl, IsReadIntoItsParts) {
  const auto url = ParseHttpUrl("http://pki.example.org:8080/certs/ca.der?v=1:2#part");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "pki.example.org");
  EXPECT_EQ(url->port, 8080);
  EXPECT_EQ(url->path, "/certs/ca.der?v=1:2");
  EXPECT_EQ(url->Authority(), "pki.example.org:8080");
}

TEST(HttpUrl, DefaultsArePort80AndTheRootPath) {
  for (const char* text : {"http://h", "HTTP://h", "http://h/", "http://h:80/", "http://h:"}) {
    const auto url = ParseHttpUrl(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(url->Authority(), "h") << text;
    EXPECT_EQ(url->path, "/") << text;
  }
  EXPECT_EQ(ParseHttpUrl("http://h?q")->path, "/?q");
  EXPECT_EQ(ParseHttpUrl("http://h#f")->path, "/");
}

TEST(HttpUrl, AColonOrAnAtSignInThePathIsNoPortAndNoUser) {
  EXPECT_EQ(ParseHttpUrl("http://h/a:b@c")->host, "h");
  EXPECT_EQ(ParseHttpUrl("http://h/a:b@c")->path, "/a:b@c");
}

TEST(HttpUrl, AnIpv6AddressStandsInBrackets) {
  const auto url = ParseHttpUrl("http://[2001:db8::1]:81/x");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "2001:db8::1");
  EXPECT_EQ(url->Authority(), "[2001:db8::1]:81");
  EXPECT_FALSE(ParseHttpUrl("http://2001:db8::1/"));
  EXPECT_FALSE(ParseHttpUrl("http://[2001:db8::1/"));
  EXPECT_FALSE(ParseHttpUrl("http://[::1]x/"));
  EXPECT_FALSE(ParseHttpUrl("http://[fe80::1%25eth0]/"));
  EXPECT_FALSE(ParseHttpUrl("http://[]/"));
}

TEST(HttpUrl, WhatIsNotPlainHttpIsRefused) {
  for (const char* text : {"",
                           "http:",
                           "http:/h/",
                           "http:///x",
                           "https://h/",
                           "ftp://h/",
                           "file:///etc/passwd",
                           "ldap://h/cn=x",
                           "//h/x",
                           "h/x",
                           "http://user@h/",
                           "http://user:secret@h/",
                           "http://h:0/",
                           "http://h:65536/",
                           "http://h:8a/",
                           "http://h:-1/",
                           "http://h:+80/",
                           "http://h: 80/",
                           "http://h\\@evil/",
                           "http://h%2e/",
                           "http://a b/"}) {
    EXPECT_FALSE(ParseHttpUrl(text)) << text;
  }
}

TEST(HttpUrl, NothingThatCouldEndALineOfTheRequestIsLetThrough) {
  EXPECT_FALSE(ParseHttpUrl("http://h/a\r\nHost: evil"));
  EXPECT_FALSE(ParseHttpUrl("http://h/a\nb"));
  EXPECT_FALSE(ParseHttpUrl("http://h/a b"));
  EXPECT_FALSE(ParseHttpUrl(std::string_view("http://h/\0a", 11)));
  EXPECT_FALSE(ParseHttpUrl("http://h/\x80"));
}

TEST(HttpUrl, OneThatIsTooLongIsRefused) {
  const std::string start = "http://h/";
  EXPECT_TRUE(ParseHttpUrl(start + std::string(2048 - start.size(), 'a')));
  EXPECT_FALSE(ParseHttpUrl(start + std::string(2049 - start.size(), 'a')));
}

TEST(Redirection, LeadsToAnAbsoluteUrlOrAPathOnTheSameHost) {
  const HttpUrl from = *ParseHttpUrl("http://[2001:db8::1]:81/x");
  EXPECT_EQ(ParseRedirection(from, "/y?z")->Authority(), "[2001:db8::1]:81");
  EXPECT_EQ(ParseRedirection(from, "/y?z")->path, "/y?z");
  EXPECT_EQ(ParseRedirection(from, "http://other/")->Authority(), "other");
  EXPECT_EQ(ParseRedirection(from, "//other:82/y")->Authority(), "other:82");
  for (const char* location :
       {"", "y", "../y", "//", "//user@other/x", "https://other/", "file:///x", "/a b"}) {
    EXPECT_FALSE(ParseRedirection(from, location)) << location;
  }
}

TEST(HttpProxy, IsReadAsCurlReadsIt) {
  const auto bare = ParseHttpProxy("proxy.corp:3128");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->Authority(), "proxy.corp:3128");
  const auto full = ParseHttpProxy("http://user:pass@word@proxy.corp:3128/");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->user_info, "user:pass@word");
  EXPECT_EQ(full->host, "proxy.corp");
  for (const char* value : {"https://proxy.corp", "socks5://proxy.corp", "", ":3128", "a b"}) {
    EXPECT_FALSE(ParseHttpProxy(value)) << value;
  }
}

TEST(NoProxy, NamesHostsAndWhatIsBelowThem) {
  EXPECT_TRUE(IsExemptFromProxy("localhost,example.org", "example.org"));
  EXPECT_TRUE(IsExemptFromProxy("localhost, .Example.org", "pki.example.ORG"));
  EXPECT_TRUE(IsExemptFromProxy("10.0.0.1 192.0.2.1", "192.0.2.1"));
  EXPECT_TRUE(IsExemptFromProxy("[2001:db8::1]", "2001:db8::1"));
  EXPECT_TRUE(IsExemptFromProxy("a,*", "anything"));
  EXPECT_FALSE(IsExemptFromProxy("", "example.org"));
  EXPECT_FALSE(IsExemptFromProxy(",, .", "example.org"));
  EXPECT_FALSE(IsExemptFromProxy("ample.org", "example.org"));
  EXPECT_FALSE(IsExemptFromProxy("pki.example.org", "example.org"));
}

}  // namespace
}  // namespace ostrust::fetch
