#include "provider/verify/list_check.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "platform/der.hpp"
#include "provider/host/dropped_errors.hpp"

namespace ostrust::verify {
namespace {

using platform::ByteView;

/// One call of check_revocation(), for the functions that it calls.
struct Check {
  const ListQuestion& question;
  X509_STORE_CTX* ctx = nullptr;  // ours
  struct Candidate {
    X509_CRL* excerpt;
    ListPtr list;
  };
  std::vector<Candidate> candidates;
  ListFinding& finding;
  // While OpenSSL looks at an excerpt whose whole list is verified afterwards.
  bool forgives_signature = false;
};

// The one this thread is in. OpenSSL passes the callbacks nothing else that could tell.
constinit thread_local Check* current = nullptr;

class Current {
 public:
  explicit Current(Check& check) : previous_(std::exchange(current, &check)) {}
  ~Current() { current = previous_; }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  // Not null in a verification that somebody else does for one that OpenSSL does here.
  Check* const previous_;
};

const char* PropertyQuery(const ListQuestion& question) {
  return question.propq.empty() ? nullptr : question.propq.c_str();
}

/// Whether `signature` is that of `key`. ASN1_item_verify_ex() encodes what it is given; of a
/// SEQUENCE as it stands that is the bytes themselves.
bool Verify(const ListQuestion& question, ByteView to_be_signed, ByteView algorithm,
            ByteView signature, EVP_PKEY* key) {
  const host::Symbols& symbols = question.symbols;
  const auto* position = reinterpret_cast<const unsigned char*>(algorithm.data());
  const std::unique_ptr<X509_ALGOR, decltype(symbols.X509_ALGOR_free)> parsed(
      symbols.d2i_X509_ALGOR(nullptr, &position, static_cast<long>(algorithm.size())),
      symbols.X509_ALGOR_free);
  using StringPtr = std::unique_ptr<ASN1_STRING, decltype(symbols.ASN1_STRING_free)>;
  const auto string = [&symbols](int type, ByteView content) {
    StringPtr made(symbols.ASN1_STRING_type_new(type), symbols.ASN1_STRING_free);
    if (made == nullptr || symbols.ASN1_STRING_set(made.get(), content.data(),
                                                   static_cast<int>(content.size())) != 1) {
      throw std::bad_alloc();
    }
    return made;
  };
  const StringPtr bits = string(V_ASN1_BIT_STRING, signature);
  const StringPtr sequence = string(V_ASN1_SEQUENCE, to_be_signed);
  if (parsed == nullptr) throw std::bad_alloc();  // it was parsed before, as a part of the list
  const auto is_good = [&] {
    return symbols.ASN1_item_verify_ex(symbols.ASN1_SEQUENCE_it(), parsed.get(), bits.get(),
                                       sequence.get(), nullptr, key, question.libctx,
                                       PropertyQuery(question)) == 1;
  };
  // A "no" is remembered, and OpenSSL does not tell a bad signature from a lack of memory.
  return is_good() || is_good();
}

/// Whether the list that an excerpt was made of is signed by this certificate's key.
bool IsSigned(Check& check, const ListPtr& list, const X509* issuer) {
  const ListQuestion& question = check.question;
  const host::Symbols& symbols = question.symbols;
  const host::DroppedErrors dropped(symbols);  // of each: there is room for 16
  EVP_PKEY* const key = symbols.X509_get0_pubkey(issuer);
  // With its algorithm and parameters: the same bits can be another key.
  X509_PUBKEY* const key_info = symbols.X509_get_X509_PUBKEY(issuer);
  if (key == nullptr || key_info == nullptr) return false;
  platform::Bytes public_key(
      static_cast<std::size_t>(std::max(symbols.i2d_X509_PUBKEY(key_info, nullptr), 0)));
  auto* out = reinterpret_cast<unsigned char*>(public_key.data());
  if (public_key.empty() || symbols.i2d_X509_PUBKEY(key_info, &out) <= 0) return false;
  const auto verify = [&](ByteView to_be_signed, ByteView algorithm, ByteView signature) {
    return Verify(question, to_be_signed, algorithm, signature, key);
  };
  return list->IsSignedBy(public_key, verify, question.strict, question.verifier);
}

/// Whether a certificate above the one in question has the name of the CRL's issuer; `is_signed`,
/// whether one of those signed the list.
bool IsOfChain(Check& check, const OPENSSL_STACK* part, const X509_CRL* crl, const ListPtr& list,
               bool& is_signed) {
  const host::Symbols& symbols = check.question.symbols;
  bool is_of_chain = false;
  is_signed = false;
  for (int i = 1; i < symbols.OPENSSL_sk_num(part) && !is_signed; ++i) {
    const auto* const issuer = static_cast<const X509*>(symbols.OPENSSL_sk_value(part, i));
    if (symbols.X509_NAME_cmp(symbols.X509_get_subject_name(issuer),
                              symbols.X509_CRL_get_issuer(crl)) != 0) {
      continue;
    }
    is_of_chain = true;
    is_signed = IsSigned(check, list, issuer);
  }
  return is_of_chain;
}

/// In the place of check_crl() of OpenSSL, which it calls.
int CheckCrl(X509_STORE_CTX* ctx, X509_CRL* crl) noexcept {
  Check& check = *current;
  const host::Symbols& symbols = check.question.symbols;
  try {
    const auto candidate =
        std::find_if(check.candidates.begin(), check.candidates.end(),
                     [crl](const Check::Candidate& other) { return other.excerpt == crl; });
    // Of the certificate's issuer, or of the CRL's where that is another.
    const X509* const issuer = symbols.X509_STORE_CTX_get0_current_issuer(ctx);
    if (candidate == check.candidates.end() || issuer == nullptr ||
        check.question.distrusts(issuer)) {
      symbols.X509_STORE_CTX_set_error(ctx, X509_V_ERR_CRL_PATH_VALIDATION_ERROR);
      return 0;
    }
    check.forgives_signature = true;
    const int result = check.question.openssls.check_crl(ctx, crl);
    check.forgives_signature = false;
    if (result != 1) return result;
    // Last, because it may take long, and the issuer may be one that the peer made up.
    if (!IsSigned(check, candidate->list, issuer)) {
      symbols.X509_STORE_CTX_set_error(ctx, X509_V_ERR_CRL_SIGNATURE_FAILURE);
      return 0;
    }
    // A CRL's issuer that is none of the chain may end before what it signed.
    if (const auto end = SecondsOf(symbols, symbols.X509_get0_notAfter(issuer))) {
      check.finding.until = std::min(*end, check.finding.until.value_or(*end));
    }
    std::vector<ListPtr>& accepted = check.finding.accepted;
    if (std::find(accepted.begin(), accepted.end(), candidate->list) == accepted.end()) {
      accepted.push_back(candidate->list);
    }
    return 1;
  } catch (...) {
    symbols.X509_STORE_CTX_set_error(ctx, X509_V_ERR_OUT_OF_MEM);
    return 0;
  }
}

/// Forgives that the signature is not the excerpt's, and nothing else.
int VerifyCallback(int ok, X509_STORE_CTX* ctx) noexcept {
  const Check& check = *current;
  return ok != 0 || (check.forgives_signature && ctx == check.ctx &&
                     check.question.symbols.X509_STORE_CTX_get_error(ctx) ==
                         X509_V_ERR_CRL_SIGNATURE_FAILURE)
             ? 1
             : 0;
}

/// A stack that owns what is in it.
struct Stack {
  using Free = void (*)(void*);
  Stack(const host::Symbols& of, Free with) : symbols(of), free_item(with) {
    if (items == nullptr) throw std::bad_alloc();
  }
  ~Stack() { symbols.OPENSSL_sk_pop_free(items, free_item); }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// Owns `item` from now on, also when it throws.
  void Push(void* item) {
    if (symbols.OPENSSL_sk_push(items, item) != 0) return;
    free_item(item);
    throw std::bad_alloc();
  }
  OPENSSL_STACK* Release() { return std::exchange(items, nullptr); }

