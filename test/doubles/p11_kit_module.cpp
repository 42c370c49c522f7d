#include "p11_kit_module.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <sstream>
#include <string_view>
#include <thread>

namespace ostrust {
namespace {

using platform::Bytes;

constexpr CK_SLOT_ID kFirstSlot = 18;  // as the real one's
constexpr CK_OBJECT_HANDLE kHandlesPerToken = 1 << 16;

std::mutex mutex;

using Lock = std::lock_guard<std::mutex>;

P11KitDouble& Double() {
  return *OstrustP11KitDouble();
}

Bytes ToBytes(std::string_view text) {
  const platform::ByteView view = platform::AsBytes(text);
  return {view.begin(), view.end()};
}

template <typename Value>
Bytes ToBytes(const Value& value) {
  const auto view = std::as_bytes(std::span(&value, 1));
  return {view.begin(), view.end()};
}

template <std::size_t size>
void Pad(CK_UTF8CHAR (&field)[size], std::string_view text) {
  std::fill_n(field, size, CK_UTF8CHAR{' '});
  std::copy_n(text.begin(), std::min(size, text.size()), field);
}

/// Every function begins with it. What the script makes the function return, or CKR_OK.
CK_RV Enter(const std::string& function) {
  P11KitDouble::Before before;
  int call = 0;
  {
    const Lock lock(mutex);
    P11KitDouble& module = Double();
    call = ++module.calls[function];
    const auto found = module.before.find(function);
    if (found != module.before.end()) before = found->second;
  }
  // Without the lock: it may wait for another thread that calls the module.
  if (const CK_RV result = before ? before(call) : CKR_OK; result != CKR_OK) return result;
  const Lock lock(mutex);
  P11KitDouble& module = Double();
  if (module.users > 0 || function == "C_Initialize" || function == "C_GetFunctionList") {
    return CKR_OK;
  }
  // To ask whether it is initialized is no misuse.
  if (!module.taken_away && function != "C_GetInfo") {
    module.misuses.push_back(function + " without C_Initialize");
  }
  return CKR_CRYPTOKI_NOT_INITIALIZED;
}

std::vector<P11KitDouble::Object> ReadDirectory(const std::filesystem::path& directory,
                                                CK_ATTRIBUTE_TYPE says) {
  std::vector<P11KitDouble::Object> objects;
  std::error_code none;
  for (const auto& file : std::filesystem::directory_iterator(directory, none)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string der{std::istreambuf_iterator<char>(in), {}};
    objects.push_back({{CKA_CLASS, ToBytes(CK_OBJECT_CLASS{CKO_CERTIFICATE})},
                       {CKA_VALUE, ToBytes(std::string_view(der))},
                       {CKA_CERTIFICATE_CATEGORY, ToBytes(CK_ULONG{2})},
                       {says, ToBytes(CK_BBOOL{CK_TRUE})}});
  }
  return objects;
}

/// The tokens of "paths='A:B'".
std::vector<P11KitDouble::Token> ReadPaths(std::string_view arguments) {
  constexpr std::string_view kPaths = "paths='";
  std::vector<P11KitDouble::Token> tokens;
  const std::size_t begin = arguments.find(kPaths);
  if (begin == arguments.npos) return tokens;
  arguments = arguments.substr(begin + kPaths.size());
  std::istringstream paths(std::string(arguments.substr(0, arguments.find('\''))));
  for (std::string path; std::getline(paths, path, ':');) {
    tokens.push_back({path, ReadDirectory(path + "/anchors", CKA_TRUSTED)});
    auto blocklist = ReadDirectory(path + "/blocklist", CKA_X_DISTRUSTED);
    std::move(blocklist.begin(), blocklist.end(), std::back_inserter(tokens.back().objects));
  }
  return tokens;
}

CK_RV Initialize(void* init_args) {
  if (const CK_RV result = Enter("C_Initialize"); result != CKR_OK) return result;
  const Lock lock(mutex);
  P11KitDouble& module = Double();
  const auto* const args = static_cast<const CK_C_INITIALIZE_ARGS*>(init_args);
  if (args != nullptr && (args->flags & CKF_OS_LOCKING_OK) == 0) return CKR_CANT_LOCK;
  const auto* const text = args != nullptr ? static_cast<const char*>(args->pReserved) : nullptr;
  module.arguments.emplace_back(text != nullptr ? text : "(none)");
  module.taken_away = false;
  if (module.users++ == 0 && module.serves_paths) {
    module.tokens = ReadPaths(module.arguments.back());
  }
  return CKR_OK;
}

CK_RV Finalize(void* /*reserved*/) {
  if (const CK_RV result = Enter("C_Finalize"); result != CKR_OK) return result;
  const Lock lock(mutex);
  P11KitDouble& module = Double();
  if (--module.users == 0 && !module.sessions.empty()) {
    module.misuses.push_back("C_Finalize with " + std::to_string(module.sessions.size()) +
                             " sessions open");
    module.sessions.clear();
  }
  return CKR_OK;
}

CK_RV GetInfo(CK_INFO* info) {
  const CK_RV result = Enter("C_GetInfo");
  if (result == CKR_OK) *info = Double().info;
  return result;
}

CK_RV GetSlotList(CK_BBOOL /*token_present*/, CK_SLOT_ID* slots, CK_ULONG* count) {
  if (const CK_RV result = Enter("C_GetSlotList"); result != CKR_OK) return result;
  const CK_ULONG room = *count;
  *count = Double().tokens.size();
  if (slots == nullptr) return CKR_OK;
  if (room < *count) return CKR_BUFFER_TOO_SMALL;
  for (CK_ULONG i = 0; i < *count; ++i) slots[i] = kFirstSlot + i;
  return CKR_OK;
}

CK_RV GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO* info) {
  if (const CK_RV result = Enter("C_GetSlotInfo"); result != CKR_OK) return result;
  const std::size_t token = slot - kFirstSlot;
  if (token >= Double().tokens.size()) return CKR_SLOT_ID_INVALID;
  *info = {};
  Pad(info->slotDescription, Double().tokens[token].path);
  return CKR_OK;
}

CK_RV OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void* /*application*/, CK_NOTIFY /*notify*/,
                  CK_SESSION_HANDLE* session) {
  if (const CK_RV result = Enter("C_OpenSession"); result != CKR_OK) return result;
  const Lock lock(mutex);
  const std::size_t token = slot - kFirstSlot;
  if (token >= Double().tokens.size()) return CKR_SLOT_ID_INVALID;
  if (flags != CKF_SERIAL_SESSION) {
    Double().misuses.emplace_back("C_OpenSession with more rights than reading needs");
  }
  static CK_SESSION_HANDLE last = 0;
  *session = ++last;
  Double().sessions[*session] = {token, false, {}};
  return CKR_OK;
}

