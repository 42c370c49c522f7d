// Layer L1: what ostrust does inside one libcrypto.
//
// A Binding belongs to one loaded libcrypto image and lives as long as the process. It hooks the
// places where OpenSSL is told which CAs to use (load_hooks.cpp), makes the stores that asked for
// the operating system's trust *governed*, answers for them when a chain is built
// (lookup_hooks.cpp) and has the chain judged when OpenSSL accepted it (verify_hooks.cpp). A store
// that never asked is never touched (rule 1).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/fork_safe_mutex.hpp"
#include "provider/hooks/anchors.hpp"
#include "provider/host/image.hpp"
#include "provider/host/method_table.hpp"
#include "provider/host/symbols.hpp"
#include "provider/host/tls_library.hpp"
#include "provider/host/x509_der.hpp"
#include "provider/provider_context.hpp"
#include "provider/verify/path_completion.hpp"
#include "provider/verify/verification.hpp"

namespace ostrust::hooks {

/// One activation of the provider, bound to the libcrypto it runs in. Shared by the binding and by
/// the stores that are governed through it.
struct BoundContext {
  BoundContext(std::shared_ptr<ProviderContext> context, const host::Symbols& symbols,
               OSSL_LIB_CTX* library_context);
  ~BoundContext();
  BoundContext(const BoundContext&) = delete;
  BoundContext& operator=(const BoundContext&) = delete;

  const std::shared_ptr<ProviderContext> provider;
  OSSL_LIB_CTX* const libctx;  // never null: the default context by its address
  // Outlives this object if it handed anything out.
  std::unique_ptr<AnchorCache> anchors;
};

/// What is kept for one X509_STORE. Made while something is loaded into the store, never while a
/// chain is verified (rule 14); dropped when OpenSSL frees the store.
struct GovernedStore {
  std::shared_ptr<BoundContext> context;
  std::string propq;  // the property query its certificates are parsed with
  // What was there before; never null.
  X509_STORE_CTX_get_issuer_fn previous_get_issuer;
  X509_STORE_CTX_lookup_certs_fn previous_lookup_certs;
  X509_STORE_CTX_verify_fn previous_verify;
  // False only for a store that carries our functions in case the marker is loaded into it, in a
  // libcrypto whose lookup methods could not be hooked.
  std::atomic<bool> governed;
  /// A directory of the system's that the application named and that is served: OpenSSL looks there
  /// for CRLs, too, if the application wants them checked.
  struct Directory {
    std::optional<std::string> path;  // nullopt: the default one
    long file_type;
    friend bool operator==(const Directory&, const Directory&) = default;
  };
  // Guarded by the binding's mutex. The last of `lists` has the first `listed` of `directories`,
  // and OpenSSL's own method to look there; each is kept, for a CRL in it may have been handed out.
  std::vector<Directory> directories;
  std::vector<std::unique_ptr<X509_STORE, decltype(host::Symbols::X509_STORE_free)>> lists;
  std::size_t listed = 0;

  bool Served() const {
    return governed.load(std::memory_order_acquire) && context->provider->Active();
  }
};

/// The functions of an X509_STORE_CTX that ostrust never replaces.
struct CheckFunctions {
  X509_STORE_CTX_check_issued_fn check_issued = nullptr;
  X509_STORE_CTX_check_revocation_fn check_revocation = nullptr;
  X509_STORE_CTX_get_crl_fn get_crl = nullptr;
  X509_STORE_CTX_check_crl_fn check_crl = nullptr;
  X509_STORE_CTX_cert_crl_fn cert_crl = nullptr;
  X509_STORE_CTX_check_policy_fn check_policy = nullptr;
  X509_STORE_CTX_lookup_crls_fn lookup_crls = nullptr;
  X509_STORE_CTX_cleanup_fn cleanup = nullptr;
  friend bool operator==(const CheckFunctions&, const CheckFunctions&) = default;
};

/// What is kept for one X509_STORE_CTX with a governed store, from its initialization to its end.
/// In a table of ours and not in its ex_data: an ex_data index belongs to the calling thread's
/// default library context, and the same number can be somebody else's data in another thread.
/// Used by the thread that verifies; there can only be one.
struct Verification {
  /// The thread's default library context when it was made. In a thread with another the context
  /// may have ended without our being told, and its address belong to the next.
  OSSL_LIB_CTX* default_context = nullptr;
  /// A function of the application's that stood where ours stands now; may be null.
  X509_STORE_CTX_verify_fn applications_verify = nullptr;
  bool running = false;
  /// The callback that ours was put before (intermediate_hooks.cpp); null where it was not.
  X509_STORE_CTX_verify_cb applications_verify_cb = nullptr;
  /// An error was raised, or a missing intermediate was looked for: no completion any more.
  bool past_completion = false;
  /// X509_verify_cert() runs to see whether a completed chain is accepted; what is asked once more
  /// after that is not asked now.
  bool completing = false;
  /// Keeps what completed the chain, once that is accepted; may be empty.
  std::function<void()> keep;
  /// What may still be fetched for it.
  verify::FetchBudget budget;
  /// Certificates of a completed chain that was refused: X509_STORE_CTX_get0_current_issuer() may
  /// still return one.
  std::vector<host::X509Ptr> kept;
  /// One verification sees one snapshot, and with it the anchor that the system's verifier vouched
  /// for. Null before it is first needed, after the verdict, and once a refusal was seen here.
  std::shared_ptr<const platform::TrustStore> snapshot;

