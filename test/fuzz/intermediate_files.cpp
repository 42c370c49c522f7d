// Whatever a file of intermediates or of failed fetches holds: it is exactly what is written for
// what was read, or nothing was. What was read can be found by its subject.
#include "platform/linux/intermediate_files.hpp"

#include "fuzz_target.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input = ostrust::fuzz::View(data, size);

  const auto certificates = DecodeIntermediates(input);
  Require(certificates.size() <= kMaxOfOneSubject);
  for (const Bytes& certificate : certificates) {
    ByteView subject;
    Require(IsIntermediate(certificate, subject) && !subject.empty());
  }
  if (!certificates.empty()) Require(AsText(EncodeIntermediates(certificates)) == AsText(input));

  const auto failed = DecodeFailedFetches(input);
  Require(failed.size() <= kMaxFailedFetches);
  for (const FailedFetch& fetch : failed) Require(fetch.failures - 1U < kMaxFailures);
  if (!failed.empty()) Require(AsText(EncodeFailedFetches(failed)) == AsText(input));
  return 0;
}
