#include "provider/verify/ocsp.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <vector>

#include "provider/host/dropped_errors.hpp"
#include "provider/host/x509_der.hpp"

namespace ostrust::verify {
namespace {

using platform::Bytes;
using platform::ByteView;

// Without nextUpdate "newer revocation information is available all the time" (RFC 6960 section
// 4.2.2.1), so that an old answer says nothing. One day is what Firefox takes.
constexpr std::int64_t kWithoutNextUpdate = 86400;

/// Makes a library context the thread's default one. The functions for OCSP take none: they compute
/// the digests of a CertID with that one's, where an application may have the null provider only
/// (fips_module(7)).
class AsDefault {
 public:
  AsDefault(const host::Symbols& symbols, OSSL_LIB_CTX* libctx) : symbols_(symbols) {
    // With null it changes nothing and returns the current default; null if it fails.
    if (symbols.OSSL_LIB_CTX_set0_default(nullptr) != libctx) {
      previous_ = symbols.OSSL_LIB_CTX_set0_default(libctx);
    }
  }
  ~AsDefault() {
    if (previous_ != nullptr) symbols_.OSSL_LIB_CTX_set0_default(previous_);
  }
  AsDefault(const AsDefault&) = delete;
  AsDefault& operator=(const AsDefault&) = delete;

 private:
  const host::Symbols& symbols_;
  OSSL_LIB_CTX* previous_ = nullptr;
};

/// The issuer, and, read once more, the certificates that came with a response: OpenSSL verifies
/// with the algorithms that a certificate was read for, and it reads these for the default library
/// context, without a property query.
class Signers {
 public:
  Signers(const host::Symbols& symbols, const Algorithms& algorithms, OCSP_BASICRESP* basic,
          X509* issuer)
      : stack_(symbols.OPENSSL_sk_new_null(), symbols.OPENSSL_sk_free) {
    Push(symbols, issuer);
    const auto* const sent =
        reinterpret_cast<const OPENSSL_STACK*>(symbols.OCSP_resp_get0_certs(basic));
    const int count = sent == nullptr ? 0 : symbols.OPENSSL_sk_num(sent);
    for (int i = 0; i < count; ++i) {
      const auto* const x509 = static_cast<const X509*>(symbols.OPENSSL_sk_value(sent, i));
      read_.push_back(host::ParseX509(symbols, algorithms.libctx, algorithms.propq,
                                      host::DerOf(symbols, x509)));
      if (read_.back() != nullptr) Push(symbols, read_.back().get());
    }
  }

  STACK_OF(X509) * All() const { return reinterpret_cast<STACK_OF(X509)*>(stack_.get()); }

 private:
  void Push(const host::Symbols& symbols, X509* x509) {
    if (stack_ == nullptr || symbols.OPENSSL_sk_push(stack_.get(), x509) == 0) {
      throw std::bad_alloc();
    }
  }

