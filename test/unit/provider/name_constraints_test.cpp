// Name constraints that stand in no certificate, as OpenSSL checks those that do.
#include "provider/verify/name_constraints.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "platform/bytes.hpp"
#include "provider/host/image.hpp"

namespace ostrust::verify {
namespace {

using platform::Bytes;
using platform::ByteView;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

/// The extnValue of an extension of NID `nid`, as openssl.cnf writes it.
Bytes ExtensionValue(int nid, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  const ASN1_OCTET_STRING* const data = X509_EXTENSION_get_data(extension.get());
  const auto bytes = std::as_bytes(
      std::span(ASN1_STRING_get0_data(data), static_cast<std::size_t>(ASN1_STRING_length(data))));
  return Bytes(bytes.begin(), bytes.end());
}

class NameConstraintsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    const auto image = host::Image::Containing(reinterpret_cast<const void*>(&X509_free), why);
    ASSERT_TRUE(image) << why;
    ASSERT_EQ(host::ResolveSymbols(*image, symbols_), "");
    ERR_clear_error();
  }
  ~NameConstraintsTest() override { OPENSSL_sk_pop_free(chain_, FreeX509); }

  /// Puts a certificate on top of the chain.
  void Add(const char* common_name, const char* alternative_names) {
    X509* const x509 = X509_new();
    X509_set_version(x509, X509_VERSION_3);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    if (alternative_names != nullptr) {
      const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
          X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_names));
      X509_add_ext(x509, extension.get(), -1);
    }
    X509_get_extension_flags(x509);  // as every verification does
    ERR_clear_error();               // it has no key
    OPENSSL_sk_push(chain_, x509);
  }

  int Check(std::size_t depth, ByteView constraints) const {
    const int error = OpenSslNames(symbols_, chain_, param_.get()).Check(depth, constraints);
    EXPECT_EQ(ERR_peek_error(), 0UL);
    return error;
  }

  host::Symbols symbols_;
  std::unique_ptr<X509_VERIFY_PARAM, Deleter<X509_VERIFY_PARAM_free>> param_{
      X509_VERIFY_PARAM_new()};
  OPENSSL_STACK* chain_ = OPENSSL_sk_new_null();
  const Bytes permitted_ = ExtensionValue(NID_name_constraints, "permitted;DNS:example.com");
  const Bytes excluded_ = ExtensionValue(NID_name_constraints, "excluded;DNS:example.com");

 private:
  static void FreeX509(void* x509) { X509_free(static_cast<X509*>(x509)); }
};

TEST_F(NameConstraintsTest, AlternativeNamesMustBeWithinThem) {
  Add("leaf", "DNS:www.example.com");
  Add("CA", "DNS:other.org");
  EXPECT_EQ(Check(0, permitted_), X509_V_OK);
  EXPECT_EQ(Check(0, excluded_), X509_V_ERR_EXCLUDED_VIOLATION);
  EXPECT_EQ(Check(1, permitted_), X509_V_ERR_PERMITTED_VIOLATION);
  EXPECT_EQ(Check(1, excluded_), X509_V_OK);
}

TEST_F(NameConstraintsTest, ACommonNameIsAHostsNameAtTheEndWhereNothingElseNamesOne) {
  Add("www.other.org", "IP:192.0.2.1");
  Add("www.other.org", nullptr);
  EXPECT_EQ(Check(0, permitted_), X509_V_ERR_PERMITTED_VIOLATION);
  EXPECT_EQ(Check(1, permitted_), X509_V_OK);  // a CA's is none
}

TEST_F(NameConstraintsTest, AnAlternativeNameTakesTheCommonNamesPlace) {
  Add("www.other.org", "IP:192.0.2.1,DNS:www.example.com");
  EXPECT_EQ(Check(0, permitted_), X509_V_OK);
  X509_VERIFY_PARAM_set_hostflags(param_.get(), X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT);
  EXPECT_EQ(Check(0, permitted_), X509_V_ERR_PERMITTED_VIOLATION);
}

TEST_F(NameConstraintsTest, AProgramThatNeverLooksAtCommonNamesIsNotRefusedForOne) {
  Add("www.other.org", nullptr);
  X509_VERIFY_PARAM_set_hostflags(param_.get(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  EXPECT_EQ(Check(0, permitted_), X509_V_OK);
}

TEST_F(NameConstraintsTest, WhatCannotBeReadOrCheckedIsViolated) {
  Add("leaf", "DNS:www.example.com");
  Bytes longer = permitted_;
  longer.push_back(std::byte{0});
  const Bytes empty;
  for (const Bytes& constraints : {empty, Bytes(7, std::byte{0x30}), longer}) {
    EXPECT_EQ(Check(0, constraints), X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX);
  }
  symbols_.NAME_CONSTRAINTS_check = nullptr;
  EXPECT_EQ(Check(0, permitted_), X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE);
}

}  // namespace
}  // namespace ostrust::verify
