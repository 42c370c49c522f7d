#include "provider/core.hpp"

#include <cstdarg>
#include <cstdint>

#include <openssl/err.h>
#include <openssl/params.h>

namespace ostrust {
namespace {

// The core's vset_error takes a va_list, so somebody has to make one.
void SetError(OSSL_FUNC_core_vset_error_fn* vset_error, const OSSL_CORE_HANDLE* handle, int reason,
              const char* format, ...) {
  std::va_list args;
  va_start(args, format);
  vset_error(handle, static_cast<std::uint32_t>(reason), format, args);
  va_end(args);
}

}  // namespace

const OSSL_ITEM* ReasonStrings() {
  // OSSL_ITEM's text is not const; OpenSSL does not write to it (crypto/provider_core.c).
  static const OSSL_ITEM kReasons[] = {
      {static_cast<unsigned>(Reason::kUnreadableTrustStore),
       const_cast<char*>("the operating system's trust store cannot be read")},
      {static_cast<unsigned>(Reason::kBadConfiguration),
       const_cast<char*>("bad value in ostrust's section of the configuration")},
      {static_cast<unsigned>(Reason::kBadUri),
       const_cast<char*>("the URI of the operating system's store is os: or os:// and no more")},
      {static_cast<unsigned>(Reason::kUnsupportedSearch),
       const_cast<char*>("the operating system's store can be searched by subject only")},
      {static_cast<unsigned>(Reason::kOutOfMemory), const_cast<char*>("out of memory")},
      {static_cast<unsigned>(Reason::kRefused),
       const_cast<char*>("refused by the operating system's trust policy")},
      {0, nullptr},
  };
  return kReasons;
}

std::optional<Core> Core::FromDispatch(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in) {
  Core core;
  core.handle_ = handle;
  for (; in->function_id != 0; ++in) {
    switch (in->function_id) {
      case OSSL_FUNC_CORE_GET_PARAMS:
        core.get_params_ = OSSL_FUNC_core_get_params(in);
        break;
      case OSSL_FUNC_CORE_GET_LIBCTX:
        core.get_libctx_ = OSSL_FUNC_core_get_libctx(in);
        break;
      case OSSL_FUNC_CORE_NEW_ERROR:
        core.new_error_ = OSSL_FUNC_core_new_error(in);
        break;
      case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
        core.set_error_debug_ = OSSL_FUNC_core_set_error_debug(in);
        break;
      case OSSL_FUNC_CORE_VSET_ERROR:
        core.vset_error_ = OSSL_FUNC_core_vset_error(in);
        break;
      case OSSL_FUNC_CORE_SET_ERROR_MARK:
        core.set_error_mark_ = OSSL_FUNC_core_set_error_mark(in);
        break;
      case OSSL_FUNC_CORE_POP_ERROR_TO_MARK:
        core.pop_error_to_mark_ = OSSL_FUNC_core_pop_error_to_mark(in);
        break;
      case OSSL_FUNC_PROVIDER_REGISTER_CHILD_CB:
        core.register_child_cb_ = OSSL_FUNC_provider_register_child_cb(in);
        break;
      case OSSL_FUNC_PROVIDER_DEREGISTER_CHILD_CB:
        core.deregister_child_cb_ = OSSL_FUNC_provider_deregister_child_cb(in);
        break;
      default:
        break;
    }
  }
  const bool complete = core.get_params_ != nullptr && core.get_libctx_ != nullptr &&
                        core.new_error_ != nullptr && core.set_error_debug_ != nullptr &&
                        core.vset_error_ != nullptr && core.set_error_mark_ != nullptr &&
                        core.pop_error_to_mark_ != nullptr;
  return complete ? std::optional<Core>(core) : std::nullopt;
}

std::optional<std::string> Core::ConfigValue(const char* name) const {
  char* value = nullptr;
  // By hand: OSSL_PARAM_construct_utf8_ptr() is a function of libcrypto.
  OSSL_PARAM params[] = {
      {name, OSSL_PARAM_UTF8_PTR, &value, sizeof(value), OSSL_PARAM_UNMODIFIED},
      {nullptr, 0, nullptr, 0, 0},
  };
  if (get_params_(handle_, params) != 1 || value == nullptr) return std::nullopt;
  return std::string(value);
}

OSSL_LIB_CTX* Core::LibraryContext() const {
  // provider_core.c: the OPENSSL_CORE_CTX of a provider is its OSSL_LIB_CTX.
  return reinterpret_cast<OSSL_LIB_CTX*>(get_libctx_(handle_));
}

void Core::WatchProviders(ProviderCallback* activated, ProviderCallback* deactivated,
                          void* data) const {
  if (register_child_cb_ == nullptr || deregister_child_cb_ == nullptr) return;
  const auto ignore_properties = [](const char*, void*) { return 1; };
  register_child_cb_(handle_, activated, deactivated, ignore_properties, data);
}

void Core::StopWatchingProviders() const {
  if (deregister_child_cb_ != nullptr) deregister_child_cb_(handle_);
}

void Core::RaiseError(Reason reason, const std::string& detail) const {
  Raise(static_cast<int>(reason), detail);
}

void Core::RaiseOpenSslError(int library, int reason, const std::string& detail) const {
  // core_vset_error() (crypto/provider_core.c) takes a packed code for one of OpenSSL's own.
  Raise(static_cast<int>(ERR_PACK(library, 0, reason)), detail);
}

void Core::Raise(int code, const std::string& detail) const {
  new_error_(handle_);
  set_error_debug_(handle_, "ostrust", 0, "ostrust");
  SetError(vset_error_, handle_, code, "%s", detail.c_str());
}

void Core::MarkErrors() const {
  set_error_mark_(handle_);
}

void Core::DropErrorsToMark() const {
  pop_error_to_mark_(handle_);
}

}  // namespace ostrust
