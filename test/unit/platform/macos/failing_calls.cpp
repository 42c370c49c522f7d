#include "failing_calls.hpp"

#include <atomic>

#include "platform/macos/frameworks.hpp"

namespace ostrust::platform::macos {
namespace {

std::atomic<int> calls_left{-1};
std::atomic<const char*> failed{nullptr};

[[maybe_unused]] bool Fails(const char* function) {
  if (calls_left < 0 || calls_left-- != 0) return false;
  failed = function;
  return true;
}

}  // namespace

void FailAt(int number) {
  calls_left = number;
  failed = nullptr;
}

std::string Failed() {
  const char* const function = failed;
  return function == nullptr ? std::string() : function;
}

}  // namespace ostrust::platform::macos

#ifndef __APPLE__

using ostrust::platform::macos::errSecAllocate;
using ostrust::platform::macos::Fails;

// `parameters` in parentheses, then what is handed on.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define WRAP(result, function, parameters, arguments, failure)       \
  result __real_##function parameters;                               \
  result __wrap_##function parameters {                              \
    return Fails(#function) ? failure : __real_##function arguments; \
  }
// NOLINTEND(bugprone-macro-parentheses)

extern "C" {

WRAP(CFArrayRef, CFArrayCreate,
     (CFAllocatorRef a, const void** b, CFIndex c, const CFArrayCallBacks* d), (a, b, c, d),
     nullptr)
WRAP(CFDataRef, CFDataCreate, (CFAllocatorRef a, const UInt8* b, CFIndex c), (a, b, c), nullptr)
WRAP(CFDateRef, CFDateCreate, (CFAllocatorRef a, CFAbsoluteTime b), (a, b), nullptr)
WRAP(CFStringRef, CFErrorCopyDescription, (CFErrorRef a), (a), nullptr)
WRAP(CFDataRef, CFStringCreateExternalRepresentation,
     (CFAllocatorRef a, CFStringRef b, CFStringEncoding c, UInt8 d), (a, b, c, d), nullptr)
WRAP(CFStringRef, CFStringCreateWithBytes,
     (CFAllocatorRef a, const UInt8* b, CFIndex c, CFStringEncoding d, Boolean e), (a, b, c, d, e),
     nullptr)
WRAP(CFDataRef, SecCertificateCopyData, (SecCertificateRef a), (a), nullptr)
WRAP(SecCertificateRef, SecCertificateCreateWithData, (CFAllocatorRef a, CFDataRef b), (a, b),
     nullptr)
WRAP(CFStringRef, SecCopyErrorMessageString, (OSStatus a, void* b), (a, b), nullptr)
WRAP(SecPolicyRef, SecPolicyCreateBasicX509, (), (), nullptr)
WRAP(SecPolicyRef, SecPolicyCreateRevocation, (CFOptionFlags a), (a), nullptr)
WRAP(SecPolicyRef, SecPolicyCreateSSL, (Boolean a, CFStringRef b), (a, b), nullptr)
WRAP(CFArrayRef, SecTrustCopyCertificateChain, (SecTrustRef a), (a), nullptr)
WRAP(CFDictionaryRef, SecTrustCopyResult, (SecTrustRef a), (a), nullptr)
WRAP(OSStatus, SecTrustCreateWithCertificates, (CFTypeRef a, CFTypeRef b, SecTrustRef* c),
     (a, b, c), errSecAllocate)
WRAP(bool, SecTrustEvaluateWithError, (SecTrustRef a, CFErrorRef* b), (a, b), false)
WRAP(OSStatus, SecTrustSetNetworkFetchAllowed, (SecTrustRef a, Boolean b), (a, b), errSecAllocate)
WRAP(OSStatus, SecTrustSetOCSPResponse, (SecTrustRef a, CFTypeRef b), (a, b), errSecAllocate)
WRAP(OSStatus, SecTrustSetVerifyDate, (SecTrustRef a, CFDateRef b), (a, b), errSecAllocate)

}  // extern "C"

#endif
