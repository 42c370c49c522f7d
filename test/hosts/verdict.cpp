// A program that verifies chains itself, without libssl, in a store that asked for the operating
// system's trust: what the system's verdict changes and how it is raised. OSTRUST_VERIFY is the
// configuration's `verify`.
#include <ctime>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <openssl/cms.h>
#include <openssl/provider.h>

#include "host.hpp"

using namespace host;

namespace {

const char kRejected[] = "certificate rejected";

/// What an application's verify callback saw, and what it does about it.
struct Callback {
  std::string seen;  // "code@depth subject;" for each error
  bool forgive = false;
};

int OnVerify(int ok, X509_STORE_CTX* ctx) {
  auto* const callback =
      static_cast<Callback*>(X509_STORE_CTX_get_ex_data(ctx, 0));  // index 0: the application's
  if (ok != 0) return ok;
  char name[64] = "";
  X509* const current = X509_STORE_CTX_get_current_cert(ctx);
  X509_NAME_get_text_by_NID(X509_get_subject_name(current), NID_commonName, name, sizeof name);
  callback->seen += std::to_string(X509_STORE_CTX_get_error(ctx)) + "@" +
                    std::to_string(X509_STORE_CTX_get_error_depth(ctx)) + " " + name + ";";
  return callback->forgive ? 1 : 0;
}

struct Question {
  std::string leaf = "leaf-int";
  std::string untrusted = "int-a";  // one certificate, or none
  int purpose = 0;
  unsigned long flags = 0;
  bool trusted_first = true;  // OpenSSL's default
  Callback* callback = nullptr;
  STACK_OF(X509) * trusted_stack = nullptr;
  X509_STORE_CTX_verify_fn verify = nullptr;  // X509_STORE_CTX_set_verify()
  OSSL_LIB_CTX* libctx = nullptr;
  void* at_libssls_index = nullptr;  // data of the application's, under the number that libssl uses
};

/// "accepted" or "error@depth"; leaves the error queue alone.
std::string Ask(X509_STORE* store, const Question& question) {
  const auto leaf = Certificate(question.leaf, question.libctx);
  STACK_OF(X509)* const untrusted = sk_X509_new_null();
  Owned<X509> intermediate;
  if (!question.untrusted.empty()) {
    intermediate = Certificate(question.untrusted, question.libctx);
    sk_X509_push(untrusted, intermediate.get());
  }
  std::string answer;
  {
    const Owned<X509_STORE_CTX> ctx(X509_STORE_CTX_new_ex(question.libctx, nullptr));
    if (X509_STORE_CTX_init(ctx.get(), store, leaf.get(), untrusted) != 1) std::abort();
    if (question.purpose != 0) X509_STORE_CTX_set_purpose(ctx.get(), question.purpose);
    X509_VERIFY_PARAM* const param = X509_STORE_CTX_get0_param(ctx.get());
    X509_VERIFY_PARAM_set_flags(param, question.flags);
    if (!question.trusted_first) X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_TRUSTED_FIRST);
    if (question.trusted_stack != nullptr) {
      X509_STORE_CTX_set0_trusted_stack(ctx.get(), question.trusted_stack);
    }
    if (question.callback != nullptr) {
      X509_STORE_CTX_set_ex_data(ctx.get(), 0, question.callback);
      X509_STORE_CTX_set_verify_cb(ctx.get(), OnVerify);
    }
    if (question.verify != nullptr) X509_STORE_CTX_set_verify(ctx.get(), question.verify);
    if (question.at_libssls_index != nullptr) {
      X509_STORE_CTX_set_ex_data(ctx.get(), SSL_get_ex_data_X509_STORE_CTX_idx(),
                                 question.at_libssls_index);
    }
    const int result = X509_verify_cert(ctx.get());
    const int error = X509_STORE_CTX_get_error(ctx.get());
    Check((result == 1) || error != X509_V_OK, "a refusal sets an error", __LINE__);
    answer = result == 1 ? kAccepted
                         : std::string(X509_verify_cert_error_string(error)) + "@" +
                               std::to_string(X509_STORE_CTX_get_error_depth(ctx.get()));
  }
  sk_X509_free(untrusted);
  return answer;
}

std::string Rejected(int depth) {
  return std::string(kRejected) + "@" + std::to_string(depth);
}