  std::unique_ptr<OPENSSL_STACK, decltype(host::Symbols::OPENSSL_sk_free)> stack_;
  std::vector<host::X509Ptr> read_;
};

using CertIdPtr = std::unique_ptr<OCSP_CERTID, decltype(host::Symbols::OCSP_CERTID_free)>;

CertIdPtr IdOf(const host::Symbols& symbols, const CertificateAndIssuer& certificate,
               const EVP_MD* digest) {
  return {digest == nullptr ? nullptr
                            : symbols.OCSP_cert_to_id(digest, certificate.x509, certificate.issuer),
          symbols.OCSP_CERTID_free};
}

/// Whether a SingleResponse is about this certificate.
bool IsAbout(const host::Symbols& symbols, OCSP_SINGLERESP* single,
             const CertificateAndIssuer& certificate) {
  // What is asked for by this function is not changed; its prototype knows no const.
  auto* const id = const_cast<OCSP_CERTID*>(symbols.OCSP_SINGLERESP_get0_id(single));
  ASN1_OBJECT* algorithm = nullptr;
  if (symbols.OCSP_id_get0_info(nullptr, &algorithm, nullptr, nullptr, id) != 1) return false;
  const int digest = symbols.OBJ_obj2nid(algorithm);
  if (digest != NID_sha1 && digest != NID_sha256 && digest != NID_sha384 && digest != NID_sha512) {
    return false;
  }
  const char* const name = symbols.OBJ_nid2sn(digest);
  const CertIdPtr wanted =
      IdOf(symbols, certificate, name == nullptr ? nullptr : symbols.EVP_get_digestbyname(name));
  return wanted != nullptr && symbols.OCSP_id_cmp(id, wanted.get()) == 0;
}

/// Who signed the response: the issuer, or a responder whose certificate this issuer signed for
/// that. Null for anybody else. One of `signers`.
X509* SignerForIssuer(const host::Symbols& symbols, OCSP_BASICRESP* basic, X509* issuer,
                      const Signers& signers, const VerificationTime& time,
                      const Distrusts& distrusts) {
  // In a store that holds the issuer and nothing else every path ends at it.
  const std::unique_ptr<X509_STORE, decltype(symbols.X509_STORE_free)> store(
      symbols.X509_STORE_new(), symbols.X509_STORE_free);
  if (store == nullptr || symbols.X509_STORE_add_cert(store.get(), issuer) != 1) {
    throw std::bad_alloc();
  }
  X509_VERIFY_PARAM* const param = symbols.X509_STORE_get0_param(store.get());
  symbols.X509_VERIFY_PARAM_set_flags(
      param, X509_V_FLAG_PARTIAL_CHAIN | (time.matters ? 0 : X509_V_FLAG_NO_CHECK_TIME));
  if (time.is_given) symbols.X509_VERIFY_PARAM_set_time(param, time.now);
  symbols.X509_VERIFY_PARAM_set_auth_level(param, time.auth_level);
  // NOINTERN: none of those that OpenSSL has read.
  if (symbols.OCSP_basic_verify(basic, signers.All(), store.get(),
                                OCSP_NOEXPLICIT | OCSP_NOINTERN) != 1) {
    return nullptr;
  }
  X509* signer = nullptr;
  if (symbols.OCSP_resp_get0_signer(basic, &signer, signers.All()) != 1) return nullptr;
  return distrusts(signer) ? nullptr : signer;
}

OcspStatus Unknown(std::string why) {
  return {{RevocationStatus::kUnknown, std::move(why)}};
}

OcspStatus ReadSingle(const host::Symbols& symbols, OCSP_SINGLERESP* single,
                      const VerificationTime& time) {
  if (symbols.OCSP_SINGLERESP_get_ext_by_critical(single, 1, -1) >= 0) {
    return Unknown("an OCSP response with a critical extension");
  }
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  const int said =
      symbols.OCSP_single_get0_status(single, nullptr, nullptr, &this_update, &next_update);
  const auto from = SecondsOf(symbols, this_update);
  const auto until = SecondsOf(symbols, next_update);
  if (!from || (next_update != nullptr && !until)) return Unknown("an OCSP response without dates");
  OcspStatus result;
  result.this_update = *from;
  result.valid_until = until.value_or(*from + kWithoutNextUpdate);
  result.has_next_update = until.has_value();
  if (!time.IsWithin(*from, result.valid_until)) {
    return Unknown(time.now < *from ? "an OCSP response of the future"
                                    : "an OCSP response that has expired");
  }
  if (said != V_OCSP_CERTSTATUS_GOOD && said != V_OCSP_CERTSTATUS_REVOKED) {
    return Unknown("the responder does not know the certificate");
  }
  result.finding = {
      said == V_OCSP_CERTSTATUS_GOOD ? RevocationStatus::kGood : RevocationStatus::kRevoked,
      "an OCSP response", result.valid_until};
  return result;
}

OcspStatus Read(const host::Symbols& symbols, const Algorithms& algorithms, ByteView der,
                const CertificateAndIssuer& certificate, const VerificationTime& time,
                const Distrusts& distrusts) {
  const auto* position = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = position + der.size();
  const std::unique_ptr<OCSP_RESPONSE, decltype(symbols.OCSP_RESPONSE_free)> response(
      symbols.d2i_OCSP_RESPONSE(nullptr, &position, static_cast<long>(der.size())),
      symbols.OCSP_RESPONSE_free);
  if (response == nullptr || position != end) return Unknown("not an OCSP response");
  constexpr std::array kProblems = {"", "malformedRequest", "internalError", "tryLater",
                                    "", "sigRequired",      "unauthorized"};
  const auto status = static_cast<std::size_t>(symbols.OCSP_response_status(response.get()));
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return Unknown(std::string("the responder says ") +
                   (status < kProblems.size() ? kProblems.at(status) : "nonsense"));
  }
  const std::unique_ptr<OCSP_BASICRESP, decltype(symbols.OCSP_BASICRESP_free)> basic(
      symbols.OCSP_response_get1_basic(response.get()), symbols.OCSP_BASICRESP_free);
  if (basic == nullptr) return Unknown("not a basic OCSP response");

