// SecTrust and SecPolicyCreateRevocation, after SecTrust.c and SecPolicy.c of Apple's Security.
#include <algorithm>
#include <mutex>

#include "platform/macos/frameworks.hpp"
#include "test/doubles/macos/double.hpp"
#include "test/doubles/macos/object.hpp"

namespace ostrust::macos_double {
namespace {

namespace macos = platform::macos;

constexpr const char* kRevocation = "1.2.840.113635.100.1.21";

std::mutex mutex;  // guards what evaluations add to the script

struct TrustObject final : Object {
  OSTRUST_DOUBLE_TYPE("SecTrust", 30)
  void Set(Reference all_certificates, Reference all_policies) {
    certificates = std::move(all_certificates);
    policies = std::move(all_policies);
  }
  Reference certificates;  // arrays
  Reference policies;
  TrustQuestion question;
  std::optional<TrustAnswer> answer;
};

template <typename T>
std::vector<T*> ElementsOf(const Call& call, CFTypeRef array, const char* name) {
  std::vector<T*> elements;
  for (const Reference& element : call.Argument<ArrayObject>(array, name).elements) {
    elements.push_back(&call.Argument<T>(element.Get(), name));
  }
  return elements;
}

// A call that tells a SecTrust something.
struct Setter : Call {
  Setter(const char* function, SecTrustRef ref)
      : Call(function), trust(Argument<TrustObject>(ref, "trust")) {
    if (trust.answer) Die("the trust was evaluated already");
    if (trust.question.network_allowed) Die("SecTrustSetNetworkFetchAllowed() must be the last");
    const auto& failures = ScriptedTrust().failures;
    if (const auto found = failures.find(function); found != failures.end()) {
      status = found->second;
    }
  }
  TrustObject& trust;
  OSStatus status = macos::errSecSuccess;
};

CFTypeRef MadeBy(const Value& value) {
  return value ? value() : nullptr;
}

const TrustAnswer& Evaluated(const Call& call, SecTrustRef ref) {
  const auto& trust = call.Argument<TrustObject>(ref, "trust");
  if (!trust.answer) call.Die("the trust was not evaluated");
  return *trust.answer;
}

}  // namespace

TrustScript& ScriptedTrust() {
  static auto& script = *new TrustScript;
  return script;
}

}  // namespace ostrust::macos_double

using namespace ostrust::macos_double;  // NOLINT: what follows is the frameworks' own namespace
namespace macos = ostrust::platform::macos;

extern "C" {

SecPolicyRef SecPolicyCreateRevocation(CFOptionFlags revocationFlags) {
  const Call call("SecPolicyCreateRevocation");
  if (revocationFlags == 0 || revocationFlags >> 7U != 0) return nullptr;
  const CFTypeRef policy = Make<PolicyObject>(Reference(Make<StringObject>(kRevocation)));
  call.Argument<PolicyObject>(policy, "the policy").revocation_flags = revocationFlags;
  return Cast<SecPolicyRef>(policy);
}

OSStatus SecTrustCreateWithCertificates(CFTypeRef certificates, CFTypeRef policies,
                                        SecTrustRef* trust) {
  const Call call("SecTrustCreateWithCertificates");
  call.Needs(trust, "trust");
  const auto all = ElementsOf<CertificateObject>(call, certificates, "certificates");
  const auto with = ElementsOf<PolicyObject>(call, policies, "policies");
  if (all.empty() || with.empty()) return macos::errSecParam;
  const auto& failures = ScriptedTrust().failures;
  if (const auto found = failures.find("SecTrustCreateWithCertificates"); found != failures.end()) {
    return found->second;
  }
  for (PolicyObject* policy : with) {
    if (policy->is_in_trust) call.Die("a policy serves a second trust");
    policy->is_in_trust = true;
  }
  *trust = Cast<SecTrustRef>(
      Make<TrustObject>(Reference(Retained(certificates)), Reference(Retained(policies))));
  return macos::errSecSuccess;
}

OSStatus SecTrustSetVerifyDate(SecTrustRef trust, CFDateRef verifyDate) {
  const Setter call("SecTrustSetVerifyDate", trust);
  const auto& date = call.Argument<DateObject>(verifyDate, "verifyDate");
  if (call.status == macos::errSecSuccess) call.trust.question.date = date.time;
  return call.status;
}

OSStatus SecTrustSetOCSPResponse(SecTrustRef trust, CFTypeRef responseData) {
  const Setter call("SecTrustSetOCSPResponse", trust);
  const auto& data = call.Argument<DataObject>(responseData, "responseData");
  if (call.status == macos::errSecSuccess) call.trust.question.response = data.bytes;
  return call.status;
}

OSStatus SecTrustSetNetworkFetchAllowed(SecTrustRef trust, Boolean allowFetch) {
  const Setter call("SecTrustSetNetworkFetchAllowed", trust);
  if (call.status != macos::errSecSuccess) return call.status;
  call.trust.question.network_allowed = allowFetch != 0;
  for (PolicyObject* policy :
       ElementsOf<PolicyObject>(call, call.trust.policies.Get(), "the policies")) {
    policy->network_allowed = allowFetch != 0;
  }
  return call.status;
}

bool SecTrustEvaluateWithError(SecTrustRef trust, CFErrorRef* error) {
  const Call call("SecTrustEvaluateWithError");
  auto& object = call.Argument<TrustObject>(trust, "trust");
  call.Needs(error, "error");
  if (!object.question.network_allowed) call.Die("nobody said whether the network may be used");
  for (const auto* certificate :
       ElementsOf<CertificateObject>(call, object.certificates.Get(), "the certificates")) {
    object.question.certificates.push_back(certificate->der);
  }
  for (const auto* policy : ElementsOf<PolicyObject>(call, object.policies.Get(), "the policies")) {
    object.question.policies.push_back(
        {call.Argument<StringObject>(policy->oid.Get(), "the identifier").text, policy->client,
         policy->name, policy->revocation_flags, policy->network_allowed});
  }
  TrustScript& script = ScriptedTrust();
  if (script.during) script.during();
  if (script.decide) {
    object.answer = script.decide(object.question);
  } else {
    const std::lock_guard lock(mutex);
    if (script.answers.empty()) call.Die("the test has no answer");
    const std::size_t number = std::min(script.questions.size(), script.answers.size() - 1);
    object.answer = script.answers[number];
    script.questions.push_back(object.question);
  }
  *error = Cast<CFErrorRef>(MadeBy(object.answer->error));
  return object.answer->accepted;
}

CFDictionaryRef SecTrustCopyResult(SecTrustRef trust) {
  const Call call("SecTrustCopyResult");
  return Cast<CFDictionaryRef>(MadeBy(Evaluated(call, trust).result));
}

CFArrayRef SecTrustCopyCertificateChain(SecTrustRef trust) {
  const Call call("SecTrustCopyCertificateChain");
  return Cast<CFArrayRef>(MadeBy(Evaluated(call, trust).chain));
}

}  // extern "C"