Owned<X509_STORE> NewStore(std::initializer_list<const char*> names = {"os://"},
                           OSSL_LIB_CTX* library = nullptr) {
  Owned<X509_STORE> store(X509_STORE_new());
  for (const std::string name : names) {
    const std::string path = name == "os://" ? name : PemPath(name);
    Check(X509_STORE_load_file_ex(store.get(), path.c_str(), library, nullptr) == 1, "it loads",
          __LINE__, Errors());
  }
  return store;
}

// --- what is refused -----------------------------------------------------------------------------

void ADistrustedIntermediateIsRefused() {
  WriteStore({"root-a"});
  const auto store = NewStore();
  CHECK_EQ(Ask(store.get(), {}), kAccepted);
  // In a store that is there already, and although it was used before (liveness).
  WriteStore({"root-a", "int-a-distrusted"});
  for (const unsigned long flags : {0UL, static_cast<unsigned long>(X509_V_FLAG_PARTIAL_CHAIN)}) {
    for (const int purpose : {0, X509_PURPOSE_SSL_SERVER, X509_PURPOSE_ANY}) {
      for (const bool trusted_first : {true, false}) {
        Callback callback;
        CHECK_EQ(Ask(store.get(), {.purpose = purpose,
                                   .flags = flags,
                                   .trusted_first = trusted_first,
                                   .callback = &callback}),
                 Rejected(1));
        CHECK_EQ(callback.seen, "28@1 Intermediate of A;");
      }
    }
  }
  ERR_clear_error();
  // Also where OpenSSL itself refused it because of its settings, and we were not asked.
  for (const bool trusted_first : {true, false}) {
    CHECK_EQ(Ask(store.get(), {.trusted_first = trusted_first}), Rejected(1));
    const std::string sentence = Errors();
    Check(sentence.find("refused by the operating system's trust policy") != std::string::npos &&
              sentence.find("CN=Intermediate of A at depth 1 is distrusted by " +
                            Environment("OSTRUST_BUNDLE")) != std::string::npos,
          "the queue says what refused which certificate", __LINE__, sentence);
  }
  WriteStore({"root-a"});
  CHECK_EQ(Ask(store.get(), {}), kAccepted);
}

void ARefusedCertificateBlocksNoOtherOfItsCa() {
  // The peer sends a certificate of the same CA that the system does not refuse.
  WriteStore({"root-a", "int-a-distrusted"});
  CHECK_EQ(Ask(NewStore().get(), {.untrusted = "int-a-renewed"}), kAccepted);
  WriteStore({"root-a-distrusted", "root-b"});
  CHECK_EQ(Ask(NewStore().get(), {.leaf = "leaf-a", .untrusted = "root-a-by-b"}), kAccepted);
  CHECK_EQ(Ask(NewStore().get(), {.leaf = "leaf-a", .untrusted = ""}), Rejected(1));
  ERR_clear_error();
}

void ACallbackThatForgivesIsObeyed() {
  WriteStore({"root-a", "int-a-distrusted"});
  const auto store = NewStore();
  Callback callback{.seen = {}, .forgive = true};
  CHECK_EQ(Ask(store.get(), {.trusted_first = false, .callback = &callback}), kAccepted);
  CHECK_EQ(callback.seen, "28@1 Intermediate of A;");
  // Where OpenSSL itself stumbled over the settings it is asked again.
  callback.seen.clear();
  CHECK_EQ(Errors(), "");
  CHECK_EQ(Ask(store.get(), {.callback = &callback}), kAccepted);
  Check(callback.seen.find("28@1 Intermediate of A;") == 0, "it was asked", __LINE__,
        callback.seen);
  CHECK_EQ(Errors(), "");
}

void WhatWasForgivenOpenSslIsNotForgivenTheSystem() {
  WriteStore({"root-a-distrusted", "root-b"});
  const auto store = NewStore({"root-a", "os://"});
  Callback callback;
  callback.forgive = true;
  CHECK_EQ(Ask(store.get(), {.leaf = "leaf-a-expired", .untrusted = "", .callback = &callback}),
           kAccepted);
  CHECK_EQ(callback.seen, "10@0 leaf a, expired;28@1 Root A;");
  ERR_clear_error();
}

