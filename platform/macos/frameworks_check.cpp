// Compares frameworks.hpp with Apple's own headers; compiled where Apple's SDK is, and only there.
// A declaration that differs from Apple's does not compile behind it.
#ifdef __has_include
#if __has_include(<Security/SecTrustSettings.h>)

#include <CoreFoundation/CFArray.h>
#include <CoreFoundation/CFBase.h>
#include <CoreFoundation/CFData.h>
#include <CoreFoundation/CFDate.h>
#include <CoreFoundation/CFDictionary.h>
#include <CoreFoundation/CFError.h>
#include <CoreFoundation/CFNumber.h>
#include <CoreFoundation/CFString.h>
#include <Security/SecBase.h>
#include <Security/SecCertificate.h>
#include <Security/SecPolicy.h>
#include <Security/SecTrust.h>
#include <Security/SecTrustSettings.h>
#include <notify.h>

#include <string_view>

#include "platform/macos/frameworks.hpp"

namespace {

namespace own = ostrust::platform::macos;

#define SAME(name) static_assert(own::name == ::name)
#define SAME_KEY(own_name, name) static_assert(std::string_view(own::own_name) == #name)

SAME(kCFNumberSInt64Type);
SAME(kCFStringEncodingUTF8);
SAME(kSecTrustSettingsDomainUser);
SAME(kSecTrustSettingsDomainAdmin);
SAME(kSecTrustSettingsDomainSystem);
SAME(kSecTrustSettingsResultInvalid);
SAME(kSecTrustSettingsResultTrustRoot);
SAME(kSecTrustSettingsResultTrustAsRoot);
SAME(kSecTrustSettingsResultDeny);
SAME(kSecTrustSettingsResultUnspecified);
SAME(kSecTrustSettingsKeyUseAny);
SAME(kSecRevocationOCSPMethod);
SAME(kSecRevocationCRLMethod);
SAME(kSecRevocationRequirePositiveResponse);
SAME(kSecRevocationNetworkAccessDisabled);
SAME(kSecRevocationUseAnyAvailableMethod);
SAME(errSecSuccess);
SAME(errSecIO);
SAME(errSecParam);
SAME(errSecAllocate);
SAME(errSecInternalComponent);
SAME(errSecInvalidTrustSettings);
SAME(errSecNoTrustSettings);
SAME(errSecNotAvailable);
SAME(errSecItemNotFound);
SAME(errSecCreateChainFailed);
SAME(errSSLATSCertificateTrustViolation);
SAME(errSecHostNameMismatch);
SAME(errSecUnknownCriticalExtensionFlag);
SAME(errSecNoBasicConstraints);
SAME(errSecNoBasicConstraintsCA);
SAME(errSecInvalidKeyUsageForPolicy);
SAME(errSecInvalidExtendedKeyUsage);
SAME(errSecInvalidIDLinkage);
SAME(errSecPathLengthConstraintExceeded);
SAME(errSecInvalidRoot);
SAME(errSecUnknownCertExtension);
SAME(errSecIncompleteCertRevocationCheck);
SAME(errSecTrustSettingDeny);
SAME(errSecInvalidSubjectName);
SAME(errSecInternalError);
SAME(errSecInvalidName);
SAME(errSecInvalidCertificateRef);
SAME(errSecUnsupportedKeySize);
SAME(errSecInvalidDigestAlgorithm);
SAME(errSecCertificateExpired);
SAME(errSecCertificateNotValidYet);
SAME(errSecCertificateRevoked);
SAME(errSecVerifyActionFailed);
SAME(errSecInvalidPolicyIdentifiers);
SAME(errSecNotTrusted);
SAME(errSecCertificateValidityPeriodTooLong);
SAME(errSecCertificatePolicyNotAllowed);
SAME(errSecCertificateNameNotAllowed);
SAME(errSecCertificateDuplicateExtension);
static_assert(own::kNotifyStatusOk == NOTIFY_STATUS_OK);

// Apple's are macros of CFSTR(), so only that there are macros of these names can be seen.
#if !defined(kSecTrustSettingsPolicy) || !defined(kSecTrustSettingsApplication) ||    \
    !defined(kSecTrustSettingsPolicyString) || !defined(kSecTrustSettingsKeyUsage) || \
    !defined(kSecTrustSettingsResult)
#error "SecTrustSettings.h has other keys than frameworks.hpp"
#endif
SAME_KEY(kTrustSettingsPolicyKey, kSecTrustSettingsPolicy);
SAME_KEY(kTrustSettingsApplicationKey, kSecTrustSettingsApplication);
SAME_KEY(kTrustSettingsPolicyStringKey, kSecTrustSettingsPolicyString);
SAME_KEY(kTrustSettingsKeyUsageKey, kSecTrustSettingsKeyUsage);
SAME_KEY(kTrustSettingsResultKey, kSecTrustSettingsResult);

}  // namespace

#endif
#endif
