#include "platform/linux/p11_kit_module.hpp"

#ifndef OSTRUST_P11_KIT

namespace ostrust::platform {

bool P11KitSupported() {
  return false;
}

P11KitReading ReadP11KitPolicy(const P11KitModule&, const BeforeReading&) {
  return {std::nullopt, "this build has no p11-kit support", {}};
}

}  // namespace ostrust::platform

#else

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/pkcs11x.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include "platform/certificate_fields.hpp"
#include "platform/fork_safe_mutex.hpp"
#include "platform/linux/file_io.hpp"
#include "platform/made_once.hpp"

namespace ostrust::platform {
namespace {

// Not in the headers of 0.24 (trust/types.h, common/types.h): the file an object was read from.
constexpr CK_ATTRIBUTE_TYPE kOrigin = CKA_X_VENDOR + 8001;
// In the headers since 0.23.19 and 0.26.
constexpr CK_ATTRIBUTE_TYPE kServerDistrustAfter = 0xce534373;
constexpr CK_ATTRIBUTE_TYPE kEmailDistrustAfter = 0xce534374;

constexpr CK_ULONG kAuthority = 2;  // CKA_CERTIFICATE_CATEGORY

// Far above what any policy holds, and what a module that returns nonsense may cost.
constexpr CK_ULONG kMaxTokens = 64;
constexpr std::size_t kMaxObjects = 65536;
constexpr CK_ULONG kMaxAttributeSize = CK_ULONG{1} << 20;
constexpr std::size_t kMaxTotalSize = std::size_t{64} << 20;

constexpr CK_ULONG kObjectsAtOnce = 256;
constexpr int kMaxAttempts = 3;

std::string ErrorText(const char* function, CK_RV result) {
  std::array<char, 32> number{};
  static_cast<void>(
      std::snprintf(number.data(), number.size(), "0x%lx", static_cast<unsigned long>(result)));
  return std::string(function) + " failed: " + number.data();
}

/// Another user of the module in this process finalized it under us.
bool WasFinalized(CK_RV result) {
  return result == CKR_CRYPTOKI_NOT_INITIALIZED || result == CKR_SESSION_HANDLE_INVALID ||
         result == CKR_SESSION_CLOSED;
}

struct Session {
  Session(const CK_FUNCTION_LIST& functions, CK_SLOT_ID slot)
      : module(functions),
        result(module.C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &handle)) {}
  ~Session() {
    if (result == CKR_OK) module.C_CloseSession(handle);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const CK_FUNCTION_LIST& module;
  CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
  CK_RV result;
};

/// One attempt to read the initialized module.
class Reader {
 public:
  explicit Reader(const CK_FUNCTION_LIST& module) : module_(module) {}

  /// False with a sentence in Error().
  bool Read(const std::vector<std::string>& wanted_paths, const BeforeReading& before_reading);

  TrustPolicy& Policy() { return policy_; }
  const std::string& Error() const { return error_; }
  bool Finalized() const { return finalized_; }
  /// An object was gone or another one when its values were asked for: somebody changed the policy.
  bool Changed() const { return changed_; }
  bool Incomplete() const { return incomplete_; }
  /// The module had no memory.
  bool Lacking() const { return lacking_; }

 private:
  /// The values of the attributes that were asked for, in the same order; nullopt for those that
  /// the object does not have.
  template <std::size_t count>
  using Values = std::array<std::optional<Bytes>, count>;