void TheBlocklistIsOverriddenByNoAnchorOfTheApplication() {
  WriteStore({"root-a-distrusted", "root-b"});
  for (const auto& store : {NewStore({"root-a", "os://"}), NewStore({"os://", "root-a"})}) {
    CHECK_EQ(Ask(store.get(), {}), Rejected(2));
    CHECK_EQ(Ask(store.get(), {.leaf = "leaf-a", .untrusted = ""}), Rejected(1));
    CHECK_EQ(Ask(store.get(), {.leaf = "leaf-b", .untrusted = ""}), kAccepted);
    // By X509_STORE_CTX_set0_trusted_stack() it asks no store at all, but it has this one.
    const auto root = Certificate("root-a");
    STACK_OF(X509)* const stack = sk_X509_new_null();
    sk_X509_push(stack, root.get());
    CHECK_EQ(Ask(store.get(), {.trusted_stack = stack}), Rejected(2));
    const auto own = NewStore({"root-b"});
    CHECK_EQ(Ask(own.get(), {.trusted_stack = stack}), kAccepted);
    sk_X509_free(stack);
  }
  // "Unknown CA" is not what a callback sees that forgives what it knows.
  Callback callback;
  const auto store = NewStore();
  CHECK_EQ(Ask(store.get(), {.callback = &callback}), Rejected(2));
  CHECK_EQ(callback.seen, "28@2 Root A;");
  const auto own = NewStore({"root-a"});
  CHECK_EQ(Ask(own.get(), {}), kAccepted);
  ERR_clear_error();
}

void WhatOpenSslRefusesIsNotRefusedOnceMore() {
  WriteStore({"root-a-distrusted", "root-b"});
  const auto store = NewStore({"root-a", "os://"});
  Callback callback;
  CHECK_EQ(Ask(store.get(), {.leaf = "leaf-a-expired", .untrusted = "", .callback = &callback}),
           "certificate has expired@0");
  CHECK_EQ(callback.seen, "10@0 leaf a, expired;");
  CHECK_EQ(Errors(), "");
}

void ABlocklistEntryIsFoundUnderAnotherSignature() {
  // Anybody can turn an ECDSA signature (r, s) into (r, n - s).
  WriteStore({"root-a", "int-a-distrusted"});
  const auto store = NewStore();
  CHECK_EQ(Ask(store.get(), {.untrusted = "int-a-other-signature"}), Rejected(1));
  const auto own = NewStore({"root-a"});
  CHECK_EQ(Ask(own.get(), {.untrusted = "int-a-other-signature"}), kAccepted);
  ERR_clear_error();
}

// 3.0 has no getter for the purpose: only OpenSSL's own check of the settings applies there.
bool PurposeIsReadable() {
  return OPENSSL_version_major() > 3 ||
         (OPENSSL_version_major() == 3 && OPENSSL_version_minor() >= 5);
}

void LimitsDoNotDependOnSettingsOfASharedObject() {
  WriteStore({"root-mail-reject"});
  const auto store = NewStore();
  const Question question{
      .leaf = "leaf-mail-server", .untrusted = "", .purpose = X509_PURPOSE_SSL_SERVER};
  CHECK_EQ(Ask(store.get(), question), Rejected(1));
  // The application takes the reject settings off the one object that all stores share.
  const auto leaf = Certificate("leaf-mail-server");
  const Owned<X509_STORE_CTX> ctx(X509_STORE_CTX_new());
  X509_STORE_CTX_init(ctx.get(), store.get(), nullptr, nullptr);
  X509* issuer = nullptr;
  CHECK_EQ(X509_STORE_CTX_get1_issuer(&issuer, ctx.get(), leaf.get()), 1);
  if (issuer != nullptr) X509_reject_clear(issuer);
  X509_free(issuer);
  if (PurposeIsReadable()) CHECK_EQ(Ask(store.get(), question), Rejected(1));
  ERR_clear_error();
}

void OfTwoAnchorsOfOneNameTheOneTrustedForThePurposeIsTaken() {
  for (const auto names :
       {std::initializer_list<const char*>{"root-a-mail-only", "root-a-reissued"},
        std::initializer_list<const char*>{"root-a-reissued", "root-a-mail-only"}}) {
    WriteStore(names);
    const auto store = NewStore();
    const std::string expected =
        PurposeIsReadable() || *names.begin() == std::string("root-a-reissued") ? kAccepted
                                                                                : Rejected(1);
    CHECK_EQ(
        Ask(store.get(), {.leaf = "leaf-a", .untrusted = "", .purpose = X509_PURPOSE_SSL_SERVER}),
        expected);
  }
  ERR_clear_error();
}

void OfTheApplicationsAndTheSystemsOneOfANameTheOneWithinItsDatesIsTaken() {
  const Question question{.leaf = "chain-l", .untrusted = "chain-a"};
  for (const auto& [own, systems, expected] :
       {std::tuple("chain-c-expired", "chain-c", kAccepted),
        std::tuple("chain-c", "chain-c-expired", kAccepted),
        std::tuple("chain-c-expired", "root-b", std::string("certificate has expired@2"))}) {
    WriteStore({systems});
    CHECK_EQ(Ask(NewStore({own, "os://"}).get(), question), expected);
  }
  ERR_clear_error();
}

