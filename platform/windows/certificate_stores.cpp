#include "platform/windows/certificate_stores.hpp"

#include <cstring>
#include <span>
#include <utility>

#include "platform/windows/handles.hpp"

namespace ostrust::platform {
namespace {

struct Location {
  const char* name;
  DWORD flag;
};

constexpr Location Of(StoreLocation location) {
  switch (location) {
    case StoreLocation::kCurrentUser:
      return {"CurrentUser", CERT_SYSTEM_STORE_CURRENT_USER};
    case StoreLocation::kCurrentUserGroupPolicy:
      return {"CurrentUserGroupPolicy", CERT_SYSTEM_STORE_CURRENT_USER_GROUP_POLICY};
    case StoreLocation::kLocalMachine:
      return {"LocalMachine", CERT_SYSTEM_STORE_LOCAL_MACHINE};
    case StoreLocation::kLocalMachineGroupPolicy:
      return {"LocalMachineGroupPolicy", CERT_SYSTEM_STORE_LOCAL_MACHINE_GROUP_POLICY};
    case StoreLocation::kLocalMachineEnterprise:
      break;
  }
  return {"LocalMachineEnterprise", CERT_SYSTEM_STORE_LOCAL_MACHINE_ENTERPRISE};
}

std::vector<std::string> Copy(const CERT_ENHKEY_USAGE& usage) {
  const std::span identifiers(usage.rgpszUsageIdentifier, usage.cUsageIdentifier);
  return {identifiers.begin(), identifiers.end()};
}

// What cannot be read is good for nothing.
Usages UsagesOf(PCCERT_CONTEXT certificate) {
  DWORD size = 0;
  if (CertGetEnhancedKeyUsage(certificate, 0, nullptr, &size) == FALSE)
    return Usages(std::in_place);
  Bytes buffer(size);
  auto* const usage = reinterpret_cast<CERT_ENHKEY_USAGE*>(buffer.data());
  SetLastError(ERROR_SUCCESS);
  if (CertGetEnhancedKeyUsage(certificate, 0, usage, &size) == FALSE) return Usages(std::in_place);
  // "Valid for all uses" and "no valid uses" differ in the last error only.
  if (usage->cUsageIdentifier == 0 && GetLastError() == static_cast<DWORD>(CRYPT_E_NOT_FOUND)) {
    return std::nullopt;
  }
  return Copy(*usage);
}

// Nullopt when there is no such property. Empty when there is one that cannot be read.
std::optional<Bytes> PropertyOf(PCCERT_CONTEXT certificate, DWORD property) {
  DWORD size = 0;
  if (CertGetCertificateContextProperty(certificate, property, nullptr, &size) == FALSE) {
    if (GetLastError() == static_cast<DWORD>(CRYPT_E_NOT_FOUND)) return std::nullopt;
    return Bytes();
  }
  Bytes value(size);
  if (CertGetCertificateContextProperty(certificate, property, value.data(), &size) == FALSE) {
    return Bytes();
  }
  value.resize(size);
  return value;
}

std::int64_t SecondsOf(const Bytes& filetime) {
  FILETIME time;
  if (filetime.size() != sizeof time) return DateLimit::kAlways;
  std::memcpy(&time, filetime.data(), sizeof time);
  constexpr std::int64_t kTicksPerSecond = 10'000'000;      // of 100 ns
  constexpr std::int64_t kFrom1601To1970 = 11'644'473'600;  // in seconds
  const auto ticks = (std::uint64_t{time.dwHighDateTime} << 32U) | time.dwLowDateTime;
  return static_cast<std::int64_t>(ticks / kTicksPerSecond) - kFrom1601To1970;
}

std::optional<DateLimit> LimitOf(PCCERT_CONTEXT certificate, DWORD date, DWORD usages) {
  const std::optional<Bytes> time = PropertyOf(certificate, date);
  if (!time) return std::nullopt;
  return ReadDateLimit(*time, PropertyOf(certificate, usages));
}

StoredCertificate Copied(PCCERT_CONTEXT certificate) {
  const auto der =
      std::as_bytes(std::span<const BYTE>(certificate->pbCertEncoded, certificate->cbCertEncoded));
  return {
      Bytes(der.begin(), der.end()), UsagesOf(certificate),
      LimitOf(certificate, CERT_DISALLOWED_FILETIME_PROP_ID, CERT_DISALLOWED_ENHKEY_USAGE_PROP_ID),
      LimitOf(certificate, CERT_NOT_BEFORE_FILETIME_PROP_ID, CERT_NOT_BEFORE_ENHKEY_USAGE_PROP_ID),
      PropertyOf(certificate, CERT_ROOT_PROGRAM_NAME_CONSTRAINTS_PROP_ID)};
}

StoreContent Unreadable(DWORD error) {
  StoreContent content;
  content.state = StoreContent::State::kUnreadable;
  content.error = "Windows error " + std::to_string(error);
  return content;
}

class SystemCertificateStores final : public CertificateStores {
 public:
  StoreContent Read(StoreLocation location, StoreName name) override {
    StoreContent content;
    const AsTheProcess process;
    if (!process) return Unreadable(GetLastError());
    SetLastError(ERROR_SUCCESS);
    // Read-only and existing: anything else fails in a process of low integrity.
    const StoreHandle store(
        CertOpenStore(CERT_STORE_PROV_SYSTEM_A, 0, 0,
                      Of(location).flag | CERT_STORE_READONLY_FLAG | CERT_STORE_OPEN_EXISTING_FLAG,
                      NameOf(name).data()));
    if (store == nullptr) {
      const DWORD error = GetLastError();
      if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) {
        content.state = StoreContent::State::kAbsent;
        return content;
      }
      return Unreadable(error);
    }
    CertificateHandle certificate;
    for (;;) {
      SetLastError(ERROR_SUCCESS);
      // Takes the previous one back.
      certificate.reset(CertEnumCertificatesInStore(store.get(), certificate.release()));
      if (certificate == nullptr) {
        const DWORD error = GetLastError();
        const bool is_end = error == ERROR_SUCCESS || error == ERROR_NO_MORE_FILES ||
                            error == static_cast<DWORD>(CRYPT_E_NOT_FOUND);
        if (!is_end) return Unreadable(error);
        return content;
      }
      content.certificates.push_back(Copied(certificate.get()));
    }
  }
};

}  // namespace

std::string_view NameOf(StoreLocation location) {
  return Of(location).name;
}

std::string_view NameOf(StoreName name) {
  return name == StoreName::kRoot ? "ROOT" : "Disallowed";
}

DateLimit ReadDateLimit(const Bytes& filetime, const std::optional<Bytes>& usages) {
  DateLimit limit{SecondsOf(filetime), std::nullopt};
  CERT_ENHKEY_USAGE* usage = nullptr;
  DWORD size = 0;
  if (usages && CryptDecodeObjectEx(X509_ASN_ENCODING, X509_ENHANCED_KEY_USAGE,
                                    reinterpret_cast<const BYTE*>(usages->data()),
                                    static_cast<DWORD>(usages->size()), CRYPT_DECODE_ALLOC_FLAG,
                                    nullptr, &usage, &size) != FALSE) {
    const std::unique_ptr<CERT_ENHKEY_USAGE, LocalFreer> owner(usage);
    limit.usages = Copy(*usage);
  }
  return limit;
}

std::unique_ptr<CertificateStores> MakeSystemCertificateStores() {
  return std::make_unique<SystemCertificateStores>();
}

}  // namespace ostrust::platform