  if (symbols.OCSP_BASICRESP_get_ext_by_critical(basic.get(), 1, -1) >= 0) {
    return Unknown("an OCSP response with a critical extension");
  }
  OcspStatus result = Unknown("an OCSP response about another certificate");
  const int count = symbols.OCSP_resp_count(basic.get());
  for (int i = 0; i < count && result.finding.status != RevocationStatus::kRevoked; ++i) {
    OCSP_SINGLERESP* const single = symbols.OCSP_resp_get0(basic.get(), i);
    if (!IsAbout(symbols, single, certificate)) continue;
    OcspStatus said = ReadSingle(symbols, single, time);
    // Of several the one that says most.
    if (said.finding.status >= result.finding.status) result = std::move(said);
  }
  if (!result.IsDefinite()) return result;
  const Signers signers(symbols, algorithms, basic.get(), certificate.issuer);
  const X509* const signer =
      SignerForIssuer(symbols, basic.get(), certificate.issuer, signers, time, distrusts);
  if (signer == nullptr) {
    return Unknown("an OCSP response that neither the issuer nor a responder of its own signed");
  }
  // The responder's certificate may end before what it signed.
  const auto signer_end = SecondsOf(symbols, symbols.X509_get0_notAfter(signer));
  if (signer_end) result.finding.until = std::min(*signer_end, result.valid_until);
  return result;
}

}  // namespace

Bytes OcspRequest(const host::Symbols& symbols, const Algorithms& algorithms,
                  const CertificateAndIssuer& certificate) {
  const host::DroppedErrors dropped(symbols);
  const AsDefault as_default(symbols, algorithms.libctx);
  Bytes der;
  const std::unique_ptr<OCSP_REQUEST, decltype(symbols.OCSP_REQUEST_free)> request(
      symbols.OCSP_REQUEST_new(), symbols.OCSP_REQUEST_free);
  // SHA-1 is what every responder knows (RFC 5019 section 2.1.1); it protects nothing here.
  CertIdPtr id = IdOf(symbols, certificate, symbols.EVP_get_digestbyname("SHA1"));
  if (request != nullptr && id != nullptr &&
      symbols.OCSP_request_add0_id(request.get(), id.get()) != nullptr) {
    static_cast<void>(id.release());  // the request's now
    const int size = symbols.i2d_OCSP_REQUEST(request.get(), nullptr);
    if (size > 0) {
      der.resize(static_cast<std::size_t>(size));
      auto* out = reinterpret_cast<unsigned char*>(der.data());
      if (symbols.i2d_OCSP_REQUEST(request.get(), &out) != size) der.clear();
    }
  }
  return der;
}

OcspStatus ReadOcspResponse(const host::Symbols& symbols, const Algorithms& algorithms,
                            ByteView response, const CertificateAndIssuer& certificate,
                            const VerificationTime& time, const Distrusts& distrusts) {
  const host::DroppedErrors dropped(symbols);
  const AsDefault as_default(symbols, algorithms.libctx);
  return Read(symbols, algorithms, response, certificate, time, distrusts);
}

}  // namespace ostrust::verify
