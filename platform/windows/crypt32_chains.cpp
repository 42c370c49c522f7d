#include "platform/windows/crypt32_chains.hpp"

#include <windows.h>

#include <wincrypt.h>
#include <wininet.h>

#include <algorithm>
#include <cstddef>
#include <mutex>

#include "platform/fork_safe_mutex.hpp"
#include "platform/windows/chain_status.hpp"
#include "platform/windows/handles.hpp"

namespace ostrust::platform::windows {
namespace {

struct FreeChain {
  void operator()(PCCERT_CHAIN_CONTEXT chain) const { CertFreeCertificateChain(chain); }
};
using Chain = std::unique_ptr<const CERT_CHAIN_CONTEXT, FreeChain>;

using Engine = std::shared_ptr<void>;  // HCERTCHAINENGINE

// Bounds on what a peer can make us do.
constexpr std::size_t kMaxCertificates = 32;
constexpr DWORD kMaxChains = 16;  // of lower quality

ChainAnswer Failure(const char* function, DWORD error) {
  ChainAnswer answer;
  answer.failure = function + (": " + DescribeCode(error));
  return answer;
}

// wincrypt.h counts in DWORD and takes no const.
BYTE* Data(ByteView bytes) {
  return const_cast<BYTE*>(reinterpret_cast<const BYTE*>(bytes.data()));
}
DWORD Size(ByteView bytes) {
  return static_cast<DWORD>(bytes.size());
}

/// Null when it does not parse.
CertificateHandle Add(HCERTSTORE store, ByteView der) {
  PCCERT_CONTEXT added = nullptr;
  if (!CertAddEncodedCertificateToStore(store, X509_ASN_ENCODING, Data(der), Size(der),
                                        CERT_STORE_ADD_ALWAYS, &added)) {
    return nullptr;
  }
  return CertificateHandle(added);
}

/// CERT_OCSP_RESPONSE_PROP_ID is where schannel, too, leaves what a server stapled.
bool Staple(PCCERT_CONTEXT certificate, ByteView response) {
  const CRYPT_DATA_BLOB blob = {Size(response), Data(response)};
  return CertSetCertificateContextProperty(certificate, CERT_OCSP_RESPONSE_PROP_ID,
                                           CERT_SET_PROPERTY_IGNORE_PERSIST_ERROR_FLAG,
                                           &blob) != FALSE;
}

std::uint32_t Milliseconds(const ChainRequest& request) {
  return request.timeout.count();
}

FILETIME FileTimeOf(std::uint64_t time) {
  FILETIME file_time;
  file_time.dwLowDateTime = static_cast<DWORD>(time);
  file_time.dwHighDateTime = static_cast<DWORD>(time >> 32);
  return file_time;
}

/// The chain engine. Not the default one (HCCE_CURRENT_USER): what that has cached, and when it
/// notices that a store changed, is the system's affair and differs (Wine's never does, and aborts
/// in CertResyncCertificateChainEngine()). One that is made after the snapshot of the trust store
/// that a verification sees has opened the stores after that snapshot was taken, so that it knows a
/// root that was added and a certificate that was distrusted before. Chromium makes one for every
/// change of its test roots, with these flags, for the same reason (net/cert/test_root_certs_win).
///
/// The stores are the current user's, which hold the machine's as well (CERT_SYSTEM_STORE_
/// CURRENT_USER inherits from LOCAL_MACHINE): what the trust source lists. That goes for services,
/// too: LocalSystem and the service accounts have stores of a current user of their own. With
/// CERT_CHAIN_USE_LOCAL_MACHINE_STORE a root that is in the user's store only would be listed and
/// never accepted.
class Engines {
 public:
  /// Null, with GetLastError(), when there is none. Callers keep using the one they got.
  Engine For(std::uint64_t store_id) {
    {
      const std::lock_guard lock(mutex_);
      // Numbers of snapshots only grow: a verification that still sees an older one gets what is
      // current.
      if (engine_ != nullptr && store_id <= store_id_) return engine_;
    }
    Engine made = Make();  // opens the system's stores: not while others wait
    if (made == nullptr) return nullptr;
    const std::lock_guard lock(mutex_);
    if (engine_ == nullptr || store_id > store_id_) {
      store_id_ = store_id;
      engine_.swap(made);
    }
    return engine_;  // whoever drops the last reference to the other one frees it, not always here
  }

 private:
  static Engine Make() {
    const AsTheProcess process;
    if (!process) return nullptr;
    CERT_CHAIN_ENGINE_CONFIG config{};
    // The structure as it was in Windows 7, which had no dwExclusiveFlags. It is not needed here,
    // and Wine does not know it (E_INVALIDARG).
    config.cbSize = offsetof(CERT_CHAIN_ENGINE_CONFIG, dwExclusiveFlags);
    config.dwFlags = CERT_CHAIN_ENABLE_CACHE_AUTO_UPDATE | CERT_CHAIN_ENABLE_SHARE_STORE;
    HCERTCHAINENGINE engine = nullptr;
    if (!CertCreateCertificateChainEngine(&config, &engine)) return nullptr;
    return {engine, [](HCERTCHAINENGINE unused) { CertFreeCertificateChainEngine(unused); }};
  }

