// What takes the place of own_completion.cpp, revocation.cpp and everything that is fetched, where
// the system has a verifier of its own: MakeChainVerifier() is never null there, so neither of
// these is reached.

#include "provider/provider_context.hpp"
#include "provider/verify/own_completion.hpp"
#include "provider/verify/revocation.hpp"

namespace ostrust {

void ProviderContext::OpenCaches() {}

namespace verify {

std::unique_ptr<PathCompletion> MakeOwnCompletion(const CompletionSetting& /*setting*/) {
  return nullptr;
}

std::vector<Refusal> RevocationRefusals(const RevocationCheck::Setting& /*setting*/,
                                        X509_STORE_CTX* /*ctx*/,
                                        const platform::TrustStore& /*snapshot*/,
                                        // The other one keeps it.
                                        // NOLINTNEXTLINE(performance-unnecessary-value-param)
                                        StapledResponse /*stapled*/, FetchBudget& /*budget*/) {
  return {{0, X509_V_ERR_UNABLE_TO_GET_CRL,
           "of unknown revocation status: the operating system's verifier was not asked"}};
}

}  // namespace verify
}  // namespace ostrust
