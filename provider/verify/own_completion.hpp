// Missing intermediates where the system has no verifier of its own: in memory, in the caches, and
// if the configuration says so in the network.
#pragma once

#include <memory>

#include "provider/verify/path_completion.hpp"

namespace ostrust::verify {

/// Null where the system has a verifier of its own: nothing of ours is looked for or fetched there.
std::unique_ptr<PathCompletion> MakeOwnCompletion(const CompletionSetting& setting);

}  // namespace ostrust::verify
