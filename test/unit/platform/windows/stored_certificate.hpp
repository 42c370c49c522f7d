// A certificate in a store of the current user's, as long as a test needs it. Not for Windows
// itself: it would ask the user about a root.
#pragma once

#include <windows.h>

#include <wincrypt.h>

#include <stdexcept>
#include <string>

#include "platform/bytes.hpp"
#include "platform/sha1.hpp"

namespace ostrust::platform::windows {

class StoredCertificate {
 public:
  /// `store`: "Root" or "CA". Throws when it cannot be added.
  StoredCertificate(const wchar_t* store, ByteView der)
      : key_(L"Software\\Microsoft\\SystemCertificates\\" + std::wstring(store) +
             L"\\Certificates\\" + Thumbprint(der)) {
    const HCERTSTORE opened =
        CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, CERT_SYSTEM_STORE_CURRENT_USER, store);
    const bool added = opened != nullptr &&
                       CertAddEncodedCertificateToStore(opened, X509_ASN_ENCODING,
                                                        reinterpret_cast<const BYTE*>(der.data()),
                                                        static_cast<DWORD>(der.size()),
                                                        CERT_STORE_ADD_REPLACE_EXISTING, nullptr);
    if (opened != nullptr) CertCloseStore(opened, 0);
    HKEY key = nullptr;
    if (!added || RegOpenKeyExW(HKEY_CURRENT_USER, key_.c_str(), 0, KEY_READ, &key) != 0) {
      throw std::runtime_error("cannot add a certificate to the current user's store");
    }
    RegCloseKey(key);
  }
  StoredCertificate(const StoredCertificate&) = delete;
  StoredCertificate& operator=(const StoredCertificate&) = delete;
  // Wine does not keep a deletion through the store's own functions.
  ~StoredCertificate() { RegDeleteTreeW(HKEY_CURRENT_USER, key_.c_str()); }

 private:
  static std::wstring Thumbprint(ByteView der) {
    std::wstring text;
    for (const std::uint8_t byte : Sha1(der)) {
      text += L"0123456789ABCDEF"[byte >> 4];
      text += L"0123456789ABCDEF"[byte & 15];
    }
    return text;
  }

  const std::wstring key_;
};

/// Whether this is Wine, with a prefix of the test's own: where a root may be added.
inline bool MayChangeStores() {
  const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  return ntdll != nullptr && GetProcAddress(ntdll, "wine_get_version") != nullptr &&
         GetEnvironmentVariableW(L"WINEPREFIX", nullptr, 0) != 0;
}

}  // namespace ostrust::platform::windows
