// Changes a certificate store of the Windows (in Wine) that it runs in, for the tests.
//
//     windows_store add LOCATION STORE FILE      FILE is one certificate, PEM or DER
//     windows_store remove LOCATION STORE FILE   an error if it is not in the store
//     windows_store clear LOCATION STORE
//     windows_store list LOCATION STORE          SHA-1 fingerprints, one a line, upper case
//
// LOCATION is CurrentUser or LocalMachine. Removing is done in the registry, because Wine 8 forgets
// what was removed from a store when the program ends. Not for a Windows that is somebody's: adding
// to CurrentUser's ROOT asks there.
#include <windows.h>

#include <wincrypt.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr DWORD kEncoding = X509_ASN_ENCODING | PKCS_7_ASN_ENCODING;
constexpr DWORD kSha1Size = 20;

struct CloseStore {
  void operator()(void* store) const { CertCloseStore(store, 0); }
};
using Store = std::unique_ptr<void, CloseStore>;

struct FreeCertificate {
  void operator()(const CERT_CONTEXT* certificate) const {
    CertFreeCertificateContext(certificate);
  }
};
using Certificate = std::unique_ptr<const CERT_CONTEXT, FreeCertificate>;

int Failed(const char* what, DWORD error = GetLastError()) {
  std::fprintf(stderr, "%s: error 0x%lx\n", what, error);
  return 1;
}

bool IsCurrentUser(const std::wstring& location) {
  return location == L"CurrentUser";
}

/// Null, and the last error, if there is none and none is made.
Store Open(const std::wstring& location, const std::wstring& name, DWORD flags) {
  flags |=
      IsCurrentUser(location) ? CERT_SYSTEM_STORE_CURRENT_USER : CERT_SYSTEM_STORE_LOCAL_MACHINE;
  return Store(CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, flags, name.c_str()));
}

Certificate Read(const wchar_t* file) {
  std::ifstream in(std::filesystem::path(file), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<BYTE> der(text.begin(), text.end());
  DWORD size = static_cast<DWORD>(der.size());
  if (text.find("-----BEGIN") != std::string::npos &&
      !CryptStringToBinaryA(text.c_str(), static_cast<DWORD>(text.size()),
                            CRYPT_STRING_BASE64HEADER, der.data(), &size, nullptr, nullptr))
    return nullptr;
  return Certificate(CertCreateCertificateContext(kEncoding, der.data(), size));
}

std::wstring Fingerprint(const CERT_CONTEXT* certificate) {
  BYTE hash[kSha1Size] = {};
  DWORD size = sizeof hash;
  CertGetCertificateContextProperty(certificate, CERT_SHA1_HASH_PROP_ID, hash, &size);
  std::wstring text;
  for (const BYTE octet : hash) {
    text += L"0123456789ABCDEF"[octet >> 4];
    text += L"0123456789ABCDEF"[octet & 15];
  }
  return text;
}

/// The registry key of the certificates of a store; each is a key below it, named by its
/// fingerprint.
std::wstring RegistryKey(const std::wstring& store) {
  return L"Software\\Microsoft\\SystemCertificates\\" + store + L"\\Certificates";
}

HKEY Hive(const std::wstring& location) {
  return IsCurrentUser(location) ? HKEY_CURRENT_USER : HKEY_LOCAL_MACHINE;
}

int Add(const std::wstring& location, const std::wstring& name, const wchar_t* file) {
  const Certificate certificate = Read(file);
  if (!certificate) return Failed("no certificate");
  const Store store = Open(location, name, 0);
  if (!store) return Failed("cannot open the store");
  return CertAddCertificateContextToStore(store.get(), certificate.get(),
                                          CERT_STORE_ADD_REPLACE_EXISTING, nullptr)
             ? 0
             : Failed("cannot add it");
}

int Remove(const std::wstring& location, const std::wstring& name, const wchar_t* file) {
  const Certificate certificate = Read(file);
  if (!certificate) return Failed("no certificate");
  const std::wstring key = RegistryKey(name) + L"\\" + Fingerprint(certificate.get());
  const LSTATUS error = RegDeleteKeyW(Hive(location), key.c_str());
  return error == ERROR_SUCCESS ? 0 : Failed("cannot remove it", static_cast<DWORD>(error));
}

int Clear(const std::wstring& location, const std::wstring& name) {
  const LSTATUS error = RegDeleteTreeW(Hive(location), RegistryKey(name).c_str());
  return error == ERROR_SUCCESS || error == ERROR_FILE_NOT_FOUND
             ? 0
             : Failed("cannot clear the store", static_cast<DWORD>(error));
}

int List(const std::wstring& location, const std::wstring& name) {
  const Store store =
      Open(location, name, CERT_STORE_READONLY_FLAG | CERT_STORE_OPEN_EXISTING_FLAG);
  if (!store) return GetLastError() == ERROR_FILE_NOT_FOUND ? 0 : Failed("cannot open the store");
  const CERT_CONTEXT* certificate = nullptr;
  while ((certificate = CertEnumCertificatesInStore(store.get(), certificate)) != nullptr)
    std::printf("%ls\n", Fingerprint(certificate).c_str());
  return 0;
}

}  // namespace

int wmain(int count, wchar_t** arguments) {
  const std::wstring command = count > 3 ? arguments[1] : L"";
  const std::wstring location = count > 3 ? arguments[2] : L"";
  if (IsCurrentUser(location) || location == L"LocalMachine") {
    if (command == L"add" && count == 5) return Add(location, arguments[3], arguments[4]);
    if (command == L"remove" && count == 5) return Remove(location, arguments[3], arguments[4]);
    if (command == L"clear" && count == 4) return Clear(location, arguments[3]);
    if (command == L"list" && count == 4) return List(location, arguments[3]);
  }
  std::fputs("usage: windows_store add|remove|clear|list CurrentUser|LocalMachine STORE [FILE]\n",
             stderr);
  return 2;
}