/// A call about a session: it begins with Enter(), and holds the lock then.
struct SessionCall {
  SessionCall(const char* function, CK_SESSION_HANDLE handle)
      : result(Enter(function)), lock(mutex) {
    if (result != CKR_OK) return;
    const auto found = Double().sessions.find(handle);
    if (found == Double().sessions.end()) {
      result = CKR_SESSION_HANDLE_INVALID;
    } else {
      session = &found->second;
    }
  }

  CK_RV result;
  Lock lock;
  P11KitDouble::Session* session = nullptr;  // null unless `result` is CKR_OK
};

CK_RV CloseSession(CK_SESSION_HANDLE handle) {
  const SessionCall call("C_CloseSession", handle);
  if (call.session != nullptr) Double().sessions.erase(handle);
  return call.result;
}

CK_RV FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE* match, CK_ULONG count) {
  const SessionCall call("C_FindObjectsInit", handle);
  if (call.session == nullptr) return call.result;
  if (call.session->searching) return CKR_OPERATION_ACTIVE;
  CK_OBJECT_CLASS wanted = 0;
  if (count != 1 || match->type != CKA_CLASS || match->ulValueLen != sizeof wanted) {
    Double().misuses.emplace_back("C_FindObjectsInit for something else than a class");
    return CKR_ARGUMENTS_BAD;
  }
  std::memcpy(&wanted, match->pValue, sizeof wanted);
  Double().searched.push_back(wanted);
  call.session->searching = true;
  const std::vector<P11KitDouble::Object>& objects = Double().tokens[call.session->token].objects;
  for (std::size_t i = objects.size(); i-- > 0;) {
    const auto object_class = objects[i].find(CKA_CLASS);
    if (object_class != objects[i].end() && object_class->second == ToBytes(wanted)) {
      call.session->found.push_back(1 + call.session->token * kHandlesPerToken + i);
    }
  }
  return CKR_OK;
}

