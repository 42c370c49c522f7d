// Where a missing intermediate is put into OpenSSL's verification, in governed stores only; where
// the system has a verifier of its own, also a root that it knows and that is in no list of it.
//
// Of a TLS connection, before it: libssl's cert-verify callback is called with everything set, so
// the list of untrusted certificates can be completed first, and OpenSSL verifies once.
//
// Of X509_verify_cert() called by the program itself, within it: nothing of ours is called before
// the chain is built, and the list was copied by then. So a verify callback of ours stands before
// the application's. When OpenSSL raises "unable to get local issuer certificate" (or, for a root
// that the peer sent, "self-signed certificate in certificate chain"), the end of build_chain() and
// the first error, X509_verify_cert() is called again in the same context, with
// the completed list and a callback that forgives nothing: DANE, CRLs, parameters, depths and what
// the application put into the context are what they are. If it accepts, the first call goes on
// with the chain that was built: extensions, security level, host name, revocation, signatures, the
// verdict and name constraints are all checked again, and the application's callback sees the
// complete chain and never the error.

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "platform/extended_trust_store.hpp"
#include "provider/hooks/binding.hpp"
#include "provider/hooks/trampolines.hpp"
#include "provider/host/dropped_errors.hpp"
#include "provider/verify/own_completion.hpp"
#include "provider/verify/system_completion.hpp"

namespace ostrust::hooks {

/// What the functions of a governed store would answer while a chain is built, silently.
class Binding::StoreLookup final : public verify::TrustLookup {
 public:
  StoreLookup(const Binding& binding, const GovernedStore& state,
              const platform::TrustStore& snapshot, X509_STORE_CTX* ctx)
      : binding_(binding), state_(state), snapshot_(snapshot), ctx_(ctx) {}

  bool HasIssuerOf(X509* x509, bool signed_by_it) override {
    const host::Symbols& symbols = binding_.symbols_;
    const auto matches = [&](X509* issuer) {
      const host::DroppedErrors dropped(symbols);  // of each: there is room for 16
      return !signed_by_it || symbols.X509_verify(x509, symbols.X509_get0_pubkey(issuer)) == 1;
    };
    X509* found = nullptr;
    const int result = PreviousIssuer(state_, &found, ctx_, x509);
    const host::X509Ptr applications(result > 0 ? found : nullptr, symbols.X509_free);
    if (result < 0) return !signed_by_it;
    if (applications != nullptr && matches(applications.get())) return true;
    const auto check_issued = symbols.X509_STORE_CTX_get_check_issued(ctx_);
    const auto candidates = binding_.CandidatesNamed(
        state_, &snapshot_, symbols.X509_get_issuer_name(x509), verify::Use());
    return std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
      return check_issued(ctx_, x509, candidate.x509) != 0 && matches(candidate.x509);
    });
  }

  bool Contains(X509* x509) override {
    const host::Symbols& symbols = binding_.symbols_;
    auto* const certs = reinterpret_cast<OPENSSL_STACK*>(
        symbols.X509_STORE_CTX_get_lookup_certs(ctx_)(ctx_, symbols.X509_get_subject_name(x509)));
    bool found = false;
    for (int i = 0; certs != nullptr && i < symbols.OPENSSL_sk_num(certs); ++i) {
      found |= symbols.X509_cmp(static_cast<X509*>(symbols.OPENSSL_sk_value(certs, i)), x509) == 0;
    }
    symbols.OPENSSL_sk_pop_free(certs, reinterpret_cast<OPENSSL_sk_freefunc>(symbols.X509_free));
    return found;
  }

  bool Distrusts(platform::ByteView certificate) override {
    return snapshot_.TrustOf(certificate).IsDistrusted();
  }

 private:
  const Binding& binding_;
  const GovernedStore& state_;
  const platform::TrustStore& snapshot_;
  X509_STORE_CTX* const ctx_;
};

