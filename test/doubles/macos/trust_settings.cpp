#include <atomic>

#include "platform/certificate_fields.hpp"
#include "platform/macos/frameworks.hpp"
#include "test/doubles/macos/double.hpp"
#include "test/doubles/macos/object.hpp"

namespace ostrust::macos_double {
namespace {

namespace macos = platform::macos;
using platform::Bytes;

// SecPolicy.c.
constexpr const char* kBasicX509 = "1.2.840.113635.100.1.2";

CFStringRef Constant(const char* text) {
  return Cast<CFStringRef>(Immortal(Make<StringObject>(text)));
}

CFTypeRef MakePolicy(Reference oid) {
  return Make<PolicyObject>(std::move(oid));
}

PolicyObject& PolicyIn(CFTypeRef policy) {
  return *static_cast<PolicyObject*>(static_cast<Object*>(const_cast<void*>(policy)));
}

CFTypeRef MakeSslPolicy(bool server, const std::string& name) {
  const CFTypeRef policy = MakePolicy(Reference(Retained(kSecPolicyAppleSSL)));
  PolicyIn(policy).client = !server;
  PolicyIn(policy).name = name;
  return policy;
}

std::atomic<bool> in_trust_settings{false};

// A call of SecTrustSettings: one at a time.
class SettingsCall : public Call {
 public:
  explicit SettingsCall(const char* function) : Call(function) {
    if (in_trust_settings.exchange(true)) Die("another thread is in SecTrustSettings");
    if (const auto during = ScriptedTrustSettings().during) during();
  }
  ~SettingsCall() { in_trust_settings = false; }
};

}  // namespace

Value Certificate(Bytes der) {
  return [der] { return Make<CertificateObject>(der); };
}

Value SslPolicy(bool server, std::string name) {
  return [server, name] { return MakeSslPolicy(server, name); };
}

Value Policy(Value oid) {
  return [oid] { return MakePolicy(Reference(oid())); };
}

Value PolicyWithoutProperties() {
  return [] {
    const CFTypeRef policy = MakePolicy(Reference());
    PolicyIn(policy).has_properties = false;
    return policy;
  };
}

void TrustSettingsDomain::Add(const Bytes& der, Value settings) {
  AddElement(Certificate(der));
  answers_[der] = {macos::errSecSuccess, std::move(settings)};
}

void TrustSettingsDomain::AddFailing(const Bytes& der, OSStatus status) {
  AddElement(Certificate(der));
  answers_[der] = {status, {}};
}

void TrustSettingsDomain::AddElement(Value element) {
  elements_.push_back(std::move(element));
}

OSStatus TrustSettingsDomain::CopyCertificates(CFArrayRef* result) const {
  if (status_ != macos::errSecSuccess) return status_;
  if (elements_.empty() && !instead_) return macos::errSecNoTrustSettings;
  *result = Cast<CFArrayRef>(instead_ ? instead_() : Array(elements_)());
  return macos::errSecSuccess;
}

OSStatus TrustSettingsDomain::CopySettings(const Bytes& der, CFArrayRef* result) const {
  const auto found = answers_.find(der);
  if (found == answers_.end()) return macos::errSecItemNotFound;
  if (found->second.status != macos::errSecSuccess) return found->second.status;
  *result = Cast<CFArrayRef>(found->second.settings());
  return macos::errSecSuccess;
}

TrustSettingsDomain& TrustSettingsScript::Domain(SecTrustSettingsDomain domain) {
  if (domain == macos::kSecTrustSettingsDomainUser) return user;
  if (domain == macos::kSecTrustSettingsDomainAdmin) return admin;
  if (domain == macos::kSecTrustSettingsDomainSystem) return system;
  Call("SecTrustSettings").Die("there is no such domain");
}

TrustSettingsScript& ScriptedTrustSettings() {
  static auto& script = *new TrustSettingsScript;
  return script;
}

bool& CanCreateSslPolicies() {
  static bool can = true;
  return can;
}

void Reset() {
  ScriptedTrustSettings() = {};
  ScriptedNotify().register_status = platform::macos::kNotifyStatusOk;
  ScriptedNotify().check_status = platform::macos::kNotifyStatusOk;
  ScriptedTrust() = {};
  CanCreateSslPolicies() = true;
}

}  // namespace ostrust::macos_double

using namespace ostrust::macos_double;  // NOLINT: what follows is the frameworks' own namespace

