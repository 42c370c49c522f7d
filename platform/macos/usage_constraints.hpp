// What trust settings say: the list of usage constraints dictionaries that one domain has for one
// certificate (SecTrustSettings.h).
#pragma once

#include <string>

#include "platform/certificate_trust.hpp"
#include "platform/macos/frameworks.hpp"

namespace ostrust::platform::macos {

struct UsageConstraints {
  /// Purposes for which it is trusted as a root, and for which it is denied. The others are left to
  /// whoever else has an opinion.
  PurposeSet trusted;
  PurposeSet denied;
  /// What could not be understood; then every purpose is denied. Empty otherwise.
  std::string problem;
};

/// For each purpose the first dictionary that applies to it decides. It applies to the purposes of
/// the policy that it names, or to all. One that is for a host or mail address, an application,
/// some uses of the key, or has private options can trust or deny nothing here, where neither is
/// known, and is skipped; so is one for another policy. SecTrust knows them (chain_verifier.hpp).
///
/// As trustd decides (SecPVCMeetsConstraint, SecPVCGetTrustSettingsResult in SecPolicyServer.c of
/// Apple's Security) and Chromium (trust_store_mac.cc), but for what is of another type than
/// SecTrustSettings.h says: there they skip a dictionary, or take the default, which is trust, and
/// here every purpose is denied.
///
/// `self_signed`: only then TrustRoot means anything, and only otherwise TrustAsRoot. The names
/// tell; whoever trusts it looks at the signature.
UsageConstraints ReadUsageConstraints(CFArrayRef settings, bool self_signed);

}  // namespace ostrust::platform::macos
