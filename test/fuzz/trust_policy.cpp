// Whatever a policy says: what it distrusts is distrusted and ends no chain, and what ends one is
// among what it trusts.
#include "platform/trust_policy.hpp"

#include <algorithm>
#include <utility>

#include "fuzz_target.hpp"
#include "platform/certificate_fields.hpp"
#include "platform/linux/policy_cache.hpp"
#include "platform/policy_trust_store.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

namespace {

void Ask(const PolicyTrustStore& store, ByteView certificate) {
  const CertificateTrust trust = store.TrustOf(certificate);
  store.ConstraintsOf(certificate);
  store.RuleFor(certificate);  // may be empty: a policy may name no file
  if (trust.IsDistrusted()) {
    Require(!trust.IsAnchor());
    const auto fields = ReadCertificateFields(certificate);
    if (fields) Require(store.MayLimit(*fields));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The form in which it is kept, so that a change of a byte is a change of the policy.
  const ByteView input = ostrust::fuzz::View(data, size);
  auto kept = DecodeKeptPolicy(WithPolicyHeader(input));
  if (!kept) return 0;
  const TrustPolicy policy = kept->policy;
  const PolicyTrustStore store(std::move(kept->policy), "source");
  for (const TrustPolicy::Certificate& item : policy.certificates) {
    Ask(store, item.certificate);
    const auto fields = ReadCertificateFields(item.certificate);
    if (item.distrusted && fields) Require(store.TrustOf(item.certificate).IsDistrusted());
  }
  std::size_t anchors = 0;
  for (const StoreEntry* const entry : store.Entries()) {
    Require(store.TrustOf(entry->der) == entry->trust);
    if (!entry->trust.IsAnchor()) continue;
    ++anchors;
    Require(std::any_of(policy.certificates.begin(), policy.certificates.end(),
                        [&](const TrustPolicy::Certificate& item) {
                          return item.trusted && AsText(item.certificate) == AsText(entry->der);
                        }));
  }
  Require(anchors == store.AnchorCount());
  Ask(store, input);
  return 0;
}
