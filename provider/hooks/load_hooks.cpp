// Where an application says which CAs it wants: CAfile, CApath, CAstore and the default paths. The
// table of what is served how is in docs/how-it-works.md.

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>
#include <string_view>

#include "platform/system_bundle.hpp"
#include "provider/hooks/binding.hpp"
#include "provider/hooks/host_errors.hpp"
#include "provider/hooks/marker.hpp"
#include "provider/hooks/replaced_bundles.hpp"
#include "provider/hooks/trampolines.hpp"
#include "provider/host/process.hpp"
#include "provider/uri.hpp"

namespace ostrust::hooks {
namespace {

// A command no lookup method has, and what our hooks answer to it: how a new hook is tried.
constexpr int kProbeCommand = 0x6f737472;
constexpr int kProbeAnswer = 0x75737421;

// The names behind X509_get_default_cert_file_env() and X509_get_default_cert_dir_env().
constexpr const char* kCertFileVariable = "SSL_CERT_FILE";
constexpr const char* kCertDirVariable = "SSL_CERT_DIR";

bool NamesOsStore(std::string_view name) {
  return ClassifyUri(name) == UriKind::kOsStore;
}

}  // namespace

bool Binding::ProbeHook(X509_LOOKUP_METHOD* method) const {
  X509_LOOKUP* const lookup = symbols_.X509_LOOKUP_new(method);
  if (lookup == nullptr) return false;
  const int answer =
      symbols_.X509_LOOKUP_ctrl_ex(lookup, kProbeCommand, nullptr, 0, nullptr, nullptr, nullptr);
  symbols_.X509_LOOKUP_free(lookup);
  return answer == kProbeAnswer;
}

int Binding::FileCtrl(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret,
                      OSSL_LIB_CTX* libctx, const char* propq) {
  const auto original = [&] { return file_ctrl_ex_(lookup, cmd, argp, argl, ret, libctx, propq); };
  if (cmd == kProbeCommand) return kProbeAnswer;
  if (cmd != X509_L_FILE_LOAD) return original();

  const Request request{ContextFor(libctx), symbols_.X509_LOOKUP_get_store(lookup), propq};
  if (request.context == nullptr || request.store == nullptr) return original();
  if (argl == X509_FILETYPE_DEFAULT) return LoadDefaultFile(request, original);
  if (argp == nullptr) return original();

  const ProviderContext& context = *request.context->provider;
  switch (ClassifyUri(argp)) {
    case UriKind::kOsStore:
      return Serve(request);
    case UriKind::kMalformed:
      RaiseUnavailable(context, {Reason::kBadUri, argp});
      return 0;
    case UriKind::kForeign:
      break;
  }
  // Rule 7: with nothing to serve, these stay OpenSSL's own as well.
  if (argl == X509_FILETYPE_PEM && NamesServedBundle(context, argp) && ServeIfReadable(request)) {
    return 1;
  }
  const int result = original();
  if (result > 0 && argl == X509_FILETYPE_PEM && FileHoldsMarker(argp)) return Serve(request);
  if (result > 0 && context.log().Enabled(LogLevel::kInfo)) {
    context.log().Write(LogLevel::kInfo, std::string("not served: CA file ") + argp);
  }
  return result;
}

template <typename Original>
int Binding::LoadDefaultFile(const Request& request, const Original& original) {
  // Rule 8: what a person set wins over default-paths.
  if (const auto file = host::SecureGetenv(kCertFileVariable)) {
    if (NamesOsStore(*file)) return Serve(request);
    const int result = original();
    return result > 0 && FileHoldsMarker(*file) ? Serve(request) : result;
  }
  const auto directory = host::SecureGetenv(kCertDirVariable);
  if (directory) return NamesOsStore(*directory) ? Serve(request) : original();
  if (!request.context->provider->config().default_paths) return original();
  // Rule 7: with nothing to serve, the default paths stay OpenSSL's own.
  return ServeIfReadable(request) ? 1 : original();
}

int Binding::DirCtrl(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret) {
  const auto original = [&] { return dir_ctrl_(lookup, cmd, argp, argl, ret); };
  if (cmd == kProbeCommand) return kProbeAnswer;
  if (cmd != X509_L_ADD_DIR) return original();

  // This interface tells no library context: OpenSSL, too, uses the default one (by_dir.c).
  const Request request{ContextFor(nullptr), symbols_.X509_LOOKUP_get_store(lookup), nullptr};
  if (request.store == nullptr) return original();
  if (argl == X509_FILETYPE_DEFAULT) {
    const auto directory = host::SecureGetenv(kCertDirVariable);
    if (directory && NamesOsStore(*directory) && request.context != nullptr) return Serve(request);
    if (directory || !ServesDefaultsOf(request.store)) return original();
    NoteDirectory(request.store, nullptr, argl);
    return 1;
  }
  if (request.context == nullptr || argp == nullptr) return original();
  if (request.context->provider->config().system_bundles && platform::IsSystemDirectory(argp) &&
      ServeIfReadable(request)) {
    NoteDirectory(request.store, argp, argl);
    return 1;
  }
  if (!NamesOsStore(argp)) return original();
  request.context->provider->log().Write(
      LogLevel::kError, std::string("CApath ") + argp +
                            " is served, but where ostrust is not loaded the same setting trusts a "
                            "directory called os: use os:// as CA file, or the marker file");
  return Serve(request);
}

int Binding::StoreCtrl(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret,
                       OSSL_LIB_CTX* libctx, const char* propq) {
  const auto original = [&] { return store_ctrl_ex_(lookup, cmd, argp, argl, ret, libctx, propq); };
  if (cmd == kProbeCommand) return kProbeAnswer;
  if (cmd != X509_L_ADD_STORE && cmd != X509_L_LOAD_STORE) return original();

  const Request request{ContextFor(libctx), symbols_.X509_LOOKUP_get_store(lookup), propq};
  if (request.store == nullptr) return original();
  if (argp == nullptr) {
    // 3.0 opens SSL_CERT_DIR or the default directory as a URI (by_store.c); later versions
    // nothing.
    const auto directory = host::SecureGetenv(kCertDirVariable);
    if (directory && NamesOsStore(*directory) && request.context != nullptr) return Serve(request);
    return !directory && ServesDefaultsOf(request.store) ? 1 : original();
  }
  if (request.context == nullptr) return original();
  switch (ClassifyUri(argp)) {
    case UriKind::kOsStore:
      return Serve(request);
    case UriKind::kMalformed:
      RaiseUnavailable(*request.context->provider, {Reason::kBadUri, argp});
      return 0;
    case UriKind::kForeign:
      break;
  }
  return original();
}

int Binding::Serve(const Request& request) {
  Unavailable why;
  if (request.context->provider->CurrentStore(why) == nullptr) {
    RaiseUnavailable(*request.context->provider, why);
    return 0;
  }
  Govern(request, true);
  return 1;
}

bool Binding::ServeIfReadable(const Request& request) {
  Unavailable why;
  if (request.context->provider->CurrentStore(why) == nullptr) return false;
  Govern(request, true);
  return true;
}

bool Binding::NamesServedBundle(const ProviderContext& context, const char* path) const {
  return (context.config().system_bundles && platform::IsSystemBundle(path)) ||
         IsReplacedBundle(symbols_, context, path);
}

bool Binding::ServesDefaultsOf(X509_STORE* store) const {
  const GovernedStore* const state = Find(store);
  return state != nullptr && state->Served() && state->context->provider->config().default_paths;
}

void Binding::RaiseUnavailable(const ProviderContext& context, const Unavailable& why) const {
  context.log().Write(LogLevel::kError, "refused: " + why.detail);
  RaiseVisibly(symbols_, context.core(), why.reason, why.detail);
  // CPython and others look at errno first, and at the error queue only when it is 0.
  errno = 0;
}

void Binding::Govern(const Request& request, bool governed) {
  // The lookup first: it is how we learn that the store is freed. Not under the lock: where memory
  // is short OpenSSL frees it at once, and StoreFreed() takes the lock.
  if (Find(request.store) == nullptr &&
      symbols_.X509_STORE_add_lookup(request.store, silent_lookup_) == nullptr) {
    throw std::bad_alloc();
  }
  {
    const std::lock_guard lock(mutex_);
    const auto found = stores_.find(request.store);
    if (found != stores_.end()) {
      if (governed) found->second->governed.store(true, std::memory_order_release);
    } else {
      const auto get_issuer = symbols_.X509_STORE_get_get_issuer(request.store);
      const auto lookup_certs = symbols_.X509_STORE_get_lookup_certs(request.store);
      auto state = std::make_unique<GovernedStore>();
      state->context = request.context;
      state->propq = request.propq == nullptr ? "" : request.propq;
      state->previous_get_issuer =
          get_issuer != nullptr ? get_issuer : symbols_.X509_STORE_CTX_get1_issuer;
      state->previous_lookup_certs =
          lookup_certs != nullptr ? lookup_certs : symbols_.X509_STORE_CTX_get1_certs;
      const auto verify = symbols_.X509_STORE_get_verify(request.store);
      state->previous_verify = verify != nullptr ? verify : openssls_verify_;
      state->governed.store(governed, std::memory_order_release);
      stores_.emplace(request.store, std::move(state));
      symbols_.X509_STORE_set_get_issuer(request.store, TrampolinesOf(slot_).get_issuer);
      symbols_.X509_STORE_set_lookup_certs(request.store, TrampolinesOf(slot_).lookup_certs);
      if (request.context->provider->config().verify != VerifyMode::kRoots) {
        symbols_.X509_STORE_set_verify(request.store, TrampolinesOf(slot_).verify);
      }
    }
  }
  if (governed && request.context->provider->config().preload.AppliesTo(host::ProgramName())) {
    CopyAnchors(request);
  }
}

void Binding::NoteDirectory(X509_STORE* store, const char* path, long file_type) {
  GovernedStore::Directory directory{path == nullptr ? std::nullopt : std::optional(path),
                                     file_type};
  const std::lock_guard lock(mutex_);
  const auto found = stores_.find(store);
  if (found == stores_.end()) return;
  auto& known = found->second->directories;
  if (std::find(known.begin(), known.end(), directory) == known.end()) {
    known.push_back(std::move(directory));
  }
}

void Binding::CopyAnchors(const Request& request) const {
  Unavailable why;
  const auto store = request.context->provider->CurrentStore(why);
  if (store == nullptr) return;
  const std::string propq = request.propq == nullptr ? "" : request.propq;
  for (const platform::StoreEntry* const entry : store->Entries()) {
    if (!entry->trust.IsAnchor()) continue;
    X509* const x509 =
        request.context->anchors->Get(*entry, propq, request.context->provider->log());
    if (x509 != nullptr) symbols_.X509_STORE_add_cert(request.store, x509);
  }
}

void Binding::StoreMade(X509_STORE* store) {
  if (Installed().why_unhooked.empty()) return;  // the lookup methods could be hooked after all
  auto context = ContextFor(nullptr);
  if (context != nullptr) Govern({std::move(context), store, nullptr}, false);
}

void Binding::StoreFreed(X509_LOOKUP* lookup) {
  std::unique_ptr<GovernedStore> dropped;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  const auto found = stores_.find(symbols_.X509_LOOKUP_get_store(lookup));
  if (found == stores_.end()) return;
  dropped = std::move(found->second);
  stores_.erase(found);
}

}  // namespace ostrust::hooks
