#include "platform/macos/usage_constraints.hpp"

#include <optional>
#include <string_view>

#include "platform/macos/core_foundation.hpp"

namespace ostrust::platform::macos {
namespace {

// kSecPolicyNameSSLServer and kSecPolicyNameSSLClient (SecPolicyPriv.h): under
// kTrustSettingsPolicyNameKey, since the policy is kept without what tells the two apart.
constexpr std::string_view kSslServer = "sslServer";
constexpr std::string_view kSslClient = "sslClient";

constexpr PurposeSet InBoth(PurposeSet a, PurposeSet b) {
  return a.Complement().Union(b.Complement()).Complement();
}

// Thrown for what is not as SecTrustSettings.h says; a string literal.
struct Malformed {
  const char* what;
};

CFStringRef AsString(CFTypeRef value, const char* otherwise) {
  const auto string = As<CFStringRef>(value, CFStringGetTypeID());
  if (string == nullptr) throw Malformed{otherwise};
  return string;
}

PurposeSet PurposesOfPolicy(CFTypeRef value) {
  const auto policy = As<SecPolicyRef>(value, SecPolicyGetTypeID());
  if (policy == nullptr) throw Malformed{"the policy is no SecPolicy"};
  const auto properties = Own(SecPolicyCopyProperties(policy));
  if (properties == nullptr) throw Malformed{"the policy has no properties"};
  const CFStringRef identifier = AsString(CFDictionaryGetValue(properties.get(), kSecPolicyOid),
                                          "the policy's identifier is no string");
  if (CFDictionaryGetValue(properties.get(), kSecPolicyName) != nullptr) return {};
  if (CFEqual(identifier, kSecPolicyAppleSSL) != 0) {
    const auto client = PurposeSet().With(Purpose::kClientAuth);
    const bool is_client = CFDictionaryGetValue(properties.get(), kSecPolicyClient) != nullptr;
    return is_client ? client : client.With(Purpose::kServerAuth);
  }
  const struct {
    CFStringRef identifier;
    Purpose purpose;
  } others[] = {
      {kSecPolicyAppleSMIME, Purpose::kEmailProtection},
      {kSecPolicyAppleCodeSigning, Purpose::kCodeSigning},
      {kSecPolicyAppleTimeStamping, Purpose::kTimeStamping},
  };
  for (const auto& other : others) {
    if (CFEqual(identifier, other.identifier) != 0) return PurposeSet().With(other.purpose);
  }
  return {};
}

// Of the TLS purposes, those that the name of a policy leaves; nothing is known of other names.
PurposeSet PurposesOfName(std::string_view name) {
  if (name == kSslServer) return PurposeSet().With(Purpose::kServerAuth);
  if (name == kSslClient) return PurposeSet().With(Purpose::kClientAuth);
  return {};
}

bool IsForEveryUseOfTheKey(CFDictionaryRef dictionary) {
  const CFTypeRef value = ValueOf(dictionary, kTrustSettingsKeyUsageKey);
  if (value == nullptr) return true;
  const auto number = As<CFNumberRef>(value, CFNumberGetTypeID());
  if (number == nullptr) throw Malformed{"the key usage is no number"};
  const std::optional<std::int64_t> usage = IntegerOf(number);
  // The number is an SInt32, of which any use is -1.
  return usage && (*usage & kSecTrustSettingsKeyUseAny) == kSecTrustSettingsKeyUseAny;
}

PurposeSet PurposesOf(CFDictionaryRef dictionary) {
  for (const char* const key : {kTrustSettingsApplicationKey, kTrustSettingsPolicyStringKey,
                                kTrustSettingsPolicyOptionsKey}) {
    if (ValueOf(dictionary, key) != nullptr) return {};
  }
  if (!IsForEveryUseOfTheKey(dictionary)) return {};

  PurposeSet purposes = PurposeSet::All();
  const CFTypeRef policy = ValueOf(dictionary, kTrustSettingsPolicyKey);
  if (policy != nullptr) purposes = PurposesOfPolicy(policy);
  const CFTypeRef name = ValueOf(dictionary, kTrustSettingsPolicyNameKey);
  if (name == nullptr) return purposes;
  const std::string text = TextOf(AsString(name, "the policy's name is no string"));
  // Only TLS has several names for one policy.
  if (!purposes.Contains(Purpose::kClientAuth)) return purposes;
  return InBoth(purposes, PurposesOfName(text));
}

std::int64_t ResultOf(CFDictionaryRef dictionary) {
  const CFTypeRef value = ValueOf(dictionary, kTrustSettingsResultKey);
  if (value == nullptr) return kSecTrustSettingsResultTrustRoot;
  const auto number = As<CFNumberRef>(value, CFNumberGetTypeID());
  if (number == nullptr) throw Malformed{"the result is no number"};
  const std::optional<std::int64_t> result = IntegerOf(number);
  if (!result || *result < kSecTrustSettingsResultInvalid ||
      *result > kSecTrustSettingsResultUnspecified) {
    throw Malformed{"the result is none that is known"};
  }
  return *result;
}

UsageConstraints Read(CFArrayRef settings, bool self_signed) {
  UsageConstraints constraints;
  const CFIndex count = CFArrayGetCount(settings);
  if (count == 0 && self_signed) constraints.trusted = PurposeSet::All();
  PurposeSet undecided = PurposeSet::All();
  // To the end: what is malformed counts wherever it stands.
  for (CFIndex i = 0; i < count; ++i) {
    const auto dictionary =
        As<CFDictionaryRef>(CFArrayGetValueAtIndex(settings, i), CFDictionaryGetTypeID());
    if (dictionary == nullptr) throw Malformed{"an entry is no dictionary"};
    const std::int64_t result = ResultOf(dictionary);
    const PurposeSet decided = InBoth(PurposesOf(dictionary), undecided);
    undecided = InBoth(undecided, decided.Complement());
    if (result == kSecTrustSettingsResultDeny) {
      constraints.denied = constraints.denied.Union(decided);
    } else if (result == (self_signed ? kSecTrustSettingsResultTrustRoot
                                      : kSecTrustSettingsResultTrustAsRoot)) {
      constraints.trusted = constraints.trusted.Union(decided);
    }
  }
  return constraints;
}

}  // namespace

UsageConstraints ReadUsageConstraints(CFArrayRef settings, bool self_signed) {
  try {
    return Read(settings, self_signed);
  } catch (const Malformed& malformed) {
    return {{}, PurposeSet::All(), malformed.what};
  }
}

}  // namespace ostrust::platform::macos
