#include "libcrypto.hpp"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <array>
#include <map>

#include "provider/host/image.hpp"

namespace ostrust::fuzz {

using platform::Bytes;
using platform::ByteView;
using namespace std::string_view_literals;

const host::Symbols& LinkedSymbols() {
  static const host::Symbols& symbols = [&]() -> const host::Symbols& {
    auto* const found = new host::Symbols;
    std::string why;
    const auto image = host::Image::Containing(reinterpret_cast<const void*>(&::X509_free), why);
    Require(image && host::ResolveSymbols(*image, *found).empty());
    Require(found->CanFetch() && found->CanCheckRevocation() && found->CanCheckNameConstraints());
    return *found;
  }();
  return symbols;
}

SameErrors::SameErrors() {
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 42);
}

SameErrors::~SameErrors() {
  const unsigned long error = ERR_get_error();
  Require(ERR_GET_LIB(error) == ERR_LIB_USER && ERR_GET_REASON(error) == 42);
  Require(ERR_get_error() == 0);
}

EVP_PKEY* SmallKey(int number) {
  static auto& keys = *new std::map<int, EVP_PKEY*>;
  EVP_PKEY*& key = keys[number];
  if (key != nullptr) return key;
  using GroupPtr = std::unique_ptr<EC_GROUP, Deleter<EC_GROUP_free>>;
  const GroupPtr group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const std::unique_ptr<BIGNUM, Deleter<BN_free>> secret(BN_new());
  const std::unique_ptr<EC_POINT, Deleter<EC_POINT_free>> point(EC_POINT_new(group.get()));
  std::array<unsigned char, 65> octets{};
  Require(BN_set_word(secret.get(), static_cast<BN_ULONG>(number)) == 1 &&
          EC_POINT_mul(group.get(), point.get(), secret.get(), nullptr, nullptr, nullptr) == 1 &&
          EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, octets.data(),
                             octets.size(), nullptr) == octets.size());
  const std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD_free>> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, octets.data(),
                                   octets.size());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret.get());
  const std::unique_ptr<OSSL_PARAM, Deleter<OSSL_PARAM_free>> params(
      OSSL_PARAM_BLD_to_param(builder.get()));
  const std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>> ctx(
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  Require(EVP_PKEY_fromdata_init(ctx.get()) == 1 &&
          EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_KEYPAIR, params.get()) == 1);
  return key;
}

X509Ptr UnsignedCertificate(const CertificateParts& parts) {
  X509Ptr x509(X509_new());
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), parts.serial);
  ASN1_TIME_set_string(X509_getm_notBefore(x509.get()), "20200101000000Z");
  ASN1_TIME_set_string(X509_getm_notAfter(x509.get()), "20400101000000Z");
  const auto name = [](X509_NAME* to, const std::string& text) {
    X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()), -1, 0);
  };
  name(X509_get_subject_name(x509.get()), parts.subject);
  name(X509_get_issuer_name(x509.get()), parts.issuer);
  X509_set_pubkey(x509.get(), SmallKey(parts.key));
  const auto add = [&](int nid, const char* value) {
    const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
    Require(X509_add_ext(x509.get(), extension.get(), -1) == 1);
  };
  if (parts.is_authority) add(NID_basic_constraints, "critical,CA:TRUE");
  if (!parts.extended_key_usage.empty()) add(NID_ext_key_usage, parts.extended_key_usage.c_str());
  return x509;
}

X509Ptr MakeCertificate(const CertificateParts& parts) {
  X509Ptr x509 = UnsignedCertificate(parts);
  Require(X509_sign(x509.get(), SmallKey(parts.issuer_key), EVP_sha256()) > 0);
  return x509;
}

void AddExtension(X509* x509, int nid, ByteView value) {
  const std::unique_ptr<ASN1_OCTET_STRING, Deleter<ASN1_OCTET_STRING_free>> octets(
      ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(octets.get(), reinterpret_cast<const unsigned char*>(value.data()),
                        static_cast<int>(value.size()));
  const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
      X509_EXTENSION_create_by_NID(nullptr, nid, 0, octets.get()));
  Require(X509_add_ext(x509, extension.get(), -1) == 1);
}

Bytes Sign(EVP_PKEY* key, ByteView to_be_signed) {
  const std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>> ctx(EVP_MD_CTX_new());
  Bytes signature(80);
  std::size_t size = signature.size();
  Require(EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
          EVP_DigestSign(ctx.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                         reinterpret_cast<const unsigned char*>(to_be_signed.data()),
                         to_be_signed.size()) == 1);
  signature.resize(size);
  return signature;
}

ByteView SignatureAlgorithm() {
  return platform::AsBytes("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"sv);
}

Bytes DerOf(const X509* x509) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(x509, &der);
  Require(size > 0);
  const ByteView view = View(der, static_cast<std::size_t>(size));
  Bytes bytes(view.begin(), view.end());
  OPENSSL_free(der);
  return bytes;
}

}  // namespace ostrust::fuzz
