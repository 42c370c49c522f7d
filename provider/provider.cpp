// The provider's entry point and its dispatch: read top to bottom, this is all that OpenSSL calls.

#include "provider/provider.hpp"

#include <string>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>

#include "provider/config_file.hpp"
#include "provider/params.hpp"
#include "provider/store_loader.hpp"

namespace ostrust {
namespace {

constexpr char kName[] = "ostrust";
constexpr char kVersion[] = OSTRUST_VERSION;

const OSSL_PARAM* GettableParams(void*) noexcept {
  static const OSSL_PARAM kGettable[] = {
      {OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {OSSL_PROV_PARAM_VERSION, OSSL_PARAM_UTF8_PTR, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {OSSL_PROV_PARAM_BUILDINFO, OSSL_PARAM_UTF8_PTR, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {OSSL_PROV_PARAM_STATUS, OSSL_PARAM_INTEGER, nullptr, sizeof(int), OSSL_PARAM_UNMODIFIED},
      {nullptr, 0, nullptr, 0, 0},
  };
  return kGettable;
}

const char* BuildInfo(const ProviderHandle& handle) {
  if (handle.binding == nullptr) {
    return handle.context->BuildInfo(", no binding (" + handle.why_no_binding + ")", {});
  }
  return handle.context->BuildInfo(
      handle.binding->Describe(),
      handle.binding->Works() ? UnknownKeys(handle.binding->symbols()) : std::string());
}

int GetParams(void* provctx, OSSL_PARAM params[]) noexcept {
  const auto& handle = *static_cast<const ProviderHandle*>(provctx);
  try {
    OSSL_PARAM* param = params::Locate(params, OSSL_PROV_PARAM_NAME);
    if (param != nullptr && !params::SetTextPointer(*param, kName)) return 0;
    param = params::Locate(params, OSSL_PROV_PARAM_VERSION);
    if (param != nullptr && !params::SetTextPointer(*param, kVersion)) return 0;
    param = params::Locate(params, OSSL_PROV_PARAM_BUILDINFO);
    if (param != nullptr && !params::SetTextPointer(*param, BuildInfo(handle))) return 0;
    param = params::Locate(params, OSSL_PROV_PARAM_STATUS);
    if (param != nullptr && !params::SetInteger(*param, 1)) return 0;
    return 1;
  } catch (...) {
    return 0;
  }
}

const OSSL_ALGORITHM* QueryOperation(void*, int operation, int* no_cache) noexcept {
  *no_cache = 0;
  return operation == OSSL_OP_STORE ? StoreLoaderAlgorithms() : nullptr;
}

const OSSL_ITEM* GetReasonStrings(void*) noexcept {
  return ReasonStrings();
}

// OSSL_PROVIDER_unload() tears down no provider that is in its library context's list: it stops
// using it, and loading it again does not initialize it again (ossl_provider_add_to_store and
// ossl_provider_free, 3.0 to 4.0). What tells us is meant for child library contexts: they hear of
// every activation and deactivation (create_provider_children, provider_deactivate).
int ProviderActivated(const OSSL_CORE_HANDLE* provider, void* data) noexcept {
  auto& context = *static_cast<ProviderContext*>(data);
  if (context.core().Is(provider)) context.SetActive(true);
  return 1;
}

int ProviderDeactivated(const OSSL_CORE_HANDLE* provider, void* data) noexcept {
  auto& context = *static_cast<ProviderContext*>(data);
  if (context.core().Is(provider)) context.SetActive(false);
  return 1;
}

void Teardown(void* provctx) noexcept {
  auto* const handle = static_cast<ProviderHandle*>(provctx);
  handle->context->core().StopWatchingProviders();
  handle->context->SetActive(false);
  if (handle->binding != nullptr) handle->binding->Detach(*handle->context);
  delete handle;
}

template <typename Function>
constexpr OSSL_DISPATCH Dispatch(int id, Function* function) {
  return {id, reinterpret_cast<void (*)(void)>(function)};
}

const OSSL_DISPATCH* Functions() {
  static const OSSL_DISPATCH kFunctions[] = {
      Dispatch(OSSL_FUNC_PROVIDER_TEARDOWN, Teardown),
      Dispatch(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, GettableParams),
      Dispatch(OSSL_FUNC_PROVIDER_GET_PARAMS, GetParams),
      Dispatch(OSSL_FUNC_PROVIDER_QUERY_OPERATION, QueryOperation),
      Dispatch(OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, GetReasonStrings),
      {0, nullptr},
  };
  return kFunctions;
}

/// Rule 12: OpenSSL holds its configuration lock. Nothing is parsed or fetched here, no SSL
/// function called, no thread started or waited for.
ProviderHandle* Initialize(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in) {
  const auto core = Core::FromDispatch(handle, in);
  if (!core) return nullptr;
  auto made = std::make_unique<ProviderHandle>();
  made->context = std::make_shared<ProviderContext>(*core);
  made->binding = hooks::Binding::For(*core, made->why_no_binding);
  if (made->binding != nullptr) made->binding->Attach(made->context);
  made->context->core().WatchProviders(ProviderActivated, ProviderDeactivated, made->context.get());
  return made.release();
}

}  // namespace
}  // namespace ostrust

extern "C" __attribute__((visibility("default"))) int OSSL_provider_init(
    const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in, const OSSL_DISPATCH** out,
    void** provctx) {
  try {
    ostrust::ProviderHandle* const made = ostrust::Initialize(handle, in);
    if (made == nullptr) return 0;
    *provctx = made;
    *out = ostrust::Functions();
    return 1;
  } catch (...) {
    return 0;
  }
}