extern "C" {

// SecPolicy.c.
const CFStringRef kSecPolicyAppleSSL = Constant("1.2.840.113635.100.1.3");
const CFStringRef kSecPolicyAppleSMIME = Constant("1.2.840.113635.100.1.8");
const CFStringRef kSecPolicyAppleCodeSigning = Constant("1.2.840.113635.100.1.16");
const CFStringRef kSecPolicyAppleTimeStamping = Constant("1.2.840.113635.100.1.20");
const CFStringRef kSecPolicyOid = Constant("SecPolicyOid");
const CFStringRef kSecPolicyName = Constant("SecPolicyName");
const CFStringRef kSecPolicyClient = Constant("SecPolicyClient");

CFStringRef SecCopyErrorMessageString(OSStatus status, void* reserved) {
  const Call call("SecCopyErrorMessageString");
  if (reserved != nullptr) call.Die("reserved is not null");
  return Cast<CFStringRef>(Make<StringObject>("the system's words for " + std::to_string(status)));
}

CFTypeID SecCertificateGetTypeID(void) {
  const Call call("SecCertificateGetTypeID");
  return CertificateObject::kTypeId;
}

SecCertificateRef SecCertificateCreateWithData(CFAllocatorRef allocator, CFDataRef data) {
  const Call call("SecCertificateCreateWithData");
  call.CheckAllocator(allocator);
  const Bytes& der = call.Argument<DataObject>(data, "data").bytes;
  const auto fields = ostrust::platform::ReadCertificateFields(der);
  if (!fields || fields->certificate.size() != der.size()) return nullptr;
  return Cast<SecCertificateRef>(Make<CertificateObject>(der));
}

CFDataRef SecCertificateCopyData(SecCertificateRef certificate) {
  const Call call("SecCertificateCopyData");
  return Cast<CFDataRef>(
      Make<DataObject>(call.Argument<CertificateObject>(certificate, "certificate").der));
}

CFTypeID SecPolicyGetTypeID(void) {
  const Call call("SecPolicyGetTypeID");
  return PolicyObject::kTypeId;
}

CFDictionaryRef SecPolicyCopyProperties(SecPolicyRef policyRef) {
  const Call call("SecPolicyCopyProperties");
  const auto& policy = call.Argument<PolicyObject>(policyRef, "policyRef");
  if (!policy.has_properties) return nullptr;
  const auto key = [](CFStringRef constant) {
    return static_cast<const StringObject*>(
               static_cast<const Object*>(static_cast<const void*>(constant)))
        ->text;
  };
  std::map<std::string, Reference> properties;
  properties.emplace(key(kSecPolicyOid), Reference(Retained(policy.oid.Get())));
  if (!policy.name.empty()) {
    properties.emplace(key(kSecPolicyName), Reference(Make<StringObject>(policy.name)));
  }
  if (policy.client) {
    properties.emplace(key(kSecPolicyClient), Reference(Retained(kCFBooleanTrue)));
  }
  return Cast<CFDictionaryRef>(Make<DictionaryObject>(std::move(properties)));
}

SecPolicyRef SecPolicyCreateBasicX509(void) {
  const Call call("SecPolicyCreateBasicX509");
  return Cast<SecPolicyRef>(MakePolicy(Reference(Make<StringObject>(kBasicX509))));
}

SecPolicyRef SecPolicyCreateSSL(Boolean server, CFStringRef hostname) {
  const Call call("SecPolicyCreateSSL");
  std::string name;
  if (hostname != nullptr) name = call.Argument<StringObject>(hostname, "hostname").text;
  if (!CanCreateSslPolicies()) return nullptr;
  return Cast<SecPolicyRef>(MakeSslPolicy(server != 0, name));
}

OSStatus SecTrustSettingsCopyCertificates(SecTrustSettingsDomain domain, CFArrayRef* certArray) {
  const SettingsCall call("SecTrustSettingsCopyCertificates");
  call.Needs(certArray, "certArray");
  ++ScriptedTrustSettings().copied_certificates;
  return ScriptedTrustSettings().Domain(domain).CopyCertificates(certArray);
}

OSStatus SecTrustSettingsCopyTrustSettings(SecCertificateRef certRef, SecTrustSettingsDomain domain,
                                           CFArrayRef* trustSettings) {
  const SettingsCall call("SecTrustSettingsCopyTrustSettings");
  const Bytes& der = call.Argument<CertificateObject>(certRef, "certRef").der;
  call.Needs(trustSettings, "trustSettings");
  ++ScriptedTrustSettings().copied_settings;
  return ScriptedTrustSettings().Domain(domain).CopySettings(der, trustSettings);
}

}  // extern "C"
