// CRLs, signed or not, and what is made of them: only one that the issuer signed counts; and where
// there is one only, OpenSSL says nothing else of the whole list than we of an excerpt.
//
// The first byte: flags. Then, for each list, a byte that says who signs it, and the TBSCertList
// with its length.
#include "provider/verify/list_check.hpp"

#include <vector>

#include "libcrypto.hpp"
#include "platform/der.hpp"

using namespace ostrust;
using ostrust::fuzz::MakeCertificate;
using ostrust::fuzz::Require;
using ostrust::fuzz::SmallKey;
using platform::Bytes;
using platform::ByteView;
using verify::RevocationStatus;
namespace der = platform::der;

namespace {

template <auto Free>
using Deleter = ostrust::fuzz::Deleter<Free>;
using CtxPtr = std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, Deleter<X509_CRL_free>>;

X509* Issuer() {
  static X509* const issuer =
      MakeCertificate({.subject = "CA", .issuer = "CA", .is_authority = true}).release();
  return issuer;
}

X509* Leaf() {
  static X509* const leaf =
      MakeCertificate({.subject = "leaf", .issuer = "CA", .key = 2, .serial = 5}).release();
  return leaf;
}

struct Verification {
  Verification() {
    X509_STORE_add_cert(store.get(), Issuer());
    X509_STORE_CTX_init(ctx.get(), store.get(), Leaf(), nullptr);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx.get()), ostrust::fuzz::kNow);
  }
  const StorePtr store{X509_STORE_new()};
  const CtxPtr ctx{X509_STORE_CTX_new()};
};

Bytes Der(std::uint8_t tag, ByteView content) {
  Bytes element;
  platform::AppendDer(tag, content, element);
  return element;
}

Bytes SignedList(ByteView to_be_signed, EVP_PKEY* key) {
  Bytes content(to_be_signed.begin(), to_be_signed.end());
  const ByteView algorithm = ostrust::fuzz::SignatureAlgorithm();
  content.insert(content.end(), algorithm.begin(), algorithm.end());
  Bytes bits = {std::byte{0}};
  const Bytes signature = ostrust::fuzz::Sign(key, to_be_signed);
  bits.insert(bits.end(), signature.begin(), signature.end());
  const Bytes bit_string = Der(der::kBitString, bits);
  content.insert(content.end(), bit_string.begin(), bit_string.end());
  return Der(der::kSequence, content);
}

// What OpenSSL alone says with the whole list; kUnknown for everything but good and revoked.
RevocationStatus Stock(const Bytes& list) {
  const auto* position = reinterpret_cast<const unsigned char*>(list.data());
  const CrlPtr crl(d2i_X509_CRL(nullptr, &position, static_cast<long>(list.size())));
  if (crl == nullptr) return RevocationStatus::kUnknown;
  const Verification verification;
  STACK_OF(X509_CRL)* const crls = sk_X509_CRL_new_null();
  sk_X509_CRL_push(crls, crl.get());
  X509_STORE_CTX_set0_crls(verification.ctx.get(), crls);
  X509_VERIFY_PARAM_set_flags(
      X509_STORE_CTX_get0_param(verification.ctx.get()),
      X509_V_FLAG_CRL_CHECK | X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_USE_DELTAS);
  const bool ok = X509_verify_cert(verification.ctx.get()) == 1;
  const int error = X509_STORE_CTX_get_error(verification.ctx.get());
  sk_X509_CRL_free(crls);
  if (ok) return RevocationStatus::kGood;
  return error == X509_V_ERR_CERT_REVOKED ? RevocationStatus::kRevoked : RevocationStatus::kUnknown;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& symbols = ostrust::fuzz::LinkedSymbols();
  ostrust::fuzz::Pieces pieces(data, size);
  const bool strict = pieces.Byte() % 2 != 0;
  std::vector<verify::ListPtr> lists;
  std::vector<verify::ListPtr> issuers;
  Bytes last;
  while (!pieces.AtEnd() && lists.size() < 4) {
    const bool by_issuer = pieces.Byte() % 4 != 0;
    Bytes der = SignedList(pieces.Chunk(), SmallKey(by_issuer ? 1 : 9));
    auto list = platform::RevocationList::FromDer(der);
    if (list == nullptr) continue;
    last = std::move(der);
    if (by_issuer) issuers.push_back(list);
    lists.push_back(std::move(list));
  }
  if (lists.empty()) return 0;

  const Verification verification;
  Require(X509_verify_cert(verification.ctx.get()) == 1);
  const std::string propq;
  const verify::ListQuestion question{
      .symbols = symbols,
      .openssls = {X509_STORE_CTX_get_check_revocation(verification.ctx.get()),
                   X509_STORE_CTX_get_check_crl(verification.ctx.get())},
      .libctx = nullptr,
      .propq = propq,
      .verifier = propq,
      .ctx = verification.ctx.get(),
      .time = {.now = ostrust::fuzz::kNow,
               .is_given = true,
               .matters = true,
               .auth_level = 1,
               // Of the CRLs; the chain would not be accepted.
               .strictness = strict ? X509_V_FLAG_X509_STRICT : 0UL},
      .distrusts = [](const X509*) { return false; },
      .strict = strict};
  verify::ListFinding finding;
  {
    const ostrust::fuzz::SameErrors same;
    finding = verify::CheckLists(question, 0, lists);
  }
  const auto is_issuers = [&](const verify::ListPtr& list) {
    return std::find(issuers.begin(), issuers.end(), list) != issuers.end();
  };
  Require(std::all_of(finding.accepted.begin(), finding.accepted.end(), is_issuers));
  Require(std::all_of(finding.of_chain.begin(), finding.of_chain.end(), is_issuers));
  if (finding.status == RevocationStatus::kUnknown) return 0;
  Require(!finding.accepted.empty());
  if (lists.size() != 1 || strict) return 0;
  const RevocationStatus stock = Stock(last);
  ERR_clear_error();
  // It may be unknown here where OpenSSL says something: never the other way round, nor otherwise.
  Require(stock == finding.status);
  return 0;
}
