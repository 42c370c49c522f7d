// Making a Binding: symbols, hooks, and the library contexts it serves.

#include "provider/hooks/binding.hpp"

#include <algorithm>
#include <array>
#include <mutex>

#include "platform/live_trust_store.hpp"
#include "platform/made_once.hpp"
#include "provider/hooks/trampolines.hpp"
#include "provider/standing.hpp"

namespace ostrust::hooks {
namespace {

class ImageJudge final : public host::MemoryJudge {
 public:
  explicit ImageJudge(const host::Image& image) : image_(image) {}
  bool IsCode(const void* address) const override { return image_.ContainsCode(address); }
  bool IsData(const void* address, std::size_t size) const override {
    return image_.ContainsData(address, size);
  }
  bool IsWritableData(const void* address, std::size_t size) const override {
    return image_.IsWritableData(address, size);
  }

 private:
  const host::Image& image_;
};

// The process's bindings. The pointers are read by trampolines on any thread, without a lock.
constinit std::array<std::atomic<Binding*>, kMaxBindings> slots{};

struct Registry {
  platform::ForkSafeMutex mutex{platform::mutex_rank::kRegistry};  // held while a slot is filled
  std::vector<Binding*> unslotted;  // images that got no slot, so that they are not looked at again
};
constinit platform::MadeOnce<Registry> process_registry;

// The anchors of library contexts that are gone.
struct KeptAnchors {
  platform::ForkSafeMutex mutex{platform::mutex_rank::kAnchors};
  std::vector<std::unique_ptr<AnchorCache>> caches;
};
constinit platform::MadeOnce<KeptAnchors> kept_anchors;

}  // namespace

BoundContext::BoundContext(std::shared_ptr<ProviderContext> context, const host::Symbols& symbols,
                           OSSL_LIB_CTX* library_context)
    : provider(std::move(context)),
      libctx(library_context),
      anchors(std::make_unique<AnchorCache>(symbols, library_context)) {}

BoundContext::~BoundContext() {
  if (anchors->Empty()) return;
  // Its anchors may be referred to from anywhere, and their library context may be half gone, so
  // that they cannot even be freed. Kept where a leak checker finds them.
  try {
    KeptAnchors& kept = kept_anchors.Get();
    const std::lock_guard lock(kept.mutex);
    kept.caches.push_back(std::move(anchors));
  } catch (...) {
    static_cast<void>(anchors.release());  // kept all the same, only not found
  }
}

Binding* Binding::For(const Core& core, std::string& why) {
  auto image = host::Image::Containing(core.Address(), why);
  // Memory may have been short: OpenSSL calls us once for each library context.
  if (!image) image = host::Image::Containing(core.Address(), why);
  if (!image) return nullptr;

  Registry& registry = process_registry.Get();
  const std::lock_guard lock(registry.mutex);
  std::size_t slot = 0;
  for (; slot < kMaxBindings; ++slot) {
    Binding* const binding = slots[slot].load(std::memory_order_acquire);
    if (binding == nullptr) break;
    if (binding->image_.Base() == image->Base()) {
      binding->Install();
      return binding;
    }
  }
  for (Binding* const binding : registry.unslotted) {
    if (binding->image_.Base() == image->Base()) return binding;
  }

  auto made = std::unique_ptr<Binding>(new Binding(std::move(*image), slot));
  const bool too_many = slot == kMaxBindings;
  made->outcome_ = new Outcome{
      too_many ? "too many libcrypto images in one process" : "out of memory while it was made",
      {},
      nullptr};
  if (too_many) {
    registry.unslotted.push_back(made.get());
    return made.release();
  }
  // In its slot before the first hook is installed: another thread may call it at once.
  Binding* const binding = made.release();
  slots[slot].store(binding, std::memory_order_release);
  binding->Install();
  return binding;
}

Binding& Binding::InSlot(std::size_t slot) {
  return *slots[slot].load(std::memory_order_acquire);
}

Binding::Binding(host::Image image, std::size_t slot)
    : image_(std::move(image)), slot_(slot), mutex_(platform::mutex_rank::kGovern) {}

void Binding::Install() {
  const Outcome& before = Installed();
  if (before.IsComplete()) return;
  auto next = std::make_unique<Outcome>(TryToInstall());
  // Descriptors or OpenSSL's memory may have been short, and no program loads a provider twice.
  if (!next->IsComplete()) *next = TryToInstall();
  if (next->why_unbound == before.why_unbound && next->why_unhooked == before.why_unhooked) return;
  next->before = &before;
  outcome_.store(next.release(), std::memory_order_release);
}

Binding::Outcome Binding::TryToInstall() {
  if (!done_.resolved) {
    std::string why = host::ResolveSymbols(image_, symbols_);
    if (!why.empty()) return {std::move(why), {}};
    done_.resolved = true;
  }
  const Trampolines& trampolines = TrampolinesOf(slot_);
  if (silent_lookup_ == nullptr) {
    X509_LOOKUP_METHOD* const method = symbols_.X509_LOOKUP_meth_new("ostrust");
    if (method == nullptr ||
        symbols_.X509_LOOKUP_meth_set_get_by_subject(method, trampolines.lookup_by_subject) != 1 ||
        symbols_.X509_LOOKUP_meth_set_free(method, trampolines.lookup_free) != 1) {
      symbols_.X509_LOOKUP_meth_free(method);
      return {"OpenSSL made no lookup method", {}};
    }
    silent_lookup_ = method;  // kept for ever: stores refer to it
  }

  // Without these a chain could end in an anchor of the system's and nobody would be asked, so they
  // come before the first store can be governed.
  OSSL_LIB_CTX* const global = symbols_.OSSL_LIB_CTX_get0_global_default();
  if (openssls_verify_ == nullptr && !LearnOpenSslsFunctions()) {
    return {"OpenSSL made no verification context", {}};
  }
  done_.verifications_watched = done_.verifications_watched || WatchVerifications(global);
  done_.tls_contexts_watched = done_.tls_contexts_watched || WatchTlsContexts(global);
  if (!done_.verifications_watched || !done_.tls_contexts_watched) {
    return {"OpenSSL gave no ex_data index", {}};
  }
  if (chain_verifier_ == nullptr) chain_verifier_ = platform::MakeChainVerifier();

  std::string why = HookLookupMethods();
  if (!why.empty()) {
    done_.stores_watched = done_.stores_watched || Watch(global, CRYPTO_EX_INDEX_X509_STORE,
                                                         trampolines.store_new, nullptr);
    if (!done_.stores_watched) return {why + ", and OpenSSL gave no ex_data index", {}};
  }
  return {{}, std::move(why)};
}

bool Binding::LearnOpenSslsFunctions() {
  // internal_verify() and null_callback() are static; a context without a store has them
  // (X509_STORE_CTX_init).
  X509_STORE_CTX* const ctx = symbols_.X509_STORE_CTX_new();
  if (ctx == nullptr) return false;
  if (symbols_.X509_STORE_CTX_init(ctx, nullptr, nullptr, nullptr) == 1) {
    openssls_verify_ = symbols_.X509_STORE_CTX_get_verify(ctx);
    openssls_verify_cb_ = symbols_.X509_STORE_CTX_get_verify_cb(ctx);
    openssls_checks_ = ChecksOf(ctx);
  }
  symbols_.X509_STORE_CTX_free(ctx);
  return openssls_verify_ != nullptr;
}

CheckFunctions Binding::ChecksOf(const X509_STORE_CTX* ctx) const {
  return {symbols_.X509_STORE_CTX_get_check_issued(ctx),
          symbols_.X509_STORE_CTX_get_check_revocation(ctx),
          symbols_.X509_STORE_CTX_get_get_crl(ctx),
          symbols_.X509_STORE_CTX_get_check_crl(ctx),
          symbols_.X509_STORE_CTX_get_cert_crl(ctx),
          symbols_.X509_STORE_CTX_get_check_policy(ctx),
          symbols_.X509_STORE_CTX_get_lookup_crls(ctx),
          symbols_.X509_STORE_CTX_get_cleanup(ctx)};
}

std::string Binding::HookLookupMethods() {
#ifdef OSTRUST_TEST_DECLINE_METHOD_HOOK
  return "declined in this test build";
#else
  const ImageJudge memory(image_);
  const Trampolines& trampolines = TrampolinesOf(slot_);
  std::string why = host::CheckMethodLayout(symbols_);
  if (!why.empty()) return why;
  // The directory method before the others: its hook alone changes nothing but capath="os:", while
  // a file hook without it would let OpenSSL add its default directory to a governed store.
  if (!done_.directory_hooked) {
    why = host::HookCtrl(symbols_, memory, symbols_.X509_LOOKUP_hash_dir(), trampolines.dir_ctrl,
                         dir_ctrl_);
    done_.directory_hooked = why.empty();
  }
  if (why.empty() && !done_.store_hooked) {
    why = host::HookCtrlEx(symbols_, memory, symbols_.X509_LOOKUP_store(),
                           trampolines.store_ctrl_ex, store_ctrl_ex_);
    done_.store_hooked = why.empty();
  }
  if (why.empty() && !done_.file_hooked) {
    why = host::HookCtrlEx(symbols_, memory, symbols_.X509_LOOKUP_file(), trampolines.file_ctrl_ex,
                           file_ctrl_ex_);
    done_.file_hooked = why.empty();
  }
  if (why.empty() &&
      (!ProbeHook(symbols_.X509_LOOKUP_file()) || !ProbeHook(symbols_.X509_LOOKUP_store()) ||
       !ProbeHook(symbols_.X509_LOOKUP_hash_dir()))) {
    why = "OpenSSL does not call the hooks";
  }
  return why;
#endif
}

void Binding::Attach(const std::shared_ptr<ProviderContext>& context) {
  if (!Works()) return;
  OSSL_LIB_CTX* const libctx = Concrete(context->core().LibraryContext());
  auto bound = std::make_shared<BoundContext>(context, symbols_, libctx);
  // Best effort: a governed store has our function all the same, and the hooks refuse what they
  // cannot have judged.
  if (libctx != symbols_.OSSL_LIB_CTX_get0_global_default() && WatchVerifications(libctx)) {
    WatchTlsContexts(libctx);
  }
  const std::lock_guard lock(mutex_);
  contexts_.push_back(std::move(bound));
}

void Binding::Detach(const ProviderContext& context) {
  std::vector<std::shared_ptr<BoundContext>> dropped;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  for (auto it = contexts_.begin(); it != contexts_.end();) {
    if ((*it)->provider.get() == &context) {
      dropped.push_back(std::move(*it));
      it = contexts_.erase(it);
    } else {
      ++it;
    }
  }
}

std::string Binding::Describe() const {
  const Outcome& outcome = Installed();
  if (!outcome.why_unbound.empty()) return ", no binding (" + outcome.why_unbound + ")";
  if (outcome.why_unhooked.empty()) return ", binding";
  return ", binding by the marker file only (" + outcome.why_unhooked + ")";
}

const char* Binding::Reach() const {
  const Outcome& outcome = Installed();
  if (!outcome.why_unbound.empty()) return standing_params::kReachNone;
  return outcome.why_unhooked.empty() ? standing_params::kReachFull : standing_params::kReachMarker;
}

const std::string& Binding::WhyLimited() const {
  const Outcome& outcome = Installed();
  return outcome.why_unbound.empty() ? outcome.why_unhooked : outcome.why_unbound;
}

std::shared_ptr<BoundContext> Binding::ContextFor(OSSL_LIB_CTX* libctx) const {
  OSSL_LIB_CTX* const concrete = Concrete(libctx);
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(
      contexts_.begin(), contexts_.end(), [concrete](const std::shared_ptr<BoundContext>& context) {
        return context->libctx == concrete && context->provider->Active();
      });
  return found == contexts_.end() ? nullptr : *found;
}

OSSL_LIB_CTX* Binding::Concrete(OSSL_LIB_CTX* libctx) const {
  // OSSL_LIB_CTX_set0_default(3): with null it changes nothing and returns the current default.
  return libctx != nullptr ? libctx : symbols_.OSSL_LIB_CTX_set0_default(nullptr);
}

bool Binding::Watch(OSSL_LIB_CTX* library_context, int class_index, CRYPTO_EX_new* made,
                    CRYPTO_EX_free* ended) const {
  // ex_data indexes are kept by library context, and CRYPTO_get_ex_new_index() uses the calling
  // thread's default one (crypto/ex_data.c).
  OSSL_LIB_CTX* const previous = symbols_.OSSL_LIB_CTX_set0_default(library_context);
  const int index = symbols_.CRYPTO_get_ex_new_index(class_index, 0, nullptr, made, nullptr, ended);
  symbols_.OSSL_LIB_CTX_set0_default(previous);
  return index >= 0;
}

bool Binding::WatchVerifications(OSSL_LIB_CTX* library_context) const {
  const Trampolines& trampolines = TrampolinesOf(slot_);
  return Watch(library_context, CRYPTO_EX_INDEX_X509_STORE_CTX, trampolines.verification_new,
               trampolines.verification_free);
}

bool Binding::WatchTlsContexts(OSSL_LIB_CTX* library_context) const {
  return Watch(library_context, CRYPTO_EX_INDEX_SSL_CTX, TrampolinesOf(slot_).ssl_ctx_new, nullptr);
}

}  // namespace ostrust::hooks
