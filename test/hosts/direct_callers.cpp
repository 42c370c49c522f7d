// A program that works with X509_STORE itself: asks for issuers outside a verification (nginx does,
// for stapling), sets callbacks of its own before or after, shares and recycles stores.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "host.hpp"

using namespace host;

namespace {

Owned<X509_STORE> NewStore() {
  return Owned<X509_STORE>(X509_STORE_new());
}

void Load(X509_STORE* store, const char* name = "os://") {
  Check(X509_STORE_load_file(store, name) == 1, "os:// loads", __LINE__, Errors());
}

Owned<X509_STORE> OsStore() {
  auto store = NewStore();
  Load(store.get());
  return store;
}

void EveryWayToAskForIt() {
  WriteStore({"root-a"});
  const std::string marker = Environment("OSTRUST_MARKER");
  auto file = NewStore();
  Load(file.get(), "os:");
  auto marked = NewStore();
  Load(marked.get(), marker.c_str());
  auto path = NewStore();
  CHECK_EQ(X509_STORE_load_path(path.get(), "os:"), 1);
  auto uri = NewStore();
  CHECK_EQ(X509_STORE_load_store(uri.get(), "os://"), 1);
  auto both = NewStore();
  CHECK_EQ(X509_STORE_load_locations(both.get(), "os://", nullptr), 1);
  auto defaults = NewStore();
  CHECK_EQ(X509_STORE_set_default_paths(defaults.get()), 1);
  auto everything = NewStore();
  Load(everything.get());
  Load(everything.get());
  Load(everything.get(), marker.c_str());
  CHECK_EQ(X509_STORE_load_store(everything.get(), "os://"), 1);
  CHECK_EQ(X509_STORE_set_default_paths(everything.get()), 1);
  for (auto* store : {&file, &marked, &path, &uri, &both, &defaults, &everything}) {
    CHECK_EQ(Verify(store->get(), "leaf-a"), kAccepted);
    CHECK_EQ(Verify(store->get(), "leaf-b"), kUnknown);
  }
  // Only a request for the default *file* governs a store.
  auto directory = NewStore();
  X509_LOOKUP* const lookup = X509_STORE_add_lookup(directory.get(), X509_LOOKUP_hash_dir());
  CHECK_EQ(X509_LOOKUP_add_dir(lookup, nullptr, X509_FILETYPE_DEFAULT), 1);
  CHECK_EQ(Verify(directory.get(), "leaf-a"), kUnknown);
  ERR_clear_error();
}

void AskingForAnIssuerOutsideAVerification() {
  WriteStore({"root-b", "root-a"});
  const auto store = OsStore();
  const auto leaf = Certificate("leaf-a");
  const auto root = Certificate("root-a");
  {
    Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
    CHECK_EQ(X509_STORE_CTX_init(context.get(), store.get(), nullptr, nullptr), 1);
    X509* issuer = nullptr;
    CHECK_EQ(X509_STORE_CTX_get1_issuer(&issuer, context.get(), leaf.get()), 1);
    CHECK(issuer != nullptr && X509_cmp(issuer, root.get()) == 0);
    X509_free(issuer);

    X509_OBJECT* const object = X509_STORE_CTX_get_obj_by_subject(context.get(), X509_LU_X509,
                                                                  X509_get_issuer_name(leaf.get()));
    CHECK(object != nullptr && X509_cmp(X509_OBJECT_get0_X509(object), root.get()) == 0);
    X509_OBJECT_free(object);
  }
  // Nothing stays in the store, so what the system removes is gone here too.
  CHECK_EQ(sk_X509_OBJECT_num(X509_STORE_get0_objects(store.get())), 0);
  WriteStore({"root-b"});
  {
    Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
    CHECK_EQ(X509_STORE_CTX_init(context.get(), store.get(), nullptr, nullptr), 1);
    X509* issuer = nullptr;
    CHECK_EQ(X509_STORE_CTX_get1_issuer(&issuer, context.get(), leaf.get()), 0);
    X509_free(issuer);
  }
  CHECK_EQ(Verify(store.get(), "leaf-a"), kUnknown);
  // A store that did not ask has no issuer to give.
  const auto plain = NewStore();
  WriteStore({"root-a"});
  Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  CHECK_EQ(X509_STORE_CTX_init(context.get(), plain.get(), nullptr, nullptr), 1);
  X509* issuer = nullptr;
  CHECK_EQ(X509_STORE_CTX_get1_issuer(&issuer, context.get(), leaf.get()), 0);
  ERR_clear_error();
}

// --- callbacks of the application ---

int own_calls = 0;
X509* own_issuer = nullptr;
X509_STORE_CTX_get_issuer_fn previous_get_issuer = nullptr;

#if OPENSSL_VERSION_MAJOR >= 4
using Subject = const X509;  // of a X509_STORE_CTX_get_issuer_fn
#else
using Subject = X509;
#endif

/// Finds `own_issuer` where it fits, else asks whoever was there before, else nothing.
int OwnGetIssuer(X509** issuer, X509_STORE_CTX* context, Subject* certificate) {
  ++own_calls;
  if (own_issuer != nullptr && X509_check_issued(own_issuer, certificate) == X509_V_OK) {
    X509_up_ref(own_issuer);
    *issuer = own_issuer;
    return 1;
  }
  return previous_get_issuer != nullptr ? previous_get_issuer(issuer, context, certificate) : 0;
}

void CallbacksOfTheApplication() {
  WriteStore({"root-a"});
  const auto root_b = Certificate("root-b");
  own_issuer = root_b.get();

  // Set before the store asks for os://: it is called first, and the system comes after it.
  auto store = NewStore();
  previous_get_issuer = nullptr;
  X509_STORE_set_get_issuer(store.get(), OwnGetIssuer);
  Load(store.get());
  own_calls = 0;
  CHECK_EQ(Verify(store.get(), "leaf-a"), kAccepted);
  CHECK(own_calls > 0);
  CHECK_EQ(Verify(store.get(), "leaf-b"), kAccepted);

  // Set afterwards, and chained to what was there.
  store = OsStore();
  previous_get_issuer = X509_STORE_get_get_issuer(store.get());
  X509_STORE_set_get_issuer(store.get(), OwnGetIssuer);
  own_calls = 0;
  CHECK_EQ(Verify(store.get(), "leaf-a"), kAccepted);
  CHECK(own_calls > 0);
  CHECK_EQ(Verify(store.get(), "leaf-b"), kAccepted);

  // Set afterwards, chained to nothing: the application replaced the search, and that is obeyed.
  store = OsStore();
  previous_get_issuer = nullptr;
  X509_STORE_set_get_issuer(store.get(), OwnGetIssuer);
  CHECK_EQ(Verify(store.get(), "leaf-a"), kUnknown);

  // Asked for again after that: served again, the application's callback still first.
  Load(store.get());
  own_calls = 0;
  (void)Verify(store.get(), "leaf-a");
  CHECK(own_calls > 0);
  CHECK_EQ(Verify(store.get(), "leaf-b"), kAccepted);
  own_issuer = nullptr;

  // A stack of trusted certificates for one verification replaces the store.
  store = OsStore();
  STACK_OF(X509)* const trusted = sk_X509_new_null();
  sk_X509_push(trusted, root_b.get());
  for (const auto& [leaf, expected] :
       {std::pair<const char*, std::string>{"leaf-a", kUnknown}, {"leaf-b", kAccepted}}) {
    const auto certificate = Certificate(leaf);
    Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
    CHECK_EQ(X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr), 1);
    X509_STORE_CTX_set0_trusted_stack(context.get(), trusted);
    const bool good = X509_verify_cert(context.get()) == 1;
    CHECK_EQ(
        std::string(good ? kAccepted
                         : X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))),
        expected);
    ERR_clear_error();
  }
  sk_X509_free(trusted);
}