  bool Fail(const char* function, CK_RV result) {
    finalized_ = WasFinalized(result);
    lacking_ = result == CKR_HOST_MEMORY;
    error_ = ErrorText(function, result);
    return false;
  }
  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  bool CheckModule();
  bool ListTokens(std::vector<CK_SLOT_ID>& slots);
  bool ReadToken(CK_SLOT_ID slot);
  bool ReadObjects(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class);
  bool FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class,
                   std::vector<CK_OBJECT_HANDLE>& objects);
  bool ReadObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_OBJECT_CLASS object_class);
  /// False when the object cannot be read, with the reason in `why`, or for good (Finalized()).
  template <std::size_t count>
  bool ReadAttributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                      const std::array<CK_ATTRIBUTE_TYPE, count>& types, Values<count>& values,
                      std::string& why);
  std::uint32_t OriginIndex(const std::optional<Bytes>& origin);

  const CK_FUNCTION_LIST& module_;
  TrustPolicy policy_;
  std::map<std::string, std::uint32_t> origins_;
  std::string token_;  // the path of the one that is read
  std::size_t objects_ = 0;
  std::size_t total_size_ = 0;
  std::string error_;
  bool finalized_ = false;
  bool changed_ = false;
  bool incomplete_ = false;
  bool lacking_ = false;
};

/// A fixed-size text of PKCS#11: padded with spaces, without a terminating zero.
template <std::size_t size>
std::string Text(const CK_UTF8CHAR (&field)[size]) {
  std::string_view text(reinterpret_cast<const char*>(field), size);
  text = text.substr(0, text.find('\0'));
  return std::string(text.substr(0, text.find_last_not_of(' ') + 1));
}

bool Reader::Read(const std::vector<std::string>& wanted_paths,
                  const BeforeReading& before_reading) {
  std::vector<CK_SLOT_ID> slots;
  if (!CheckModule() || !ListTokens(slots)) return false;
  for (const CK_SLOT_ID slot : slots) {
    CK_SLOT_INFO info{};
    const CK_RV result = module_.C_GetSlotInfo(slot, &info);
    if (result != CKR_OK) return Fail("C_GetSlotInfo", result);
    policy_.paths.push_back(Text(info.slotDescription));
  }
  if (!wanted_paths.empty()) {
    // A path of more than 64 characters is cut off.
    const auto is_wanted = [](const std::string& path, const std::string& wanted) {
      return path == wanted.substr(0, sizeof(CK_SLOT_INFO::slotDescription));
    };
    if (!std::equal(policy_.paths.begin(), policy_.paths.end(), wanted_paths.begin(),
                    wanted_paths.end(), is_wanted)) {
      return Fail("another user of the module in this process made it look elsewhere");
    }
    policy_.paths = wanted_paths;
  }
  before_reading(policy_.paths);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    token_ = policy_.paths[i];
    if (!ReadToken(slots[i])) return false;
  }
  return true;
}

/// Why it is not to be asked; empty when it is.
std::string WhyNotOurs(const CK_INFO* module) {
  // The attributes of trust policy are vendor-defined: they mean nothing in another's module.
  const std::string description = Text(module->libraryDescription);
  if (description != "PKCS#11 Kit Trust Module") {
    return "it is not p11-kit's trust module but \"" + description + "\"";
  }
  // 0.23 staples extensions to public keys; before, it did to key identifiers.
  const CK_VERSION version = module->libraryVersion;
  if (version.major > 0 || version.minor >= 23) return {};
  return "it is too old: " + std::to_string(version.major) + "." + std::to_string(version.minor) +
         ", 0.23 is needed";
}

bool Reader::CheckModule() {
  CK_INFO info{};
  const CK_RV result = module_.C_GetInfo(&info);
  if (result != CKR_OK) return Fail("C_GetInfo", result);
  std::string why_not = WhyNotOurs(&info);
  return why_not.empty() || Fail(std::move(why_not));
}

bool Reader::ListTokens(std::vector<CK_SLOT_ID>& slots) {
  CK_ULONG count = 0;
  CK_RV result = module_.C_GetSlotList(CK_TRUE, nullptr, &count);
  if (result != CKR_OK) return Fail("C_GetSlotList", result);
  if (count == 0 || count > kMaxTokens) {
    return Fail("C_GetSlotList counts " + std::to_string(count) + " tokens");
  }
  slots.resize(count);
  result = module_.C_GetSlotList(CK_TRUE, slots.data(), &count);
  if (result != CKR_OK) return Fail("C_GetSlotList", result);
  if (count != slots.size()) return Fail("C_GetSlotList counts differently each time");
  return true;
}