void AnAnchorThatIsNotSelfSignedEndsAChainOnlyIfItsSettingsSaySo() {
  WriteStore({"int-a"});
  const auto plain = NewStore();
  CHECK_EQ(Ask(plain.get(), {.untrusted = ""}), "unable to get issuer certificate@1");
  CHECK_EQ(Ask(plain.get(), {.untrusted = "", .flags = X509_V_FLAG_PARTIAL_CHAIN}), kAccepted);
  WriteStore({"int-a-trusted"});
  const auto trusted = NewStore();
  CHECK_EQ(Ask(trusted.get(), {.untrusted = "", .purpose = X509_PURPOSE_SSL_SERVER}), kAccepted);
  CHECK_EQ(Ask(trusted.get(), {.untrusted = "", .purpose = X509_PURPOSE_SSL_CLIENT}), Rejected(1));
  ERR_clear_error();
}

void CmsSignersAreJudgedAsWhatTheyAre() {
  WriteStore({"root-mail-reject"});  // rejected for servers only
  const auto store = NewStore();
  BIO* const key_file = BIO_new_file((Environment("OSTRUST_PKI") + "/leaf-mail.key").c_str(), "r");
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(key_file, nullptr, nullptr, nullptr);
  const auto signer = Certificate("leaf-mail");
  BIO* const data = BIO_new_mem_buf("text", 4);
  CMS_ContentInfo* const cms = CMS_sign(signer.get(), key, nullptr, data, CMS_BINARY);
  CHECK_EQ(CMS_verify(cms, nullptr, store.get(), nullptr, nullptr, 0), 1);
  WriteStore({"root-mail-distrusted", "root-b"});
  CHECK_EQ(CMS_verify(cms, nullptr, store.get(), nullptr, nullptr, 0), 0);
  WriteStore({"root-mail"});
  CHECK_EQ(CMS_verify(cms, nullptr, store.get(), nullptr, nullptr, 0), 1);
  CMS_ContentInfo_free(cms);
  BIO_free(data);
  EVP_PKEY_free(key);
  BIO_free(key_file);
  ERR_clear_error();
}

// --- functions of the application's --------------------------------------------------------------

X509_STORE_CTX_verify_fn wrapped = nullptr;
int applications_calls = 0;

int CallsWhatWasThere(X509_STORE_CTX* ctx) {
  ++applications_calls;
  return wrapped != nullptr ? wrapped(ctx) : 0;  // without ostrust there is none
}

int AcceptsAnything(X509_STORE_CTX* ctx) {
  ++applications_calls;
  X509_STORE_CTX_set_error(ctx, X509_V_OK);
  return 1;
}

