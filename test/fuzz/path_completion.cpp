// Intermediates that a server sent, and others that were remembered: whoever made them, a search
// among them ends soon, and puts behind the server's only what its issuer signed.
//
// Four bytes for each certificate: its subject and issuer, its key and that of its issuer, what it
// is and where it is. The first one is the server's own.
#include "provider/verify/path_completion.hpp"

#include <openssl/core_dispatch.h>

#include <cstdarg>
#include <map>
#include <tuple>
#include <vector>

#include "libcrypto.hpp"
#include "platform/certificate_fields.hpp"
#include "platform/intermediate_cache.hpp"
#include "provider/verify/own_completion.hpp"

using namespace ostrust;
using ostrust::fuzz::Require;
using platform::Bytes;

namespace {

constexpr int kMaxSignatures = 64;  // as own_completion.cpp has it
constexpr int kMaxLevels = 6;

int GetParams(const OSSL_CORE_HANDLE*, OSSL_PARAM* params) {
  static char off[] = "off";
  for (; params->key != nullptr; ++params) {
    if (std::string_view(params->key) == "cache-dir") {
      *static_cast<char**>(params->data) = off;
      params->return_size = sizeof off - 1;
    }
  }
  return 1;
}
OPENSSL_CORE_CTX* GetLibctx(const OSSL_CORE_HANDLE*) {
  return nullptr;
}
void NewError(const OSSL_CORE_HANDLE*) {}
void SetErrorDebug(const OSSL_CORE_HANDLE*, const char*, int, const char*) {}
void VsetError(const OSSL_CORE_HANDLE*, std::uint32_t, const char*, va_list) {}
int SetErrorMark(const OSSL_CORE_HANDLE*) {
  return 1;
}

template <typename Function>
OSSL_DISPATCH Dispatch(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

const ProviderContext& Provider() {
  static const ProviderContext& provider = [&]() -> const ProviderContext& {
    static const OSSL_DISPATCH functions[] = {
        Dispatch(OSSL_FUNC_CORE_GET_PARAMS, GetParams),
        Dispatch(OSSL_FUNC_CORE_GET_LIBCTX, GetLibctx),
        Dispatch(OSSL_FUNC_CORE_NEW_ERROR, NewError),
        Dispatch(OSSL_FUNC_CORE_SET_ERROR_DEBUG, SetErrorDebug),
        Dispatch(OSSL_FUNC_CORE_VSET_ERROR, VsetError),
        Dispatch(OSSL_FUNC_CORE_SET_ERROR_MARK, SetErrorMark),
        Dispatch(OSSL_FUNC_CORE_POP_ERROR_TO_MARK, SetErrorMark),
        {0, nullptr}};
    const auto core = Core::FromDispatch(nullptr, functions);
    Require(core.has_value());
    return *new ProviderContext(*core);
  }();
  return provider;
}

int signatures = 0;
int CountingVerify(X509* x509, EVP_PKEY* key) {
  ++signatures;
  return ::X509_verify(x509, key);
}

// Anchors by their name and key.
class Trust final : public verify::TrustLookup {
 public:
  std::vector<X509*> anchors;
  std::vector<X509*> distrusted;

  bool HasIssuerOf(X509* x509, bool signed_by_it) override {
    Require(++asked < 20000);
    return std::any_of(anchors.begin(), anchors.end(), [&](X509* anchor) {
      return X509_NAME_cmp(X509_get_issuer_name(x509), X509_get_subject_name(anchor)) == 0 &&
             (!signed_by_it || ::X509_verify(x509, X509_get0_pubkey(anchor)) == 1);
    });
  }
  bool Contains(X509* x509) override {
    return std::any_of(anchors.begin(), anchors.end(),
                       [&](X509* anchor) { return X509_cmp(anchor, x509) == 0; });
  }
  bool Distrusts(platform::ByteView certificate) override {
    return std::any_of(distrusted.begin(), distrusted.end(), [&](const X509* x509) {
      return platform::AsText(ostrust::fuzz::DerOf(x509)) == platform::AsText(certificate);
    });
  }

 private:
  int asked = 0;
};

std::vector<Bytes> remembered;

// The same input has the same certificates; making one takes longer than searching among them.
X509* Certificate(unsigned names, unsigned keys, unsigned kind) {
  using Id = std::tuple<unsigned, unsigned, unsigned>;
  static auto& made = *new std::map<Id, X509*>;
  X509*& x509 = made[Id(names, keys, kind)];
  if (x509 == nullptr) {
    const auto name = [](unsigned number) {
      return std::string(1, static_cast<char>('A' + number));
    };
    x509 = ostrust::fuzz::MakeCertificate({.subject = name(names & 7),
                                           .issuer = name(names >> 3 & 7),
                                           .key = 1 + static_cast<int>(keys & 3),
                                           .issuer_key = 1 + static_cast<int>(keys >> 2 & 3),
                                           .serial = 1 + static_cast<int>(kind),
                                           .is_authority = true})
               .release();
    X509_get_extension_flags(x509);
  }
  return x509;
}

}  // namespace

// A double of the cache, which is the process's: an input must not see what others left in it.
namespace ostrust::platform {

IntermediateCache::IntermediateCache(const std::string&) : mutex_(mutex_rank::kErrors) {}
std::vector<Bytes> IntermediateCache::FindRemembered(ByteView subject) const {
  std::vector<Bytes> found;
  for (const Bytes& certificate : remembered) {
    if (AsText(ReadCertificateFields(certificate)->subject) == AsText(subject)) {
      found.push_back(certificate);
    }
  }
  return found;
}
std::vector<Bytes> IntermediateCache::FindKept(ByteView) const {
  return {};
}
bool IntermediateCache::Remembers(ByteView, ByteView) const {
  return false;
}
void IntermediateCache::Remember(ByteView) {}
std::string IntermediateCache::Keep(ByteView) {
  return {};
}
bool IntermediateCache::FailedLately(std::string_view, Concerns) const {
  return false;
}
void IntermediateCache::NoteFailure(std::string_view, Concerns) {}
void IntermediateCache::NoteSuccess(std::string_view, Concerns) {}

}  // namespace ostrust::platform

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const host::Symbols& symbols = [&]() -> const host::Symbols& {
    auto* const counting = new host::Symbols(ostrust::fuzz::LinkedSymbols());
    counting->X509_verify = CountingVerify;
    return *counting;
  }();
  remembered.clear();
  ostrust::fuzz::Pieces pieces(data, size);
  const unsigned flags = pieces.Byte();
  const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> untrusted(
      sk_X509_new_null(), [](STACK_OF(X509) * stack) { sk_X509_free(stack); });
  Trust trust;
  X509* leaf = nullptr;
  std::size_t count = 0;
  for (; !pieces.AtEnd() && count < 200; ++count) {
    const unsigned names = pieces.Byte() & 63;
    const unsigned keys = pieces.Byte() & 15;
    const unsigned kind = pieces.Byte() & 15;
    X509* const x509 = Certificate(names, keys, kind >> 2 & 1);
    if (leaf == nullptr) {
      leaf = x509;
      continue;
    }
    switch (kind & 3) {
      case 0:
        sk_X509_push(untrusted.get(), x509);
        break;
      case 1:
        remembered.push_back(ostrust::fuzz::DerOf(x509));
        break;
      case 2:
        trust.anchors.push_back(x509);
        break;
      default:
        trust.distrusted.push_back(x509);
    }
  }
  if (leaf == nullptr) return 0;
  const std::unique_ptr<X509_STORE, ostrust::fuzz::Deleter<X509_STORE_free>> store(
      X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, ostrust::fuzz::Deleter<X509_STORE_CTX_free>> ctx(
      X509_STORE_CTX_new());
  X509_STORE_CTX_init(ctx.get(), store.get(), leaf, untrusted.get());
  X509_VERIFY_PARAM* const param = X509_STORE_CTX_get0_param(ctx.get());
  X509_VERIFY_PARAM_set_time(param, ostrust::fuzz::kNow);
  if (flags % 2 != 0) X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  if (flags % 4 >= 2) X509_VERIFY_PARAM_set_depth(param, static_cast<int>(flags >> 2 & 7));

  const std::string propq;
  verify::FetchBudget budget;
  const auto completion =
      verify::MakeOwnCompletion({symbols, Provider(), nullptr, propq, ctx.get(), trust, budget});
  signatures = 0;
  bool completed = false;
  {
    const ostrust::fuzz::SameErrors same;
    completed = completion->IssuerIsMissing() && completion->Complete();
  }
  Require(signatures <= kMaxSignatures);
  const auto all = completion->Untrusted();
  const int sent = sk_X509_num(untrusted.get());
  const int found = OPENSSL_sk_num(all.get()) - sent;
  Require(found >= 0 && found <= kMaxLevels && (found > 0) == completed);
  for (int i = 0; i < sent; ++i) {
    Require(OPENSSL_sk_value(all.get(), i) == sk_X509_value(untrusted.get(), i));
  }
  // Each one has signed the leaf, one that the server sent or one that was found, and is refused by
  // nobody; and one of them or of the server's has its issuer in the store.
  for (int i = sent; i < sent + found; ++i) {
    auto* const x509 = static_cast<X509*>(OPENSSL_sk_value(all.get(), i));
    Require(!trust.Distrusts(ostrust::fuzz::DerOf(x509)));
    bool has_signed = ::X509_verify(leaf, X509_get0_pubkey(x509)) == 1;
    for (int j = 0; j < sent + found; ++j) {
      has_signed |= j != i && ::X509_verify(static_cast<X509*>(OPENSSL_sk_value(all.get(), j)),
                                            X509_get0_pubkey(x509)) == 1;
    }
    Require(has_signed);
  }
  ERR_clear_error();
  return 0;
}
