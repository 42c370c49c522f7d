#include "platform/der.hpp"

#include <gtest/gtest.h>

#include "certificates.hpp"

namespace ostrust::platform {
namespace {

using namespace std::string_view_literals;

bool Reads(std::string_view der) {
  DerReader reader(AsBytes(der));
  return reader.Next().has_value();
}

TEST(Der, ElementsFollowEachOther) {
  DerReader reader(AsBytes("\x02\x01\x07\x04\x00"sv));
  const auto integer = reader.Next(der::kInteger);
  ASSERT_TRUE(integer);
  EXPECT_EQ(AsText(integer->content), "\x07"sv);
  EXPECT_EQ(AsText(integer->whole), "\x02\x01\x07"sv);
  EXPECT_FALSE(reader.AtEnd());
  const auto octets = reader.Next(der::kOctetString);
  ASSERT_TRUE(octets);
  EXPECT_TRUE(octets->content.empty());
  EXPECT_TRUE(reader.AtEnd());
  EXPECT_FALSE(reader.Next());
}

TEST(Der, AnotherTagIsNotConsumed) {
  DerReader reader(AsBytes("\x02\x01\x07"sv));
  EXPECT_FALSE(reader.Next(der::kSequence));
  EXPECT_TRUE(reader.NextIs(der::kInteger));
  EXPECT_TRUE(reader.Next(der::kInteger));
}

TEST(Der, AnElementCutShortIsRefused) {
  EXPECT_FALSE(Reads(""sv));
  EXPECT_FALSE(Reads("\x04"sv));
  EXPECT_FALSE(Reads("\x04\x02\x61"sv));
  EXPECT_FALSE(Reads("\x04\x82\x01"sv));
  EXPECT_FALSE(Reads("\x04\x84\xff\xff\xff\xff"sv));
}

TEST(Der, LengthsThatAreNotMinimalAreRefused) {
  EXPECT_FALSE(Reads("\x04\x81\x01\x61"sv));
  EXPECT_FALSE(Reads("\x04\x82\x00\x01\x61"sv));
  EXPECT_FALSE(Reads(std::string("\x04\x82\x00\x80"sv) + std::string(0x80, 'a')));
  EXPECT_TRUE(Reads(std::string("\x04\x81\x80"sv) + std::string(0x80, 'a')));
  EXPECT_TRUE(Reads(std::string("\x04\x82\x01\x00"sv) + std::string(0x100, 'a')));
}

TEST(Der, IndefiniteLengthIsRefused) {
  EXPECT_FALSE(Reads("\x30\x80\x05\x00\x00\x00"sv));
}

TEST(Der, LengthsOfMoreThanFourOctetsAreRefused) {
  EXPECT_FALSE(Reads("\x04\x85\x01\x00\x00\x00\x00\x61"sv));
  EXPECT_FALSE(Reads("\x04\xff\x61"sv));
}

TEST(Der, HighTagNumbersAreRefused) {
  EXPECT_FALSE(Reads("\x1f\x81\x00\x00"sv));
}

TEST(Der, ObjectIdentifiersAreCheckedAsOpenSslDoes) {
  EXPECT_TRUE(IsObjectIdentifier(AsBytes("\x55\x04\x03"sv)));
  EXPECT_TRUE(IsObjectIdentifier(AsBytes("\x2a\x81\x00"sv)));
  EXPECT_FALSE(IsObjectIdentifier(AsBytes(""sv)));
  EXPECT_FALSE(IsObjectIdentifier(AsBytes("\x55\x84"sv)));
  EXPECT_FALSE(IsObjectIdentifier(AsBytes("\x80\x01"sv)));
  EXPECT_FALSE(IsObjectIdentifier(AsBytes("\x2a\x80\x01"sv)));
}

TEST(Der, WhatIsWrittenIsRead) {
  for (const std::size_t size : {0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 24}) {
    const Bytes content(size, std::byte{'x'});
    Bytes written;
    AppendDer(der::kOctetString, content, written);
    EXPECT_EQ(written.size(), DerHeaderSize(size) + size);
    EXPECT_EQ(DerElementSize(written), written.size());
    EXPECT_EQ(DerElementSize(ByteView(written).first(DerHeaderSize(size))), written.size());
    EXPECT_FALSE(DerElementSize(ByteView(written).first(DerHeaderSize(size) - 1)));
    DerReader reader(written);
    const auto element = reader.Next(der::kOctetString);
    ASSERT_TRUE(element) << size;
    EXPECT_EQ(element->content.size(), size);
    EXPECT_TRUE(reader.AtEnd());
  }
}

}  // namespace
}  // namespace ostrust::platform