namespace {

/// Puts another list of untrusted certificates into a context for as long as it lives.
class WithUntrusted {
 public:
  WithUntrusted(const host::Symbols& symbols, X509_STORE_CTX* ctx, STACK_OF(X509) * list)
      : symbols_(symbols), ctx_(ctx), previous_(symbols.X509_STORE_CTX_get0_untrusted(ctx)) {
    symbols.X509_STORE_CTX_set0_untrusted(ctx, list);
  }
  ~WithUntrusted() { symbols_.X509_STORE_CTX_set0_untrusted(ctx_, previous_); }
  WithUntrusted(const WithUntrusted&) = delete;
  WithUntrusted& operator=(const WithUntrusted&) = delete;

 private:
  const host::Symbols& symbols_;
  X509_STORE_CTX* const ctx_;
  STACK_OF(X509) * const previous_;
};

/// As long as it lives a context has another verify callback, and `flag` is true. It ends also
/// where memory is short: with the flag revocation is not asked for.
class Completing {
 public:
  Completing(const host::Symbols& symbols, X509_STORE_CTX* ctx, X509_STORE_CTX_verify_cb callback,
             bool& flag)
      : symbols_(symbols),
        ctx_(ctx),
        previous_(symbols.X509_STORE_CTX_get_verify_cb(ctx)),
        flag_(flag) {
    symbols.X509_STORE_CTX_set_verify_cb(ctx, callback);
    flag_ = true;
  }
  ~Completing() {
    flag_ = false;
    symbols_.X509_STORE_CTX_set_verify_cb(ctx_, previous_);
  }
  Completing(const Completing&) = delete;
  Completing& operator=(const Completing&) = delete;

 private:
  const host::Symbols& symbols_;
  X509_STORE_CTX* const ctx_;
  const X509_STORE_CTX_verify_cb previous_;
  bool& flag_;
};

/// For whoever has to find out why a server cannot be reached.
void Explain(const ProviderContext& provider, const std::string& failure, bool raise) {
  if (failure.empty()) return;
  provider.log().Write(LogLevel::kError, failure);
  if (!raise) return;
  // The code libssl raises next: curl and others take the first error for the reason.
  provider.core().RaiseOpenSslError(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED, failure);
}

}  // namespace

platform::Intermediates Binding::IntermediatesOf(const ProviderContext& context) const {
  using platform::Intermediates;
  // `report` changes no outcome, and `roots` serves anchors and nothing else.
  if (context.config().verify != VerifyMode::kPlatform) return Intermediates::kOff;
  const Intermediates wanted = context.config().network.intermediates;
  return wanted == Intermediates::kFetch && chain_verifier_ == nullptr && !symbols_.CanFetch()
             ? Intermediates::kLocal
             : wanted;
}

bool Binding::Completes(const GovernedStore& state) const {
  const ProviderContext& provider = *state.context->provider;
  // The system's verifier may know the root, whatever is said of intermediates.
  return chain_verifier_ != nullptr ? provider.config().verify == VerifyMode::kPlatform
                                    : IntermediatesOf(provider) != platform::Intermediates::kOff;
}

std::unique_ptr<verify::PathCompletion> Binding::MakeCompletion(
    const verify::CompletionSetting& setting, const platform::TrustStore& snapshot) const {
  if (chain_verifier_ == nullptr) return verify::MakeOwnCompletion(setting);
  return verify::MakeSystemCompletion(setting, *chain_verifier_, snapshot,
                                      RoleFor(setting.provider, setting.ctx));
}

bool Binding::ServeSystemAnchor(Verification* verification, platform::ByteView anchor) const {
  if (anchor.empty()) return true;
  // Where no verification is kept, none can see a store of its own.
  if (verification == nullptr || verification->snapshot == nullptr) return false;
  auto extended = platform::WithAnchor(verification->snapshot, anchor);
  if (extended == nullptr) return false;
  verification->snapshot = std::move(extended);
  return true;
}

GovernedStore* Binding::CompletingStore(X509_STORE_CTX* ctx) const {
  X509_STORE* const store = symbols_.X509_STORE_CTX_get0_store(ctx);
  GovernedStore* const state = store == nullptr ? nullptr : Find(store);
  // With other functions than ours the store is not asked: X509_STORE_CTX_set0_trusted_stack().
  return state != nullptr && Serves(*state, store) && Completes(*state) &&
                 symbols_.X509_STORE_CTX_get_get_issuer(ctx) == TrampolinesOf(slot_).get_issuer
             ? state
             : nullptr;
}

