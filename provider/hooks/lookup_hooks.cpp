// How a governed store answers while OpenSSL builds a chain: first what the application put into
// it, then the operating system's anchors. Nothing of the system's ever enters the store's own
// cache, so that a root the system dropped is gone at once and an application's certificates stay
// what they are.

#include <algorithm>
#include <memory>
#include <mutex>

#include "provider/hooks/binding.hpp"
#include "provider/hooks/marker.hpp"
#include "provider/hooks/trampolines.hpp"
#include "provider/verify/judge.hpp"

namespace ostrust::hooks {
namespace {

/// Only with `verify = platform` the system's blocklist changes anything.
bool Decides(const GovernedStore& state) {
  return state.context->provider->config().verify == VerifyMode::kPlatform;
}

// Greater than zero while one of our hooks asks a store's previous function on this thread. Our own
// X509_LOOKUP in that store then says nothing: the hook itself answers for the system.
constinit thread_local int asking_previous = 0;

class AskingPrevious {
 public:
  AskingPrevious() { ++asking_previous; }
  ~AskingPrevious() { --asking_previous; }
  AskingPrevious(const AskingPrevious&) = delete;
  AskingPrevious& operator=(const AskingPrevious&) = delete;
};

}  // namespace

int Binding::GetIssuer(X509** issuer, X509_STORE_CTX* ctx, X509* x) {
  X509_STORE* const store = symbols_.X509_STORE_CTX_get0_store(ctx);
  GovernedStore* const state = Find(store);
  // An application may have copied our function to a store that never asked for us.
  if (state == nullptr) return symbols_.X509_STORE_CTX_get1_issuer(issuer, ctx, x);

  const int result = PreviousIssuer(*state, issuer, ctx, x);
  const X509_VERIFY_PARAM* const param = symbols_.X509_STORE_CTX_get0_param(ctx);
  if (result < 0 || !Serves(*state, store)) return result;
  host::X509Ptr applications(result > 0 ? *issuer : nullptr, symbols_.X509_free);
  *issuer = nullptr;
  const auto as_without_us = [&] {
    *issuer = applications.release();
    return result;
  };
  Verification* const verification = FindVerification(ctx);
  if (!EnsureVerdict(*state, verification, ctx)) return -1;  // OpenSSL: X509_V_ERR_STORE_LOOKUP
  if (applications != nullptr && ValidAt(param, applications.get())) return as_without_us();

  const auto snapshot = SnapshotFor(*state, verification);
  const verify::Role role = verify::RoleOf(symbols_, Tls(), ctx);
  auto candidates =
      CandidatesNamed(*state, snapshot.get(), symbols_.X509_get_issuer_name(x), role.use);
  const auto check_issued = symbols_.X509_STORE_CTX_get_check_issued(ctx);
  std::erase_if(candidates, [&](const Candidate& candidate) {
    return check_issued(ctx, x, candidate.x509) == 0;
  });
  // For a self-signed certificate OpenSSL accepts nothing but itself (build_chain(), "mimic"), also
  // where another anchor of its name would come first.
  const auto itself = std::find_if(
      candidates.begin(), candidates.end(),
      [&](const Candidate& candidate) { return symbols_.X509_cmp(candidate.x509, x) == 0; });
  const Candidate* const found = itself != candidates.end() ? &*itself : Best(candidates, param);
  if (found == nullptr) return as_without_us();
  X509* const best = found->x509;
  // One that is refused is handed out for OpenSSL to say so (rule 4), but not where the peer shows
  // another way past it: one certificate of a CA may be refused and another trusted.
  if (found->refused && PeerSentAnotherIssuer(ctx, x, best)) return as_without_us();
  // The application has the issuer, but not within its dates. X509_STORE_CTX_get1_issuer() takes
  // another copy only if that one is valid.
  if (applications != nullptr && !ValidAt(param, best)) return as_without_us();
  // Where OpenSSL will refuse it; where it will not, the verdict does.
  if (verify::RejectedAsAnchor(found->trust, role.use.purpose)) {
    // build_chain() has set the depth of `x`.
    const int depth = symbols_.X509_STORE_CTX_get_error_depth(ctx) + (itself == candidates.end());
    verify::AnnounceRefusal(
        symbols_, *state->context->provider, role, best, depth,
        verify::ObjectionTo(found->trust, role.use, true) + " by " + snapshot->RuleFor(found->der),
        NobodyForgives(ctx, verification));
  }
  if (symbols_.X509_up_ref(best) != 1) return -1;
  *issuer = best;
  return 1;
}

int Binding::PreviousIssuer(const GovernedStore& state, X509** issuer, X509_STORE_CTX* ctx,
                            X509* x) {
  const AskingPrevious asking;
  return state.previous_get_issuer(issuer, ctx, x);
}

STACK_OF(X509) * Binding::LookupCerts(X509_STORE_CTX* ctx, const X509_NAME* name) {
  X509_STORE* const store = symbols_.X509_STORE_CTX_get0_store(ctx);
  GovernedStore* const state = Find(store);
  if (state == nullptr) return symbols_.X509_STORE_CTX_get1_certs(ctx, name);

  const auto free_all = [this](OPENSSL_STACK* stack) {
    symbols_.OPENSSL_sk_pop_free(stack, reinterpret_cast<OPENSSL_sk_freefunc>(symbols_.X509_free));
  };
  std::unique_ptr<OPENSSL_STACK, decltype(free_all)> certs(nullptr, free_all);
  {
    const AskingPrevious asking;
    certs.reset(reinterpret_cast<OPENSSL_STACK*>(state->previous_lookup_certs(ctx, name)));
  }
  const auto release = [&certs] { return reinterpret_cast<STACK_OF(X509)*>(certs.release()); };
  if (!Serves(*state, store)) return release();
  Verification* const verification = FindVerification(ctx);
  const bool judged = EnsureVerdict(*state, verification, ctx);
  const auto snapshot = judged ? SnapshotFor(*state, verification) : nullptr;

  // 3.0's X509_STORE_CTX_get1_certs() returns null when it finds nothing, which callers take for an
  // error; so an empty stack is made, as later versions do.
  if (certs == nullptr) certs.reset(symbols_.OPENSSL_sk_new_null());
  if (certs == nullptr) return nullptr;
  OPENSSL_STACK* const stack = certs.get();
  for (const Candidate& candidate : CandidatesNamed(*state, snapshot.get(), name, {})) {
    bool present = false;
    for (int i = 0; i < symbols_.OPENSSL_sk_num(stack) && !present; ++i) {
      present = symbols_.X509_cmp(static_cast<X509*>(symbols_.OPENSSL_sk_value(stack, i)),
                                  candidate.x509) == 0;
    }
    if (present || symbols_.X509_up_ref(candidate.x509) != 1) continue;
    if (symbols_.OPENSSL_sk_push(stack, candidate.x509) == 0) symbols_.X509_free(candidate.x509);
  }
  return release();
}

int Binding::LookupBySubject(X509_LOOKUP* lookup, X509_LOOKUP_TYPE type, const X509_NAME* name,
                             X509_OBJECT* ret) {
  // For programs that call X509_STORE_CTX_get1_issuer() and its like themselves (nginx stapling,
  // Node.js). OpenSSL asks lookups for one certificate only and by name only, so that of several
  // anchors with one subject the best is all such a program sees.
  X509_STORE* const store = symbols_.X509_LOOKUP_get_store(lookup);
  GovernedStore* const state = Find(store);
  if (state == nullptr) return 0;
  if (type == X509_LU_CRL) return LookupListsBySubject(*state, store, name, ret);
  if (type != X509_LU_X509 || asking_previous > 0 || !state->Served()) return 0;
  Unavailable why;
  const auto snapshot = state->context->provider->CurrentStore(why);
  const auto candidates = CandidatesNamed(*state, snapshot.get(), name, {});
  const Candidate* const best = Best(candidates, nullptr);
  if (best == nullptr || symbols_.X509_OBJECT_set1_X509(ret, best->x509) != 1) return 0;
  // A lookup's answer carries no reference of its own: X509_STORE_CTX_get_by_subject() takes one
  // (x509_lu.c, all versions). The anchor cache keeps the object alive.
  symbols_.X509_free(best->x509);
  return 1;
}

X509_STORE* Binding::ListsOf(GovernedStore& state) const {
  std::vector<GovernedStore::Directory> directories;
  {
    const std::lock_guard lock(mutex_);
    if (state.listed == state.directories.size()) {
      return state.lists.empty() ? nullptr : state.lists.back().get();
    }
    directories = state.directories;
  }
  if (!symbols_.CanFindLists()) return nullptr;
  std::unique_ptr<X509_STORE, decltype(symbols_.X509_STORE_free)> lists(symbols_.X509_STORE_new(),
                                                                        symbols_.X509_STORE_free);
  X509_LOOKUP* const lookup = lists == nullptr ? nullptr
                                               : symbols_.X509_STORE_add_lookup(
                                                     lists.get(), symbols_.X509_LOOKUP_hash_dir());
  if (lookup == nullptr) throw std::bad_alloc();
  for (const auto& [path, file_type] : directories) {
    const char* const name = path ? path->c_str() : nullptr;
    if (dir_ctrl_(lookup, X509_L_ADD_DIR, name, file_type, nullptr) != 1) throw std::bad_alloc();
  }
  const std::lock_guard lock(mutex_);
  // Another thread may have been faster; ours is freed then.
  if (state.listed < directories.size()) {
    state.lists.push_back(std::move(lists));
    state.listed = directories.size();
  }
  return state.lists.back().get();
}

int Binding::LookupListsBySubject(GovernedStore& state, X509_STORE* store, const X509_NAME* name,
                                  X509_OBJECT* ret) const {
  X509_STORE* const lists = ListsOf(state);
  if (lists == nullptr) return 0;
  const std::unique_ptr<X509_STORE_CTX, decltype(symbols_.X509_STORE_CTX_free)> ctx(
      symbols_.X509_STORE_CTX_new(), symbols_.X509_STORE_CTX_free);
  if (ctx == nullptr || symbols_.X509_STORE_CTX_init(ctx.get(), lists, nullptr, nullptr) != 1) {
    throw std::bad_alloc();
  }
  const auto free_all = [this](OPENSSL_STACK* stack) {
    symbols_.OPENSSL_sk_pop_free(stack,
                                 reinterpret_cast<OPENSSL_sk_freefunc>(symbols_.X509_CRL_free));
  };
  const std::unique_ptr<OPENSSL_STACK, decltype(free_all)> found(
      reinterpret_cast<OPENSSL_STACK*>(symbols_.X509_STORE_CTX_get1_crls(ctx.get(), name)),
      free_all);
  const int count = found == nullptr ? 0 : symbols_.OPENSSL_sk_num(found.get());
  // Into the store's own cache, as the directory's method does: that is where they are taken from.
  for (int i = 0; i < count; ++i) {
    auto* const list = static_cast<X509_CRL*>(symbols_.OPENSSL_sk_value(found.get(), i));
    if (symbols_.X509_STORE_add_crl(store, list) != 1) throw std::bad_alloc();
  }
  if (count == 0) return 0;
  auto* const first = static_cast<X509_CRL*>(symbols_.OPENSSL_sk_value(found.get(), 0));
  if (symbols_.X509_OBJECT_set1_X509_CRL(ret, first) != 1) return 0;
  symbols_.X509_CRL_free(first);  // as in LookupBySubject(); `lists` keeps it
  return 1;
}

bool Binding::PeerSentAnotherIssuer(X509_STORE_CTX* ctx, X509* x, const X509* than) const {
  const auto check_issued = symbols_.X509_STORE_CTX_get_check_issued(ctx);
  const auto* const untrusted =
      reinterpret_cast<const OPENSSL_STACK*>(symbols_.X509_STORE_CTX_get0_untrusted(ctx));
  const int count = untrusted == nullptr ? 0 : symbols_.OPENSSL_sk_num(untrusted);
  for (int i = 0; i < count; ++i) {
    auto* const sent = static_cast<X509*>(symbols_.OPENSSL_sk_value(untrusted, i));
    if (symbols_.X509_cmp(sent, than) != 0 && check_issued(ctx, x, sent) != 0) return true;
  }
  return false;
}

GovernedStore* Binding::Find(X509_STORE* store) const {
  const std::lock_guard lock(mutex_);
  const auto found = stores_.find(store);
  return found == stores_.end() ? nullptr : found->second.get();
}

bool Binding::Serves(GovernedStore& state, X509_STORE* store) const {
  if (!state.context->provider->Active()) return false;
  if (state.governed.load(std::memory_order_acquire)) return true;
  // Only where the lookup methods could not be hooked: nobody told us what was loaded.
  if (!StoreHoldsMarker(symbols_, store)) return false;
  state.governed.store(true, std::memory_order_release);
  return true;
}

std::vector<Binding::Candidate> Binding::CandidatesNamed(const GovernedStore& state,
                                                         const platform::TrustStore* snapshot,
                                                         const X509_NAME* name,
                                                         verify::Use use) const {
  std::vector<Candidate> candidates;
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  if (snapshot == nullptr || symbols_.X509_NAME_get0_der(name, &der, &size) != 1) {
    return candidates;
  }
  const Log& log = state.context->provider->log();
  for (const platform::StoreEntry* const entry :
       snapshot->FindBySubject(std::as_bytes(std::span(der, size)))) {
    if (entry->trust.IsDistrusted() && !Decides(state)) continue;
    X509* const x509 = state.context->anchors->Get(*entry, state.propq, log);
    if (x509 == nullptr) continue;
    const bool refused =
        Decides(state) ? verify::RefusedAsAnchor(entry->trust, use) || !entry->trust.MayIssue()
                       : verify::RejectedAsAnchor(entry->trust, use.purpose);
    candidates.push_back({x509, entry->der, entry->trust, refused});
  }
  return candidates;
}

const Binding::Candidate* Binding::Best(const std::vector<Candidate>& candidates,
                                        const X509_VERIFY_PARAM* param) const {
  const auto better = [&](const Candidate& a, const Candidate& b) {
    if (a.refused != b.refused) return !a.refused;
    const bool a_valid = ValidAt(param, a.x509);
    const bool b_valid = ValidAt(param, b.x509);
    if (a_valid != b_valid) return a_valid;
    // Among valid ones the first, as OpenSSL does.
    return !a_valid && symbols_.ASN1_TIME_compare(symbols_.X509_get0_notAfter(a.x509),
                                                  symbols_.X509_get0_notAfter(b.x509)) > 0;
  };
  const auto best = std::min_element(candidates.begin(), candidates.end(), better);
  return best == candidates.end() ? nullptr : &*best;
}

bool Binding::NobodyForgives(X509_STORE_CTX* ctx, const Verification* verification) const {
  X509_STORE_CTX_verify_cb callback = symbols_.X509_STORE_CTX_get_verify_cb(ctx);
  if (callback == TrampolinesOf(slot_).verify_callback && verification != nullptr) {
    callback = verification->applications_verify_cb;
  }
  return callback == openssls_verify_cb_;
}

bool Binding::ValidAt(const X509_VERIFY_PARAM* param, const X509* x) const {
  return symbols_.X509_cmp_timeframe(param, symbols_.X509_get0_notBefore(x),
                                     symbols_.X509_get0_notAfter(x)) == 0;
}

}  // namespace ostrust::hooks