int RefusesEverything(X509_STORE_CTX* ctx) {
  ++applications_calls;
  X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

void VerifyFunctionsOfTheApplicationAreCalledAndJudged() {
  WriteStore({"root-a", "int-a-distrusted"});
  const Question good{.leaf = "leaf-a", .untrusted = ""};
  const auto expect = [&](X509_STORE* store, const char* where,
                          X509_STORE_CTX_verify_fn per_context = nullptr) {
    Question fine = good;
    fine.verify = per_context;
    Question refused{.trusted_first = false, .verify = per_context};
    applications_calls = 0;
    Check(Ask(store, fine) == kAccepted && applications_calls == 1, where, __LINE__);
    Check(Ask(store, refused) == Rejected(1) && applications_calls == 2, where, __LINE__);
  };
  for (const auto function : {CallsWhatWasThere, AcceptsAnything}) {
    const auto before = NewStore({});
    wrapped = X509_STORE_CTX_get_verify(Owned<X509_STORE_CTX>([] {
                                          X509_STORE_CTX* const ctx = X509_STORE_CTX_new();
                                          X509_STORE_CTX_init(ctx, nullptr, nullptr, nullptr);
                                          return ctx;
                                        }())
                                            .get());
    X509_STORE_set_verify(before.get(), function);
    Check(X509_STORE_load_file(before.get(), "os://") == 1, "it loads", __LINE__);
    expect(before.get(), "set before os://");

    const auto after = NewStore();
    wrapped = X509_STORE_get_verify(after.get());  // ours
    X509_STORE_set_verify(after.get(), function);
    expect(after.get(), "set after os://");

    // With a stack of its own the application leaves no other occasion to put ours there.
    const auto root = Certificate("root-a");
    STACK_OF(X509)* const stack = sk_X509_new_null();
    sk_X509_push(stack, root.get());
    CHECK_EQ(Ask(after.get(), {.trusted_stack = stack}), Rejected(1));
    sk_X509_free(stack);

    const auto context = NewStore();
    wrapped = X509_STORE_get_verify(context.get());
    expect(context.get(), "set in the context", function);
  }
  const auto refusing = NewStore();
  X509_STORE_set_verify(refusing.get(), RefusesEverything);
  CHECK_EQ(Ask(refusing.get(), good), "application verification failure@0");
  ERR_clear_error();
}

X509_STORE_CTX_get_issuer_fn previous_get_issuer = nullptr;

#if OPENSSL_VERSION_MAJOR >= 4
using Subject = const X509;
#else
using Subject = X509;
#endif

int DistrustsInTheMiddle(X509** issuer, X509_STORE_CTX* ctx, Subject* x) {
  // Between the search for the issuer and the verdict the system changes its mind.
  const int found = previous_get_issuer != nullptr ? previous_get_issuer(issuer, ctx, x) : 0;
  WriteStore({"root-a", "int-a-distrusted"});
  return found;
}

void OneVerificationSeesOneSnapshot() {
  WriteStore({"root-a"});
  const auto store = NewStore();
  previous_get_issuer = X509_STORE_get_get_issuer(store.get());
  X509_STORE_set_get_issuer(store.get(), DistrustsInTheMiddle);
  CHECK_EQ(Ask(store.get(), {.flags = 0}), kAccepted);
  CHECK_EQ(Ask(store.get(), {.flags = 0}), Rejected(1));
  ERR_clear_error();
}

void AContextThatVerifiesAgainSeesTheSystemAsItIsThen() {
  WriteStore({"root-a"});
  const auto store = NewStore();
  const auto leaf = Certificate("leaf-a");
  const Owned<X509_STORE_CTX> ctx(X509_STORE_CTX_new());
  CHECK_EQ(X509_STORE_CTX_init(ctx.get(), store.get(), leaf.get(), nullptr), 1);
  const auto ask = [&] {
    X509_STORE_CTX_set0_verified_chain(ctx.get(), nullptr);
    return X509_verify_cert(ctx.get());
  };
  CHECK_EQ(ask(), 1);
  CHECK_EQ(ask(), 1);
  WriteStore({"root-a-distrusted", "root-b"});
  CHECK_EQ(ask(), 0);
  CHECK_EQ(X509_STORE_CTX_get_error(ctx.get()), X509_V_ERR_CERT_REJECTED);
  ERR_clear_error();
}

/// `fail` makes the first verification in a context fail, `mend` lets the next one succeed.
void AfterOneThatFailed(const char* where, void (*fail)(X509_VERIFY_PARAM*),
                        void (*mend)(X509_VERIFY_PARAM*)) {
  const auto store = NewStore();
  const auto leaf = Certificate("leaf-a");
  for (const bool removed : {false, true}) {
    WriteStore({"root-a"});
    const Owned<X509_STORE_CTX> ctx(X509_STORE_CTX_new());
    CHECK_EQ(X509_STORE_CTX_init(ctx.get(), store.get(), leaf.get(), nullptr), 1);
    fail(X509_STORE_CTX_get0_param(ctx.get()));
    Check(X509_verify_cert(ctx.get()) == 0, where, __LINE__);
    mend(X509_STORE_CTX_get0_param(ctx.get()));
    X509_STORE_CTX_set0_verified_chain(ctx.get(), nullptr);
    if (removed) WriteStore({"root-b"});
    Check(X509_verify_cert(ctx.get()) == (removed ? 0 : 1), where, __LINE__);
  }
  ERR_clear_error();
}

void AContextThatVerifiesAgainAfterItFailedSeesTheSystemAsItIsThen() {
  AfterOneThatFailed(
      "the host name",
      [](X509_VERIFY_PARAM* param) { X509_VERIFY_PARAM_set1_host(param, "other.example", 0); },
      [](X509_VERIFY_PARAM* param) { X509_VERIFY_PARAM_set1_host(param, nullptr, 0); });
  AfterOneThatFailed(
      "the time", [](X509_VERIFY_PARAM* param) { X509_VERIFY_PARAM_set_time(param, 1); },
      [](X509_VERIFY_PARAM* param) { X509_VERIFY_PARAM_set_time(param, std::time(nullptr)); });
}

// --- what is kept for a store --------------------------------------------------------------------

/// What somebody could have put into a store.
struct Contents {
  X509_STORE_CTX_get_issuer_fn get_issuer;
  X509_STORE_CTX_lookup_certs_fn lookup_certs;
  X509_STORE_CTX_verify_fn verify;
  X509_STORE_CTX_verify_cb verify_cb;
  X509_STORE_CTX_check_issued_fn check_issued;
  int objects;
  std::vector<void*> data;
  friend bool operator==(const Contents&, const Contents&) = default;
};

Contents ContentsOf(X509_STORE* store) {
  std::vector<void*> data;
  for (int index = 0; index < 16; ++index) data.push_back(X509_STORE_get_ex_data(store, index));
  return {X509_STORE_get_get_issuer(store),
          X509_STORE_get_lookup_certs(store),
          X509_STORE_get_verify(store),
          X509_STORE_get_verify_cb(store),
          X509_STORE_get_check_issued(store),
          sk_X509_OBJECT_num(X509_STORE_get0_objects(store)),
          std::move(data)};
}

/// Threads verify in one store at the same time, so what is kept for it is made before (rule 14).
void AVerificationLeavesAStoreAsItWasFilled() {
  WriteStore({"root-a", "int-a-distrusted"});
  const Owned<X509_STORE> empty(X509_STORE_new());
  const auto own = NewStore({"root-a"});
  const auto asked = NewStore();
  CHECK(X509_STORE_get_verify(own.get()) == X509_STORE_get_verify(empty.get()));
  CHECK(X509_STORE_get_verify(asked.get()) != X509_STORE_get_verify(empty.get()));
  // These have the functions of the one that asked, as a copy has that an application makes, and
  // did not ask.
  const auto copied = [&](const char* name) {
    auto store = NewStore({name});
    X509_STORE_set_get_issuer(store.get(), X509_STORE_get_get_issuer(asked.get()));
    X509_STORE_set_lookup_certs(store.get(), X509_STORE_get_lookup_certs(asked.get()));
    X509_STORE_set_verify(store.get(), X509_STORE_get_verify(asked.get()));
    return store;
  };
  const auto copy = copied("root-a");
  const auto other_copy = copied("root-b");
  const auto partial_copy = copied("leaf-int");  // which is looked for by its own name
  const struct {
    X509_STORE* store;
    std::string answer;
    unsigned long flags = 0;
  } rows[] = {{own.get(), kAccepted},
              {asked.get(), Rejected(1)},
              {copy.get(), kAccepted},
              {other_copy.get(), kUnknown + "@1"},
              {partial_copy.get(), kAccepted, X509_V_FLAG_PARTIAL_CHAIN},
              {empty.get(), kUnknown + "@1"}};
  for (const auto& row : rows) {
    const Contents filled = ContentsOf(row.store);
    for (int time = 0; time < 3; ++time) {
      CHECK_EQ(Ask(row.store, {.flags = row.flags, .trusted_first = false}), row.answer);
      CHECK(ContentsOf(row.store) == filled);
    }
  }
  ERR_clear_error();
}

// --- library contexts and threads ----------------------------------------------------------------

template <typename Function>
void InAThreadOf(OSSL_LIB_CTX* library, const Function& function) {
  std::thread([&] {
    OSSL_LIB_CTX_set0_default(library);
    function();
    ERR_clear_error();
    OPENSSL_thread_stop();
  }).join();
}

void TheVerdictHoldsInThreadsOfOtherLibraryContexts() {
  WriteStore({"root-a", "int-a-distrusted"});
  const auto store = NewStore();
  const Owned<OSSL_LIB_CTX> with(OSSL_LIB_CTX_new());
  CHECK_EQ(OSSL_LIB_CTX_load_config(with.get(), Environment("OPENSSL_CONF").c_str()), 1);
  const auto its_store = NewStore({"os://"}, with.get());
  const Owned<OSSL_LIB_CTX> without(OSSL_LIB_CTX_new());
  // Shifts ex_data indexes there: a number of ours must not be taken for this.
  int taken = 0;
  InAThreadOf(without.get(), [&] {
    for (int i = 0; i < 4; ++i) {
      taken = X509_STORE_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    }
  });
  CHECK(taken > 0);
  const Question good{.leaf = "leaf-a", .untrusted = ""};
  for (OSSL_LIB_CTX* const library :
       {static_cast<OSSL_LIB_CTX*>(nullptr), with.get(), without.get()}) {
    InAThreadOf(library, [&] {
      CHECK_EQ(Ask(store.get(), {.purpose = X509_PURPOSE_SSL_SERVER}), Rejected(1));
      CHECK_EQ(Ask(store.get(), good), kAccepted);
      Question in_context{.libctx = with.get()};
      CHECK_EQ(Ask(its_store.get(), in_context), Rejected(1));
      in_context.leaf = "leaf-a";
      in_context.untrusted = "";
      CHECK_EQ(Ask(its_store.get(), in_context), kAccepted);
    });
  }
  // libssl's index means something else there: no SSL object, so nothing says that this is a
  // server.
  WriteStore({"root-a", "root-mail-reject"});
  std::vector<char> data(1 << 16);
  InAThreadOf(without.get(), [&] {
    CHECK_EQ(Ask(store.get(),
                 {.leaf = "leaf-mail-server", .untrusted = "", .at_libssls_index = data.data()}),
             kAccepted);
  });
  // An application's function in a context that no callback of ours saw: nothing could judge the
  // chain, so it gets no anchor.
  X509_STORE_set_verify(store.get(), AcceptsAnything);
  InAThreadOf(without.get(),
              [&] { CHECK_EQ(Ask(store.get(), good), "issuer certificate lookup error@0"); });
  InAThreadOf(nullptr, [&] { CHECK_EQ(Ask(store.get(), good), kAccepted); });
}

/// A context that is initialized in one thread and verifies in another.
void AnApplicationsFunctionIsCalledInThreadsOfOtherLibraryContexts() {
  const Owned<OSSL_LIB_CTX> without(OSSL_LIB_CTX_new());
  const auto leaf = Certificate("leaf-a");
  const auto expect = [&](X509_STORE* store, const char* where, int result, int error) {
    const Owned<X509_STORE_CTX> ctx(X509_STORE_CTX_new());
    CHECK_EQ(X509_STORE_CTX_init(ctx.get(), store, leaf.get(), nullptr), 1);
    InAThreadOf(without.get(), [&] {
      Check(X509_verify_cert(ctx.get()) == result, where, __LINE__);
      Check(X509_STORE_CTX_get_error(ctx.get()) == error, where, __LINE__);
    });
  };
  WriteStore({"root-a"});
  const auto refusing = NewStore();
  X509_STORE_set_verify(refusing.get(), RefusesEverything);
  expect(refusing.get(), "refused", 0, X509_V_ERR_APPLICATION_VERIFICATION);
  const auto wrapping = NewStore();
  wrapped = X509_STORE_get_verify(wrapping.get());  // ours
  X509_STORE_set_verify(wrapping.get(), CallsWhatWasThere);
  applications_calls = 0;
  expect(wrapping.get(), "accepted", 1, X509_V_OK);
  CHECK_EQ(applications_calls, 1);
  WriteStore({"root-a-distrusted", "root-b"});
  expect(wrapping.get(), "distrusted", 0, X509_V_ERR_CERT_REJECTED);
}

/// What is kept for a context goes where its end is told, and the end of one in a thread of another
/// library context is not. The next at its address is another verification.
void WhatWasKeptForAContextThatEndedUnseenIsNotTheNextOnes() {
  WriteStore({"root-a"});
  const auto store = NewStore();
  const auto leaf = Certificate("leaf-int");
  const Owned<STACK_OF(X509)> untrusted(sk_X509_new_null());
  sk_X509_push(untrusted.get(), Certificate("int-a").release());
  const auto verify = [&](X509_STORE_CTX* ctx) -> std::string {
    if (X509_STORE_CTX_init(ctx, store.get(), leaf.get(), untrusted.get()) != 1) std::abort();
    if (X509_verify_cert(ctx) == 1) return kAccepted;
    return X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
  };
  X509_STORE_CTX* const ended = X509_STORE_CTX_new();
  CHECK_EQ(verify(ended), kAccepted);
  WriteStore({"root-a", "int-a-distrusted"});
  const Owned<OSSL_LIB_CTX> without(OSSL_LIB_CTX_new());
  InAThreadOf(without.get(), [&] {
    X509_STORE_CTX_free(ended);
    std::vector<Owned<X509_STORE_CTX>> made;
    do {
      made.emplace_back(X509_STORE_CTX_new());
    } while (made.back().get() != ended && made.size() < 64);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which give no address twice
    CHECK(made.back().get() == ended);
#endif
    CHECK_EQ(verify(made.back().get()), kRejected);
  });
}

void UnloadingLeavesOpenSslAlone() {
  const Owned<OSSL_LIB_CTX> library(OSSL_LIB_CTX_new());
  // Describes ostrust and does not activate it.
  CHECK_EQ(OSSL_LIB_CTX_load_config(library.get(), Environment("OSTRUST_OTHER_CONF").c_str()), 1);
  OSSL_PROVIDER* const provider = OSSL_PROVIDER_load(library.get(), "ostrust");
  CHECK(provider != nullptr);
  WriteStore({"root-b", "int-a-distrusted"});
  const auto store = NewStore({"root-a", "os://"}, library.get());
  const Question question{.trusted_first = false, .libctx = library.get()};
  CHECK_EQ(Ask(store.get(), question), Rejected(1));
  OSSL_PROVIDER_unload(provider);
  CHECK_EQ(Ask(store.get(), question), kAccepted);
  ERR_clear_error();
}

// --- verify = report, roots ----------------------------------------------------------------------

void WithoutAVerdictOnlyOpenSslDecides() {
  WriteStore({"root-a", "int-a-distrusted"});
  const auto store = NewStore();
  Callback callback;
  CHECK_EQ(Ask(store.get(), {.trusted_first = false, .callback = &callback}), kAccepted);
  CHECK_EQ(callback.seen, "");
  CHECK_EQ(Errors(), "");
  CHECK_EQ(Ask(store.get(), {.callback = &callback}), kAccepted);
  CHECK_EQ(callback.seen, "");
  // What is distrusted is no anchor; limits of anchors are settings that OpenSSL looks at.
  WriteStore({"root-a-distrusted", "root-b"});
  CHECK_EQ(Ask(store.get(), {}), kUnknown + "@1");
  WriteStore({"root-a-mail-only"});
  CHECK_EQ(Ask(store.get(), {.purpose = X509_PURPOSE_SSL_SERVER}), Rejected(2));
  const auto both = NewStore({"root-a", "os://"});
  CHECK_EQ(Ask(both.get(), {}), kAccepted);
  ERR_clear_error();

  // A context that verifies again.
  WriteStore({"root-a"});
  const auto leaf = Certificate("leaf-a");
  const Owned<X509_STORE_CTX> ctx(X509_STORE_CTX_new());
  CHECK_EQ(X509_STORE_CTX_init(ctx.get(), store.get(), leaf.get(), nullptr), 1);
  CHECK_EQ(X509_verify_cert(ctx.get()), 1);
  X509_STORE_CTX_set0_verified_chain(ctx.get(), nullptr);
  WriteStore({"root-b"});
  CHECK_EQ(X509_verify_cert(ctx.get()), 0);
  ERR_clear_error();
}

}  // namespace