bool Reader::ReadToken(CK_SLOT_ID slot) {
  const Session session(module_, slot);
  if (session.result != CKR_OK) return Fail("C_OpenSession", session.result);
  return ReadObjects(session.handle, CKO_CERTIFICATE) &&
         ReadObjects(session.handle, CKO_X_CERTIFICATE_EXTENSION);
}

bool Reader::ReadObjects(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class) {
  std::vector<CK_OBJECT_HANDLE> objects;
  if (!FindObjects(session, object_class, objects)) return false;
  return std::all_of(objects.begin(), objects.end(), [&](CK_OBJECT_HANDLE object) {
    return ReadObject(session, object, object_class);
  });
}

bool Reader::FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class,
                         std::vector<CK_OBJECT_HANDLE>& objects) {
  CK_ATTRIBUTE match{CKA_CLASS, &object_class, sizeof object_class};
  CK_RV result = module_.C_FindObjectsInit(session, &match, 1);
  if (result != CKR_OK) return Fail("C_FindObjectsInit", result);
  std::array<CK_OBJECT_HANDLE, kObjectsAtOnce> handles{};
  CK_ULONG count = 0;
  do {
    count = 0;
    result = module_.C_FindObjects(session, handles.data(), handles.size(), &count);
    if (result != CKR_OK) break;
    if (count > handles.size() || objects_ + count > kMaxObjects) {
      module_.C_FindObjectsFinal(session);
      return Fail("C_FindObjects finds too many objects");
    }
    objects_ += count;
    objects.insert(objects.end(), handles.begin(), handles.begin() + count);
  } while (count > 0);
  module_.C_FindObjectsFinal(session);
  return result == CKR_OK || Fail("C_FindObjects", result);
}

/// A CK_BBOOL; one that is not there is false. Nullopt when it is something else.
std::optional<bool> ReadBoolean(const std::optional<Bytes>& value) {
  if (!value) return false;
  if (value->size() != sizeof(CK_BBOOL) || value->front() > std::byte{CK_TRUE}) return std::nullopt;
  return value->front() == std::byte{CK_TRUE};
}

CK_ULONG Number(const std::optional<Bytes>& value) {
  CK_ULONG number = 0;
  if (value && value->size() == sizeof number) std::memcpy(&number, value->data(), sizeof number);
  return number;
}

/// "FALSE or a time": what else is there is left to be refused by who reads it.
Bytes DistrustAfter(std::optional<Bytes> value) {
  if (value && value->size() == sizeof(CK_BBOOL) && value->front() == std::byte{CK_FALSE}) {
    return {};
  }
  return std::move(value).value_or(Bytes());
}

bool Reader::ReadObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        CK_OBJECT_CLASS object_class) {
  const auto skip = [&](const std::string& why) {
    if (finalized_ || lacking_) return false;
    incomplete_ = true;
    policy_.problems.push_back(token_ + ": an object is skipped: " + why);
    return true;
  };
  std::string why;
  if (object_class == CKO_X_CERTIFICATE_EXTENSION) {
    Values<3> values;
    if (!ReadAttributes<3>(session, object, {CKA_VALUE, CKA_PUBLIC_KEY_INFO, kOrigin}, values,
                           why)) {
      return skip(why);
    }
    policy_.extensions.push_back({std::move(values[0]).value_or(Bytes()),
                                  std::move(values[1]).value_or(Bytes()), OriginIndex(values[2])});
    return true;
  }
  Values<10> values;
  if (!ReadAttributes<10>(session, object,
                          {CKA_VALUE, CKA_PUBLIC_KEY_INFO, CKA_ISSUER, CKA_SERIAL_NUMBER,
                           CKA_TRUSTED, CKA_X_DISTRUSTED, CKA_CERTIFICATE_CATEGORY,
                           kServerDistrustAfter, kEmailDistrustAfter, kOrigin},
                          values, why)) {
    return skip(why);
  }
  TrustPolicy::Certificate certificate;
  certificate.origin = OriginIndex(values[9]);  // also of what is neutral: its file was understood
  const std::optional<bool> trusted = ReadBoolean(values[4]);
  const std::optional<bool> distrusted = ReadBoolean(values[5]);
  if (!trusted || !distrusted) {
    policy_.problems.push_back(
        token_ + ": whether a certificate is trusted is no CK_BBOOL: it counts as distrusted");
  }
  certificate.trusted = trusted.value_or(false);
  certificate.distrusted = distrusted.value_or(true) || !trusted;
  if (!certificate.trusted && !certificate.distrusted) return true;
  certificate.certificate = std::move(values[0]).value_or(Bytes());
  // Where it can be read, it says the same itself.
  if (!ReadCertificateFields(certificate.certificate)) {
    certificate.public_key_info = std::move(values[1]).value_or(Bytes());
    certificate.issuer = std::move(values[2]).value_or(Bytes());
    certificate.serial_number = std::move(values[3]).value_or(Bytes());
  }
  certificate.authority = Number(values[6]) == kAuthority;
  certificate.server_distrust_after = DistrustAfter(std::move(values[7]));
  certificate.email_distrust_after = DistrustAfter(std::move(values[8]));
  policy_.certificates.push_back(std::move(certificate));
  return true;
}