  /// It is over, and the application may verify in the context again.
  void End() {
    snapshot = nullptr;
    budget = {};
  }
};

/// Thread-safe.
class Binding {
 public:
  /// The binding to the libcrypto that `core` comes from. Made, and its hooks installed, when it is
  /// first asked for; what was refused then (memory or descriptors were short) is tried again when
  /// it is asked for again. Null only when that libcrypto cannot be told. Throws std::bad_alloc.
  static Binding* For(const Core& core, std::string& why);

  /// The binding a C entry point of this slot serves (trampolines.cpp).
  static Binding& InSlot(std::size_t slot);

  /// Starts serving the library context of `context`.
  void Attach(const std::shared_ptr<ProviderContext>& context);
  /// Stops: the stores governed through `context` become ordinary ones.
  void Detach(const ProviderContext& context);

  /// For the build info: what works, and why the rest does not.
  std::string Describe() const;
  /// How far the binding reaches, in the words of standing.hpp, and why no further; empty when it
  /// reaches all the way.
  const char* Reach() const;
  const std::string& WhyLimited() const;

  /// What of the configuration's `intermediates` is done in this libcrypto.
  platform::Intermediates IntermediatesOf(const ProviderContext& context) const;
  /// What of `revocation`. Off where it cannot be looked for: then `hard` refuses every server.
  platform::Revocation RevocationOf(const ProviderContext& context) const;

  const host::Symbols& symbols() const { return symbols_; }
  /// Whether the binding works at all; if not, only L0 does.
  bool Works() const { return Installed().why_unbound.empty(); }

  // Entry points, called by the trampolines. They may throw; the trampolines do not.
  int FileCtrl(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret,
               OSSL_LIB_CTX* libctx, const char* propq);
  int StoreCtrl(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret,
                OSSL_LIB_CTX* libctx, const char* propq);
  int DirCtrl(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret);
  int GetIssuer(X509** issuer, X509_STORE_CTX* ctx, X509* x);
  STACK_OF(X509) * LookupCerts(X509_STORE_CTX* ctx, const X509_NAME* name);
  int LookupBySubject(X509_LOOKUP* lookup, X509_LOOKUP_TYPE type, const X509_NAME* name,
                      X509_OBJECT* ret);
  int Verify(X509_STORE_CTX* ctx);
  int CertVerify(X509_STORE_CTX* ctx);
  int VerifyCallback(int ok, X509_STORE_CTX* ctx);
  void StoreMade(X509_STORE* store);
  void StoreFreed(X509_LOOKUP* lookup);
  void VerificationMade(X509_STORE_CTX* ctx);
  void VerificationEnded(X509_STORE_CTX* ctx);
  void SslContextMade(SSL_CTX* ssl_ctx);
  void BeforeClientHello(SSL* ssl);

  /// In a catch block of theirs: if it is a platform::LackOfMeans, says in the log and in the error
  /// queue what could not be read for a verification in `store`, and returns true. `ctx` may be
  /// null.
  bool SayLack(X509_STORE* store, X509_STORE_CTX* ctx) const noexcept;

 private:
  /// Somebody asks `store` to use a CA file, directory or store.
  struct Request {
    std::shared_ptr<BoundContext> context;
    X509_STORE* store;
    const char* propq;  // may be null
  };

