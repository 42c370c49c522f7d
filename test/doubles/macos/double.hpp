// A strict double of what platform/macos/frameworks.hpp declares, scripted by tests.
//
// It is no CoreFoundation: it has the functions that the backend uses, behaves as Apple documents
// them, and ends the process with a sentence on what a program must not do and Apple does not check
// for it:
// - an object is used or released after its last release, or never was one;
// - an argument is null, or of another type than the function wants;
// - an index past the end of an array;
// - a policy is given to a second SecTrust: SecTrustSetNetworkFetchAllowed() changes policies in
//   place;
// - a SecTrust is evaluated that was not told whether it may use the network, is told anything
// after
//   that, or is asked for its chain before it was evaluated;
// - two threads are in functions of SecTrustSettings at once (the backend holds a lock);
// - any function is called in a child that was forked and has not exec'd, where CoreFoundation ends
//   the process, too.
// LiveObjects() tells what was not released.
//
// The files:
// - double.hpp              this: what tests script and ask
// - object.hpp              the objects; for the double's own files only
// - core_foundation.cpp     CoreFoundation
// - trust_settings.cpp      SecTrustSettings, SecCertificate, SecPolicy
// - trust.cpp               SecTrust, SecPolicyCreateRevocation
// - notify.cpp              libnotify
// - keychain.cpp            a Mac scripted by a folder of files; in the module ostrust-macos
//
// What a test scripts are values (Value): functions that make a new object each time the backend
// asks for it. So a script holds no object, and after each test LiveObjects() must be empty:
//
//   TrustSettingsScript& script = ScriptedTrustSettings();
//   script.Domain(kSecTrustSettingsDomainAdmin).Add(
//       der, Array({Dictionary({{"kSecTrustSettingsResult", Number(3)}})}));
//   ... the test ...
//   Reset();
//   EXPECT_EQ(LiveObjects(), std::vector<std::string>());
//
// SecTrust is scripted in the same way (TrustScript). Scripts are not locked: set them while no
// other thread is in the backend.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/macos/frameworks.hpp"

namespace ostrust::macos_double {

/// Makes a new object and hands it to the caller, who releases it; null where a null is wanted.
using Value = std::function<CFTypeRef()>;

Value Text(std::string text);
Value Number(std::int64_t number);
Value Fraction(double number);
Value Truth(bool truth);
Value Data(platform::Bytes bytes);
Value Array(std::vector<Value> elements);
Value Dictionary(std::vector<std::pair<std::string, Value>> members);
/// As SecCertificateCreateWithData() makes it, of any bytes.
Value Certificate(platform::Bytes der);
/// As SecPolicyCreateSSL() makes it. An empty name is none.
Value SslPolicy(bool server = true, std::string name = {});
/// A policy with this kSecPolicyOid, which may be anything.
Value Policy(Value oid);
/// A policy for which SecPolicyCopyProperties() returns null.
Value PolicyWithoutProperties();
/// CFError of kCFErrorDomainOSStatus.
Value Error(OSStatus code, std::string description);
/// CFError of another domain.
Value Error(std::string domain, CFIndex code, std::string description);
/// Null.
Value Nothing();

/// What SecTrustSettings answers about one domain.
class TrustSettingsDomain {
 public:
  /// A certificate with settings: SecTrustSettingsCopyTrustSettings() returns `settings`, which is
  /// an array where macOS made it.
  void Add(const platform::Bytes& der, Value settings);
  /// A certificate about which SecTrustSettingsCopyTrustSettings() fails.
  void AddFailing(const platform::Bytes& der, OSStatus status);
  /// Anything else than a certificate.
  void AddElement(Value element);
  /// Once set, what SecTrustSettingsCopyCertificates() returns; otherwise errSecSuccess, or
  /// errSecNoTrustSettings where nothing was added.
  void Fail(OSStatus status) { status_ = status; }
  /// SecTrustSettingsCopyCertificates() returns errSecSuccess and this instead of an array of what
  /// was added.
  void ReturnInstead(Value value) { instead_ = std::move(value); }

  OSStatus CopyCertificates(CFArrayRef* result) const;
  OSStatus CopySettings(const platform::Bytes& der, CFArrayRef* result) const;

 private:
  struct Answer {
    OSStatus status = 0;
    Value settings;
  };
  std::vector<Value> elements_;
  std::map<platform::Bytes, Answer> answers_;
  Value instead_;
  OSStatus status_ = 0;
};

struct TrustSettingsScript {
  TrustSettingsDomain user;
  TrustSettingsDomain admin;
  TrustSettingsDomain system;
  /// Called within every function of SecTrustSettings, before it answers.
  std::function<void()> during;
  /// How often each function was called.
  int copied_certificates = 0;
  int copied_settings = 0;

  TrustSettingsDomain& Domain(SecTrustSettingsDomain domain);
};
TrustSettingsScript& ScriptedTrustSettings();

struct NotifyScript {
  /// What notify_register_check() and notify_check() return; kNotifyStatusOk is 0.
  std::uint32_t register_status = 0;
  std::uint32_t check_status = 0;
  /// The names of the registrations that were not cancelled.
  std::vector<std::string> Registered() const;
  /// As notify_post() in another process.
  void Post(const std::string& name);
  /// Called within notify_check(), before it answers; may post, and must be thread-safe.
  std::function<void()> during;

  struct Registration {
    std::string name;
    bool pending = true;  // the first notify_check() always tells of a change
  };
  std::map<int, Registration> registrations;
  int last_token = 0;
};
NotifyScript& ScriptedNotify();

/// What a SecTrust was told before it was evaluated.
struct TrustQuestion {
  struct Policy {
    std::string oid;
    bool client;
    std::string name;
    CFOptionFlags revocation_flags;
    bool network_allowed;
  };
  std::vector<platform::Bytes> certificates;
  std::vector<Policy> policies;
  std::optional<CFAbsoluteTime> date;
  platform::Bytes response;
  std::optional<bool> network_allowed;
};

/// What an evaluation answers.
struct TrustAnswer {
  bool accepted = true;
  /// A CFError where it is not accepted; no function means null, here and below.
  Value error;
  /// An array where macOS made it.
  Value chain;
  /// What SecTrustCopyResult() returns: a dictionary.
  Value result;
};

struct TrustScript {
  /// In the order of the evaluations; the last one again and again. There must be one, or `decide`.
  std::vector<TrustAnswer> answers;
  /// Answers instead of them; must be thread-safe. `questions` is left alone then.
  std::function<TrustAnswer(const TrustQuestion&)> decide;
  /// What a function returns, by its name, instead of doing anything.
  std::map<std::string, OSStatus> failures;
  /// Called within every evaluation, before it answers.
  std::function<void()> during;
  /// One for each evaluation.
  std::vector<TrustQuestion> questions;
};
TrustScript& ScriptedTrust();

/// False: SecPolicyCreateSSL() returns null, as it does where the main bundle has no information
/// dictionary. True after Reset().
bool& CanCreateSslPolicies();

/// Every script as it is at the start of the process; what is registered with libnotify stays.
void Reset();

/// One line for each object that was made and not released: its type, and who made it.
std::vector<std::string> LiveObjects();

/// How often any function of the frameworks was called.
std::uint64_t Calls();

}  // namespace ostrust::macos_double
