// Revocation in OpenSSL's verification: asked in the verdict (verify_hooks.cpp), after all else,
// and stapled responses are asked for while a ClientHello is made.
//
// Nothing in libssl calls us before a ClientHello, and whether a connection's store is governed is
// not known any earlier. But libssl asks the functions of custom extensions, before its own
// extensions are written, what they have to add. So every SSL_CTX gets an extension of a
// private-use type that is never sent.

#include "provider/hooks/binding.hpp"
#include "provider/hooks/trampolines.hpp"
#include "provider/verify/revocation.hpp"
#include "provider/verify/stapling.hpp"

namespace ostrust::hooks {
namespace {

// Of the private-use range of RFC 8446 section 11; neither 0xff01 (RFC 5746) nor any that libssl
// knows.
constexpr unsigned kNeverSent = 0xff6f;

platform::Revocation WantedRevocation(const ProviderContext& context) {
  return context.config().verify == VerifyMode::kRoots ? platform::Revocation::kOff
                                                       : context.config().network.revocation;
}

}  // namespace

platform::Revocation Binding::RevocationOf(const ProviderContext& context) const {
  return chain_verifier_ == nullptr && !symbols_.CanCheckRevocation() ? platform::Revocation::kOff
                                                                      : WantedRevocation(context);
}

void Binding::WatchClientHellos(const host::TlsLibrary& tls, SSL_CTX* ssl_ctx) const {
  // With ECH every custom extension must be in the encrypted ClientHello, also one that is never
  // sent (custom_ext_add() of 4.0), or the connection fails.
  if (tls.has_ech) return;
  // It fails where an application has taken the number: then nothing is asked for.
  tls.SSL_CTX_add_custom_ext(ssl_ctx, kNeverSent, SSL_EXT_CLIENT_HELLO,
                             TrampolinesOf(slot_).before_client_hello, nullptr, nullptr, nullptr,
                             nullptr);
}

void Binding::BeforeClientHello(SSL* ssl) {
  const host::TlsLibrary* const tls = Tls();
  if (tls == nullptr || !verify::MayAskForStapledResponse(*tls, ssl)) return;
  X509_STORE* const store = verify::StoreOf(*tls, ssl);
  GovernedStore* const state = store == nullptr ? nullptr : Find(store);
  if (state == nullptr || !Serves(*state, store) ||
      RevocationOf(*state->context->provider) == platform::Revocation::kOff) {
    return;
  }
  verify::AskForStapledResponse(*tls, ssl);
}

std::vector<verify::Refusal> Binding::RevocationRefusals(
    const GovernedStore& state, Verification* verification, X509_STORE_CTX* ctx,
    const verify::Role& role, const platform::TrustStore& snapshot) const {
  using platform::Revocation;
  const ProviderContext& provider = *state.context->provider;
  const Revocation mode = WantedRevocation(provider);
  // Where the system has a verifier of its own, that one was asked.
  if (mode == Revocation::kOff || chain_verifier_ != nullptr ||
      (verification != nullptr && verification->completing)) {
    return {};
  }
  const bool of_a_server = verify::MayBeCompleted(symbols_, Tls(), ctx);
  // The name is what is left to tell by in a thread with another default library context and 3.0.
  if ((!role.tls_peer && !of_a_server && verify::WantedName(symbols_, ctx).empty()) ||
      !verify::EndsInSystemAnchor(symbols_, ctx, snapshot)) {
    return {};
  }
  if (!symbols_.CanCheckRevocation()) {
    if (mode != Revocation::kHard) return {};
    return {{0, X509_V_ERR_UNABLE_TO_GET_CRL,
             "of unknown revocation status: this OpenSSL lacks what it takes to find out"}};
  }
  const bool wants_fetch = mode == Revocation::kSoft || mode == Revocation::kHard;
  verify::FetchBudget own_budget;
  return verify::RevocationRefusals(
      {.symbols = symbols_,
       .openssls = {openssls_checks_.check_revocation, openssls_checks_.check_crl},
       .provider = provider,
       .libctx = state.context->libctx,
       .propq = state.propq,
       .mode = mode,
       .may_fetch = wants_fetch && of_a_server,
       .why_not = role.use.purpose == platform::Purpose::kClientAuth
                      ? "nothing is fetched because of a client's certificate"
                      : "nothing is fetched for such a verification"},
      ctx, snapshot, verify::StapledOf(symbols_, Tls(), ctx),
      verification != nullptr ? verification->budget : own_budget);
}

}  // namespace ostrust::hooks
