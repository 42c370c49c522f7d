// What is used of CoreFoundation, Security and libnotify, declared here.
//
// The only place that says what Apple's interfaces look like: the module is built on machines that
// have no SDK of Apple's, and its tests run where there are no frameworks at all, with a double of
// them. Written after CFBase.h, CFArray.h, ..., SecBase.h, SecTrust.h, SecTrustSettings.h,
// SecPolicy.h, SecCertificate.h and notify.h as Apple publishes them; minimum macOS 12.0. Nothing
// of this was run on a Mac. Where there is an SDK, frameworks_check.cpp compiles this file behind
// Apple's headers, so that a declaration that differs is an error, and compares every constant.
//
// The declarations stand at global scope with Apple's types; the constants, which Apple's headers
// define as enumerators, in namespace ostrust::platform::macos under the same names. Where Apple
// has a macro, the name is one of our own.
//
// Ownership is CoreFoundation's rule: what a function with Create or Copy in its name returns, or
// stores through a pointer, is the caller's to release; with Get, it is somebody else's.
// core_foundation.hpp has the owner.
#pragma once

#include <cstdint>

extern "C" {

// CoreFoundation: CFBase.h.
typedef unsigned char Boolean;
typedef unsigned char UInt8;
typedef std::int32_t OSStatus;
typedef long CFIndex;
typedef unsigned long CFTypeID;
typedef unsigned long CFOptionFlags;
typedef const void* CFTypeRef;
typedef const struct __CFAllocator* CFAllocatorRef;
typedef const struct __CFString* CFStringRef;

CFTypeRef CFRetain(CFTypeRef cf);
void CFRelease(CFTypeRef cf);
CFTypeID CFGetTypeID(CFTypeRef cf);
Boolean CFEqual(CFTypeRef cf1, CFTypeRef cf2);

// CFArray.h. The callbacks are passed by address only; null would mean that the array holds no
// reference to its elements.
typedef const struct __CFArray* CFArrayRef;
#ifndef __COREFOUNDATION_CFARRAY__  // Apple's type has no name of its own to be declared again
typedef struct OstrustCFArrayCallBacks CFArrayCallBacks;
extern const CFArrayCallBacks kCFTypeArrayCallBacks;
#endif
CFTypeID CFArrayGetTypeID(void);
CFArrayRef CFArrayCreate(CFAllocatorRef allocator, const void** values, CFIndex numValues,
                         const CFArrayCallBacks* callBacks);
CFIndex CFArrayGetCount(CFArrayRef theArray);
const void* CFArrayGetValueAtIndex(CFArrayRef theArray, CFIndex idx);

// CFData.h.
typedef const struct __CFData* CFDataRef;
CFTypeID CFDataGetTypeID(void);
CFDataRef CFDataCreate(CFAllocatorRef allocator, const UInt8* bytes, CFIndex length);
CFIndex CFDataGetLength(CFDataRef theData);
const UInt8* CFDataGetBytePtr(CFDataRef theData);

// CFDate.h. Seconds since 2001; the constant is the difference to 1970.
typedef double CFTimeInterval;
typedef CFTimeInterval CFAbsoluteTime;
typedef const struct __CFDate* CFDateRef;
extern const CFTimeInterval kCFAbsoluteTimeIntervalSince1970;
CFTypeID CFDateGetTypeID(void);
CFDateRef CFDateCreate(CFAllocatorRef allocator, CFAbsoluteTime at);

// CFDictionary.h.
typedef const struct __CFDictionary* CFDictionaryRef;
CFTypeID CFDictionaryGetTypeID(void);
const void* CFDictionaryGetValue(CFDictionaryRef theDict, const void* key);

// CFError.h.
typedef struct __CFError* CFErrorRef;
extern const CFStringRef kCFErrorDomainOSStatus;
CFTypeID CFErrorGetTypeID(void);
CFStringRef CFErrorGetDomain(CFErrorRef err);
CFIndex CFErrorGetCode(CFErrorRef err);
CFStringRef CFErrorCopyDescription(CFErrorRef err);

// CFNumber.h.
typedef const struct __CFBoolean* CFBooleanRef;
typedef const struct __CFNumber* CFNumberRef;
enum CFNumberType : CFIndex;
extern const CFBooleanRef kCFBooleanTrue;
extern const CFBooleanRef kCFBooleanFalse;
CFTypeID CFBooleanGetTypeID(void);
Boolean CFBooleanGetValue(CFBooleanRef boolean);
CFTypeID CFNumberGetTypeID(void);
Boolean CFNumberGetValue(CFNumberRef number, CFNumberType theType, void* valuePtr);

// CFString.h.
typedef std::uint32_t CFStringEncoding;
CFTypeID CFStringGetTypeID(void);
CFStringRef CFStringCreateWithBytes(CFAllocatorRef alloc, const UInt8* bytes, CFIndex numBytes,
                                    CFStringEncoding encoding, Boolean isExternalRepresentation);
CFDataRef CFStringCreateExternalRepresentation(CFAllocatorRef alloc, CFStringRef theString,
                                               CFStringEncoding encoding, UInt8 lossByte);

// Security: SecBase.h.
typedef struct __SecCertificate* SecCertificateRef;
typedef struct __SecPolicy* SecPolicyRef;
CFStringRef SecCopyErrorMessageString(OSStatus status, void* reserved);

// SecCertificate.h. Create returns null for what is no certificate.
CFTypeID SecCertificateGetTypeID(void);
SecCertificateRef SecCertificateCreateWithData(CFAllocatorRef allocator, CFDataRef data);
CFDataRef SecCertificateCopyData(SecCertificateRef certificate);

// SecPolicy.h. SecPolicyCreateSSL() returns null where the main bundle has no information
// dictionary (golang/go#61000, golang/go#68557).
extern const CFStringRef kSecPolicyAppleSSL;
extern const CFStringRef kSecPolicyAppleSMIME;
extern const CFStringRef kSecPolicyAppleCodeSigning;
extern const CFStringRef kSecPolicyAppleTimeStamping;
extern const CFStringRef kSecPolicyOid;
extern const CFStringRef kSecPolicyName;
extern const CFStringRef kSecPolicyClient;
CFTypeID SecPolicyGetTypeID(void);
CFDictionaryRef SecPolicyCopyProperties(SecPolicyRef policyRef);
SecPolicyRef SecPolicyCreateBasicX509(void);
SecPolicyRef SecPolicyCreateSSL(Boolean server, CFStringRef hostname);
SecPolicyRef SecPolicyCreateRevocation(CFOptionFlags revocationFlags);

// SecTrust.h.
typedef struct __SecTrust* SecTrustRef;
OSStatus SecTrustCreateWithCertificates(CFTypeRef certificates, CFTypeRef policies,
                                        SecTrustRef* trust);
OSStatus SecTrustSetNetworkFetchAllowed(SecTrustRef trust, Boolean allowFetch);
OSStatus SecTrustSetVerifyDate(SecTrustRef trust, CFDateRef verifyDate);
OSStatus SecTrustSetOCSPResponse(SecTrustRef trust, CFTypeRef responseData);
bool SecTrustEvaluateWithError(SecTrustRef trust, CFErrorRef* error);
CFDictionaryRef SecTrustCopyResult(SecTrustRef trust);
CFArrayRef SecTrustCopyCertificateChain(SecTrustRef trust);

// SecTrustSettings.h.
enum SecTrustSettingsDomain : std::uint32_t;
OSStatus SecTrustSettingsCopyCertificates(SecTrustSettingsDomain domain, CFArrayRef* certArray);
OSStatus SecTrustSettingsCopyTrustSettings(SecCertificateRef certRef, SecTrustSettingsDomain domain,
                                           CFArrayRef* trustSettings);

// libnotify: notify.h, in libSystem.
std::uint32_t notify_register_check(const char* name, int* out_token);
std::uint32_t notify_check(int token, int* check);
std::uint32_t notify_cancel(int token);

}  // extern "C"