  Binding(host::Image image, std::size_t slot);

  /// Resolves the symbols and hooks what is hooked, as far as it is not done yet. The caller has
  /// the registry's mutex.
  void Install();
  std::string HookLookupMethods();
  bool ProbeHook(X509_LOOKUP_METHOD* method) const;
  bool LearnOpenSslsFunctions();
  CheckFunctions ChecksOf(const X509_STORE_CTX* ctx) const;
  /// Registers "new" and "free" callbacks for objects of `class_index` that threads make whose
  /// default library context is `library_context`.
  bool Watch(OSSL_LIB_CTX* library_context, int class_index, CRYPTO_EX_new* made,
             CRYPTO_EX_free* ended) const;
  bool WatchVerifications(OSSL_LIB_CTX* library_context) const;
  bool WatchTlsContexts(OSSL_LIB_CTX* library_context) const;

  /// The activation that serves `libctx` (null: the calling thread's default); null if none does.
  std::shared_ptr<BoundContext> ContextFor(OSSL_LIB_CTX* libctx) const;
  OSSL_LIB_CTX* Concrete(OSSL_LIB_CTX* libctx) const;

  // load_hooks.cpp
  int Serve(const Request& request);
  bool ServeIfReadable(const Request& request);
  template <typename Original>
  int LoadDefaultFile(const Request& request, const Original& original);
  bool NamesServedBundle(const ProviderContext& context, const char* path) const;
  bool ServesDefaultsOf(X509_STORE* store) const;
  void RaiseUnavailable(const ProviderContext& context, const Unavailable& why) const;
  void Govern(const Request& request, bool governed);
  void NoteDirectory(X509_STORE* store, const char* path, long file_type);
  void CopyAnchors(const Request& request) const;

  // verify_hooks.cpp
  /// What the verification is for; where the system has a verifier, also what that may do.
  verify::Role RoleFor(const ProviderContext& provider, X509_STORE_CTX* ctx) const;
  /// Null where no callback of ours was called when `ctx` was initialized.
  Verification* FindVerification(X509_STORE_CTX* ctx) const;
  /// The same in a thread of another library context than the one that `ctx` was initialized in: if
  /// our function stands in `ctx` and not in `store`, it replaced the application's, and the entry
  /// is its. Otherwise null.
  Verification* FindReplaced(X509_STORE_CTX* ctx, X509_STORE* store) const;
  /// Sees to it that `ctx` will be judged: an application may have put a function of its own where
  /// ours was. False when that cannot be: then no anchor may be handed out.
  bool EnsureVerdict(const GovernedStore& state, Verification* verification,
                     X509_STORE_CTX* ctx) const;
  /// The snapshot this verification sees.
  std::shared_ptr<const platform::TrustStore> SnapshotFor(const GovernedStore& state,
                                                          Verification* verification) const;
  /// The libssl of this libcrypto; null when there is none. `again`: look once more if none was
  /// found. Lock-free: it takes the dynamic linker's lock.
  const host::TlsLibrary* Tls(bool again = false) const;

  // intermediate_hooks.cpp
  class StoreLookup;
  bool Completes(const GovernedStore& state) const;
  /// The store of `ctx` if chains that end there are completed.
  GovernedStore* CompletingStore(X509_STORE_CTX* ctx) const;
  void WatchForMissingIssuer(const GovernedStore& state, Verification& verification,
                             X509_STORE_CTX* ctx) const;
  /// The callback that X509_STORE_CTX_init() puts into a context of this store.
  X509_STORE_CTX_verify_cb StoresCallback(X509_STORE_CTX* ctx) const;
  void KeepFor(Verification& verification, const OPENSSL_STACK* certificates) const;
  bool CompleteInCallback(GovernedStore& state, Verification& verification,
                          X509_STORE_CTX* ctx) const;
  std::unique_ptr<verify::PathCompletion> MakeCompletion(
      const verify::CompletionSetting& setting, const platform::TrustStore& snapshot) const;
  /// Adds to what this verification sees. False where that cannot be; an empty one needs nothing.
  bool ServeSystemAnchor(Verification* verification, platform::ByteView anchor) const;

