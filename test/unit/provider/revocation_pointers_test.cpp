#include "provider/fetch/revocation_pointers.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string_view>

#include "platform/bytes.hpp"
#include "provider/host/image.hpp"

namespace ostrust::fetch {
namespace {

using namespace std::string_view_literals;

void Add(X509* x509, int nid, std::string_view value) {
  ASN1_OCTET_STRING* const octets = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(octets, reinterpret_cast<const unsigned char*>(value.data()),
                        static_cast<int>(value.size()));
  X509_EXTENSION* const extension = X509_EXTENSION_create_by_NID(nullptr, nid, 0, octets);
  X509_add_ext(x509, extension, -1);
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(octets);
}

TEST(RevocationPointers, WhatCannotBeReadDrivesNothingOutOfTheErrorQueue) {
  host::Symbols symbols;
  std::string why;
  const auto image = host::Image::Containing(reinterpret_cast<const void*>(&::X509_free), why);
  ASSERT_TRUE(image) << why;
  ASSERT_EQ(host::ResolveSymbols(*image, symbols), "");

  // A distribution point with a cRLIssuer whose directoryName has an identifier that is none:
  // libcrypto says so at each of its levels, and the queue has room for 16.
  constexpr std::string_view kPoints =
      "\x30\x15\x30\x13\xa2\x11\xa4\x0f\x30\x0d\x31\x0b\x30\x09\x06\x03\x80\x80\x80\x0c\x02\x43\x41"sv;
  const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), X509_free);
  Add(x509.get(), NID_crl_distribution_points, kPoints);
  Add(x509.get(), NID_freshest_crl, kPoints);
  X509_get_extension_flags(x509.get());  // as every verification has done
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 42);
  const RevocationPointers pointers = RevocationPointersOf(symbols, x509.get());
  EXPECT_TRUE(pointers.lists.empty() && pointers.list_issuers.empty());
  EXPECT_EQ(ERR_GET_REASON(ERR_get_error()), 42);
  EXPECT_EQ(ERR_get_error(), 0UL);
}

}  // namespace
}  // namespace ostrust::fetch
