// Reading a CertificateList (RFC 5280 section 5.1) and its entries: what ReadRevocationList() and
// the index (revocation_list.cpp) are made with.
#pragma once

#include <optional>

#include "platform/bytes.hpp"
#include "platform/revocation_list.hpp"

namespace ostrust::platform {

/// The longest entry, and the longest list without its entries, that are read: more is in no list
/// that a CA means to be used, and these are what is held in memory.
inline constexpr std::size_t kMaxRevokedEntry = std::size_t{64} << 10;
inline constexpr std::size_t kMaxWithoutEntries = std::size_t{256} << 10;

/// The list taken apart, so that it can be put together with other entries. Views.
struct RevocationListParts {
  RevocationListFields fields;
  ByteView before;  // of the content of TBSCertList: what stands before revokedCertificates
  ByteView after;   // and what stands behind it
  ByteView behind;  // of the content of CertificateList: what stands behind TBSCertList
};

/// As ReadRevocationList(), but the entries are not looked at.
std::optional<RevocationListParts> ReadRevocationListParts(ByteView der);

/// One element of revokedCertificates. Views.
struct RevokedEntry {
  ByteView whole;
  ByteView serial_number;  // the content of the INTEGER
  /// It says who issued the certificate (certificateIssuer), for itself and, in an indirect CRL,
  /// for the entries up to the next one that says so (RFC 5280 section 5.3.3).
  bool names_issuer = false;
  /// It has a critical extension that is not certificateIssuer: OpenSSL refuses the whole list for
  /// that, even if it is reasonCode (crl_set_issuers(), crypto/x509/x_crl.c).
  bool is_not_understood = false;
};

/// `der` is exactly one entry, or nullopt.
std::optional<RevokedEntry> ReadRevokedEntry(ByteView der);

}  // namespace ostrust::platform