  const host::Symbols& symbols;
  const Free free_item;
  OPENSSL_STACK* items = symbols.OPENSSL_sk_new_null();
};

/// The content of the INTEGER.
platform::Bytes SerialNumberOf(const host::Symbols& symbols, const X509* x509) {
  unsigned char* der = nullptr;
  const int size = symbols.i2d_ASN1_INTEGER(symbols.X509_get0_serialNumber(x509), &der);
  if (size <= 0) throw std::bad_alloc();
  const auto free = [&symbols](unsigned char* memory) {
    symbols.CRYPTO_free(memory, "ostrust", 0);
  };
  const std::unique_ptr<unsigned char, decltype(free)> owned(der, free);
  const auto integer =
      platform::DerReader(std::as_bytes(std::span(der, static_cast<std::size_t>(size)))).Next();
  if (!integer) throw std::bad_alloc();
  return {integer->content.begin(), integer->content.end()};
}

/// Puts the chain from the certificate up into `part`. Returns the anchor, which belongs to it.
X509* TakePart(const ListQuestion& question, std::size_t depth, Stack& part) {
  const host::Symbols& symbols = question.symbols;
  const auto* const chain =
      reinterpret_cast<const OPENSSL_STACK*>(symbols.X509_STORE_CTX_get0_chain(question.ctx));
  X509* last = nullptr;
  for (int i = static_cast<int>(depth); i < symbols.OPENSSL_sk_num(chain); ++i) {
    last = static_cast<X509*>(symbols.OPENSSL_sk_value(chain, i));
    if (symbols.X509_up_ref(last) != 1) throw std::bad_alloc();
    part.Push(last);
  }
  return last;
}

/// Makes the excerpts of `lists` for `x509` that OpenSSL is offered, and notes which lists are bad.
void TakeExcerpts(Check& check, const OPENSSL_STACK* part, const X509* x509,
                  std::span<const ListPtr> lists, Stack& excerpts) {
  const ListQuestion& question = check.question;
  const host::Symbols& symbols = question.symbols;
  ListFinding& finding = check.finding;
  const platform::Bytes serial_number = SerialNumberOf(symbols, x509);
  // Of several deltas to a base OpenSSL takes the first.
  std::vector<ListPtr> newest_first(lists.begin(), lists.end());
  std::stable_sort(
      newest_first.begin(), newest_first.end(),
      [](const ListPtr& a, const ListPtr& b) { return a->ThisUpdate() > b->ThisUpdate(); });
  for (const ListPtr& list : newest_first) {
    const host::DroppedErrors dropped(symbols);  // of each: there is room for 16
    const auto der = list->ExcerptFor(serial_number);
    if (!der) {
      finding.bad.push_back(list);
      continue;
    }
    X509_CRL* crl = symbols.X509_CRL_new_ex(question.libctx, PropertyQuery(question));
    const auto* position = reinterpret_cast<const unsigned char*>(der->data());
    // On failure d2i_X509_CRL() frees what it was given and sets it to null.
    symbols.d2i_X509_CRL(&crl, &position, static_cast<long>(der->size()));
    if (crl == nullptr) continue;
    std::unique_ptr<X509_CRL, decltype(symbols.X509_CRL_free)> owned(crl, symbols.X509_CRL_free);
    // OpenSSL chooses by dates and scopes: one that nobody signed would stand before a good one.
    bool is_signed = false;
    if (IsOfChain(check, part, crl, list, is_signed)) {
      (is_signed ? finding.of_chain : finding.bad).push_back(list);
      if (!is_signed) continue;
    }
    excerpts.Push(owned.release());
    check.candidates.push_back({crl, list});
  }
}

/// Time, strictness and security level are those of the verification that is asked about.
void SetParameters(const ListQuestion& question, X509_STORE_CTX* ctx) {
  const host::Symbols& symbols = question.symbols;
  const X509_VERIFY_PARAM* const applications = symbols.X509_STORE_CTX_get0_param(question.ctx);
  X509_VERIFY_PARAM* const param = symbols.X509_STORE_CTX_get0_param(ctx);
  symbols.X509_VERIFY_PARAM_set_flags(
      param, question.time.strictness | X509_V_FLAG_CRL_CHECK | X509_V_FLAG_EXTENDED_CRL_SUPPORT |
                 X509_V_FLAG_USE_DELTAS | X509_V_FLAG_PARTIAL_CHAIN |
                 (question.time.matters ? 0UL : X509_V_FLAG_NO_CHECK_TIME));
  if (question.time.is_given) symbols.X509_VERIFY_PARAM_set_time(param, question.time.now);
  symbols.X509_VERIFY_PARAM_set_auth_level(param,
                                           symbols.X509_VERIFY_PARAM_get_auth_level(applications));
}

void RunCheck(const ListQuestion& question, std::size_t depth, std::span<const ListPtr> lists,
              ListFinding& finding) {
  const host::Symbols& symbols = question.symbols;
  const host::DroppedErrors dropped(symbols);
  Check check{question, nullptr, {}, finding};
  Stack part(symbols, reinterpret_cast<Stack::Free>(symbols.X509_free));
  X509* const anchor = TakePart(question, depth, part);
  auto* const x509 = static_cast<X509*>(symbols.OPENSSL_sk_value(part.items, 0));
  Stack excerpts(symbols, reinterpret_cast<Stack::Free>(symbols.X509_CRL_free));
  TakeExcerpts(check, part.items, x509, lists, excerpts);
  if (check.candidates.empty()) {
    finding.why = "CRL: not signed by the certificate's issuer, or damaged";
    return;
  }

  const std::unique_ptr<X509_STORE, decltype(symbols.X509_STORE_free)> store(
      symbols.X509_STORE_new(), symbols.X509_STORE_free);
  const std::unique_ptr<X509_STORE_CTX, decltype(symbols.X509_STORE_CTX_free)> ctx(
      symbols.X509_STORE_CTX_new_ex(question.libctx, PropertyQuery(question)),
      symbols.X509_STORE_CTX_free);
  if (store == nullptr || ctx == nullptr || symbols.X509_STORE_add_cert(store.get(), anchor) != 1) {
    throw std::bad_alloc();
  }
  symbols.X509_STORE_set_check_crl(store.get(), CheckCrl);
  symbols.X509_STORE_set_verify_cb(store.get(), VerifyCallback);
  if (symbols.X509_STORE_CTX_init(ctx.get(), store.get(), x509,
                                  symbols.X509_STORE_CTX_get0_untrusted(question.ctx)) != 1) {
    throw std::bad_alloc();
  }
  // Owned by the context from now on.
  symbols.X509_STORE_CTX_set0_verified_chain(ctx.get(),
                                             reinterpret_cast<STACK_OF(X509)*>(part.Release()));
  symbols.X509_STORE_CTX_set0_crls(ctx.get(),
                                   reinterpret_cast<STACK_OF(X509_CRL)*>(excerpts.items));
  SetParameters(question, ctx.get());

  check.ctx = ctx.get();
  const Current running(check);
  const int result = question.openssls.check_revocation(ctx.get());
  for (const ListPtr& list : finding.accepted) {
    const auto until = list->NextUpdate();
    if (until) finding.until = std::min(*until, finding.until.value_or(*until));
  }
  if (result == 1) {
    finding.status = RevocationStatus::kGood;
    finding.why = "a CRL";
    return;
  }
  const int error = symbols.X509_STORE_CTX_get_error(ctx.get());
  if (error == X509_V_ERR_OUT_OF_MEM) throw std::bad_alloc();  // of CheckCrl(), too
  if (error == X509_V_ERR_CERT_REVOKED) {
    finding.status = RevocationStatus::kRevoked;
    finding.why = "a CRL";
  } else {
    finding.why = std::string("CRL: ") + symbols.X509_verify_cert_error_string(error);
  }
}

}  // namespace

ListFinding CheckLists(const ListQuestion& question, std::size_t depth,
                       std::span<const ListPtr> lists) {
  ListFinding finding;
  if (lists.empty()) return finding;
  RunCheck(question, depth, lists, finding);
  if (finding.status != RevocationStatus::kUnknown) return finding;
  // Somewhere in OpenSSL memory may have been short, and what is unknown may be accepted.
  ListFinding again;
  RunCheck(question, depth, lists, again);
  return again;
}

}  // namespace ostrust::verify