int main() {
  OPENSSL_init_ssl(0, nullptr);  // loads the configuration
  if (Environment("OSTRUST_VERIFY") != "platform") {
    WithoutAVerdictOnlyOpenSslDecides();
    return Finish();
  }
  ADistrustedIntermediateIsRefused();
  ARefusedCertificateBlocksNoOtherOfItsCa();
  ACallbackThatForgivesIsObeyed();
  WhatWasForgivenOpenSslIsNotForgivenTheSystem();
  TheBlocklistIsOverriddenByNoAnchorOfTheApplication();
  WhatOpenSslRefusesIsNotRefusedOnceMore();
  ABlocklistEntryIsFoundUnderAnotherSignature();
  LimitsDoNotDependOnSettingsOfASharedObject();
  OfTwoAnchorsOfOneNameTheOneTrustedForThePurposeIsTaken();
  OfTheApplicationsAndTheSystemsOneOfANameTheOneWithinItsDatesIsTaken();
  AnAnchorThatIsNotSelfSignedEndsAChainOnlyIfItsSettingsSaySo();
  CmsSignersAreJudgedAsWhatTheyAre();
  VerifyFunctionsOfTheApplicationAreCalledAndJudged();
  OneVerificationSeesOneSnapshot();
  AContextThatVerifiesAgainSeesTheSystemAsItIsThen();
  AContextThatVerifiesAgainAfterItFailedSeesTheSystemAsItIsThen();
  AVerificationLeavesAStoreAsItWasFilled();
  TheVerdictHoldsInThreadsOfOtherLibraryContexts();
  AnApplicationsFunctionIsCalledInThreadsOfOtherLibraryContexts();
  WhatWasKeptForAContextThatEndedUnseenIsNotTheNextOnes();
  UnloadingLeavesOpenSslAlone();
  return Finish();
}
