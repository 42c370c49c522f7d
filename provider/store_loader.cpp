#include "provider/store_loader.hpp"

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>

#include "platform/trust_settings.hpp"
#include "provider/params.hpp"
#include "provider/provider.hpp"
#include "provider/standing.hpp"
#include "provider/uri.hpp"

namespace ostrust {
namespace {

// OSSL_STORE_INFO_CERT of openssl/store.h, which needs libcrypto's functions to be declared.
constexpr int kExpectCertificate = 5;

// PEM_STRING_X509 and PEM_STRING_X509_TRUSTED: what OpenSSL's try_cert() goes by (store_result.c).
constexpr char kPlainType[] = "CERTIFICATE";
constexpr char kTrustedType[] = "TRUSTED CERTIFICATE";

/// One opened os: store. Used by one thread at a time, as every OSSL_STORE_CTX.
class Session {
 public:
  Session(std::shared_ptr<ProviderContext> context,
          std::shared_ptr<const platform::TrustStore> store)
      : context_(std::move(context)), store_(std::move(store)) {}

  /// OSSL_FUNC_store_set_ctx_params. Returns false, with an error raised, for a search that is not
  /// by subject.
  bool SetParams(const OSSL_PARAM* params) {
    for (; params != nullptr && params->key != nullptr; ++params) {
      const std::string_view key = params->key;
      if (key == OSSL_STORE_PARAM_EXPECT) {
        const auto expect = params::GetInteger(*params);
        if (!expect) return false;
        wanted_ = *expect == 0 || *expect == kExpectCertificate;
      } else if (key == OSSL_STORE_PARAM_SUBJECT) {
        if (params->data_type != OSSL_PARAM_OCTET_STRING || params->data == nullptr) return false;
        const auto* const bytes = static_cast<const std::byte*>(params->data);
        subject_ = platform::Bytes(bytes, bytes + params->data_size);
      } else if (key == OSSL_STORE_PARAM_ISSUER || key == OSSL_STORE_PARAM_SERIAL ||
                 key == OSSL_STORE_PARAM_FINGERPRINT || key == OSSL_STORE_PARAM_ALIAS) {
        context_->core().RaiseError(Reason::kUnsupportedSearch, std::string(key));
        return false;
      }
    }
    return true;
  }

  /// OSSL_FUNC_store_load: hands the next certificate that OpenSSL accepts to `callback`.
  bool LoadNext(OSSL_CALLBACK* callback, void* argument) {
    while (!AtEnd()) {
      const platform::StoreEntry& entry = *entries_[next_++];
      context_->core().MarkErrors();
      const bool accepted = Deliver(entry, callback, argument);
      // Rule 11: one certificate that OpenSSL cannot read hides no other.
      context_->core().DropErrorsToMark();
      if (accepted) return true;
      context_->log().Write(LogLevel::kError,
                            "skipped: OpenSSL does not accept one of the anchors");
    }
    return true;
  }

  /// In a catch block. It ends here: whoever goes on after an error until the end would go on for
  /// ever.
  void Fail() noexcept {
    listed_ = true;
    next_ = entries_.size();
    try {
      throw;
    } catch (const platform::LackOfMeans& lack) {
      Raise(Reason::kUnreadableTrustStore, lack.what());
    } catch (...) {
      Raise(Reason::kOutOfMemory, "");
    }
  }

  bool AtEnd() {
    if (!listed_) List();
    return next_ == entries_.size();
  }

 private:
  void Raise(Reason reason, const char* detail) noexcept {
    try {
      context_->core().RaiseError(reason, detail);
    } catch (...) {
      // There is no memory to say anything with.
    }
  }

  void List() {
    if (wanted_) {
      entries_ = subject_ ? store_->FindBySubject(*subject_) : store_->Entries();
      std::erase_if(entries_, [](const auto* entry) { return !entry->trust.IsAnchor(); });
    }
    listed_ = true;
  }

  static bool Deliver(const platform::StoreEntry& entry, OSSL_CALLBACK* callback, void* argument) {
    int object_type = OSSL_OBJECT_CERT;
    const platform::Bytes settings = platform::EncodeTrustSettings(entry.trust, entry.self_issued);
    platform::Bytes der(entry.der.begin(), entry.der.end());
    der.insert(der.end(), settings.begin(), settings.end());
    char* const data_type = const_cast<char*>(settings.empty() ? kPlainType : kTrustedType);
    const OSSL_PARAM object[] = {
        {OSSL_OBJECT_PARAM_TYPE, OSSL_PARAM_INTEGER, &object_type, sizeof(object_type),
         OSSL_PARAM_UNMODIFIED},
        {OSSL_OBJECT_PARAM_DATA_TYPE, OSSL_PARAM_UTF8_STRING, data_type, std::strlen(data_type),
         OSSL_PARAM_UNMODIFIED},
        {OSSL_OBJECT_PARAM_DATA, OSSL_PARAM_OCTET_STRING, der.data(), der.size(),
         OSSL_PARAM_UNMODIFIED},
        {nullptr, 0, nullptr, 0, 0},
    };
    return callback(object, argument) == 1;
  }

