// OCSP (RFC 6960): what is asked about a certificate, and what an answer is worth.
//
// The answer may come from the peer, the network or a file: it is believed because the
// certificate's issuer signed it, or a responder that this very issuer made one
// (id-kp-OCSPSigning), and nobody else: no responder is trusted because the system trusts its root.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "platform/bytes.hpp"
#include "provider/host/symbols.hpp"
#include "provider/verify/revocation_status.hpp"

namespace ostrust::verify {

/// Whose algorithms are used, and no others: those of the verification that is asked about.
struct Algorithms {
  OSSL_LIB_CTX* libctx;  // never null
  const std::string& propq;
};

/// The DER of an OCSPRequest about this certificate, without a nonce: responders answer with what
/// they signed before, and so that caches can keep it. Empty when OpenSSL makes none.
platform::Bytes OcspRequest(const host::Symbols& symbols, const Algorithms& algorithms,
                            const CertificateAndIssuer& certificate);

/// What a verified response says.
struct OcspStatus {
  RevocationFinding finding;
  std::int64_t this_update = 0;
  std::int64_t valid_until = 0;  // nextUpdate, or what stands for it
  bool has_next_update = false;

  bool IsDefinite() const { return finding.status != RevocationStatus::kUnknown; }
};

/// kUnknown, with the reason, for everything that is not a valid, current and good or bad answer
/// about this certificate. Leaves OpenSSL's error queue as it was. Throws only std::bad_alloc.
OcspStatus ReadOcspResponse(const host::Symbols& symbols, const Algorithms& algorithms,
                            platform::ByteView response, const CertificateAndIssuer& certificate,
                            const VerificationTime& time, const Distrusts& distrusts);

}  // namespace ostrust::verify
