// Owners of what Windows hands out and wants back.
#pragma once

#include <windows.h>
// After windows.h, which it needs.
#include <wincrypt.h>

#include <exception>
#include <memory>
#include <type_traits>

namespace ostrust::platform {

struct StoreCloser {
  using pointer = HCERTSTORE;
  // Without a flag, certificates taken from the store stay valid until they are freed.
  void operator()(HCERTSTORE store) const { CertCloseStore(store, 0); }
};
using StoreHandle = std::unique_ptr<void, StoreCloser>;

struct CertificateCloser {
  using pointer = PCCERT_CONTEXT;
  void operator()(PCCERT_CONTEXT certificate) const { CertFreeCertificateContext(certificate); }
};
using CertificateHandle = std::unique_ptr<const CERT_CONTEXT, CertificateCloser>;

struct KeyCloser {
  using pointer = HKEY;
  void operator()(HKEY key) const { RegCloseKey(key); }
};
using KeyHandle = std::unique_ptr<std::remove_pointer_t<HKEY>, KeyCloser>;

struct EventCloser {
  using pointer = HANDLE;
  void operator()(HANDLE event) const { CloseHandle(event); }
};
using EventHandle = std::unique_ptr<void, EventCloser>;

/// What CRYPT_DECODE_ALLOC_FLAG and its like allocate.
struct LocalFreer {
  void operator()(void* memory) const { LocalFree(memory); }
};

/// While it lives, its thread impersonates nobody: CurrentUser is then the account of the process,
/// for whose threads all is read, and not the client that a service acts for at the moment. False
/// where that cannot be.
class AsTheProcess {
 public:
  AsTheProcess() {
    HANDLE token = nullptr;
    if (OpenThreadToken(GetCurrentThread(), TOKEN_IMPERSONATE, TRUE, &token) == FALSE) {
      is_process_ = GetLastError() == ERROR_NO_TOKEN;
      return;
    }
    token_.reset(token);
    is_process_ = SetThreadToken(nullptr, nullptr) != FALSE;
  }
  ~AsTheProcess() {
    // A thread that cannot go on as the client must not go on with more rights than that.
    if (token_ != nullptr && is_process_ && SetThreadToken(nullptr, token_.get()) == FALSE) {
      std::terminate();
    }
  }
  AsTheProcess(const AsTheProcess&) = delete;
  AsTheProcess& operator=(const AsTheProcess&) = delete;

  explicit operator bool() const { return is_process_; }

 private:
  EventHandle token_;
  bool is_process_ = false;
};

}  // namespace ostrust::platform
