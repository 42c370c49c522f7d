#include "provider/verify/verification.hpp"

#include <array>
#include <ctime>
#include <new>
#include <utility>
#include <vector>

#include <openssl/sslerr.h>

#include "provider/host/dropped_errors.hpp"
#include "provider/host/x509_der.hpp"
#include "provider/verify/name_constraints.hpp"
#include "provider/verify/revocation_status.hpp"

namespace ostrust::verify {
namespace {

using platform::Bytes;
using platform::Purpose;

std::optional<Purpose> FromOpenSsl(int purpose) {
  switch (purpose) {
    case X509_PURPOSE_SSL_SERVER:
    case X509_PURPOSE_NS_SSL_SERVER:
      return Purpose::kServerAuth;
    case X509_PURPOSE_SSL_CLIENT:
      return Purpose::kClientAuth;
    case X509_PURPOSE_SMIME_SIGN:
    case X509_PURPOSE_SMIME_ENCRYPT:
      return Purpose::kEmailProtection;
    case X509_PURPOSE_TIMESTAMP_SIGN:
      return Purpose::kTimeStamping;
    case 10:  // X509_PURPOSE_CODE_SIGN, since 3.2
      return Purpose::kCodeSigning;
    default:
      // any, CRL signing, OCSP helper: OpenSSL checks no trust setting for these
      // (X509_TRUST_COMPAT)
      return std::nullopt;
  }
}

int LengthOf(const host::Symbols& symbols, const OPENSSL_STACK* chain) {
  return chain == nullptr ? 0 : symbols.OPENSSL_sk_num(chain);
}

const OPENSSL_STACK* ChainOf(const host::Symbols& symbols, X509_STORE_CTX* ctx) {
  return reinterpret_cast<const OPENSSL_STACK*>(symbols.X509_STORE_CTX_get0_chain(ctx));
}

X509* CertificateAt(const host::Symbols& symbols, const OPENSSL_STACK* chain, std::size_t depth) {
  return static_cast<X509*>(symbols.OPENSSL_sk_value(chain, static_cast<int>(depth)));
}

std::int64_t IssuedAt(const host::Symbols& symbols, const X509* x509) {
  const auto issued =
      x509 == nullptr ? std::nullopt : SecondsOf(symbols, symbols.X509_get0_notBefore(x509));
  return issued.value_or(platform::CertificateTrust::kNever);
}

// The one that libssl has called us for, in this thread.
constinit thread_local const X509_STORE_CTX* called_by_tls = nullptr;

bool InGlobalDefaultContext(const host::Symbols& symbols) {
  return symbols.OSSL_LIB_CTX_set0_default(nullptr) == symbols.OSSL_LIB_CTX_get0_global_default();
}

/// There is no function that tells. With a usage that does not exist this one adds nothing, and
/// says 0 where DANE is enabled and -1 where it is not (dane_tlsa_add() of ssl_lib.c).
bool UsesDane(const host::Symbols& symbols, const host::TlsLibrary& tls, SSL* ssl) {
  constexpr std::uint8_t kNoUsage = 255;
  const unsigned char nothing = 0;
  const host::DroppedErrors dropped(symbols);
  return tls.SSL_dane_tlsa_add(ssl, kNoUsage, 0, 0, &nothing, 0) != -1;
}

/// Whether the system may have anything against a certificate. No DER has to be made of one for
/// that; of nearly all nothing is said.
bool MayLimit(const host::Symbols& symbols, const X509* x509, const platform::TrustStore& store) {
  const auto view = [&symbols](const ASN1_STRING* text) {
    return std::as_bytes(std::span(symbols.ASN1_STRING_get0_data(text),
                                   static_cast<std::size_t>(symbols.ASN1_STRING_length(text))));
  };
  platform::CertificateFields fields;
  const ASN1_BIT_STRING* const key = symbols.X509_get0_pubkey_bitstr(x509);
  const ASN1_INTEGER* const serial_number = symbols.X509_get0_serialNumber(x509);
  // A negative number is kept without its sign, and looks like another.
  if (key == nullptr || serial_number == nullptr ||
      symbols.ASN1_STRING_type(serial_number) != V_ASN1_INTEGER) {
    return true;
  }
  fields.subject = host::DerOf(symbols, symbols.X509_get_subject_name(x509));
  fields.issuer = host::DerOf(symbols, symbols.X509_get_issuer_name(x509));
  if (fields.subject.empty() || fields.issuer.empty()) return true;
  fields.public_key = view(key);
  fields.serial_number = view(serial_number);
  return store.MayLimit(fields);
}

/// Of several hosts the one that the peer's certificate is for, as check_hosts() of OpenSSL looks
/// for it; the first where it is for none. Null when no host is wanted.
const char* WantedHost(const host::Symbols& symbols, X509_STORE_CTX* ctx,
                       X509_VERIFY_PARAM* param) {
  const char* const first = symbols.X509_VERIFY_PARAM_get0_host(param, 0);
  X509* const leaf = symbols.X509_STORE_CTX_get0_cert(ctx);
  if (leaf == nullptr || symbols.X509_VERIFY_PARAM_get0_host(param, 1) == nullptr) return first;
  const unsigned int flags = symbols.X509_VERIFY_PARAM_get_hostflags(param);
  for (int i = 0; const char* const host = symbols.X509_VERIFY_PARAM_get0_host(param, i); ++i) {
    if (symbols.X509_check_host(leaf, host, 0, flags, nullptr) == 1) return host;
  }
  return first;
}

}  // namespace

std::string WantedName(const host::Symbols& symbols, X509_STORE_CTX* ctx) {
  X509_VERIFY_PARAM* const param = symbols.X509_STORE_CTX_get0_param(ctx);
  if (const char* const host = WantedHost(symbols, ctx, param)) return host;
  const host::DroppedErrors dropped(symbols);  // 3.0 raises one where there is no address
  char* const address = symbols.X509_VERIFY_PARAM_get1_ip_asc(param);
  if (address == nullptr) return {};
  std::string name = address;
  symbols.CRYPTO_free(address, "ostrust", 0);
  return name;
}

CalledByTls::CalledByTls(const X509_STORE_CTX* ctx) : outer_(std::exchange(called_by_tls, ctx)) {}

CalledByTls::~CalledByTls() {
  called_by_tls = outer_;
}

SSL* ConnectionOf(const host::Symbols& symbols, const host::TlsLibrary* tls, X509_STORE_CTX* ctx) {
  // libssl's ex_data index belongs to one library context, nearly always the global default one. In
  // a thread with another the same number may be somebody else's data.
  if (tls == nullptr || (ctx != called_by_tls && !InGlobalDefaultContext(symbols))) return nullptr;
  return static_cast<SSL*>(
      symbols.X509_STORE_CTX_get_ex_data(ctx, tls->SSL_get_ex_data_X509_STORE_CTX_idx()));
}

Role RoleOf(const host::Symbols& symbols, const host::TlsLibrary* tls, X509_STORE_CTX* ctx) {
  Role role;
  role.use.issued = IssuedAt(symbols, symbols.X509_STORE_CTX_get0_cert(ctx));
  std::optional<Purpose>& purpose = role.use.purpose;
  if (symbols.X509_VERIFY_PARAM_get_purpose != nullptr) {
    purpose =
        FromOpenSsl(symbols.X509_VERIFY_PARAM_get_purpose(symbols.X509_STORE_CTX_get0_param(ctx)));
    role.tls_peer = purpose == Purpose::kServerAuth || purpose == Purpose::kClientAuth;
    if (role.tls_peer) return role;
  }
  const SSL* const ssl = ConnectionOf(symbols, tls, ctx);
  if (ssl == nullptr) return role;
  role.tls_peer = true;
  purpose = tls->SSL_is_server(ssl) != 0 ? Purpose::kClientAuth : Purpose::kServerAuth;
  return role;
}

bool MayBeCompleted(const host::Symbols& symbols, const host::TlsLibrary* tls,
                    X509_STORE_CTX* ctx) {
  if (symbols.X509_STORE_CTX_get0_cert(ctx) == nullptr ||  // a raw public key
      symbols.X509_STORE_CTX_get0_parent_ctx(ctx) != nullptr ||
      !InGlobalDefaultContext(symbols)) {  // whether there is a connection cannot be told
    return false;
  }
  X509_VERIFY_PARAM* const param = symbols.X509_STORE_CTX_get0_param(ctx);
  const int purpose = symbols.X509_VERIFY_PARAM_get_purpose == nullptr
                          ? 0
                          : symbols.X509_VERIFY_PARAM_get_purpose(param);
  if (purpose != 0 && FromOpenSsl(purpose) != Purpose::kServerAuth) return false;
  if (SSL* const ssl = ConnectionOf(symbols, tls, ctx)) {
    return tls->SSL_is_server(ssl) == 0 && (tls->SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0 &&
           !UsesDane(symbols, *tls, ssl);
  }
  return !WantedName(symbols, ctx).empty() ||
         (purpose != 0 && symbols.X509_STORE_CTX_get0_untrusted(ctx) != nullptr);
}

bool HasChain(const host::Symbols& symbols, X509_STORE_CTX* ctx) {
  return symbols.X509_STORE_CTX_get0_parent_ctx(ctx) == nullptr &&
         LengthOf(symbols, ChainOf(symbols, ctx)) > 0;
}

std::string Named(const host::Symbols& symbols, const X509* x509) {
  std::array<char, 256> subject{};  // X509_NAME_oneline() escapes what is not printable
  if (symbols.X509_NAME_oneline(symbols.X509_get_subject_name(x509), subject.data(),
                                subject.size()) == nullptr) {
    subject[0] = '\0';
  }
  return std::string("certificate ") + subject.data();
}

std::string Described(const host::Symbols& symbols, const X509* x509, std::size_t depth) {
  return Named(symbols, x509) + " at depth " + std::to_string(depth);
}

void Raise(const Core& core, bool tls_peer, const std::string& sentence) {
  // curl and others take the first error for the reason, and it must be the one they would see
  // without us.
  if (tls_peer) {
    core.RaiseOpenSslError(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED, sentence);
  } else {
    core.RaiseError(Reason::kRefused, sentence);
  }
}

void AnnounceRefusal(const host::Symbols& symbols, const ProviderContext& provider,
                     const Role& role, X509* x509, int depth, const std::string& reason,
                     bool final) {
  const std::string sentence =
      Described(symbols, x509, static_cast<std::size_t>(depth)) + " is " + reason;
  provider.log().Write(LogLevel::kError, "refused: " + sentence);
  if (final) Raise(provider.core(), role.tls_peer, sentence);
}

std::vector<Refusal> RefusalsOf(const host::Symbols& symbols, X509_STORE_CTX* ctx, const Role& role,
                                const platform::TrustStore& store,
                                const platform::ChainVerifier* verifier) {
  const OPENSSL_STACK* const chain = ChainOf(symbols, ctx);
  const auto count = static_cast<std::size_t>(LengthOf(symbols, chain));
  std::vector<Bytes> ders(count);
  BuiltChain built;
  bool anything = verifier != nullptr;
  for (std::size_t depth = 0; depth < count; ++depth) {
    X509* const x509 = CertificateAt(symbols, chain, depth);
    if (verifier != nullptr || MayLimit(symbols, x509, store)) {
      ders[depth] = host::DerOf(symbols, x509);
      anything = true;
    }
    built.certificates.push_back(ders[depth]);
    built.self_issued.push_back((symbols.X509_get_extension_flags(x509) & EXFLAG_SI) != 0);
  }
  if (!anything) return {};
  X509_VERIFY_PARAM* const param = symbols.X509_STORE_CTX_get0_param(ctx);
  built.first_trusted = static_cast<std::size_t>(symbols.X509_STORE_CTX_get_num_untrusted(ctx));
  built.use = role.use;
  if (verifier != nullptr) {
    built.name = WantedName(symbols, ctx);
    // Who wants a name verifies a server, also where the purpose cannot be read (3.0).
    if (role.tls_peer) {
      built.peer = role.use.purpose;
    } else if (!role.use.purpose && !built.name.empty()) {
      built.peer = platform::Purpose::kServerAuth;
    }
    built.time = TimeOf(symbols, param).now;
    built.network = role.network;
    built.stapled_response = role.stapled_response;
  }
  const OpenSslNames names(symbols, chain, param);
  return Judge(built, store, names, verifier);
}

bool EndsInSystemAnchor(const host::Symbols& symbols, X509_STORE_CTX* ctx,
                        const platform::TrustStore& store) {
  const OPENSSL_STACK* const chain = ChainOf(symbols, ctx);
  const int last = LengthOf(symbols, chain) - 1;
  return last >= symbols.X509_STORE_CTX_get_num_untrusted(ctx) &&
         store
             .TrustOf(host::DerOf(symbols,
                                  CertificateAt(symbols, chain, static_cast<std::size_t>(last))))
             .IsAnchor();
}

void NoteAnchor(const host::Symbols& symbols, const ProviderContext& provider, X509_STORE_CTX* ctx,
                const platform::TrustStore& store) {
  if (!provider.log().Enabled(LogLevel::kDebug) || !EndsInSystemAnchor(symbols, ctx, store)) return;
  const OPENSSL_STACK* const chain = ChainOf(symbols, ctx);
  const auto last = static_cast<std::size_t>(LengthOf(symbols, chain) - 1);
  const X509* const anchor = CertificateAt(symbols, chain, last);
  provider.log().Write(LogLevel::kDebug, "anchor: " + Described(symbols, anchor, last) +
                                             " is trusted by " +
                                             store.RuleFor(host::DerOf(symbols, anchor)));
}

bool Refuse(const host::Symbols& symbols, const ProviderContext& provider, X509_STORE_CTX* ctx,
            const Role& role, const std::vector<Refusal>& refusals, bool report_only) {
  const OPENSSL_STACK* const chain = ChainOf(symbols, ctx);
  for (const Refusal& refusal : refusals) {
    X509* const x509 = CertificateAt(symbols, chain, refusal.depth);
    const std::string sentence = Described(symbols, x509, refusal.depth) + " is " + refusal.reason;
    if (report_only) {
      provider.log().Write(LogLevel::kError, "would be refused: " + sentence);
      continue;
    }
    symbols.X509_STORE_CTX_set_error_depth(ctx, static_cast<int>(refusal.depth));
    symbols.X509_STORE_CTX_set_current_cert(ctx, x509);
    symbols.X509_STORE_CTX_set_error(ctx, refusal.error);
    const bool forgiven = symbols.X509_STORE_CTX_get_verify_cb(ctx)(0, ctx) != 0;
    provider.log().Write(LogLevel::kError,
                         (forgiven ? "forgiven by the application: " : "refused: ") + sentence);
    if (forgiven) continue;
    Raise(provider.core(), role.tls_peer, sentence);
    return true;
  }
  return false;
}

}  // namespace ostrust::verify