namespace ostrust::platform::macos {

inline constexpr CFNumberType kCFNumberSInt64Type{4};
inline constexpr CFStringEncoding kCFStringEncodingUTF8 = 0x08000100;

inline constexpr SecTrustSettingsDomain kSecTrustSettingsDomainUser{0};
inline constexpr SecTrustSettingsDomain kSecTrustSettingsDomainAdmin{1};
inline constexpr SecTrustSettingsDomain kSecTrustSettingsDomainSystem{2};

// SecTrustSettingsResult: what the number under kTrustSettingsResultKey may be.
inline constexpr std::int64_t kSecTrustSettingsResultInvalid = 0;
inline constexpr std::int64_t kSecTrustSettingsResultTrustRoot = 1;
inline constexpr std::int64_t kSecTrustSettingsResultTrustAsRoot = 2;
inline constexpr std::int64_t kSecTrustSettingsResultDeny = 3;
inline constexpr std::int64_t kSecTrustSettingsResultUnspecified = 4;

// SecTrustSettingsKeyUsage.
inline constexpr std::int64_t kSecTrustSettingsKeyUseAny = 0xffffffff;

// Keys of a usage constraints dictionary: macros of CFSTR() in SecTrustSettings.h, whose texts are
// the macros' names. The last two are in SecTrustSettingsPriv.h, which no SDK has.
inline constexpr char kTrustSettingsPolicyKey[] = "kSecTrustSettingsPolicy";
inline constexpr char kTrustSettingsApplicationKey[] = "kSecTrustSettingsApplication";
inline constexpr char kTrustSettingsPolicyStringKey[] = "kSecTrustSettingsPolicyString";
inline constexpr char kTrustSettingsKeyUsageKey[] = "kSecTrustSettingsKeyUsage";
inline constexpr char kTrustSettingsResultKey[] = "kSecTrustSettingsResult";
inline constexpr char kTrustSettingsPolicyNameKey[] = "kSecTrustSettingsPolicyName";
inline constexpr char kTrustSettingsPolicyOptionsKey[] = "kSecTrustSettingsPolicyOptions";

// Keys of what SecTrustCopyResult() returns: kSecTrustResultDetails and
// kSecCertificateDetailStatusCodes of SecTrustPriv.h, which no SDK has.
inline constexpr char kTrustResultDetailsKey[] = "TrustResultDetails";
inline constexpr char kDetailStatusCodesKey[] = "StatusCodes";

inline constexpr CFOptionFlags kSecRevocationOCSPMethod = 1U << 0U;
inline constexpr CFOptionFlags kSecRevocationCRLMethod = 1U << 1U;
inline constexpr CFOptionFlags kSecRevocationRequirePositiveResponse = 1U << 3U;
inline constexpr CFOptionFlags kSecRevocationNetworkAccessDisabled = 1U << 4U;
inline constexpr CFOptionFlags kSecRevocationUseAnyAvailableMethod =
    kSecRevocationOCSPMethod | kSecRevocationCRLMethod;

inline constexpr OSStatus errSecSuccess = 0;
inline constexpr OSStatus errSecIO = -36;
inline constexpr OSStatus errSecParam = -50;
inline constexpr OSStatus errSecAllocate = -108;
inline constexpr OSStatus errSecInternalComponent = -2070;
inline constexpr OSStatus errSecInvalidTrustSettings = -25262;
inline constexpr OSStatus errSecNoTrustSettings = -25263;
inline constexpr OSStatus errSecNotAvailable = -25291;
inline constexpr OSStatus errSecItemNotFound = -25300;
inline constexpr OSStatus errSecCreateChainFailed = -25318;
inline constexpr OSStatus errSSLATSCertificateTrustViolation = -9886;
/// In SecBasePriv.h, which no SDK has.
inline constexpr OSStatus errSecInternal = -26276;
inline constexpr OSStatus errSecHostNameMismatch = -67602;
inline constexpr OSStatus errSecUnknownCriticalExtensionFlag = -67603;
inline constexpr OSStatus errSecNoBasicConstraints = -67604;
inline constexpr OSStatus errSecNoBasicConstraintsCA = -67605;
inline constexpr OSStatus errSecInvalidKeyUsageForPolicy = -67608;
inline constexpr OSStatus errSecInvalidExtendedKeyUsage = -67609;
inline constexpr OSStatus errSecInvalidIDLinkage = -67610;
inline constexpr OSStatus errSecPathLengthConstraintExceeded = -67611;
inline constexpr OSStatus errSecInvalidRoot = -67612;
inline constexpr OSStatus errSecUnknownCertExtension = -67618;
inline constexpr OSStatus errSecIncompleteCertRevocationCheck = -67635;
inline constexpr OSStatus errSecTrustSettingDeny = -67654;
inline constexpr OSStatus errSecInvalidSubjectName = -67655;
inline constexpr OSStatus errSecInternalError = -67671;
inline constexpr OSStatus errSecInvalidName = -67689;
inline constexpr OSStatus errSecInvalidCertificateRef = -67690;
inline constexpr OSStatus errSecUnsupportedKeySize = -67735;
inline constexpr OSStatus errSecInvalidDigestAlgorithm = -67815;
inline constexpr OSStatus errSecCertificateExpired = -67818;
inline constexpr OSStatus errSecCertificateNotValidYet = -67819;
inline constexpr OSStatus errSecCertificateRevoked = -67820;
inline constexpr OSStatus errSecVerifyActionFailed = -67825;
inline constexpr OSStatus errSecInvalidPolicyIdentifiers = -67835;
inline constexpr OSStatus errSecNotTrusted = -67843;
inline constexpr OSStatus errSecCertificatePolicyNotAllowed = -67899;
inline constexpr OSStatus errSecCertificateNameNotAllowed = -67900;
inline constexpr OSStatus errSecCertificateValidityPeriodTooLong = -67901;
inline constexpr OSStatus errSecCertificateDuplicateExtension = -67903;

/// NOTIFY_STATUS_OK.
inline constexpr std::uint32_t kNotifyStatusOk = 0;

}  // namespace ostrust::platform::macos
