// Name constraints that the system staples to a CA, and the names of a chain: what is found is what
// OpenSSL finds when they stand in the CA's certificate.
//
// The subject's common name with its length, the value of subjectAltName with its length, and the
// constraints.
#include "provider/verify/name_constraints.hpp"

#include <array>

#include "libcrypto.hpp"

using namespace ostrust;
using ostrust::fuzz::Require;
using ostrust::fuzz::SmallKey;
using platform::ByteView;

namespace {

constexpr std::array kErrors = {X509_V_ERR_PERMITTED_VIOLATION,
                                X509_V_ERR_EXCLUDED_VIOLATION,
                                X509_V_ERR_SUBTREE_MINMAX,
                                X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE,
                                X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
                                X509_V_ERR_UNSUPPORTED_NAME_SYNTAX};

bool IsOfNames(int error) {
  return std::find(kErrors.begin(), kErrors.end(), error) != kErrors.end();
}

int found_error = X509_V_OK;
bool reached_names = false;

int Callback(int ok, X509_STORE_CTX* ctx) {
  const int error = X509_STORE_CTX_get_error(ctx);
  if (ok == 0 && X509_STORE_CTX_get_error_depth(ctx) == 0 && IsOfNames(error)) found_error = error;
  return 1;
}

// Of the end entity; nullopt when OpenSSL does not see the constraints.
std::optional<int> Stock(X509* leaf, ByteView constraints) {
  const auto authority =
      ostrust::fuzz::UnsignedCertificate({.subject = "CA", .issuer = "CA", .is_authority = true});
  ostrust::fuzz::AddExtension(authority.get(), NID_name_constraints, constraints);
  X509_sign(authority.get(), SmallKey(1), EVP_sha256());
  const std::unique_ptr<NAME_CONSTRAINTS, ostrust::fuzz::Deleter<NAME_CONSTRAINTS_free>> parsed(
      static_cast<NAME_CONSTRAINTS*>(
          X509_get_ext_d2i(authority.get(), NID_name_constraints, nullptr, nullptr)));
  if (parsed == nullptr) return std::nullopt;
  const std::unique_ptr<X509_STORE, ostrust::fuzz::Deleter<X509_STORE_free>> store(
      X509_STORE_new());
  X509_STORE_add_cert(store.get(), authority.get());
  const std::unique_ptr<X509_STORE_CTX, ostrust::fuzz::Deleter<X509_STORE_CTX_free>> ctx(
      X509_STORE_CTX_new());
  X509_STORE_CTX_init(ctx.get(), store.get(), leaf, nullptr);
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx.get()), ostrust::fuzz::kNow);
  X509_STORE_CTX_set_verify_cb(ctx.get(), Callback);
  found_error = X509_V_OK;
  X509_verify_cert(ctx.get());
  reached_names = sk_X509_num(X509_STORE_CTX_get0_chain(ctx.get())) == 2;
  if (!reached_names) return std::nullopt;
  return found_error;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& symbols = ostrust::fuzz::LinkedSymbols();
  ostrust::fuzz::Pieces pieces(data, size);
  const std::string common_name = pieces.TextChunk();
  const ByteView names = pieces.Chunk();
  const ByteView constraints = pieces.Rest();
  const auto leaf = ostrust::fuzz::UnsignedCertificate(
      {.subject = common_name, .issuer = "CA", .key = 2, .serial = 3});
  if (!names.empty()) ostrust::fuzz::AddExtension(leaf.get(), NID_subject_alt_name, names);
  X509_sign(leaf.get(), SmallKey(1), EVP_sha256());
  X509_get_extension_flags(leaf.get());  // as every verification does
  const std::unique_ptr<OPENSSL_STACK, ostrust::fuzz::Deleter<OPENSSL_sk_free>> chain(
      OPENSSL_sk_new_null());
  OPENSSL_sk_push(chain.get(), leaf.get());
  const std::unique_ptr<X509_VERIFY_PARAM, ostrust::fuzz::Deleter<X509_VERIFY_PARAM_free>> param(
      X509_VERIFY_PARAM_new());
  int error = X509_V_OK;
  {
    const ostrust::fuzz::SameErrors same;
    error = verify::OpenSslNames(symbols, chain.get(), param.get()).Check(0, constraints);
  }
  const auto stock = Stock(leaf.get(), constraints);
  ERR_clear_error();
  // What is behind the constraints is refused here; OpenSSL does not look.
  if (error == X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX) return 0;
  Require(!stock || *stock == error);
  return 0;
}
