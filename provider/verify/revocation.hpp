// Whether the certificates of a chain are revoked (configuration key `revocation`).
//
// Asked after OpenSSL and the system have accepted the chain, of every certificate below the
// anchor. First what needs no network: the response that the server stapled, the CRLs beside the
// system's certificates, what was fetched before, and CRLite's filters; whatever is valid and says
// "revoked" wins. Only what nobody here knows is fetched, and only for a client that verifies a
// server.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/chain_verifier.hpp"
#include "platform/revocation_store.hpp"
#include "platform/trust_store.hpp"
#include "provider/fetch/revocation_pointers.hpp"
#include "provider/host/symbols.hpp"
#include "provider/provider_context.hpp"
#include "provider/verify/judge.hpp"
#include "provider/verify/list_check.hpp"
#include "provider/verify/ocsp.hpp"
#include "provider/verify/requests.hpp"
#include "provider/verify/revocation_memo.hpp"
#include "provider/verify/revocation_status.hpp"
#include "provider/verify/stapling.hpp"

namespace ostrust::verify {

/// For one verification, on its thread, when its chain is complete. All that is passed outlives it.
/// `symbols.CanCheckRevocation()`.
class RevocationCheck {
 public:
  struct Setting {
    const host::Symbols& symbols;
    RevocationFunctions openssls;
    const ProviderContext& provider;
    OSSL_LIB_CTX* libctx;
    const std::string& propq;
    /// What is asked for; anything but off.
    platform::Revocation mode;
    /// Whether anything may be fetched; if not, why, as a clause.
    bool may_fetch;
    const char* why_not;
  };
  RevocationCheck(const Setting& setting, X509_STORE_CTX* ctx, const platform::TrustStore& snapshot,
                  StapledResponse stapled, FetchBudget& budget);

  /// What speaks against the certificates below the anchor, the uppermost first. Logs what was
  /// found of each. Leaves OpenSSL's error queue as it was.
  std::vector<Refusal> Refusals();

 private:
  struct Certificate : CertificateAndIssuer {
    Certificate(const host::Symbols& symbols, const Algorithms& algorithms,
                CertificateAndIssuer which, std::size_t at)
        : CertificateAndIssuer(which), depth(at), symbols_(symbols), algorithms_(algorithms) {}

    /// Read when they are first needed: of what was looked up a moment ago they are not.
    const fetch::RevocationPointers& Pointers() const;
    /// The OCSPRequest about it.
    const platform::Bytes& Request() const;

    const std::size_t depth;

   private:
    const host::Symbols& symbols_;
    const Algorithms& algorithms_;
    mutable std::optional<fetch::RevocationPointers> pointers_;
    mutable std::optional<platform::Bytes> request_;
  };
  /// What is known without the network, and whether that is to be renewed.
  struct Known {
    RevocationFinding finding;
    bool renew = false;
  };

  std::optional<Refusal> RefusalOf(std::size_t depth);
  /// What decides, beside the data, what can be verified: the verifier, security level, strictness.
  std::string Asker() const;
  /// Nullopt where it cannot be made, or where nothing may be remembered.
  std::optional<RevocationMemo::Key> MemoKey(const Certificate& certificate,
                                             platform::ByteView stapled) const;
  OcspStatus ReadResponse(platform::ByteView response, const Certificate& certificate,
                          const VerificationTime& time) const;
  RevocationFinding Stapled(const Certificate& certificate) const;
  Known KnownOf(const Certificate& certificate) const;
  /// What `find` found a moment ago, or finds now.
  template <typename Find>
  Known Remembered(const Certificate& certificate, platform::ByteView stapled,
                   const Find& find) const;
  Known LookUp(const Certificate& certificate) const;
  /// Where one of the lists that spoke about the certificate came from, for a person.
  std::string OriginOf(const Certificate& certificate, const std::vector<ListPtr>& lists) const;
  RevocationFinding Filter(const Certificate& certificate) const;
  /// All that are here; `due`, whether some that were fetched are to be renewed.
  std::vector<ListPtr> ListsFor(const Certificate& certificate, bool& due) const;
  ListFinding Check(const Certificate& certificate, const std::vector<ListPtr>& lists) const;
  /// Those of `lists` that OpenSSL uses for this certificate, or would if it needed to; deltas with
  /// the bases that are here. `why_not`, why there are none, may be null.
  std::vector<ListPtr> UsableOf(const Certificate& certificate, const std::vector<ListPtr>& lists,
                                std::string* why_not) const;

  RevocationFinding Fetch(const Certificate& certificate, const RevocationFinding& known);
  bool LacksDelta(const Certificate& certificate) const;
  /// Whether there is something new, or something that needs no renewal yet.
  bool FetchList(const Certificate& certificate, const std::string& url, bool others_follow,
                 bool wait);
  bool FetchResponse(const Certificate& certificate, const std::string& responder,
                     bool others_follow, bool wait);
  /// Null when it is there by now, or somebody else is fetching it: with `wait` until the deadline.
  template <typename IsThere>
  std::unique_ptr<platform::RevocationStore::Turn> TakeTurn(const std::string& what,
                                                            const IsThere& is_there, bool wait);
  /// Whether a list of this URL is here that OpenSSL accepts for it and that needs no renewal.
  bool HasCurrentOf(const Certificate& certificate, const std::string& url) const;
  bool HasCurrent(const std::vector<ListPtr>& lists) const;
  bool IsDue(std::int64_t from, std::int64_t until) const;
  void NoteUse(const Requests::Request& request, const std::string& why_not);
  void LogFetched(const std::string& url, const std::string& why_not_kept) const;

  const Setting setting_;
  const host::Symbols& symbols_;
  platform::RevocationStore& store_;
  X509_STORE_CTX* const ctx_;
  const OPENSSL_STACK* const chain_;
  const VerificationTime time_;
  const std::uint64_t snapshot_;  // TrustStore::Id()
  const Algorithms algorithms_;
  const std::string verifier_;  // ListQuestion::verifier
  const Distrusts distrusts_;
  const StapledResponse stapled_;
  Requests requests_;
};

/// RevocationCheck::Refusals(). Where the system has a verifier of its own, which looks for
/// revocation itself, this is not to be called and refuses.
std::vector<Refusal> RevocationRefusals(const RevocationCheck::Setting& setting,
                                        X509_STORE_CTX* ctx, const platform::TrustStore& snapshot,
                                        StapledResponse stapled, FetchBudget& budget);

}  // namespace ostrust::verify
