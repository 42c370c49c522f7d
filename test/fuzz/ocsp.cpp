// An OCSP response. What neither the issuer nor a responder of its own signed says nothing,
// whatever it says.
//
// The first byte: who signs, and what else is in the response. The rest is the ResponseData, and
// the target signs it, because no fuzzer does; or all of a response.
#include "provider/verify/ocsp.hpp"

#include <openssl/ocsp.h>

#include "libcrypto.hpp"
#include "platform/der.hpp"

using namespace ostrust;
using ostrust::fuzz::MakeCertificate;
using ostrust::fuzz::Require;
using ostrust::fuzz::SmallKey;
using platform::Bytes;
using platform::ByteView;
namespace der = platform::der;
using namespace std::string_view_literals;

namespace {

enum class Signer { kIssuer, kResponder, kWithoutPurpose, kStranger, kDistrusted, kNobody };

struct Certificates {
  X509* const issuer =
      MakeCertificate({.subject = "Issuer", .issuer = "Issuer", .is_authority = true}).release();
  X509* const leaf =
      MakeCertificate({.subject = "leaf", .issuer = "Issuer", .key = 2, .serial = 7}).release();
  X509* const responder = MakeCertificate({.subject = "Responder",
                                           .issuer = "Issuer",
                                           .key = 3,
                                           .extended_key_usage = "OCSPSigning"})
                              .release();
  X509* const without_purpose =
      MakeCertificate({.subject = "Server", .issuer = "Issuer", .key = 4}).release();
  X509* const stranger = MakeCertificate({.subject = "Stranger",
                                          .issuer = "Stranger",
                                          .key = 5,
                                          .issuer_key = 5,
                                          .is_authority = true,
                                          .extended_key_usage = "OCSPSigning"})
                             .release();
};

const Certificates& All() {
  static const auto& all = *new Certificates;
  return all;
}

Bytes Der(std::uint8_t tag, ByteView content) {
  Bytes element;
  platform::AppendDer(tag, content, element);
  return element;
}

void Append(ByteView bytes, Bytes& out) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// RFC 6960 section 4.2.1.
Bytes Response(ByteView response_data, EVP_PKEY* key, const X509* with) {
  Bytes basic(response_data.begin(), response_data.end());
  const Bytes signature = ostrust::fuzz::Sign(key, response_data);
  Append(ostrust::fuzz::SignatureAlgorithm(), basic);
  Bytes bits = {std::byte{0}};
  Append(signature, bits);
  Append(Der(der::kBitString, bits), basic);
  if (with != nullptr) {
    Append(Der(der::ContextConstructed(0), Der(der::kSequence, ostrust::fuzz::DerOf(with))), basic);
  }
  Bytes bytes =
      Der(der::kObjectIdentifier, platform::AsBytes("\x2b\x06\x01\x05\x05\x07\x30\x01\x01"sv));
  Append(Der(der::kOctetString, Der(der::kSequence, basic)), bytes);
  Bytes content(platform::AsBytes("\x0a\x01\x00"sv).begin(),
                platform::AsBytes("\x0a\x01\x00"sv).end());
  Append(Der(der::ContextConstructed(0), Der(der::kSequence, bytes)), content);
  return Der(der::kSequence, content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& symbols = ostrust::fuzz::LinkedSymbols();
  ostrust::fuzz::Pieces pieces(data, size);
  const unsigned how = pieces.Byte();
  const ByteView rest = pieces.Rest();
  const auto signer = static_cast<Signer>(how % 6);
  const bool with_certificate = (how / 6) % 2 == 0;
  const bool time_matters = (how / 12) % 2 == 0;

  const X509* certificate = nullptr;
  int key = 1;
  switch (signer) {
    case Signer::kIssuer:
      certificate = All().issuer;
      break;
    case Signer::kResponder:
    case Signer::kDistrusted:
      certificate = All().responder;
      key = 3;
      break;
    case Signer::kWithoutPurpose:
      certificate = All().without_purpose;
      key = 4;
      break;
    case Signer::kStranger:
      certificate = All().stranger;
      key = 5;
      break;
    case Signer::kNobody:
      break;
  }
  const Bytes response =
      signer == Signer::kNobody
          ? Bytes(rest.begin(), rest.end())
          : Response(rest, SmallKey(key), with_certificate ? certificate : nullptr);
  const verify::VerificationTime time{
      .now = ostrust::fuzz::kNow, .is_given = true, .matters = time_matters, .auth_level = 1};
  const auto distrusts = [&](const X509* x509) {
    return signer == Signer::kDistrusted && X509_cmp(x509, All().responder) == 0;
  };
  verify::OcspStatus status;
  {
    const ostrust::fuzz::SameErrors same;
    status = verify::ReadOcspResponse(symbols, {OSSL_LIB_CTX_get0_global_default(), {}}, response,
                                      {All().leaf, All().issuer}, time, distrusts);
  }
  Require(!status.finding.why.empty());
  if (!status.IsDefinite()) return 0;
  Require(signer == Signer::kIssuer || signer == Signer::kResponder);
  if (time_matters) {
    Require(status.this_update <= time.now + 300 && status.valid_until >= time.now);
  }
  // It is about the serial number 7, and says when.
  Require(platform::AsText(rest).find("\x02\x01\x07"sv) != std::string_view::npos);
  return 0;
}
