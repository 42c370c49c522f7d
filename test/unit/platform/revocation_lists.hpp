// CertificateLists for tests and for the fuzz corpus, made by hand: also those that no library
// would make.
#pragma once

#include <string_view>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/revocation_list.hpp"

namespace ostrust::platform {

/// The content of an INTEGER.
Bytes SerialNumber(std::uint64_t number);

/// One after the other.
Bytes Join(const std::vector<Bytes>& parts);

/// An Extension; `identifier` is the last octet of one below id-ce (2.5.29).
Bytes CeExtension(char identifier, ByteView value, bool is_critical = false);
/// Extensions of an entry (RFC 5280 section 5.3).
Bytes ReasonCode(char reason, bool is_critical = false);
Bytes CertificateIssuer(std::string_view common_name);
Bytes InvalidityDate(bool is_critical = false);
/// One that nobody understands.
Bytes UnknownExtension(bool is_critical);

/// An element of revokedCertificates. `serial_number` is the content of an INTEGER, `extensions`
/// are Extensions one after the other; none where it is empty.
Bytes Revoked(ByteView serial_number, ByteView extensions = {});
inline Bytes Revoked(std::uint64_t number, ByteView extensions = {}) {
  return Revoked(SerialNumber(number), extensions);
}

/// What a list is made of. All is DER but the times, which are UTCTime's content.
struct ListParts {
  Bytes issuer;
  Bytes entries;  // one after the other
  std::string_view this_update = "260101000000Z";
  std::string_view next_update = "260108000000Z";  // none where it is empty
  Bytes extensions;                                // one after the other; none where it is empty
  std::string_view key = "key";
};
/// CN=`issuer`.
ListParts PartsOf(std::string_view issuer, ByteView entries = {});

/// Extensions of a list (RFC 5280 section 5.2).
Bytes CrlNumber(std::uint64_t number);
Bytes DeltaCrlIndicator(std::uint64_t base);
Bytes IndirectCrl();

Bytes MakeList(const ListParts& parts);

/// MakeList() "signs" with the hash of the key's name and what is signed, or with nothing where the
/// key has no name, which takes less time. This verifies it.
RevocationList::SignatureCheck CheckOf(std::string_view key);

/// The same, and counts how often it is asked.
RevocationList::SignatureCheck Counting(int& calls, std::string_view key = "key");

}  // namespace ostrust::platform
