#include <mutex>

#include "platform/macos/frameworks.hpp"
#include "test/doubles/macos/double.hpp"
#include "test/doubles/macos/object.hpp"

namespace ostrust::macos_double {
namespace {

// libnotify is thread-safe.
std::mutex& Mutex() {
  static auto& mutex = *new std::mutex;
  return mutex;
}

}  // namespace

NotifyScript& ScriptedNotify() {
  static auto& script = *new NotifyScript;
  return script;
}

std::vector<std::string> NotifyScript::Registered() const {
  const std::lock_guard lock(Mutex());
  std::vector<std::string> names;
  for (const auto& [token, registration] : registrations) names.push_back(registration.name);
  return names;
}

void NotifyScript::Post(const std::string& name) {
  const std::lock_guard lock(Mutex());
  for (auto& [token, registration] : registrations) {
    if (registration.name == name) registration.pending = true;
  }
}

}  // namespace ostrust::macos_double

using namespace ostrust::macos_double;  // NOLINT: what follows is libnotify's own namespace

extern "C" {

std::uint32_t notify_register_check(const char* name, int* out_token) {
  const Call call("notify_register_check");
  call.Needs(name, "name");
  call.Needs(out_token, "out_token");
  const std::lock_guard lock(Mutex());
  NotifyScript& script = ScriptedNotify();
  if (script.register_status != ostrust::platform::macos::kNotifyStatusOk) {
    return script.register_status;
  }
  *out_token = ++script.last_token;
  script.registrations[*out_token].name = name;
  return ostrust::platform::macos::kNotifyStatusOk;
}

std::uint32_t notify_check(int token, int* check) {
  const Call call("notify_check");
  call.Needs(check, "check");
  NotifyScript& script = ScriptedNotify();
  if (script.during) script.during();
  const std::lock_guard lock(Mutex());
  const auto found = script.registrations.find(token);
  if (found == script.registrations.end()) call.Die("there is no such token");
  if (script.check_status != ostrust::platform::macos::kNotifyStatusOk) return script.check_status;
  *check = found->second.pending ? 1 : 0;
  found->second.pending = false;
  return ostrust::platform::macos::kNotifyStatusOk;
}

std::uint32_t notify_cancel(int token) {
  const Call call("notify_cancel");
  const std::lock_guard lock(Mutex());
  if (ScriptedNotify().registrations.erase(token) == 0) call.Die("there is no such token");
  return ostrust::platform::macos::kNotifyStatusOk;
}

}  // extern "C"