/// The chain a verification ends with holds certificates of its own: it outlives everything.
void ChainsOutliveTheStore() {
  WriteStore({"root-a"});
  STACK_OF(X509)* chain = nullptr;
  {
    const auto store = OsStore();
    const auto leaf = Certificate("leaf-a");
    Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
    CHECK_EQ(X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr), 1);
    CHECK_EQ(X509_verify_cert(context.get()), 1);
    chain = X509_STORE_CTX_get1_chain(context.get());
  }
  WriteStore({"root-b"});
  const auto other = OsStore();
  CHECK_EQ(Verify(other.get(), "leaf-a"), kUnknown);
  CHECK_EQ(sk_X509_num(chain), 2);
  const X509* const root = sk_X509_value(chain, 1);
  CHECK(root != nullptr && X509_cmp(root, Certificate("root-a").get()) == 0);
  sk_X509_pop_free(chain, X509_free);
}

/// A store at the address of one that asked for os:// and is gone is not governed.
void RecycledStores() {
  WriteStore({"root-a"});
  for (int turn = 0; turn < 200; ++turn) {
    const auto governed = OsStore();
    CHECK_EQ(Verify(governed.get(), "leaf-a"), kAccepted);
  }
  std::vector<Owned<X509_STORE>> plain;
  for (int turn = 0; turn < 50; ++turn) {
    plain.push_back(NewStore());
    CHECK_EQ(Verify(plain.back().get(), "leaf-a"), kUnknown);
  }
}

void OneStoreInManyThreads() {
  WriteStore({"root-a"});
  const auto shared = OsStore();
  std::atomic<bool> stop{false};
  std::atomic<int> refused{0};
  std::atomic<int> rounds{0};
  std::vector<std::thread> threads;
  for (int number = 0; number < 8; ++number) {
    threads.emplace_back([&, number] {
      while (!stop) {
        if (Verify(shared.get(), "leaf-a") != kAccepted) ++refused;
        (void)Verify(shared.get(), "leaf-twin-1");
        if (number % 2 == 0) {
          const auto own = OsStore();
          if (Verify(own.get(), "leaf-a") != kAccepted) ++refused;
        }
        ++rounds;
      }
    });
  }
  for (int turn = 0; turn < 60; ++turn) {
    switch (turn % 3) {
      case 0:
        WriteStore({"root-a", "twin-1"});
        break;
      case 1:
        WriteStore({"twin-2", "twin-1", "root-a"});
        break;
      default:
        WriteStore({"root-b", "root-a"});
        break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  while (rounds < 16) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK_EQ(refused.load(), 0);
  WriteStore({"twin-1"});
  CHECK_EQ(Verify(shared.get(), "leaf-a"), kUnknown);
  CHECK_EQ(Verify(shared.get(), "leaf-twin-1"), kAccepted);
}

}  // namespace

int main() {
  OPENSSL_init_ssl(0, nullptr);
  EveryWayToAskForIt();
  AskingForAnIssuerOutsideAVerification();
  CallbacksOfTheApplication();
  ChainsOutliveTheStore();
  RecycledStores();
  OneStoreInManyThreads();
  return Finish();
}
