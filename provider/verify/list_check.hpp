// What CRLs say of one certificate, by OpenSSL's own rules: check_revocation() of x509_vfy.c, which
// knows scopes, reasons, deltas and indirect CRLs, run in a context of ours. It is given excerpts
// of the lists (platform/revocation_list.hpp), and their signatures are verified here.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "platform/revocation_list.hpp"
#include "provider/host/symbols.hpp"
#include "provider/verify/revocation_status.hpp"

namespace ostrust::verify {

using ListPtr = std::shared_ptr<const platform::RevocationList>;

/// OpenSSL's own functions, which it exports as members of a context only.
struct RevocationFunctions {
  X509_STORE_CTX_check_revocation_fn check_revocation = nullptr;
  X509_STORE_CTX_check_crl_fn check_crl = nullptr;
};

/// What a check is about. All of it outlives the check.
struct ListQuestion {
  const host::Symbols& symbols;
  RevocationFunctions openssls;
  OSSL_LIB_CTX* libctx;
  const std::string& propq;
  /// Names the two and the libcrypto they are of: RevocationList::IsSignedBy().
  const std::string& verifier;
  /// The verification whose chain is asked about; nothing in it is changed.
  X509_STORE_CTX* ctx;
  VerificationTime time;
  Distrusts distrusts;
  /// RevocationList::IsSignedBy().
  bool strict;
};

struct ListFinding : RevocationFinding {
  /// Lists that OpenSSL used for this certificate, and whose signature is good.
  std::vector<ListPtr> accepted;
  /// Lists that a certificate above this one signed, of use for it or not.
  std::vector<ListPtr> of_chain;
  /// Lists that are damaged, or have the name of a certificate above this one that did not sign
  /// them.
  std::vector<ListPtr> bad;
};

/// kUnknown, with OpenSSL's reason, when no list that is signed, valid and in scope says anything.
/// The issuer of an indirect CRL is looked for among the untrusted certificates of the context; its
/// path must end at the anchor of the chain, and is not itself checked for revocation. Leaves
/// OpenSSL's error queue as it was.
ListFinding CheckLists(const ListQuestion& question, std::size_t depth,
                       std::span<const ListPtr> lists);

}  // namespace ostrust::verify