template <std::size_t count>
bool Reader::ReadAttributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                            const std::array<CK_ATTRIBUTE_TYPE, count>& types,
                            Values<count>& values, std::string& why) {
  std::array<CK_ATTRIBUTE, count> attributes{};
  for (std::size_t i = 0; i < count; ++i) {
    attributes[i] = {types[i], nullptr, CK_UNAVAILABLE_INFORMATION};
  }
  // First the sizes, then the values. What an object does not have is unavailable in both, and then
  // the result is one of these.
  const auto get = [&] {
    const CK_RV result =
        module_.C_GetAttributeValue(session, object, attributes.data(), attributes.size());
    if (result == CKR_OK || result == CKR_ATTRIBUTE_TYPE_INVALID ||
        result == CKR_ATTRIBUTE_SENSITIVE) {
      return true;
    }
    finalized_ = WasFinalized(result);
    lacking_ = result == CKR_HOST_MEMORY;
    changed_ |= result == CKR_OBJECT_HANDLE_INVALID || result == CKR_BUFFER_TOO_SMALL;
    why = error_ = ErrorText("C_GetAttributeValue", result);
    return false;
  };
  if (!get()) return false;
  for (std::size_t i = 0; i < count; ++i) {
    CK_ATTRIBUTE& attribute = attributes[i];
    if (attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION) continue;
    if (attribute.ulValueLen > kMaxAttributeSize ||
        (total_size_ += attribute.ulValueLen) > kMaxTotalSize) {
      why = "an attribute of it is too large";
      return false;
    }
    values[i].emplace(attribute.ulValueLen);
    attribute.pValue = values[i]->data();
  }
  if (!get()) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (!values[i]) continue;
    const CK_ULONG size = attributes[i].ulValueLen;
    if (size == CK_UNAVAILABLE_INFORMATION || size > values[i]->size()) {
      changed_ = true;
      why = "it changed while it was read";
      return false;
    }
    values[i]->resize(size);
  }
  return true;
}

std::uint32_t Reader::OriginIndex(const std::optional<Bytes>& origin) {
  const std::string name(origin && !origin->empty() ? AsText(*origin) : token_);
  const auto [entry, added] =
      origins_.try_emplace(name, static_cast<std::uint32_t>(policy_.origins.size()));
  if (added) policy_.origins.push_back(name);
  return entry->second;
}