  ForkSafeMutex mutex_{mutex_rank::kChainEngine};
  Engine engine_;
  std::uint64_t store_id_ = 0;
};

void AskPolicy(PCCERT_CHAIN_CONTEXT context, const ChainRequest& request, SystemChain& chain) {
  SSL_EXTRA_CERT_CHAIN_POLICY_PARA ssl{};
  ssl.cbSize = sizeof(ssl);
  ssl.dwAuthType = request.purpose == Purpose::kClientAuth ? AUTHTYPE_CLIENT : AUTHTYPE_SERVER;
  // OpenSSL checked the name, as the application set it.
  ssl.fdwChecks = SECURITY_FLAG_IGNORE_CERT_CN_INVALID;
  CERT_CHAIN_POLICY_PARA parameters{};
  parameters.cbSize = sizeof(parameters);
  parameters.dwFlags = request.policy_flags;
  parameters.pvExtraPolicyPara = &ssl;
  CERT_CHAIN_POLICY_STATUS status{};
  status.cbSize = sizeof(status);
  if (!CertVerifyCertificateChainPolicy(CERT_CHAIN_POLICY_SSL, context, &parameters, &status)) {
    chain.policy_failure = "CertVerifyCertificateChainPolicy: " + DescribeCode(GetLastError());
    return;
  }
  chain.policy_error = status.dwError;
  if (status.lChainIndex < 0 || status.lElementIndex < 0) return;
  chain.policy_element = status.lElementIndex;
  for (LONG i = 0; i < status.lChainIndex && static_cast<DWORD>(i) < context->cChain; ++i) {
    chain.policy_element += context->rgpChain[i]->cElement;
  }
}

SystemChain Read(PCCERT_CHAIN_CONTEXT context, const ChainRequest& request) {
  SystemChain chain;
  chain.error_status = context->TrustStatus.dwErrorStatus;
  chain.simple_chains = context->cChain;
  FILETIME time = FileTimeOf(request.time);
  for (DWORD i = 0; i < context->cChain; ++i) {
    const CERT_SIMPLE_CHAIN& simple = *context->rgpChain[i];
    chain.error_status |= simple.TrustStatus.dwErrorStatus;
    for (DWORD j = 0; j < simple.cElement; ++j) {
      const CERT_CHAIN_ELEMENT& element = *simple.rgpElement[j];
      const CERT_CONTEXT& certificate = *element.pCertContext;
      const auto* der = reinterpret_cast<const std::byte*>(certificate.pbCertEncoded);
      chain.elements.push_back(
          {Bytes(der, der + certificate.cbCertEncoded), element.TrustStatus.dwErrorStatus,
           element.pRevocationInfo != nullptr,
           static_cast<int>(CertVerifyTimeValidity(&time, certificate.pCertInfo))});
    }
  }
  AskPolicy(context, request, chain);
  return chain;
}

class Crypt32Chains final : public SystemChains {
 public:
  ChainAnswer Build(const ChainRequest& request) const override {
    const StoreHandle store(CertOpenStore(CERT_STORE_PROV_MEMORY, 0, 0,
                                          CERT_STORE_DEFER_CLOSE_UNTIL_LAST_FREE_FLAG, nullptr));
    if (store == nullptr) return Failure("CertOpenStore", GetLastError());
    const CertificateHandle peer = Add(store.get(), request.certificates.front());
    if (peer == nullptr) return Failure("the peer's certificate", GetLastError());
    if (!request.stapled_response.empty() && !Staple(peer.get(), request.stapled_response)) {
      return Failure("CertSetCertificateContextProperty", GetLastError());
    }
    for (const ByteView other : request.certificates.subspan(1).first(
             std::min(request.certificates.size() - 1, kMaxCertificates))) {
      Add(store.get(), other);
    }

    const Engine engine = engines_.For(request.store_id);
    if (engine == nullptr) return Failure("CertCreateCertificateChainEngine", GetLastError());
    return Build(request, engine.get(), store.get(), peer.get());
  }

 private:
  static ChainAnswer Build(const ChainRequest& request, HCERTCHAINENGINE engine, HCERTSTORE store,
                           PCCERT_CONTEXT peer) {
    // Any of them will do, as for Go and Chromium: Server Gated Cryptography is what servers of the
    // time of export rules were certified for.
    char server_auth[] = szOID_PKIX_KP_SERVER_AUTH;
    char microsoft_sgc[] = szOID_SERVER_GATED_CRYPTO;
    char netscape_sgc[] = szOID_SGC_NETSCAPE;
    char client_auth[] = szOID_PKIX_KP_CLIENT_AUTH;
    LPSTR server_usages[] = {server_auth, microsoft_sgc, netscape_sgc};
    LPSTR client_usages[] = {client_auth};
    const bool client = request.purpose == Purpose::kClientAuth;

    CERT_CHAIN_PARA parameters{};
    parameters.cbSize = sizeof(parameters);
    parameters.RequestedUsage.dwType = USAGE_MATCH_TYPE_OR;
    parameters.RequestedUsage.Usage.cUsageIdentifier = client ? 1 : 3;
    parameters.RequestedUsage.Usage.rgpszUsageIdentifier = client ? client_usages : server_usages;
    parameters.dwUrlRetrievalTimeout = Milliseconds(request);

    FILETIME time = FileTimeOf(request.time);
    PCCERT_CHAIN_CONTEXT built = nullptr;
    if (!CertGetCertificateChain(engine, peer, &time, store, &parameters, request.chain_flags,
                                 nullptr, &built)) {
      return Failure("CertGetCertificateChain", GetLastError());
    }
    const Chain best(built);
    ChainAnswer answer;
    answer.chains.push_back(Read(best.get(), request));
    // They belong to the best one.
    for (DWORD i = 0; i < std::min(best->cLowerQualityChainContext, kMaxChains); ++i) {
      answer.chains.push_back(Read(best->rgpLowerQualityChainContext[i], request));
    }
    return answer;
  }

  mutable Engines engines_;
};

}  // namespace

std::unique_ptr<SystemChains> MakeCrypt32Chains() {
  return std::make_unique<Crypt32Chains>();
}

}  // namespace ostrust::platform::windows
