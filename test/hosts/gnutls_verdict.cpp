// What GnuTLS, the other verifier that asks p11-kit's trust module, says of a chain:
//
//     gnutls_verdict MODULE POLICY CHAIN HOST PURPOSE [TIME]
//
//     MODULE   p11-kit-trust.so
//     POLICY   a directory as the module reads it (test/pki/p11kit.py)
//     CHAIN    a PEM file, the leaf first
//     HOST     whom the leaf must be for, or "-"
//     PURPOSE  server, client or none
//     TIME     seconds since 1970; now, if absent
//
// Prints "accepted", or "refused" and the names of the flags, on one line. --version prints
// GnuTLS's.
#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>

#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

const std::map<std::string, const char*> kPurposes = {
    {"server", GNUTLS_KP_TLS_WWW_SERVER}, {"client", GNUTLS_KP_TLS_WWW_CLIENT}, {"none", nullptr}};

const std::vector<std::pair<unsigned, const char*>> kFlags = {
    {GNUTLS_CERT_INVALID, "invalid"},
    {GNUTLS_CERT_REVOKED, "revoked"},
    {GNUTLS_CERT_SIGNER_NOT_FOUND, "signer-not-found"},
    {GNUTLS_CERT_SIGNER_NOT_CA, "signer-not-ca"},
    {GNUTLS_CERT_INSECURE_ALGORITHM, "insecure-algorithm"},
    {GNUTLS_CERT_NOT_ACTIVATED, "not-activated"},
    {GNUTLS_CERT_EXPIRED, "expired"},
    {GNUTLS_CERT_SIGNATURE_FAILURE, "signature-failure"},
    {GNUTLS_CERT_UNEXPECTED_OWNER, "unexpected-owner"},
    {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "signer-constraints-failure"},
    {GNUTLS_CERT_MISMATCH, "mismatch"},
    {GNUTLS_CERT_PURPOSE_MISMATCH, "purpose-mismatch"},
    {GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, "unknown-critical-extensions"},
};

std::time_t now = 0;

std::time_t Now(std::time_t* answer) {
  if (answer != nullptr) *answer = now;
  return now;
}

int Must(int result, const std::string& what) {
  if (result < 0) throw std::runtime_error(what + ": " + gnutls_strerror(result));
  return result;
}

/// A chain, freed in the end.
struct Chain {
  explicit Chain(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    std::string pem = text.str();
    const gnutls_datum_t data = {reinterpret_cast<unsigned char*>(pem.data()),
                                 static_cast<unsigned>(pem.size())};
    Must(gnutls_x509_crt_list_import2(&certificates, &size, &data, GNUTLS_X509_FMT_PEM, 0), path);
  }
  ~Chain() {
    for (unsigned i = 0; i < size; ++i) gnutls_x509_crt_deinit(certificates[i]);
    gnutls_free(certificates);
  }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  gnutls_x509_crt_t* certificates = nullptr;
  unsigned size = 0;
};

unsigned Status(const Chain& chain, std::string host, const char* purpose) {
  gnutls_x509_trust_list_t list = nullptr;
  Must(gnutls_x509_trust_list_init(&list, 0), "no trust list");
  // A URL that names a token, and no object in it, makes GnuTLS ask the module for every
  // verification.
  Must(gnutls_x509_trust_list_add_trust_file(list, "pkcs11:", nullptr, GNUTLS_X509_FMT_PEM, 0, 0),
       "no token");
  std::vector<gnutls_typed_vdata_st> wanted;
  if (host != "-") {
    wanted.push_back({GNUTLS_DT_DNS_HOSTNAME, reinterpret_cast<unsigned char*>(host.data()),
                      static_cast<unsigned>(host.size())});
  }
  std::string oid = purpose != nullptr ? purpose : "";
  if (purpose != nullptr) {
    wanted.push_back({GNUTLS_DT_KEY_PURPOSE_OID, reinterpret_cast<unsigned char*>(oid.data()), 0});
  }
  unsigned status = 0;
  const int result =
      gnutls_x509_trust_list_verify_crt2(list, chain.certificates, chain.size, wanted.data(),
                                         static_cast<unsigned>(wanted.size()), 0, &status, nullptr);
  gnutls_x509_trust_list_deinit(list, 1);
  Must(result, "no verdict");
  return status;
}

std::string Answer(unsigned status) {
  if (status == 0) return "accepted";
  std::string text = "refused";
  for (const auto& [flag, name] : kFlags) {
    if ((status & flag) != 0) text += std::string(" ") + name;
  }
  return text;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && std::strcmp(arguments[1], "--version") == 0) {
    std::cout << gnutls_check_version(nullptr) << "\n";
    return 0;
  }
  if (count < 6 || count > 7 || kPurposes.count(arguments[5]) == 0) {
    std::cerr << "usage: gnutls_verdict MODULE POLICY CHAIN HOST server|client|none [TIME]\n";
    return 2;
  }
  try {
    const std::string parameters = std::string("trusted, p11-kit:paths='") + arguments[2] + "'";
    Must(gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, nullptr), "no PKCS#11");
    Must(gnutls_pkcs11_add_provider(arguments[1], parameters.c_str()), arguments[1]);
    if (count == 7) {
      now = static_cast<std::time_t>(std::stoll(arguments[6]));
      gnutls_global_set_time_function(Now);
    }
    std::cout << Answer(Status(Chain(arguments[3]), arguments[4], kPurposes.at(arguments[5])))
              << "\n";
    gnutls_pkcs11_deinit();
  } catch (const std::exception& error) {
    std::cerr << "gnutls_verdict: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