int Binding::CertVerify(X509_STORE_CTX* ctx) {
  const verify::CalledByTls called(ctx);
  GovernedStore* const state = CompletingStore(ctx);
  Verification* const verification = FindVerification(ctx);
  if (verification != nullptr && verification->applications_verify_cb != nullptr &&
      symbols_.X509_STORE_CTX_get_verify_cb(ctx) == TrampolinesOf(slot_).verify_callback) {
    symbols_.X509_STORE_CTX_set_verify_cb(ctx, verification->applications_verify_cb);
  }
  // As ssl_verify_cert_chain() does where no such callback is set.
  const auto plainly = [&] { return std::max(symbols_.X509_verify_cert(ctx), 0); };
  if (state == nullptr || !verify::MayBeCompleted(symbols_, Tls(), ctx)) return plainly();
  const auto snapshot = SnapshotFor(*state, verification);
  if (snapshot == nullptr) return plainly();

  const ProviderContext& provider = *state->context->provider;
  StoreLookup trust(*this, *state, *snapshot, ctx);
  verify::FetchBudget own_budget;
  const auto completion =
      MakeCompletion({symbols_, provider, state->context->libctx, state->propq, ctx, trust,
                      verification != nullptr ? verification->budget : own_budget},
                     *snapshot);
  const auto accepted = [&](int result) {
    return result > 0 && symbols_.X509_STORE_CTX_get_error(ctx) == X509_V_OK;
  };
  if (completion->IssuerIsMissing() && completion->Complete() &&
      ServeSystemAnchor(verification, completion->SystemAnchor())) {
    const auto list = completion->Untrusted();
    const WithUntrusted completed(symbols_, ctx, reinterpret_cast<STACK_OF(X509)*>(list.get()));
    const int result = plainly();
    if (accepted(result)) {
      if (const auto keep = completion->TakeKeeper()) keep();
    }
    return result;
  }
  const int result = plainly();
  if (accepted(result)) {
    completion->LearnFromChain();
  } else {
    Explain(provider, completion->Failure(), result == 0);
  }
  return result;
}

void Binding::WatchForMissingIssuer(const GovernedStore& state, Verification& verification,
                                    X509_STORE_CTX* ctx) const {
  if (!Completes(state)) return;
  const X509_STORE_CTX_verify_cb ours = TrampolinesOf(slot_).verify_callback;
  const X509_STORE_CTX_verify_cb found = symbols_.X509_STORE_CTX_get_verify_cb(ctx);
  verification.applications_verify_cb = found == ours ? StoresCallback(ctx) : found;
  symbols_.X509_STORE_CTX_set_verify_cb(ctx, ours);
}

X509_STORE_CTX_verify_cb Binding::StoresCallback(X509_STORE_CTX* ctx) const {
  X509_STORE* const store = symbols_.X509_STORE_CTX_get0_store(ctx);
  const X509_STORE_CTX_verify_cb found =
      store == nullptr ? nullptr : symbols_.X509_STORE_get_verify_cb(store);
  // An application may have copied our callback; whose it stands for is not known then.
  return found == nullptr || found == TrampolinesOf(slot_).verify_callback ? openssls_verify_cb_
                                                                           : found;
}

int Binding::VerifyCallback(int ok, X509_STORE_CTX* ctx) {
  Verification* verification;
  {
    // Not FindVerification(): that this callback is in the context says that the entry is its.
    const std::lock_guard lock(mutex_);
    const auto found = verifications_.find(ctx);
    verification = found == verifications_.end() ? nullptr : found->second.get();
  }
  // OpenSSL has copied our callback into the context of a CRL's issuer, of which we were not told,
  // or an application has, into one that is none of ours.
  if (verification == nullptr || verification->applications_verify_cb == nullptr) {
    return StoresCallback(ctx)(ok, ctx);
  }
  if (ok == 0 && !verification->past_completion) {
    verification->past_completion = true;
    const int error = symbols_.X509_STORE_CTX_get_error(ctx);
    const bool lacks_something =
        error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
        (error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN && chain_verifier_ != nullptr);
    GovernedStore* const state = lacks_something ? CompletingStore(ctx) : nullptr;
    if (state != nullptr && CompleteInCallback(*state, *verification, ctx)) return 1;
  }
  const int result = verification->applications_verify_cb(ok, ctx);
  if (result == 0) verification->End();
  return result;
}