  // revocation_hooks.cpp
  void WatchClientHellos(const host::TlsLibrary& tls, SSL_CTX* ssl_ctx) const;
  /// What speaks, by the configuration's `revocation`, against the chain of `ctx`, which OpenSSL
  /// and the system accepted.
  std::vector<verify::Refusal> RevocationRefusals(const GovernedStore& state,
                                                  Verification* verification, X509_STORE_CTX* ctx,
                                                  const verify::Role& role,
                                                  const platform::TrustStore& snapshot) const;

  // lookup_hooks.cpp
  GovernedStore* Find(X509_STORE* store) const;
  /// What the store answered before it was governed: the application's certificates.
  static int PreviousIssuer(const GovernedStore& state, X509** issuer, X509_STORE_CTX* ctx,
                            X509* x);
  bool Serves(GovernedStore& state, X509_STORE* store) const;
  /// A store that finds the CRLs in the directories of `state`, and is asked for nothing else. Null
  /// when there are no directories.
  X509_STORE* ListsOf(GovernedStore& state) const;
  int LookupListsBySubject(GovernedStore& state, X509_STORE* store, const X509_NAME* name,
                           X509_OBJECT* ret) const;
  /// A certificate of the operating system's store, borrowed from the anchor cache.
  struct Candidate {
    X509* x509;
    platform::ByteView der;  // in the snapshot
    platform::CertificateTrust trust;
    bool refused;  // for the use in question
  };
  /// Those in `snapshot`, which may be null, whose subject is `name`. What the system distrusts is
  /// among them only with `verify = platform`.
  std::vector<Candidate> CandidatesNamed(const GovernedStore& state,
                                         const platform::TrustStore* snapshot,
                                         const X509_NAME* name, verify::Use use) const;
  /// The one OpenSSL would choose: trusted before refused, then valid at the time of `param` before
  /// others, then the one that ends last. Null when there is none.
  const Candidate* Best(const std::vector<Candidate>& candidates,
                        const X509_VERIFY_PARAM* param) const;
  bool PeerSentAnotherIssuer(X509_STORE_CTX* ctx, X509* x, const X509* than) const;
  /// Whether the context has the verify callback that forgives nothing, because the application set
  /// none.
  bool NobodyForgives(X509_STORE_CTX* ctx, const Verification* verification) const;
  bool ValidAt(const X509_VERIFY_PARAM* param, const X509* x) const;

  const host::Image image_;
  const std::size_t slot_;
  host::Symbols symbols_;

  /// What came of installing.
  struct Outcome {
    std::string why_unbound;          // why there is no binding at all
    std::string why_unhooked;         // why the lookup methods are as they were
    const Outcome* before = nullptr;  // kept, because another thread may be reading it
    bool IsComplete() const { return why_unbound.empty() && why_unhooked.empty(); }
  };
  const Outcome& Installed() const { return *outcome_.load(std::memory_order_acquire); }
  Outcome TryToInstall();
  std::atomic<const Outcome*> outcome_{nullptr};  // never null once it is in its slot
  // What of it is done, for good. Guarded by the registry's mutex.
  struct {
    bool resolved = false;
    bool verifications_watched = false;
    bool tls_contexts_watched = false;
    bool stores_watched = false;
    bool directory_hooked = false;
    bool store_hooked = false;
    bool file_hooked = false;
  } done_;

  host::CtrlExFn file_ctrl_ex_ = nullptr;
  host::CtrlExFn store_ctrl_ex_ = nullptr;
  host::CtrlFn dir_ctrl_ = nullptr;
  X509_LOOKUP_METHOD* silent_lookup_ = nullptr;
  X509_STORE_CTX_verify_fn openssls_verify_ = nullptr;
  X509_STORE_CTX_verify_cb openssls_verify_cb_ = nullptr;
  CheckFunctions openssls_checks_;
  std::unique_ptr<platform::ChainVerifier> chain_verifier_;  // may be null

  static constexpr host::TlsLibrary kNoTls{};
  mutable std::atomic<const host::TlsLibrary*> tls_{nullptr};  // null: not looked for yet

  mutable platform::ForkSafeMutex mutex_;
  std::vector<std::shared_ptr<BoundContext>> contexts_;                     // guarded by mutex_
  std::unordered_map<X509_STORE*, std::unique_ptr<GovernedStore>> stores_;  // guarded by mutex_
  std::unordered_map<X509_STORE_CTX*, std::unique_ptr<Verification>>
      verifications_;  // guarded by mutex_
};

}  // namespace ostrust::hooks
