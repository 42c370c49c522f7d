// A PKCS#11 module that returns whatever the input says: it is left as it was found, what it says
// is read within the bounds, and what it distrusts is never an anchor.
//
// The program is the module itself: dlopen("") finds its C_GetFunctionList().
#include <p11-kit/pkcs11.h>
#include <p11-kit/pkcs11x.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "fuzz_target.hpp"
#include "platform/certificate_fields.hpp"
#include "platform/linux/p11_kit_module.hpp"
#include "platform/policy_trust_store.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

namespace {

struct Module {
  ostrust::fuzz::Pieces pieces{ByteView()};
  int users = 0;
  std::set<CK_SESSION_HANDLE> sessions;
  CK_SESSION_HANDLE last_session = 0;
  bool searching = false;
  std::size_t allocated = 0;
  int calls = 0;
};
Module* module = nullptr;

// One call in sixteen fails, with what the module's user may do something about.
CK_RV Result() {
  Require(++module->calls < 1'000'000);
  constexpr CK_RV kErrors[] = {CKR_CRYPTOKI_NOT_INITIALIZED,
                               CKR_SESSION_HANDLE_INVALID,
                               CKR_OBJECT_HANDLE_INVALID,
                               CKR_BUFFER_TOO_SMALL,
                               CKR_ATTRIBUTE_TYPE_INVALID,
                               CKR_ATTRIBUTE_SENSITIVE,
                               CKR_DEVICE_ERROR,
                               CKR_HOST_MEMORY};
  const unsigned byte = module->pieces.Byte();
  return byte < 240 ? CKR_OK : kErrors[byte % std::size(kErrors)];
}

CK_RV Initialize(void*) {
  const CK_RV result = Result();
  if (result == CKR_OK) ++module->users;
  return result;
}

CK_RV Finalize(void*) {
  --module->users;
  return CKR_OK;
}

CK_RV GetInfo(CK_INFO* info) {
  *info = {};
  constexpr std::string_view kDescription = "PKCS#11 Kit Trust Module        ";
  std::copy_n(kDescription.begin(), 32, info->libraryDescription);
  info->libraryVersion = {0, 25};
  return module->users > 0 ? Result() : CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV GetSlotList(CK_BBOOL, CK_SLOT_ID* slots, CK_ULONG* count) {
  const CK_RV result = Result();
  const unsigned byte = module->pieces.Byte();
  const CK_ULONG tokens = byte < 250 ? 1 + byte % 3 : byte == 255 ? CK_ULONG(-1) : byte % 70;
  if (slots != nullptr) {
    for (CK_ULONG i = 0; i < std::min(*count, tokens); ++i) slots[i] = i;
  }
  *count = tokens;
  return result;
}

CK_RV GetSlotInfo(CK_SLOT_ID, CK_SLOT_INFO* info) {
  *info = {};
  const ByteView path = module->pieces.Take(module->pieces.Byte() % 64);
  std::copy(path.begin(), path.end(), reinterpret_cast<std::byte*>(info->slotDescription));
  return Result();
}

CK_RV OpenSession(CK_SLOT_ID, CK_FLAGS flags, void*, CK_NOTIFY, CK_SESSION_HANDLE* session) {
  Require(flags == CKF_SERIAL_SESSION);
  const CK_RV result = Result();
  if (result != CKR_OK) return result;
  *session = ++module->last_session;
  module->sessions.insert(*session);
  return CKR_OK;
}

CK_RV CloseSession(CK_SESSION_HANDLE session) {
  Require(module->sessions.erase(session) == 1);
  return Result();
}

CK_RV FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE* match, CK_ULONG count) {
  Require(module->sessions.count(session) == 1 && !module->searching);
  Require(count == 1 && match->type == CKA_CLASS);
  const CK_RV result = Result();
  module->searching = result == CKR_OK;
  return result;
}

CK_RV FindObjects(CK_SESSION_HANDLE, CK_OBJECT_HANDLE* objects, CK_ULONG room, CK_ULONG* count) {
  Require(module->searching);
  const CK_RV result = Result();
  const unsigned byte = module->pieces.Byte();
  // At the end of the input there is nothing more to find.
  *count = module->pieces.AtEnd() ? 0 : byte < 250 ? byte % 4 : byte == 255 ? CK_ULONG(-1) : room;
  for (CK_ULONG i = 0; i < std::min(*count, room); ++i) objects[i] = i;
  return result;
}

CK_RV FindObjectsFinal(CK_SESSION_HANDLE) {
  Require(module->searching);
  module->searching = false;
  return Result();
}

// Of each attribute, in each call: a byte that says how long it is, and it.
CK_RV GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE, CK_ATTRIBUTE* attributes,
                        CK_ULONG count) {
  Require(module->sessions.count(session) == 1);
  const CK_RV result = Result();
  for (CK_ULONG i = 0; i < count; ++i) {
    CK_ATTRIBUTE& attribute = attributes[i];
    const unsigned byte = module->pieces.Byte();
    if (attribute.pValue == nullptr) {
      // Half of them are what a certificate needs, and a few are nonsense.
      attribute.ulValueLen = byte < 100   ? 1
                             : byte < 180 ? CK_UNAVAILABLE_INFORMATION
                             : byte < 200 ? sizeof(CK_ULONG)
                             : byte < 240 ? CK_ULONG{byte - 200U} * 16
                             : byte < 250 ? module->pieces.Byte() << 4
                             : byte < 253 ? CK_ULONG{1} << 21
                                          : CK_ULONG(-2);
      continue;
    }
    module->allocated += attribute.ulValueLen;
    const ByteView value = module->pieces.Take(attribute.ulValueLen);
    std::copy(value.begin(), value.end(), static_cast<std::byte*>(attribute.pValue));
    if (byte >= 200) attribute.ulValueLen = byte < 230 ? value.size() : CK_ULONG(byte) << 8;
    if (byte == 255) attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
  }
  return result;
}

