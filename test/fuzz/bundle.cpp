// Whatever a file holds: what is read from it is found again, and nothing is read twice
// differently.
#include "platform/bundle.hpp"

#include <algorithm>
#include <utility>

#include "fuzz_target.hpp"
#include "platform/certificate_fields.hpp"
#include "platform/memory_trust_store.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bundle bundle = ReadBundle(ostrust::fuzz::View(data, size), "file");
  for (const TrustedCertificate& certificate : bundle.certificates) {
    const auto again = MakeTrustedCertificate(certificate.der, certificate.trust);
    Require(again && again->canonical_subject == certificate.canonical_subject &&
            again->self_issued == certificate.self_issued);
  }
  const std::vector<TrustedCertificate> copies = bundle.certificates;
  const MemoryTrustStore store(std::move(bundle.certificates), "file", std::move(bundle.problems));
  for (const TrustedCertificate& copy : copies) {
    const auto subject = ReadCertificateFields(copy.der)->subject;
    const auto found = store.FindBySubject(subject);
    Require(std::any_of(found.begin(), found.end(), [&](const StoreEntry* entry) {
      return AsText(entry->der) == AsText(copy.der);
    }));
    Require(store.TrustOf(copy.der).MergedWith(copy.trust) == store.TrustOf(copy.der));
  }
  return 0;
}
