#include "certificates.hpp"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <stdexcept>

namespace ostrust::platform {
namespace {

// One key for all that name none: the tests look at names and bytes, never at signatures.
EVP_PKEY* Key(int number = 0) {
  static auto& keys = *new std::map<int, EVP_PKEY*>;  // never destroyed: no leak at exit
  EVP_PKEY*& key = keys[number];
  if (key == nullptr) key = EVP_EC_gen("P-256");
  return key;
}

void Check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

template <typename Encode, typename Object>
Bytes Encoded(Encode encode, Object* object) {
  unsigned char* data = nullptr;
  const int size = encode(object, &data);
  Check(size > 0, "i2d");
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  Bytes bytes(begin, begin + size);
  OPENSSL_free(data);
  return bytes;
}

void AddCommonName(X509_NAME* name, std::string_view common_name) {
  Check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0) == 1,
        "X509_NAME_add_entry_by_txt");
}

X509Ptr Parse(ByteView certificate) {
  const auto* data = reinterpret_cast<const unsigned char*>(certificate.data());
  X509Ptr parsed(d2i_X509(nullptr, &data, static_cast<long>(certificate.size())));
  Check(parsed != nullptr, "d2i_X509");
  return parsed;
}

void AddObjects(X509* certificate, const char* names, int (*add)(X509*, const ASN1_OBJECT*)) {
  std::istringstream stream(names);
  for (std::string name; stream >> name;) {
    ASN1_OBJECT* object = OBJ_txt2obj(name.c_str(), 0);
    Check(object != nullptr && add(certificate, object) == 1, "add trust");
    ASN1_OBJECT_free(object);
  }
}

Bytes Make(std::string_view common_name, std::string_view issuer, int key, long serial,
           const char* not_before, const char* not_after) {
  const X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  const X509NamePtr subject_name(X509_NAME_new());
  AddCommonName(subject_name.get(), common_name);
  const X509NamePtr issuer_name(X509_NAME_new());
  AddCommonName(issuer_name.get(), issuer);
  X509_set_subject_name(certificate.get(), subject_name.get());
  X509_set_issuer_name(certificate.get(), issuer_name.get());
  ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()), not_before);
  ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), not_after);
  X509_set_pubkey(certificate.get(), Key(key));
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
  X509_add_ext(certificate.get(), extension, -1);
  X509_EXTENSION_free(extension);
  Check(X509_sign(certificate.get(), Key(), EVP_sha256()) > 0, "X509_sign");
  return Encoded(i2d_X509, certificate.get());
}

}  // namespace

Bytes NameDer(std::string_view common_name) {
  const X509NamePtr name(X509_NAME_new());
  AddCommonName(name.get(), common_name);
  return Encoded(i2d_X509_NAME, name.get());
}

Bytes MakeIssuedWithKey(std::string_view common_name, std::string_view issuer, int key,
                        long serial) {
  return Make(common_name, issuer, key, serial, "20200101000000Z", "20991231235959Z");
}

Bytes MakeIssuedBetween(std::string_view common_name, std::string_view issuer,
                        const char* not_before, const char* not_after) {
  return Make(common_name, issuer, 0, 1, not_before, not_after);
}

Bytes MakeIssued(std::string_view common_name, std::string_view issuer, long serial) {
  return MakeIssuedWithKey(common_name, issuer, 0, serial);
}

Bytes MakeRoot(std::string_view common_name, long serial) {
  return MakeIssued(common_name, common_name, serial);
}

Bytes SubjectOf(ByteView certificate) {
  return Encoded(i2d_X509_NAME, X509_get_subject_name(Parse(certificate).get()));
}

Bytes PublicKeyInfoOf(ByteView certificate) {
  return Encoded(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(Parse(certificate).get()));
}

Bytes IssuerOf(ByteView certificate) {
  return Encoded(i2d_X509_NAME, X509_get_issuer_name(Parse(certificate).get()));
}

Bytes SerialNumberOf(ByteView certificate) {
  return Encoded(i2d_ASN1_INTEGER, X509_get0_serialNumber(Parse(certificate).get()));
}

std::string Pem(ByteView data, std::string_view label) {
  std::string base64((data.size() + 2) / 3 * 4 + 1, '\0');
  base64.resize(static_cast<std::size_t>(EVP_EncodeBlock(
      reinterpret_cast<unsigned char*>(base64.data()),
      reinterpret_cast<const unsigned char*>(data.data()), static_cast<int>(data.size()))));
  std::string pem = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t i = 0; i < base64.size(); i += 64) pem += base64.substr(i, 64) + "\n";
  return pem + "-----END " + std::string(label) + "-----\n";
}

Bytes TrustedDer(ByteView certificate, const char* trust, const char* reject) {
  const X509Ptr parsed = Parse(certificate);
  if (trust != nullptr) AddObjects(parsed.get(), trust, X509_add1_trust_object);
  if (reject != nullptr) AddObjects(parsed.get(), reject, X509_add1_reject_object);
  return Encoded(i2d_X509_AUX, parsed.get());
}

std::string TrustedPem(ByteView certificate, const char* trust, const char* reject) {
  return Pem(TrustedDer(certificate, trust, reject), "TRUSTED CERTIFICATE");
}

std::string HashName(ByteView certificate) {
  int ok = 0;
  const unsigned long hash =
      X509_NAME_hash_ex(X509_get_subject_name(Parse(certificate).get()), nullptr, nullptr, &ok);
  Check(ok == 1, "X509_NAME_hash_ex");
  char text[9];
  std::snprintf(text, sizeof(text), "%08lx", hash);
  return text;
}

Bytes Concatenate(ByteView a, ByteView b) {
  Bytes all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

}  // namespace ostrust::platform
