#include "platform/chain_verifier.hpp"

namespace ostrust::platform {

std::unique_ptr<ChainVerifier> MakeChainVerifier() {
  return nullptr;  // Linux and other Unix: no verifier, the trust store is all there is
}

}  // namespace ostrust::platform
