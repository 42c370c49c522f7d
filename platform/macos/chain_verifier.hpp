// The ChainVerifier of macOS: SecTrust. Written after Apple's published headers and source
// (SecTrust.c, SecPolicy.c, SecPolicyServer.c, SecRevocationServer.c of Security), and not yet run
// on a Mac.
//
// What macOS cannot be asked, and what it does all the same:
// - trustd has one switch for the network, for issuers and for revocation. Where the configuration
//   wants one of the two only, macOS is asked twice: for the chain, and about that chain. A chain
//   that it refuses may still make it look for another one wherever the second question may look.
// - `timeout` cannot be passed on; trustd has limits of time of its own.
// - Apple's lists of blocked and revoked certificates, and responses that trustd has kept, count
//   with `revocation = off` as well. `hard` wants an answer about the peer's certificate and not
//   about its issuers (SecPVCPathCheckRevocationResponsesReceived()).
// - SecPolicyCreateSSL() returns null for servers as long as the process lives where the main
//   bundle has no information dictionary (golang/go#61000, golang/go#68557). Basic X.509 is asked
//   for instead. It lacks what Apple demands of TLS servers beyond OpenSSL's checks, which are made
//   in any case: extended key usage, keys of 2048 bits, 398 or 825 days at most, certificate
//   transparency, pinning. Trust settings for TLS only do not count for it; those that deny are
//   known to the trust source. ChainVerdict::detail says so, in a good verdict, too.
#pragma once

#include <memory>

#include "platform/chain_verifier.hpp"

namespace ostrust::platform::macos {

/// What MakeChainVerifier() keeps the verdicts of. In a forked child that has not exec'd nothing is
/// called and kUndecided is the verdict (fork_detection.hpp).
std::unique_ptr<ChainVerifier> MakeSecTrustVerifier();

}  // namespace ostrust::platform::macos