/// The functions of a module that was loaded; null, with a sentence in `error`, when it has none.
const CK_FUNCTION_LIST* FunctionsOf(void* handle, std::string& error) {
  const auto get_function_list =
      reinterpret_cast<CK_C_GetFunctionList>(dlsym(handle, "C_GetFunctionList"));
  if (get_function_list == nullptr) {
    error = "it is no PKCS#11 module";
    return nullptr;
  }
  CK_FUNCTION_LIST* functions = nullptr;
  const CK_RV result = get_function_list(&functions);
  if (result != CKR_OK) {
    error = ErrorText("C_GetFunctionList", result);
    return nullptr;
  }
  if (functions == nullptr || functions->version.major != 2) {
    error = "it is no module of PKCS#11 version 2";
    return nullptr;
  }
  if (functions->C_Initialize == nullptr || functions->C_Finalize == nullptr ||
      functions->C_GetInfo == nullptr || functions->C_GetSlotList == nullptr ||
      functions->C_GetSlotInfo == nullptr || functions->C_OpenSession == nullptr ||
      functions->C_CloseSession == nullptr || functions->C_FindObjectsInit == nullptr ||
      functions->C_FindObjects == nullptr || functions->C_FindObjectsFinal == nullptr ||
      functions->C_GetAttributeValue == nullptr) {
    error = "functions of PKCS#11 are missing in it";
    return nullptr;
  }
  return functions;
}

}  // namespace

bool P11KitSupported() {
  return true;
}

P11KitReading ReadP11KitPolicy(const P11KitModule& module, const BeforeReading& before_reading) {
  // Two readers with different paths would be in each other's way. And fork() waits for it, so that
  // no child inherits the module in the middle of our reading.
  static constinit MadeOnce<ForkSafeMutex> mutex;
  const std::lock_guard lock(mutex.Get(mutex_rank::kP11Kit));
  P11KitReading reading;
  void* handle = nullptr;
  for (const std::string& file : module.files) {
    // Never closed: its destructors would run under other users of it.
    handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle != nullptr) {
      reading.file = file;
      break;
    }
    const char* const why = dlerror();
    if (!reading.error.empty()) reading.error += "; ";
    reading.error += why != nullptr ? why : file + " cannot be loaded";
    reading.lacking |= OpenPath(file, {}).lacking;  // dlopen() tells no errno
  }
  if (handle == nullptr) {
    if (reading.error.empty()) reading.error = "there is no module";
    return reading;
  }
  reading.error.clear();
  reading.lacking = false;
  const auto fail = [&](const std::string& why) {
    reading.error = reading.file + ": " + why;
    return reading;
  };

  std::string why;
  const CK_FUNCTION_LIST* const functions = FunctionsOf(handle, why);
  if (functions == nullptr) return fail(why);

  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    CK_INFO info{};
    reading.shared |= functions->C_GetInfo(&info) != CKR_CRYPTOKI_NOT_INITIALIZED;
    std::string arguments = module.arguments;
    CK_C_INITIALIZE_ARGS args{};
    args.flags = CKF_OS_LOCKING_OK;
    args.pReserved = arguments.empty() ? nullptr : arguments.data();
    const CK_RV result = functions->C_Initialize(&args);
    if (result != CKR_OK && result != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
      reading.lacking = result == CKR_HOST_MEMORY;
      return fail(ErrorText("C_Initialize", result));
    }
    Reader reader(*functions);
    bool read = false;
    try {
      read = reader.Read(module.paths, before_reading);
    } catch (...) {
      if (result == CKR_OK) functions->C_Finalize(nullptr);
      throw;
    }
    // Whoever finalized it for all took our turn, too.
    if (result == CKR_OK && !reader.Finalized()) functions->C_Finalize(nullptr);
    // Who came in between may have been first after all.
    reading.shared |= functions->C_GetInfo(&info) != CKR_CRYPTOKI_NOT_INITIALIZED;
    // What is missing from it may be what distrusts somebody.
    if (read && (!reader.Changed() || attempt + 1 == kMaxAttempts)) {
      reading.policy = std::move(reader.Policy());
      reading.incomplete = reader.Incomplete();
      return reading;
    }
    if (read) continue;
    why = reader.Error();
    reading.lacking = reader.Lacking();
    if (!reader.Finalized()) break;
  }
  return fail(why);
}

}  // namespace ostrust::platform

#endif  // OSTRUST_P11_KIT
