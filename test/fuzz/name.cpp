// Two names, equal here exactly if X509_NAME_cmp() says so. The first two bytes say where the
// second name begins.
#include "platform/name.hpp"

#include <openssl/x509.h>

#include <algorithm>

#include "fuzz_target.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

namespace {

// Null if libcrypto does not read exactly one name.
X509_NAME* Parse(ByteView der) {
  const auto* data = reinterpret_cast<const unsigned char*>(der.data());
  const auto* end = data;
  X509_NAME* name = d2i_X509_NAME(nullptr, &end, static_cast<long>(der.size()));
  if (name != nullptr && end != data + der.size()) {
    X509_NAME_free(name);
    return nullptr;
  }
  return name;
}

void CompareHash(ByteView canonical, const X509_NAME* name) {
  int ok = 0;
  const unsigned long hash = X509_NAME_hash_ex(name, nullptr, nullptr, &ok);
  Require(ok == 1 && NameHash(canonical) == hash);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ByteView rest = ostrust::fuzz::View(data + 2, size - 2);
  const std::size_t split = std::min<std::size_t>(data[0] << 8 | data[1], rest.size());
  const ByteView a = rest.first(split);
  const ByteView b = rest.subspan(split);

  const auto our_a = CanonicalName(a);
  const auto our_b = CanonicalName(b);
  X509_NAME* their_a = our_a ? Parse(a) : nullptr;
  X509_NAME* their_b = our_b ? Parse(b) : nullptr;
  if (their_a != nullptr) CompareHash(*our_a, their_a);
  if (their_b != nullptr) CompareHash(*our_b, their_b);
  if (their_a != nullptr && their_b != nullptr) {
    Require((X509_NAME_cmp(their_a, their_b) == 0) == (*our_a == *our_b));
  }
  X509_NAME_free(their_a);
  X509_NAME_free(their_b);
  return 0;
}
