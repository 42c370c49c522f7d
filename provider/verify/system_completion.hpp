// Missing intermediates, and missing anchors, where the system has a verifier of its own: it is
// asked for the chain that it would build and accept. Windows and macOS keep intermediates, fetch
// them, and know roots that are in no list until they are needed.
#pragma once

#include <memory>

#include "platform/chain_verifier.hpp"
#include "provider/verify/path_completion.hpp"
#include "provider/verify/verification.hpp"

namespace ostrust::verify {

/// What the system answers is verified by OpenSSL all the same (rule 2): its intermediates are
/// untrusted input (rule 3), its root is an anchor because the system says so. `verifier` and
/// `snapshot` outlive the completion.
std::unique_ptr<PathCompletion> MakeSystemCompletion(const CompletionSetting& setting,
                                                     const platform::ChainVerifier& verifier,
                                                     const platform::TrustStore& snapshot,
                                                     Role role);

}  // namespace ostrust::verify
