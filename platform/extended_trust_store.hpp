// A TrustStore with one anchor more: a root that the system's own verifier vouches for and that is
// in none of its stores, because Windows fetches roots when they are first needed.
#pragma once

#include <memory>

#include "platform/bytes.hpp"
#include "platform/trust_store.hpp"

namespace ostrust::platform {

/// `store` and `anchor`, a certificate in DER that `store` does not list, trusted for TLS servers
/// and nothing else. Null when it is no certificate. Has the Id() of `store`.
std::shared_ptr<const TrustStore> WithAnchor(std::shared_ptr<const TrustStore> store,
                                             ByteView anchor);

}  // namespace ostrust::platform
