// RevocationFilter: what the system's compressed list of all revoked certificates says. On Linux
// that is CRLite, the list that Mozilla makes and Firefox uses, through libupki where that is
// installed. It needs no network, and tells nobody which certificate is looked at.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "platform/bytes.hpp"

namespace ostrust::platform {

enum class FilterAnswer : std::uint8_t {
  kNotCovered,  // says nothing: another CA, too new, no data, an error
  kRevoked,
  /// When the data was made, which may be long ago: libupki's check does not look at its age.
  kNotRevoked,
};

/// Thread-safe.
class RevocationFilter {
 public:
  virtual ~RevocationFilter() = default;
  /// About the first certificate of `chain`, of which the second is the issuer, in DER: what it
  /// says of a chain that was not verified means nothing. Reads files, megabytes if there is an
  /// answer, each time, so an update is seen at once. `why`: for kNotCovered, a clause. Throws only
  /// std::bad_alloc.
  virtual FilterAnswer Check(std::span<const ByteView> chain, std::string& why) const = 0;

 protected:
  RevocationFilter() = default;
  RevocationFilter(const RevocationFilter&) = default;
  RevocationFilter& operator=(const RevocationFilter&) = default;
};

/// The system's; null where there is none, for the reason in `why`, a clause. Looked for at the
/// first call in a process. It lives as long as the process. Thread-safe.
const RevocationFilter* SystemRevocationFilter(std::string& why);

}  // namespace ostrust::platform
