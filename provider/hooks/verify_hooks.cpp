// How the verdict gets into OpenSSL's verification: our function stands where OpenSSL's
// internal_verify() stood in every X509_STORE_CTX of a governed store. It runs that first, and can
// only turn success into failure (rule 2).
//
// It is put there twice. A governed store has it, so that X509_STORE_CTX_init() copies it whatever
// thread and library context it runs in. And the ex_data "new" callback, which runs at the end of
// X509_STORE_CTX_init(), puts it into contexts whose store got another function from the
// application afterwards.

#include <algorithm>
#include <mutex>
#include <utility>

#include "provider/hooks/binding.hpp"
#include "provider/hooks/trampolines.hpp"
#include "provider/verify/stapling.hpp"

namespace ostrust::hooks {
namespace {

/// True for as long as it lives.
class Running {
 public:
  explicit Running(bool& flag) : flag_(flag) { flag_ = true; }
  ~Running() { flag_ = false; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  bool& flag_;
};

bool HasVerdict(const GovernedStore& state) {
  return state.context->provider->config().verify != VerifyMode::kRoots;
}

}  // namespace

int Binding::Verify(X509_STORE_CTX* ctx) {
  X509_STORE* const store = symbols_.X509_STORE_CTX_get0_store(ctx);
  GovernedStore* const state = Find(store);
  // An application may have copied our function to a store that never asked for us.
  if (state == nullptr) return openssls_verify_(ctx);

  Verification* const verification = FindVerification(ctx);
  Verification* const replaced = verification != nullptr ? verification : FindReplaced(ctx, store);
  int result;
  if (replaced == nullptr || replaced->applications_verify == nullptr) {
    result = state->previous_verify(ctx);
  } else {
    // The application's function may call what it found before: us. The outer call judges.
    if (replaced->running) return state->previous_verify(ctx);
    const Running running(replaced->running);
    result = replaced->applications_verify(ctx);
  }
  if (result <= 0 || !verify::HasChain(symbols_, ctx) || !HasVerdict(*state) ||
      !Serves(*state, store)) {
    return result;
  }
  const auto snapshot = SnapshotFor(*state, verification);
  if (snapshot == nullptr) return result;  // never read, so nothing of it was served either
  const ProviderContext& provider = *state->context->provider;
  const verify::Role role = RoleFor(provider, ctx);
  const bool report_only = provider.config().verify == VerifyMode::kReport;
  const auto refuse = [&](const std::vector<verify::Refusal>& refusals) {
    return verify::Refuse(symbols_, provider, ctx, role, refusals, report_only);
  };
  const bool refused =
      refuse(verify::RefusalsOf(symbols_, ctx, role, *snapshot, chain_verifier_.get())) ||
      refuse(RevocationRefusals(*state, verification, ctx, role, *snapshot));
  const bool for_real = verification == nullptr || !verification->completing;
  // An application may take the chain out of the context and verify in it again, much later.
  if (verification != nullptr && for_real) verification->End();
  if (refused) return 0;
  if (for_real) verify::NoteAnchor(symbols_, provider, ctx, *snapshot);
  if (verification != nullptr && for_real) {
    if (const auto keep = std::exchange(verification->keep, {})) keep();
  }
  return result;
}

bool Binding::SayLack(X509_STORE* store, X509_STORE_CTX* ctx) const noexcept {
  try {
    try {
      throw;
    } catch (const platform::LackOfMeans& lack) {
      const GovernedStore* const state = Find(store);
      if (state == nullptr) return true;
      const ProviderContext& provider = *state->context->provider;
      provider.log().Write(LogLevel::kError, std::string("refused: ") + lack.what());
      const bool tls_peer = ctx != nullptr && verify::RoleOf(symbols_, Tls(), ctx).tls_peer;
      verify::Raise(provider.core(), tls_peer, lack.what());
      return true;
    }
  } catch (...) {
    return false;  // std::bad_alloc: there is no memory to say anything with
  }
}

verify::Role Binding::RoleFor(const ProviderContext& provider, X509_STORE_CTX* ctx) const {
  verify::Role role = verify::RoleOf(symbols_, Tls(), ctx);
  if (chain_verifier_ != nullptr) {
    role.network = provider.config().network;
    if (!verify::MayBeCompleted(symbols_, Tls(), ctx)) {
      role.network.may_fetch = false;
      role.network.intermediates = platform::Intermediates::kOff;
    }
    auto stapled = verify::StapledOf(symbols_, Tls(), ctx);
    if (stapled.response) role.stapled_response = std::move(*stapled.response);
  }
  return role;
}

void Binding::VerificationMade(X509_STORE_CTX* ctx) {
  X509_STORE* const store = symbols_.X509_STORE_CTX_get0_store(ctx);
  GovernedStore* const state = store == nullptr ? nullptr : Find(store);
  if (state == nullptr) return;

  const X509_STORE_CTX_verify_fn ours = TrampolinesOf(slot_).verify;
  const X509_STORE_CTX_verify_fn found = symbols_.X509_STORE_CTX_get_verify(ctx);
  // A library context that was left and entered again has the callback twice: this one has run.
  if (found == ours && symbols_.X509_STORE_get_verify(store) != ours) return;

  auto made = std::make_unique<Verification>();
  made->default_context = Concrete(nullptr);
  Verification& verification = *made;
  std::unique_ptr<Verification> dropped;  // destroyed after the lock is released
  {
    const std::lock_guard lock(mutex_);
    dropped = std::exchange(verifications_[ctx], std::move(made));
  }
  // Once what they replace can be kept.
  if (found != ours && HasVerdict(*state)) {
    verification.applications_verify = found;
    symbols_.X509_STORE_CTX_set_verify(ctx, ours);
  }
  if (Serves(*state, store)) WatchForMissingIssuer(*state, verification, ctx);
}

void Binding::VerificationEnded(X509_STORE_CTX* ctx) {
  std::unique_ptr<Verification> dropped;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  const auto found = verifications_.find(ctx);
  if (found == verifications_.end()) return;
  dropped = std::move(found->second);
  verifications_.erase(found);
}

Verification* Binding::FindVerification(X509_STORE_CTX* ctx) const {
  OSSL_LIB_CTX* const default_context = Concrete(nullptr);
  const std::lock_guard lock(mutex_);
  const auto found = verifications_.find(ctx);
  return found == verifications_.end() || found->second->default_context != default_context
             ? nullptr
             : found->second.get();
}

Verification* Binding::FindReplaced(X509_STORE_CTX* ctx, X509_STORE* store) const {
  const X509_STORE_CTX_verify_fn ours = TrampolinesOf(slot_).verify;
  if (symbols_.X509_STORE_CTX_get_verify(ctx) != ours ||
      symbols_.X509_STORE_get_verify(store) == ours) {
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  const auto found = verifications_.find(ctx);
  return found == verifications_.end() ? nullptr : found->second.get();
}

bool Binding::EnsureVerdict(const GovernedStore& state, Verification* verification,
                            X509_STORE_CTX* ctx) const {
  const X509_STORE_CTX_verify_fn ours = TrampolinesOf(slot_).verify;
  const X509_STORE_CTX_verify_fn found = symbols_.X509_STORE_CTX_get_verify(ctx);
  if (found == ours || !HasVerdict(state)) return true;
  if (verification == nullptr) {
    const ProviderContext& provider = *state.context->provider;
    const std::string why =
        "the application replaced the verify function of a context that ostrust knows nothing of";
    provider.log().Write(LogLevel::kError, "refused: " + why);
    provider.core().RaiseError(Reason::kRefused, why);
    return false;
  }
  verification->applications_verify = found;
  symbols_.X509_STORE_CTX_set_verify(ctx, ours);
  return true;
}

std::shared_ptr<const platform::TrustStore> Binding::SnapshotFor(const GovernedStore& state,
                                                                 Verification* verification) const {
  Unavailable why;
  // Without a verdict there is nothing that an anchor has to agree with.
  if (verification == nullptr || !HasVerdict(state)) {
    return state.context->provider->CurrentStore(why);
  }
  if (verification->snapshot == nullptr) {
    verification->snapshot = state.context->provider->CurrentStore(why);
  }
  return verification->snapshot;
}

void Binding::SslContextMade(SSL_CTX* ssl_ctx) {
  {
    const std::lock_guard lock(mutex_);
    const bool active = std::any_of(contexts_.begin(), contexts_.end(), [](const auto& context) {
      return context->provider->Active();
    });
    if (!active) return;
  }
  const host::TlsLibrary* const tls = Tls(true);
  if (tls == nullptr) return;
  // Called from SSL_CTX_new(): an application that sets a callback of its own does so later.
  tls->SSL_CTX_set_cert_verify_callback(ssl_ctx, TrampolinesOf(slot_).cert_verify, nullptr);
  WatchClientHellos(*tls, ssl_ctx);
}

const host::TlsLibrary* Binding::Tls(bool again) const {
  const host::TlsLibrary* known = tls_.load(std::memory_order_acquire);
  if (known == nullptr || (again && known == &kNoTls)) {
    const auto found = host::FindTlsLibrary(image_);
    const auto* const next = found ? new host::TlsLibrary(*found) : &kNoTls;  // kept for ever
    if (tls_.compare_exchange_strong(known, next, std::memory_order_acq_rel)) {
      known = next;
    } else if (next != &kNoTls) {
      delete next;  // another thread was faster
    }
  }
  return known == &kNoTls ? nullptr : known;
}

}  // namespace ostrust::hooks