void Binding::KeepFor(Verification& verification, const OPENSSL_STACK* certificates) const {
  const int count = certificates == nullptr ? 0 : symbols_.OPENSSL_sk_num(certificates);
  for (int i = 0; i < count; ++i) {
    auto* const x509 = static_cast<X509*>(symbols_.OPENSSL_sk_value(certificates, i));
    if (symbols_.X509_up_ref(x509) != 1) continue;
    verification.kept.push_back(host::X509Ptr(x509, symbols_.X509_free));
  }
}

bool Binding::CompleteInCallback(GovernedStore& state, Verification& verification,
                                 X509_STORE_CTX* ctx) const {
  // A function of the application's is not asked twice. Nor are policies checked twice: the tree of
  // the first time would be lost (X509_policy_check()).
  if (state.previous_verify != openssls_verify_ || verification.applications_verify != nullptr ||
      state.previous_get_issuer != symbols_.X509_STORE_CTX_get1_issuer ||
      state.previous_lookup_certs != symbols_.X509_STORE_CTX_get1_certs ||
      ChecksOf(ctx) != openssls_checks_ ||
      (symbols_.X509_VERIFY_PARAM_get_flags(symbols_.X509_STORE_CTX_get0_param(ctx)) &
       X509_V_FLAG_POLICY_CHECK) != 0 ||
      !verify::MayBeCompleted(symbols_, Tls(true), ctx)) {
    return false;
  }
  const auto snapshot = SnapshotFor(state, &verification);
  if (snapshot == nullptr) return false;
  const ProviderContext& provider = *state.context->provider;
  StoreLookup trust(*this, state, *snapshot, ctx);
  const auto completion = MakeCompletion(
      {symbols_, provider, state.context->libctx, state.propq, ctx, trust, verification.budget},
      *snapshot);
  if (!completion->IssuerIsMissing() || !completion->Complete() ||
      !ServeSystemAnchor(&verification, completion->SystemAnchor())) {
    Explain(provider, completion->Failure(), false);
    return false;
  }

  // build_chain() looks at nothing any more once it has raised this error, so the verification can
  // begin again in the very same context.
  const auto accepts = [&](STACK_OF(X509) * untrusted) {
    const WithUntrusted replaced(symbols_, ctx, untrusted);
    symbols_.X509_STORE_CTX_set0_verified_chain(ctx, nullptr);
    symbols_.X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return symbols_.X509_verify_cert(ctx) == 1 &&
           symbols_.X509_STORE_CTX_get_error(ctx) == X509_V_OK;
  };
  const auto list = completion->Untrusted();
  const host::DroppedErrors dropped(symbols_);
  std::optional<Completing> within(std::in_place, symbols_, ctx, openssls_verify_cb_,
                                   verification.completing);
  const bool completed = accepts(reinterpret_cast<STACK_OF(X509)*>(list.get()));
  if (!completed) {
    // The current issuer cannot be taken back.
    KeepFor(verification, list.get());
    KeepFor(verification,
            reinterpret_cast<const OPENSSL_STACK*>(symbols_.X509_STORE_CTX_get0_chain(ctx)));
    verification.snapshot = snapshot;
  }
  // Then once more as it was: chain, error, depth and certificate are those of the start.
  const bool accepted = completed || accepts(symbols_.X509_STORE_CTX_get0_untrusted(ctx));
  within.reset();
  // They are used by the chain from now on, and kept for others once it is accepted (Verify()).
  if (completed) verification.keep = completion->TakeKeeper();
  return accepted;
}

}  // namespace ostrust::hooks