  const std::shared_ptr<ProviderContext> context_;
  const std::shared_ptr<const platform::TrustStore> store_;
  bool wanted_ = true;
  std::optional<platform::Bytes> subject_;
  bool listed_ = false;
  std::vector<const platform::StoreEntry*> entries_;
  std::size_t next_ = 0;
};

/// Why nothing may be handed out; empty where it may. A store that is filled from here is judged
/// only where the lookup methods are hooked, and `hard` means to refuse what cannot be checked.
std::string WhyWithheld(const ProviderHandle& handle) {
  const Config& config = handle.context->config();
  if (config.verify != VerifyMode::kPlatform ||
      config.network.revocation != platform::Revocation::kHard ||
      (handle.binding != nullptr &&
       std::strcmp(handle.binding->Reach(), standing_params::kReachFull) == 0)) {
    return {};
  }
  return "revocation = hard cannot be kept in this OpenSSL: " +
         (handle.binding == nullptr ? handle.why_no_binding : handle.binding->WhyLimited());
}

void* Open(void* provctx, const char* uri) noexcept {
  const ProviderHandle& handle = *static_cast<ProviderHandle*>(provctx);
  const auto& context = handle.context;
  try {
    if (ClassifyUri(uri) != UriKind::kOsStore) {
      context->core().RaiseError(Reason::kBadUri, uri);
      return nullptr;
    }
    if (const std::string why = WhyWithheld(handle); !why.empty()) {
      context->core().RaiseError(Reason::kBadConfiguration, why);
      return nullptr;
    }
    Unavailable why;
    auto store = context->CurrentStore(why);
    if (store == nullptr) {
      context->core().RaiseError(why.reason, why.detail);
      return nullptr;
    }
    return new Session(context, std::move(store));
  } catch (...) {
    return nullptr;
  }
}

const OSSL_PARAM* SettableParams(void*) noexcept {
  static const OSSL_PARAM kSettable[] = {
      {OSSL_STORE_PARAM_EXPECT, OSSL_PARAM_INTEGER, nullptr, sizeof(int), OSSL_PARAM_UNMODIFIED},
      {OSSL_STORE_PARAM_SUBJECT, OSSL_PARAM_OCTET_STRING, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {nullptr, 0, nullptr, 0, 0},
  };
  return kSettable;
}

int SetParams(void* session, const OSSL_PARAM params[]) noexcept {
  try {
    return static_cast<Session*>(session)->SetParams(params) ? 1 : 0;
  } catch (...) {
    return 0;
  }
}

int Load(void* session, OSSL_CALLBACK* callback, void* argument, OSSL_PASSPHRASE_CALLBACK*,
         void*) noexcept {
  try {
    return static_cast<Session*>(session)->LoadNext(callback, argument) ? 1 : 0;
  } catch (...) {
    static_cast<Session*>(session)->Fail();
    return 0;
  }
}

int AtEnd(void* session) noexcept {
  try {
    return static_cast<Session*>(session)->AtEnd() ? 1 : 0;
  } catch (...) {
    return 0;  // Load() says why
  }
}

int Close(void* session) noexcept {
  delete static_cast<Session*>(session);
  return 1;
}

const OSSL_DISPATCH kFunctions[] = {
    Dispatch(OSSL_FUNC_STORE_OPEN, Open),
    Dispatch(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, SettableParams),
    Dispatch(OSSL_FUNC_STORE_SET_CTX_PARAMS, SetParams),
    Dispatch(OSSL_FUNC_STORE_LOAD, Load),
    Dispatch(OSSL_FUNC_STORE_EOF, AtEnd),
    Dispatch(OSSL_FUNC_STORE_CLOSE, Close),
    {0, nullptr},
};

// fips=yes: it does no cryptography, and must be found under default_properties = fips=yes, as
// OpenSSL's own file: loader is.
const OSSL_ALGORITHM kAlgorithms[] = {
    {"os", "provider=ostrust,fips=yes", kFunctions, "The operating system's trust store"},
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace

const OSSL_ALGORITHM* StoreLoaderAlgorithms() {
  return kAlgorithms;
}

}  // namespace ostrust
