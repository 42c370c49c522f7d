// Whatever a CertificateList is: its index is made exactly if it is read, and an excerpt for each
// serial number holds its entries, and is a list itself.
#include "platform/revocation_list.hpp"

#include "fuzz_target.hpp"
#include "platform/der.hpp"
#include "platform/revocation_list_reader.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

namespace {

bool Holds(ByteView entries, ByteView entry) {
  return AsText(entries).find(AsText(entry)) != std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input = ostrust::fuzz::View(data, size);
  const auto fields = ReadRevocationList(input);
  const auto list = RevocationList::FromDer(input);
  Require(fields.has_value() == (list != nullptr));
  Require(fields.has_value() == IndexRevocationList(input).has_value());
  if (list == nullptr) return 0;
  Require(AsText(list->Issuer()) == AsText(fields->issuer));
  Require(list->ThisUpdate() == fields->this_update && list->NextUpdate() == fields->next_update);
  Require(AsText(list->Number()) == AsText(fields->number) && list->IsDelta() == fields->is_delta);

  DerReader reader(fields->entries);
  for (int count = 0; !reader.AtEnd() && count < 100; ++count) {
    const auto entry = ReadRevokedEntry(reader.Next()->whole);
    const auto excerpt = list->ExcerptFor(entry->serial_number);
    const auto read = excerpt ? ReadRevocationList(*excerpt) : std::nullopt;
    Require(read && Holds(read->entries, entry->whole));
    Require(excerpt->size() <= size);
  }
  return 0;
}
