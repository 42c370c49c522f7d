// The provider's entry point and its dispatch: read top to bottom, this is all that OpenSSL calls.

#include "provider/provider.hpp"

#include <string>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>

#include "provider/config_file.hpp"
#include "provider/host/process.hpp"
#include "provider/params.hpp"
#include "provider/standing.hpp"
#include "provider/store_loader.hpp"

namespace ostrust {
namespace {

constexpr char kName[] = "ostrust";
constexpr char kVersion[] = OSTRUST_VERSION;

constexpr OSSL_PARAM Text(const char* name) {
  return {name, OSSL_PARAM_UTF8_PTR, nullptr, 0, OSSL_PARAM_UNMODIFIED};
}

const OSSL_PARAM* GettableParams(void*) noexcept {
  static const OSSL_PARAM kGettable[] = {
      Text(OSSL_PROV_PARAM_NAME),
      Text(OSSL_PROV_PARAM_VERSION),
      Text(OSSL_PROV_PARAM_BUILDINFO),
      {OSSL_PROV_PARAM_STATUS, OSSL_PARAM_INTEGER, nullptr, sizeof(int), OSSL_PARAM_UNMODIFIED},
      Text(standing_params::kReach),
      Text(standing_params::kLimitedBy),
      Text(standing_params::kVerify),
      Text(standing_params::kIntermediates),
      Text(standing_params::kRevocation),
      Text(standing_params::kSource),
      {standing_params::kAnchors, OSSL_PARAM_INTEGER, nullptr, sizeof(int), OSSL_PARAM_UNMODIFIED},
      Text(standing_params::kProblems),
      Text(standing_params::kError),
      Text(standing_params::kBadValues),
      Text(standing_params::kUnknownKeys),
      {nullptr, 0, nullptr, 0, 0},
  };
  return kGettable;
}

/// The configuration's `verify`; empty where there is no binding that could ask for a verdict.
std::string VerifyOf(const ProviderHandle& handle) {
  return handle.binding != nullptr && handle.binding->Works()
             ? NameOf(handle.context->config().verify)
             : std::string();
}

/// What is done of the configuration's `intermediates`; empty where there is no binding.
std::string IntermediatesOf(const ProviderHandle& handle) {
  if (handle.binding == nullptr || !handle.binding->Works()) return {};
  return NameOf(handle.binding->IntermediatesOf(*handle.context));
}

/// The same for `revocation`.
std::string RevocationOf(const ProviderHandle& handle) {
  if (handle.binding == nullptr || !handle.binding->Works()) return {};
  return NameOf(handle.binding->RevocationOf(*handle.context));
}

std::string DescribeBinding(const ProviderHandle& handle) {
  if (handle.binding == nullptr) return ", no binding (" + handle.why_no_binding + ")";
  std::string text = handle.binding->Describe();
  if (!handle.binding->Works()) return text;
  const Config& config = handle.context->config();
  const std::string intermediates = IntermediatesOf(handle);
  text += "; intermediates: " + intermediates;
  if (config.verify == VerifyMode::kPlatform &&
      intermediates != NameOf(config.network.intermediates)) {
    text += ", because this OpenSSL has nothing to fetch with";
  }
  const std::string revocation = RevocationOf(handle);
  text += "; revocation: " + revocation;
  if (config.verify != VerifyMode::kRoots && revocation != NameOf(config.network.revocation)) {
    text += ", because this OpenSSL lacks what it takes to look for it";
    if (config.verify == VerifyMode::kPlatform &&
        config.network.revocation == platform::Revocation::kHard) {
      text += ": servers are refused";
    }
  }
  return text + "; verify: " + VerifyOf(handle);
}

std::string UnknownKeysOf(const ProviderHandle& handle) {
  return handle.binding != nullptr && handle.binding->Works()
             ? UnknownKeys(handle.binding->symbols())
             : std::string();
}

const char* BuildInfo(const ProviderHandle& handle) {
  return handle.context->BuildInfo(DescribeBinding(handle), UnknownKeysOf(handle));
}

/// The same as the build info, for programs (standing.hpp).
bool AnswerStanding(const ProviderHandle& handle, OSSL_PARAM params[]) {
  const auto text = [&](const char* key, const std::string& value) {
    OSSL_PARAM* const param = params::Locate(params, key);
    return param == nullptr || params::SetTextPointer(*param, handle.context->Keep(value));
  };
  if (!text(standing_params::kReach,
            handle.binding == nullptr ? standing_params::kReachNone : handle.binding->Reach()) ||
      !text(standing_params::kLimitedBy,
            handle.binding == nullptr ? handle.why_no_binding : handle.binding->WhyLimited()) ||
      !text(standing_params::kVerify, VerifyOf(handle)) ||
      !text(standing_params::kIntermediates, IntermediatesOf(handle)) ||
      !text(standing_params::kRevocation, RevocationOf(handle)) ||
      !text(standing_params::kBadValues, handle.context->config().ErrorText())) {
    return false;
  }
  // These read files: only when somebody asks.
  if (params::Locate(params, standing_params::kUnknownKeys) != nullptr &&
      !text(standing_params::kUnknownKeys, UnknownKeysOf(handle))) {
    return false;
  }
  OSSL_PARAM* const anchors = params::Locate(params, standing_params::kAnchors);
  if (anchors == nullptr && params::Locate(params, standing_params::kSource) == nullptr &&
      params::Locate(params, standing_params::kProblems) == nullptr &&
      params::Locate(params, standing_params::kError) == nullptr) {
    return true;
  }
  const Standing standing = handle.context->GetStanding();
  return (anchors == nullptr ||
          params::SetInteger(*anchors, static_cast<std::int32_t>(standing.anchors))) &&
         text(standing_params::kSource, standing.source) &&
         text(standing_params::kProblems, standing.problems) &&
         text(standing_params::kError, standing.error);
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
    return AnswerStanding(handle, params) ? 1 : 0;
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

const OSSL_DISPATCH kFunctions[] = {
    Dispatch(OSSL_FUNC_PROVIDER_TEARDOWN, Teardown),
    Dispatch(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, GettableParams),
    Dispatch(OSSL_FUNC_PROVIDER_GET_PARAMS, GetParams),
    Dispatch(OSSL_FUNC_PROVIDER_QUERY_OPERATION, QueryOperation),
    Dispatch(OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, GetReasonStrings),
    {0, nullptr},
};

/// Rule 12: OpenSSL holds its configuration lock. Nothing is parsed or fetched here, no SSL
/// function called, no thread started or waited for.
ProviderHandle* Initialize(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in) {
  const auto core = Core::FromDispatch(handle, in);
  if (!core) return nullptr;
  auto made = std::make_unique<ProviderHandle>();
  made->context = std::make_shared<ProviderContext>(*core);
  made->binding = hooks::Binding::For(*core, made->why_no_binding);
  const std::string loaded = "loaded; layers: store loader" + DescribeBinding(*made);
  if (made->binding != nullptr) made->binding->Attach(made->context);
  // From here on others refer to the context, so nothing below throws.
  made->context->core().WatchProviders(ProviderActivated, ProviderDeactivated, made->context.get());
  // The only witness in a program that cannot be asked for its providers, such as Node.js.
  made->context->log().Write(LogLevel::kInfo, loaded);
  return made.release();
}

}  // namespace
}  // namespace ostrust

#ifdef _WIN32
#define OSTRUST_EXPORT  // exports.def
#else
#define OSTRUST_EXPORT __attribute__((visibility("default")))
#endif

extern "C" OSTRUST_EXPORT int OSSL_provider_init(const OSSL_CORE_HANDLE* handle,
                                                 const OSSL_DISPATCH* in, const OSSL_DISPATCH** out,
                                                 void** provctx) {
  try {
    if (!ostrust::host::KeepLoaded()) return 0;
    ostrust::ProviderHandle* const made = ostrust::Initialize(handle, in);
    if (made == nullptr) return 0;
    *provctx = made;
    *out = ostrust::kFunctions;
    return 1;
  } catch (...) {
    return 0;
  }
}
