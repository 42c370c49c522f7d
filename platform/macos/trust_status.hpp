// What SecTrust says about a chain that it refuses, in numbers, and what that means here.
//
// Of everything that is wrong with a chain, SecTrustEvaluateWithError() tells the gravest only:
// blocked, revoked, too small a key, too weak a digest, denied, not as RFC 5280 wants it, pinned to
// another, not trusted, for another use, of another name, expired, in this order
// (SecTrustCopyErrorStrings() in SecTrust.c of Apple's Security). Not yet run on a Mac.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "platform/chain_verifier.hpp"
#include "platform/macos/frameworks.hpp"

namespace ostrust::platform::macos {

struct TrustStatus {
  OSStatus status;
  ChainError error;
  const char* name;
};

/// Every status that the policies of TLS, of basic X.509 and of revocation can end with
/// (SecPolicyChecks.list of Apple's Security), and those of a system that fails to decide.
std::span<const TrustStatus> TrustStatuses();

/// kUndecided for a status that is not known, and for errSecSuccess: it comes with a refusal.
ChainError ErrorOfStatus(OSStatus status);

/// "“Example” certificate is expired (errSecCertificateExpired, -67818)": `text`, the system's
/// words, on one line and of limited length, and the status. They may hold what stands in a peer's
/// certificate, so whatever steers a terminal or turns the direction of writing is taken out.
/// Without a text, only what is in parentheses.
std::string DescribeRefusal(std::string_view text, OSStatus status);
/// The same with the system's words for the status alone. Calls CoreFoundation.
std::string DescribeFailure(OSStatus status);

/// The part of both that tidies the system's words: UTF-8 in, UTF-8 out.
std::string OneLine(std::string_view text);

}  // namespace ostrust::platform::macos
