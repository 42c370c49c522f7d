#include "provider/tool/certificate_text.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <span>

#include <arpa/inet.h>

#include <openssl/pem.h>

#include "provider/tool/text.hpp"

namespace ostrust::tool {
namespace {

// Bounds on what a certificate, which may be anybody's, can make us say.
constexpr std::size_t kMaxNames = 50;
constexpr std::size_t kMaxUrls = 4;
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxNumber = 128;

std::string Bounded(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  text.resize(limit);
  return text + "...";
}

using BioPtr = std::unique_ptr<BIO, decltype(Verifier::BIO_free)>;

std::string TextOf(const Verifier& crypto, const ASN1_STRING* text) {
  const unsigned char* const data = crypto.ASN1_STRING_get0_data(text);
  const int size = crypto.ASN1_STRING_length(text);
  if (data == nullptr || size <= 0) return {};
  return Bounded(std::string(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)),
                 kMaxText);
}

std::string NameText(const Verifier& crypto, const X509_NAME* name) {
  const BioPtr bio(crypto.BIO_new(crypto.BIO_s_mem()), crypto.BIO_free);
  // UTF-8 as it is: what must not reach a terminal is escaped where it is printed.
  constexpr unsigned long kFlags =
      XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  if (bio == nullptr || name == nullptr ||
      crypto.X509_NAME_print_ex(bio.get(), name, 0, kFlags) < 0) {
    return {};
  }
  char* data = nullptr;
  const long size = crypto.BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &data);
  return data == nullptr || size <= 0
             ? std::string()
             : Bounded(std::string(data, static_cast<std::size_t>(size)), kMaxText);
}

std::int64_t SecondsOf(const Verifier& crypto, const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || crypto.ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return ::timegm(&parts);
}

std::string KeyText(const Verifier& crypto, const X509* x509) {
  const EVP_PKEY* const key = crypto.X509_get0_pubkey(x509);
  if (key == nullptr) return {};
  const char* const type = crypto.EVP_PKEY_get0_type_name(key);
  std::string text = type == nullptr ? "of an unknown kind" : type;
  text += ", " + std::to_string(crypto.EVP_PKEY_get_bits(key)) + " bits";
  std::array<char, 80> group{};
  std::size_t size = 0;
  if (crypto.EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1) {
    text += std::string(", ") + group.data();
  }
  return text;
}

std::string SerialText(const Verifier& crypto, const X509* x509) {
  const ASN1_INTEGER* const serial = crypto.X509_get0_serialNumber(x509);
  const int size = crypto.ASN1_STRING_length(serial);
  const std::string digits =
      Bounded(Hex(std::as_bytes(std::span(
                  crypto.ASN1_STRING_get0_data(serial),
                  std::min(static_cast<std::size_t>(size < 0 ? 0 : size), kMaxNumber + 1)))),
              2 * kMaxNumber);
  return crypto.ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? "-" + digits : digits;
}

std::string AddressText(const std::string& octets) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = octets.size() == 4 ? AF_INET : AF_INET6;
  if ((octets.size() != 4 && octets.size() != 16) ||
      ::inet_ntop(family, octets.data(), text.data(), text.size()) == nullptr) {
    return {};
  }
  return text.data();
}

template <typename Element>
Element* At(const Verifier& crypto, const void* stack, int index) {
  return static_cast<Element*>(
      crypto.OPENSSL_sk_value(static_cast<const OPENSSL_STACK*>(stack), index));
}

std::vector<std::string> NamesOf(const Verifier& crypto, const X509* x509) {
  std::vector<std::string> found;
  auto* const names = static_cast<GENERAL_NAMES*>(
      crypto.X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr));
  const auto* const stack = reinterpret_cast<const OPENSSL_STACK*>(names);
  for (int i = 0; names != nullptr && i < crypto.OPENSSL_sk_num(stack); ++i) {
    const auto* const name = At<GENERAL_NAME>(crypto, stack, i);
    std::string text;
    if (name->type == GEN_DNS) text = TextOf(crypto, name->d.dNSName);
    if (name->type == GEN_IPADD) text = AddressText(TextOf(crypto, name->d.iPAddress));
    if (!text.empty() && found.size() < kMaxNames) found.push_back(text);
  }
  crypto.GENERAL_NAMES_free(names);
  return found;
}