void Ask(const TrustPolicy& policy) {
  const PolicyTrustStore store(policy, "source");
  for (const TrustPolicy::Certificate& item : policy.certificates) {
    Require(item.trusted || item.distrusted);
    Require(item.origin < policy.origins.size());
    if (item.distrusted && ReadCertificateFields(item.certificate)) {
      Require(store.TrustOf(item.certificate).IsDistrusted());
    }
  }
  for (const TrustPolicy::StapledExtension& item : policy.extensions) {
    Require(item.origin < policy.origins.size());
  }
  for (const StoreEntry* const entry : store.Entries()) {
    Require(store.TrustOf(entry->der) == entry->trust);
  }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(
    CK_FUNCTION_LIST** functions) {
  static CK_FUNCTION_LIST list = [] {
    CK_FUNCTION_LIST all{};
    all.version = {2, 40};
    all.C_Initialize = Initialize;
    all.C_Finalize = Finalize;
    all.C_GetInfo = GetInfo;
    all.C_GetSlotList = GetSlotList;
    all.C_GetSlotInfo = GetSlotInfo;
    all.C_OpenSession = OpenSession;
    all.C_CloseSession = CloseSession;
    all.C_FindObjectsInit = FindObjectsInit;
    all.C_FindObjects = FindObjects;
    all.C_FindObjectsFinal = FindObjectsFinal;
    all.C_GetAttributeValue = GetAttributeValue;
    return all;
  }();
  *functions = &list;
  return CKR_OK;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Module of_this_input;
  module = &of_this_input;
  of_this_input.pieces = ostrust::fuzz::Pieces(data, size);
  const P11KitReading reading =
      ReadP11KitPolicy({.files = {""}, .arguments = {}, .paths = {}},
                       [](const std::vector<std::string>& paths) { Require(!paths.empty()); });
  Require(of_this_input.sessions.empty() && !of_this_input.searching);
  Require(of_this_input.users >= 0);
  // Three attempts at 64 MiB, and the last attribute of each.
  Require(of_this_input.allocated <= (std::size_t{3} * 65) << 20);
  Require(reading.policy.has_value() == reading.error.empty());
  if (reading.policy) Ask(*reading.policy);
  return 0;
}
