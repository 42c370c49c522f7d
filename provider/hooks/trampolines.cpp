#include "provider/hooks/trampolines.hpp"

#include <array>
#include <utility>

#include "provider/hooks/binding.hpp"
#include "provider/hooks/host_errors.hpp"

namespace ostrust::hooks {
namespace {

template <std::size_t kSlot>
struct Entry {
  static Binding& Target() { return Binding::InSlot(kSlot); }

  /// In a catch block.
  static bool SayLack(X509_STORE_CTX* ctx) {
    return Target().SayLack(Target().symbols().X509_STORE_CTX_get0_store(ctx), ctx);
  }

  /// In a catch block: with 0, because some callers take a negative result for success.
  static int Refused(X509_STORE_CTX* ctx) {
    const int error = SayLack(ctx) ? X509_V_ERR_STORE_LOOKUP : X509_V_ERR_OUT_OF_MEM;
    Target().symbols().X509_STORE_CTX_set_error(ctx, error);
    return 0;
  }

  static int FileCtrlEx(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret,
                        OSSL_LIB_CTX* libctx, const char* propq) {
    try {
      return Target().FileCtrl(lookup, cmd, argp, argl, ret, libctx, propq);
    } catch (...) {
      RaiseException(Target().symbols());
      return 0;  // refused: OpenSSL's own function might read a file called os:
    }
  }

  static int StoreCtrlEx(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret,
                         OSSL_LIB_CTX* libctx, const char* propq) {
    try {
      return Target().StoreCtrl(lookup, cmd, argp, argl, ret, libctx, propq);
    } catch (...) {
      RaiseException(Target().symbols());
      return 0;
    }
  }

  static int DirCtrl(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret) {
    try {
      return Target().DirCtrl(lookup, cmd, argp, argl, ret);
    } catch (...) {
      RaiseException(Target().symbols());
      return 0;
    }
  }

  static int GetIssuer(X509** issuer, X509_STORE_CTX* ctx, X509* x) {
    try {
      return Target().GetIssuer(issuer, ctx, x);
    } catch (...) {
      SayLack(ctx);
      *issuer = nullptr;
      return -1;  // OpenSSL: X509_V_ERR_STORE_LOOKUP
    }
  }

  static STACK_OF(X509) * LookupCerts(X509_STORE_CTX* ctx, const X509_NAME* name) {
    try {
      return Target().LookupCerts(ctx, name);
    } catch (...) {
      SayLack(ctx);
      return nullptr;  // OpenSSL: an internal error, never "trusted"
    }
  }

  static int LookupBySubject(X509_LOOKUP* lookup, X509_LOOKUP_TYPE type, const X509_NAME* name,
                             X509_OBJECT* ret) {
    try {
      return Target().LookupBySubject(lookup, type, name, ret);
    } catch (...) {
      Target().SayLack(Target().symbols().X509_LOOKUP_get_store(lookup), nullptr);
      return 0;  // 3.0 takes every other number for success
    }
  }

  static void LookupFree(X509_LOOKUP* lookup) {
    try {
      Target().StoreFreed(lookup);
    } catch (...) {
      // Nothing to fall back to; nothing in there throws but a broken mutex.
    }
  }

  static void StoreNew(void* store, void*, CRYPTO_EX_DATA*, int, long, void*) {
    try {
      Target().StoreMade(static_cast<X509_STORE*>(store));
    } catch (...) {
      // Out of memory: the store stays an ordinary one.
    }
  }

  static int Verify(X509_STORE_CTX* ctx) {
    try {
      return Target().Verify(ctx);
    } catch (...) {
      return Refused(ctx);
    }
  }

  static void VerificationNew(void* ctx, void*, CRYPTO_EX_DATA*, int, long, void*) {
    try {
      Target().VerificationMade(static_cast<X509_STORE_CTX*>(ctx));
    } catch (...) {
      // Out of memory. The store's own function is ours already; only what this file keeps for one
      // verification is missing, and without it the hooks are stricter.
    }
  }

  static void VerificationFree(void* ctx, void*, CRYPTO_EX_DATA*, int, long, void*) {
    try {
      Target().VerificationEnded(static_cast<X509_STORE_CTX*>(ctx));
    } catch (...) {
      // As above.
    }
  }

  static void SslCtxNew(void* ssl_ctx, void*, CRYPTO_EX_DATA*, int, long, void*) {
    try {
      Target().SslContextMade(static_cast<SSL_CTX*>(ssl_ctx));
    } catch (...) {
      // Out of memory: the context verifies as OpenSSL does, and the verdict is still asked.
    }
  }

  static int CertVerify(X509_STORE_CTX* ctx, void*) {
    try {
      return Target().CertVerify(ctx);
    } catch (...) {
      return Refused(ctx);
    }
  }

  static int VerifyCallback(int ok, X509_STORE_CTX* ctx) {
    try {
      return Target().VerifyCallback(ok, ctx);
    } catch (...) {
      return 0;
    }
  }

  static int BeforeClientHello(SSL* ssl, unsigned int, unsigned int, const unsigned char**,
                               std::size_t*, X509*, std::size_t, int*, void*) {
    try {
      Target().BeforeClientHello(ssl);
    } catch (...) {
      // Out of memory: no response is asked for.
    }
    return 0;  // nothing is added to the ClientHello
  }

  static constexpr Trampolines kAll = {FileCtrlEx,  StoreCtrlEx,     DirCtrl,          GetIssuer,
                                       LookupCerts, LookupBySubject, LookupFree,       StoreNew,
                                       Verify,      VerificationNew, VerificationFree, SslCtxNew,
                                       CertVerify,  VerifyCallback,  BeforeClientHello};
};

template <std::size_t... kSlots>
constexpr std::array<Trampolines, sizeof...(kSlots)> Make(std::index_sequence<kSlots...>) {
  return {Entry<kSlots>::kAll...};
}

constexpr auto kTrampolines = Make(std::make_index_sequence<kMaxBindings>());

}  // namespace

const Trampolines& TrampolinesOf(std::size_t slot) {
  return kTrampolines.at(slot);
}

}  // namespace ostrust::hooks