std::vector<std::string> CaIssuersOf(const Verifier& crypto, const X509* x509) {
  std::vector<std::string> found;
  auto* const access = static_cast<AUTHORITY_INFO_ACCESS*>(
      crypto.X509_get_ext_d2i(x509, NID_info_access, nullptr, nullptr));
  const auto* const stack = reinterpret_cast<const OPENSSL_STACK*>(access);
  for (int i = 0; access != nullptr && i < crypto.OPENSSL_sk_num(stack); ++i) {
    const auto* const one = At<ACCESS_DESCRIPTION>(crypto, stack, i);
    if (crypto.OBJ_obj2nid(one->method) == NID_ad_ca_issuers && one->location->type == GEN_URI &&
        found.size() < kMaxUrls) {
      found.push_back(TextOf(crypto, one->location->d.uniformResourceIdentifier));
    }
  }
  crypto.AUTHORITY_INFO_ACCESS_free(access);
  return found;
}

/// No password is asked for on somebody's terminal.
extern "C" int OstrustToolNoPassword(char*, int, int, void*) {
  return -1;
}

}  // namespace

ChainCertificate Describe(const Verifier& crypto, const std::string& der) {
  ChainCertificate certificate;
  const X509Ptr x509 = Parse(crypto, der);
  if (x509 == nullptr) return certificate;
  const X509_NAME* const subject = crypto.X509_get_subject_name(x509.get());
  const X509_NAME* const issuer = crypto.X509_get_issuer_name(x509.get());
  certificate.subject = NameText(crypto, subject);
  certificate.issuer = NameText(crypto, issuer);
  certificate.self_issued = crypto.X509_NAME_cmp(subject, issuer) == 0;
  certificate.serial = SerialText(crypto, x509.get());
  certificate.key = KeyText(crypto, x509.get());
  certificate.not_before = SecondsOf(crypto, crypto.X509_get0_notBefore(x509.get()));
  certificate.not_after = SecondsOf(crypto, crypto.X509_get0_notAfter(x509.get()));
  certificate.names = NamesOf(crypto, x509.get());
  certificate.ca_issuers = CaIssuersOf(crypto, x509.get());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (crypto.X509_digest(x509.get(), crypto.EVP_sha256(), digest.data(), &size) == 1) {
    certificate.sha256 = Hex(std::as_bytes(std::span(digest.data(), size)));
  }
  crypto.ERR_clear_error();
  return certificate;
}

X509Ptr Parse(const Verifier& crypto, const std::string& der) {
  const auto* data = reinterpret_cast<const unsigned char*>(der.data());
  return {crypto.d2i_X509(nullptr, &data, static_cast<long>(der.size())), crypto.X509_free};
}

std::string DerOf(const Verifier& crypto, const X509* x509) {
  unsigned char* data = nullptr;
  const int size = crypto.i2d_X509(x509, &data);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  crypto.CRYPTO_free(data, "ostrust", 0);
  return der;
}

std::optional<std::vector<X509Ptr>> ParseFile(const Verifier& crypto, const std::string& content,
                                              std::string& why) {
  std::vector<X509Ptr> found;
  constexpr char kSequence = 0x30;
  crypto.ERR_clear_error();
  if (!content.empty() && content.front() == kSequence) {
    found.push_back(Parse(crypto, content));
    if (found.front() != nullptr) return found;
    why = "holds no certificate that can be read: " + crypto.TakeErrors();
    return std::nullopt;
  }
  const BioPtr bio(crypto.BIO_new_mem_buf(content.data(), static_cast<int>(content.size())),
                   crypto.BIO_free);
  if (bio == nullptr) return std::nullopt;
  for (;;) {
    X509Ptr next(crypto.PEM_read_bio_X509(bio.get(), nullptr, OstrustToolNoPassword, nullptr),
                 crypto.X509_free);
    if (next == nullptr) break;
    found.push_back(std::move(next));
  }
  const unsigned long error = crypto.ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
    why = "certificate " + std::to_string(found.size() + 1) +
          " in it cannot be read: " + crypto.TakeErrors();
    return std::nullopt;
  }
  crypto.ERR_clear_error();
  if (!found.empty()) return found;
  why = "holds no certificate";
  return std::nullopt;
}

}  // namespace ostrust::tool
