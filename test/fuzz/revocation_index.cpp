// Whatever an index is: nothing is read outside it, no excerpt is longer than it, and where it is
// said to be that of its list, it is.
#include <algorithm>

#include "fuzz_target.hpp"
#include "platform/linux/revocation_files.hpp"
#include "platform/revocation_list.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

namespace {

class Source : public ListSource {
 public:
  explicit Source(ByteView bytes) : bytes_(bytes) {}
  std::uint64_t Size() const override { return bytes_.size(); }
  bool Read(std::uint64_t offset, std::span<std::byte> out) override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) return false;
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return true;
  }

 private:
  const ByteView bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input = ostrust::fuzz::View(data, size);
  static_cast<void>(DecodeRevocationHead(input));

  const auto list = RevocationList::FromIndex([&] { return std::make_unique<Source>(input); }, {});
  if (list == nullptr) return 0;
  for (std::uint8_t serial = 0; serial < 8; ++serial) {
    const auto excerpt = list->ExcerptFor(std::as_bytes(std::span(&serial, 1)));
    Require(!excerpt || excerpt->size() <= size);
  }
  // The check is asked of an index only that is made of its list: so making it again gives the
  // same.
  bool is_asked = false;
  const auto check = [&](ByteView, ByteView, ByteView) { return is_asked = true; };
  Require(list->IsSignedBy({}, check, true) == is_asked);
  if (!is_asked) return 0;
  // Where the header says so: it is of 52 bytes (revocation_list.cpp).
  constexpr std::size_t kListSizeOffset = 36;
  std::size_t list_size = 0;
  for (std::size_t i = 4; i-- > 0;) list_size = list_size << 8 | data[kListSizeOffset + i];
  const auto again = IndexRevocationList(input.subspan(52, list_size));
  Require(again && AsText(*again) == AsText(input));
  return 0;
}