CK_RV FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE* objects, CK_ULONG room,
                  CK_ULONG* count) {
  const SessionCall call("C_FindObjects", handle);
  if (call.session == nullptr) return call.result;
  if (!call.session->searching) return CKR_OPERATION_NOT_INITIALIZED;
  for (*count = 0; *count < room && !call.session->found.empty(); ++*count) {
    objects[*count] = call.session->found.back();
    call.session->found.pop_back();
  }
  return CKR_OK;
}

CK_RV FindObjectsFinal(CK_SESSION_HANDLE handle) {
  const SessionCall call("C_FindObjectsFinal", handle);
  if (call.session == nullptr) return call.result;
  if (!call.session->searching) return CKR_OPERATION_NOT_INITIALIZED;
  *call.session = {call.session->token, false, {}};
  return CKR_OK;
}

CK_RV GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                        CK_ULONG count) {
  const SessionCall call("C_GetAttributeValue", handle);
  if (call.session == nullptr) return call.result;
  const auto& objects = Double().tokens[call.session->token].objects;
  const std::size_t index = object - 1 - call.session->token * kHandlesPerToken;
  if (index >= objects.size()) return CKR_OBJECT_HANDLE_INVALID;
  CK_RV result = CKR_OK;
  for (CK_ULONG i = 0; i < count; ++i) {
    CK_ATTRIBUTE& attribute = attributes[i];
    const auto found = objects[index].find(attribute.type);
    if (found == objects[index].end()) {
      attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
      result = CKR_ATTRIBUTE_TYPE_INVALID;
      continue;
    }
    const Bytes& value = found->second;
    if (attribute.pValue != nullptr && attribute.ulValueLen < value.size()) {
      attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
      result = CKR_BUFFER_TOO_SMALL;
      continue;
    }
    if (attribute.pValue != nullptr) std::memcpy(attribute.pValue, value.data(), value.size());
    attribute.ulValueLen = value.size();
  }
  return result;
}

/// The script of OSTRUST_P11_KIT_DOUBLE.
void ReadEnvironment(P11KitDouble& module) {
  const char* const text = std::getenv("OSTRUST_P11_KIT_DOUBLE");
  if (text == nullptr) return;
  module.serves_paths = true;
  if (*text == '\0') return;
  std::istringstream in(text);
  std::string function;
  CK_RV result = CKR_OK;
  int milliseconds = 0;
  int good = 0;
  in >> function >> std::hex >> result >> std::dec >> milliseconds >> good;
  if (!in) std::abort();  // a test that would test nothing
  module.before[function] = [=](int call) {
    if (call <= good) return CK_RV{CKR_OK};
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    return result;
  };
}

P11KitDouble* MakeDouble() {
  auto* const module = new P11KitDouble;
  CK_INFO* const info = &module->info;
  info->libraryVersion = {0, 25};
  Pad(info->manufacturerID, "PKCS#11 Kit");
  Pad(info->libraryDescription, "PKCS#11 Kit Trust Module");
  CK_FUNCTION_LIST& functions = module->functions;
  functions.version = {2, 40};
  functions.C_Initialize = Initialize;
  functions.C_Finalize = Finalize;
  functions.C_GetInfo = GetInfo;
  functions.C_GetSlotList = GetSlotList;
  functions.C_GetSlotInfo = GetSlotInfo;
  functions.C_OpenSession = OpenSession;
  functions.C_CloseSession = CloseSession;
  functions.C_FindObjectsInit = FindObjectsInit;
  functions.C_FindObjects = FindObjects;
  functions.C_FindObjectsFinal = FindObjectsFinal;
  functions.C_GetAttributeValue = GetAttributeValue;
  module->list = &functions;
  ReadEnvironment(*module);
  return module;
}

}  // namespace
}  // namespace ostrust

__attribute__((visibility("default"))) ostrust::P11KitDouble* OstrustP11KitDouble() {
  static ostrust::P11KitDouble* const module = ostrust::MakeDouble();
  return module;
}

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  const CK_RV result = ostrust::Enter("C_GetFunctionList");
  if (result == CKR_OK) *list = OstrustP11KitDouble()->list;
  return result;
}
