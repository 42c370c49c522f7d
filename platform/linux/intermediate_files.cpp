#include "platform/linux/intermediate_files.hpp"

#include <string_view>
#include <tuple>

#include "platform/certificate_fields.hpp"

namespace ostrust::platform {
namespace {

// With the number of the format: what another version wrote is not read.
constexpr std::string_view kMagic = "ostrust failed fetches 1\n";
// The hash of the URL, the number of failures, and the time, its highest byte first.
constexpr std::size_t kTimeSize = sizeof(std::int64_t);
constexpr std::size_t kRecordSize = std::tuple_size_v<Sha1Digest> + 1 + kTimeSize;

}  // namespace

bool IsIntermediate(ByteView bytes, ByteView& subject) {
  if (bytes.size() > kMaxIntermediateSize) return false;
  const auto fields = ReadCertificateFields(bytes);
  if (!fields || fields->certificate.size() != bytes.size()) return false;
  subject = fields->subject;
  return true;
}

Bytes EncodeIntermediates(const std::vector<Bytes>& certificates) {
  Bytes encoded;
  for (const Bytes& certificate : certificates) {
    encoded.insert(encoded.end(), certificate.begin(), certificate.end());
  }
  return encoded;
}

std::vector<Bytes> DecodeIntermediates(ByteView bytes) {
  std::vector<Bytes> certificates;
  while (!bytes.empty()) {
    const auto fields = ReadCertificateFields(bytes);
    if (!fields || fields->certificate.size() > kMaxIntermediateSize ||
        certificates.size() == kMaxOfOneSubject) {
      return {};
    }
    certificates.emplace_back(fields->certificate.begin(), fields->certificate.end());
    bytes = bytes.subspan(fields->certificate.size());
  }
  return certificates;
}

Bytes EncodeFailedFetches(const std::vector<FailedFetch>& failed) {
  const ByteView magic = AsBytes(kMagic);
  Bytes encoded(magic.begin(), magic.end());
  for (const FailedFetch& fetch : failed) {
    for (const std::uint8_t byte : fetch.url) encoded.push_back(std::byte{byte});
    encoded.push_back(std::byte{fetch.failures});
    const auto when = static_cast<std::uint64_t>(fetch.when);
    for (std::size_t i = kTimeSize; i-- > 0;) {
      encoded.push_back(static_cast<std::byte>(when >> (8 * i)));
    }
  }
  return encoded;
}

std::vector<FailedFetch> DecodeFailedFetches(ByteView bytes) {
  if (bytes.size() < kMagic.size() || AsText(bytes.first(kMagic.size())) != kMagic) return {};
  bytes = bytes.subspan(kMagic.size());
  if (bytes.size() % kRecordSize != 0 || bytes.size() / kRecordSize > kMaxFailedFetches) return {};

  std::vector<FailedFetch> failed;
  for (; !bytes.empty(); bytes = bytes.subspan(kRecordSize)) {
    FailedFetch fetch;
    const auto* next = bytes.data();
    for (std::uint8_t& byte : fetch.url) byte = std::to_integer<std::uint8_t>(*next++);
    fetch.failures = std::to_integer<std::uint8_t>(*next++);
    std::uint64_t when = 0;
    for (std::size_t i = 0; i < kTimeSize; ++i) {
      when = when << 8 | std::to_integer<std::uint64_t>(*next++);
    }
    fetch.when = static_cast<std::int64_t>(when);
    if (fetch.failures == 0 || fetch.failures > kMaxFailures) return {};
    failed.push_back(fetch);
  }
  return failed;
}

}  // namespace ostrust::platform
