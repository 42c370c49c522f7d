// The core: what OpenSSL hands a provider when it loads it. This is all that layer L0 needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

namespace ostrust {

/// Reasons in OpenSSL's error queue. The texts are in core.cpp.
enum class Reason : int {
  kUnreadableTrustStore = 1,
  kBadConfiguration = 2,
  kBadUri = 3,
  kUnsupportedSearch = 4,
  kOutOfMemory = 5,
  kRefused = 6,
};

/// The texts for OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, ended by an item with id 0.
const OSSL_ITEM* ReasonStrings();

/// One entry of a table of functions that OpenSSL is handed.
template <typename Function>
OSSL_DISPATCH Dispatch(int id, Function* function) noexcept {
  return {id, reinterpret_cast<void (*)(void)>(function)};
}

/// The core functions of one provider instance. A value; valid while that provider is loaded.
class Core {
 public:
  /// Nullopt when a function that even L0 needs is missing.
  static std::optional<Core> FromDispatch(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in);

  /// A parameter of our section of the configuration; nullopt when it is not set.
  std::optional<std::string> ConfigValue(const char* name) const;

  /// The library context we were loaded into; null may stand for the default one.
  OSSL_LIB_CTX* LibraryContext() const;

  /// From now on tells `activated` and `deactivated` which providers of our library context become
  /// active and stop being so, us included, and `activated` at once which are. `data` is theirs.
  /// Both are called with OpenSSL's provider locks held: they must do next to nothing. Does nothing
  /// where this libcrypto has no such thing.
  using ProviderCallback = int(const OSSL_CORE_HANDLE* provider, void* data);
  void WatchProviders(ProviderCallback* activated, ProviderCallback* deactivated, void* data) const;
  void StopWatchingProviders() const;

  /// Whether this is us.
  bool Is(const OSSL_CORE_HANDLE* provider) const { return provider == handle_; }

  /// A function that lies in the libcrypto that loaded us. OSSL_FUNC_CORE_GET_PARAMS is static
  /// there (crypto/provider_core.c); others may resolve to another module's function.
  const void* Address() const { return reinterpret_cast<const void*>(get_params_); }

  /// Puts an error into the calling thread's error queue. `detail` becomes the error's data.
  void RaiseError(Reason reason, const std::string& detail) const;
  /// The same with an error code of OpenSSL's own.
  void RaiseOpenSslError(int library, int reason, const std::string& detail) const;

  /// Errors raised between these two are dropped.
  void MarkErrors() const;
  void DropErrorsToMark() const;

 private:
  void Raise(int code, const std::string& detail) const;

  const OSSL_CORE_HANDLE* handle_ = nullptr;
  OSSL_FUNC_core_get_params_fn* get_params_ = nullptr;
  OSSL_FUNC_core_get_libctx_fn* get_libctx_ = nullptr;
  OSSL_FUNC_core_new_error_fn* new_error_ = nullptr;
  OSSL_FUNC_core_set_error_debug_fn* set_error_debug_ = nullptr;
  OSSL_FUNC_core_vset_error_fn* vset_error_ = nullptr;
  OSSL_FUNC_core_set_error_mark_fn* set_error_mark_ = nullptr;
  OSSL_FUNC_core_pop_error_to_mark_fn* pop_error_to_mark_ = nullptr;
  // May be missing.
  OSSL_FUNC_provider_register_child_cb_fn* register_child_cb_ = nullptr;
  OSSL_FUNC_provider_deregister_child_cb_fn* deregister_child_cb_ = nullptr;
};

}  // namespace ostrust
