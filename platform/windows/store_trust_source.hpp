// The trust source of Windows: what its certificate stores, taken together, trust and distrust.
//
// An anchor is what is in ROOT at some location, for the usages that any copy of it has. What is in
// Disallowed at some location is distrusted for every purpose, whatever usages it has there. Three
// things that Windows knows are not here; where they matter for TLS, its own verdict on the chain
// (chain_verifier.hpp) has them:
//
// - Roots that Windows has not downloaded yet.
// - The list of hashes that Microsoft distrusts (disallowedcert.stl): it names certificates, public
//   keys and signatures by hash, and comes as a CTL.
// - NotBefore dates (CERT_NOT_BEFORE_FILETIME_PROP_ID) for other purposes than TLS servers and
//   e-mail; what the root program says of certificate policies, name constraints and policies of
//   chains; and CERT_DISALLOWED_CA_FILETIME_PROP_ID, of which Microsoft tells the number only.
//
// TrustedPeople is left out on purpose. Windows looks there for the peer's own certificate only,
// and only where the program asks for that (CERT_CHAIN_ENABLE_PEER_TRUST); Chromium
// (net/cert/internal/trust_store_win.cc) takes self-signed end entity certificates from it and
// never an issuer. OpenSSL has no such kind of trust: with `verify = roots`, and for whoever
// enumerates the store, a CA's certificate there would become an anchor, which it is not on
// Windows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "platform/trust_source.hpp"
#include "platform/windows/certificate_stores.hpp"
#include "platform/windows/store_changes.hpp"

namespace ostrust::platform {

class StoreTrustSource final : public TrustSource {
 public:
  /// Seconds since 1970.
  using Clock = std::function<std::int64_t()>;

  StoreTrustSource(std::unique_ptr<CertificateStores> stores, std::unique_ptr<StoreChanges> changes,
                   Clock now);
  ~StoreTrustSource() override;

  /// A store that could be read before and cannot be now fails the whole: the last good state holds
  /// more than what is left, Disallowed above all (rule 7).
  LoadResult Load() override;
  /// Also true once a date has passed from which on a root is disallowed.
  bool Changed() override;

 private:
  const std::unique_ptr<CertificateStores> stores_;
  const std::unique_ptr<StoreChanges> changes_;
  const Clock now_;
  std::int64_t next_date_ = CertificateTrust::kNever;
  bool interrupted_ = false;  // the last Load() threw, or a store that it had read before failed
  std::set<std::string> read_before_;  // the stores that could be read
};

}  // namespace ostrust::platform
