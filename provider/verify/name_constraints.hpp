// Name constraints that the system staples to a CA, checked by OpenSSL's own code.
#pragma once

#include "provider/host/symbols.hpp"
#include "provider/verify/judge.hpp"

namespace ostrust::verify {

/// Of one chain that OpenSSL built. All it is given must outlive it.
class OpenSslNames final : public NameConstraintsChecker {
 public:
  /// `chain` holds X509 whose extensions OpenSSL has cached, as X509_get_extension_flags() makes
  /// it do: otherwise the check sees no names. `param`: whether an end entity's common name can be
  /// a host's name there.
  OpenSslNames(const host::Symbols& symbols, const OPENSSL_STACK* chain,
               const X509_VERIFY_PARAM* param)
      : symbols_(symbols), chain_(chain), param_(param) {}

  /// As check_name_constraints() of OpenSSL (crypto/x509/x509_vfy.c). Constraints that cannot be
  /// read are violated; so is every one where the host does not export the functions. Leaves
  /// nothing in the error queue.
  int Check(std::size_t depth, platform::ByteView name_constraints) const override;

 private:
  bool CommonNameCounts(const X509* x509) const;

  const host::Symbols& symbols_;
  const OPENSSL_STACK* const chain_;
  const X509_VERIFY_PARAM* const param_;
};

}  // namespace ostrust::verify
