#include "provider/verify/name_constraints.hpp"

#include <memory>

#include "provider/host/dropped_errors.hpp"

namespace ostrust::verify {

int OpenSslNames::Check(std::size_t depth, platform::ByteView name_constraints) const {
  if (!symbols_.CanCheckNameConstraints()) return X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE;
  const host::DroppedErrors dropped(symbols_);
  const auto* position = reinterpret_cast<const unsigned char*>(name_constraints.data());
  const auto* const end = position + name_constraints.size();
  const std::unique_ptr<NAME_CONSTRAINTS, decltype(symbols_.NAME_CONSTRAINTS_free)> parsed(
      reinterpret_cast<NAME_CONSTRAINTS*>(
          symbols_.ASN1_item_d2i(nullptr, &position, static_cast<long>(name_constraints.size()),
                                 symbols_.NAME_CONSTRAINTS_it())),
      symbols_.NAME_CONSTRAINTS_free);
  if (parsed == nullptr || position != end) return X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX;

  auto* const x509 = static_cast<X509*>(symbols_.OPENSSL_sk_value(chain_, static_cast<int>(depth)));
  const int error = symbols_.NAME_CONSTRAINTS_check(x509, parsed.get());
  if (error != X509_V_OK || depth > 0 || !CommonNameCounts(x509)) return error;
  return symbols_.NAME_CONSTRAINTS_check_CN(x509, parsed.get());
}

bool OpenSslNames::CommonNameCounts(const X509* x509) const {
  const unsigned flags = symbols_.X509_VERIFY_PARAM_get_hostflags(param_);
  if ((flags & X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) != 0) return false;
  if ((flags & X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT) != 0) return true;
  // has_san_id(): a DNS name anywhere else takes the common name's place.
  const std::unique_ptr<GENERAL_NAMES, decltype(symbols_.GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(
          symbols_.X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)),
      symbols_.GENERAL_NAMES_free);
  const auto* const stack = reinterpret_cast<const OPENSSL_STACK*>(names.get());
  const int count = stack == nullptr ? 0 : symbols_.OPENSSL_sk_num(stack);
  for (int i = 0; i < count; ++i) {
    int type = 0;
    symbols_.GENERAL_NAME_get0_value(
        static_cast<const GENERAL_NAME*>(symbols_.OPENSSL_sk_value(stack, i)), &type);
    if (type == GEN_DNS) return false;
  }
  return true;
}

}  // namespace ostrust::verify
