#include "platform/revocation_list.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <mutex>
#include <string_view>
#include <utility>

#include "platform/der.hpp"
#include "platform/fork_safe_mutex.hpp"
#include "platform/made_once.hpp"
#include "platform/revocation_list_reader.hpp"

// An index is, with all numbers of four bytes, the lowest first:
//
//   kMagic, the numbers of a Header, the list,
//   the offsets of its entries in the list, in the order of SerialLess(),
//   the offsets of those that name an issuer (RevokedEntry), in the list's order.

namespace ostrust::platform {
namespace {

// With the number of the format: what another version wrote is not read.
constexpr std::string_view kMagic = "ostrust list 001";
constexpr std::size_t kNumberSize = 4;

/// Where the parts of the list are, as offsets into it that ascend, and what was found in it.
struct Header {
  std::uint32_t before = 0;      // the content of TBSCertList
  std::uint32_t before_end = 0;  // where revokedCertificates begins, or would
  std::uint32_t entries = 0;     // the content of that
  std::uint32_t entries_end = 0;
  std::uint32_t after_end = 0;
  std::uint32_t list_size = 0;
  std::uint32_t entry_count = 0;          // numbers in the first table
  std::uint32_t naming_issuer_count = 0;  // and in the second
  std::uint32_t not_understood = 0;       // where the first such entry is; 0 where none is
};
constexpr std::size_t kHeaderNumbers = 9;
constexpr std::size_t kHeaderSize = kMagic.size() + kHeaderNumbers * kNumberSize;

// A SEQUENCE of a number of one byte and a UTCTime.
constexpr std::size_t kSmallestEntry = 20;

// The entries of an excerpt, which OpenSSL parses before anybody has looked at the signature: a
// list that has one serial number again and again must not make it parse the whole of it. RFC 5280
// has one entry for each certificate, so even in an indirect list this is that of thousands of CAs.
constexpr std::size_t kMaxExcerptEntries = std::size_t{1} << 20;
static_assert(kMaxExcerptEntries > 3 * kMaxRevokedEntry);  // with what AddNamingIssuer() adds

// CAs of one name and several keys are few, and so are library contexts.
constexpr std::size_t kMaxKeys = 16;
// How long a "no" is remembered.
constexpr auto kNoHolds = std::chrono::minutes(1);

template <typename AnyHeader>
auto NumbersOf(AnyHeader& header) {
  return std::array{&header.before,      &header.before_end,          &header.entries,
                    &header.entries_end, &header.after_end,           &header.list_size,
                    &header.entry_count, &header.naming_issuer_count, &header.not_understood};
}

void AppendNumber(std::uint32_t number, Bytes& out) {
  for (std::size_t i = 0; i < kNumberSize; ++i) {
    out.push_back(static_cast<std::byte>((number >> (8 * i)) & 0xff));
  }
}

std::uint32_t NumberAt(ByteView bytes, std::size_t offset) {
  std::uint32_t number = 0;
  for (std::size_t i = kNumberSize; i-- > 0;) {
    number = number << 8 | std::to_integer<std::uint32_t>(bytes[offset + i]);
  }
  return number;
}

Bytes EncodeHeader(const Header& header) {
  const ByteView magic = AsBytes(kMagic);
  Bytes encoded(magic.begin(), magic.end());
  for (const std::uint32_t* const number : NumbersOf(header)) AppendNumber(*number, encoded);
  return encoded;
}

/// Nullopt when the numbers cannot be those of an index of `index_size` bytes.
std::optional<Header> DecodeHeader(ByteView bytes, std::uint64_t index_size) {
  if (AsText(bytes.first(kMagic.size())) != kMagic) return std::nullopt;
  Header header;
  std::size_t offset = kMagic.size();
  for (std::uint32_t* const number : NumbersOf(header)) {
    *number = NumberAt(bytes, offset);
    offset += kNumberSize;
  }
  const std::array positions = {header.before,      header.before_end, header.entries,
                                header.entries_end, header.after_end,  header.list_size};
  if (!std::is_sorted(positions.begin(), positions.end())) return std::nullopt;
  const std::size_t entries_size = header.entries_end - header.entries;
  if (header.list_size > kMaxRevocationList ||
      header.list_size - entries_size > kMaxWithoutEntries ||
      header.entry_count > entries_size / kSmallestEntry ||
      header.naming_issuer_count > header.entry_count) {
    return std::nullopt;
  }
  const std::uint64_t numbers = std::uint64_t{header.entry_count} + header.naming_issuer_count;
  return index_size == kHeaderSize + header.list_size + numbers * kNumberSize
             ? std::optional(header)
             : std::nullopt;
}

bool SerialLess(ByteView a, ByteView b) {
  return a.size() != b.size() ? a.size() < b.size() : AsText(a) < AsText(b);
}

/// One entry while they are sorted by serial number, with what that needs of it: a million are
/// sorted without the list being looked at but where two numbers begin alike.
struct Place {
  std::uint64_t key = 0;            // orders as SerialLess() those that it can tell apart
  std::uint32_t offset = 0;         // of the entry in the list
  std::uint16_t serial_offset = 0;  // in the entry
  std::uint16_t serial_size = 0;
};
static_assert(kMaxRevokedEntry <= 1 << 16);  // so an entry's content is shorter

Place PlaceOf(const RevokedEntry& entry, std::uint32_t offset) {
  const ByteView serial = entry.serial_number;
  Place place;
  place.offset = offset;
  place.serial_offset = static_cast<std::uint16_t>(serial.data() - entry.whole.data());
  place.serial_size = static_cast<std::uint16_t>(serial.size());
  constexpr std::size_t kBytes = sizeof place.key - 1;  // after one for the size
  place.key = std::min<std::size_t>(serial.size(), 0xff);
  for (std::size_t i = 0; i < kBytes; ++i) {
    const bool counts = i < serial.size() && serial.size() < 0xff;
    place.key = place.key << 8 | (counts ? std::to_integer<std::uint8_t>(serial[i]) : 0);
  }
  return place;
}

void Sort(std::vector<Place>& places, ByteView list) {
  const auto serial_of = [&](const Place& place) {
    return list.subspan(std::size_t{place.offset} + place.serial_offset, place.serial_size);
  };
  std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
    if (a.key != b.key) return a.key < b.key;
    const ByteView serial_a = serial_of(a);
    const ByteView serial_b = serial_of(b);
    if (AsText(serial_a) != AsText(serial_b)) return SerialLess(serial_a, serial_b);
    return a.offset < b.offset;
  });
}

/// What stands around the list in its index.
struct Surroundings {
  Bytes header;
  Bytes tables;
};

/// Nullopt when `list` is none, or too long.
std::optional<Surroundings> Surround(ByteView list) {
  if (list.size() > kMaxRevocationList) return std::nullopt;
  const auto parts = ReadRevocationListParts(list);
  if (!parts) return std::nullopt;
  const auto offset_of = [&](ByteView view) {
    return static_cast<std::uint32_t>(view.data() - list.data());
  };
  const ByteView entries = parts->fields.entries;
  Header header;
  header.before = offset_of(parts->before);
  header.before_end = header.before + static_cast<std::uint32_t>(parts->before.size());
  header.entries_end = offset_of(parts->after);
  header.entries = header.entries_end - static_cast<std::uint32_t>(entries.size());
  header.after_end = header.entries_end + static_cast<std::uint32_t>(parts->after.size());
  header.list_size = static_cast<std::uint32_t>(list.size());

  std::vector<Place> places;
  std::vector<std::uint32_t> naming_issuer;
  DerReader reader(entries);
  while (!reader.AtEnd()) {
    const auto element = reader.Next(der::kSequence);
    const auto entry = element ? ReadRevokedEntry(element->whole) : std::nullopt;
    if (!entry) return std::nullopt;
    const std::uint32_t offset = offset_of(entry->whole);
    places.push_back(PlaceOf(*entry, offset));
    if (entry->names_issuer) naming_issuer.push_back(offset);
    if (entry->is_not_understood && header.not_understood == 0) header.not_understood = offset;
  }
  Sort(places, list);
  header.entry_count = static_cast<std::uint32_t>(places.size());
  header.naming_issuer_count = static_cast<std::uint32_t>(naming_issuer.size());

  Surroundings around;
  around.header = EncodeHeader(header);
  around.tables.reserve((places.size() + naming_issuer.size()) * kNumberSize);
  for (const Place& place : places) AppendNumber(place.offset, around.tables);
  for (const std::uint32_t offset : naming_issuer) AppendNumber(offset, around.tables);
  return around;
}

class MemorySource : public ListSource {
 public:
  explicit MemorySource(std::shared_ptr<const Bytes> bytes) : bytes_(std::move(bytes)) {}

  std::uint64_t Size() const override { return bytes_->size(); }
  bool Read(std::uint64_t offset, std::span<std::byte> out) override {
    if (offset > bytes_->size() || out.size() > bytes_->size() - offset) return false;
    const ByteView part = ByteView(*bytes_).subspan(static_cast<std::size_t>(offset), out.size());
    std::copy(part.begin(), part.end(), out.begin());
    return true;
  }

 private:
  const std::shared_ptr<const Bytes> bytes_;
};

/// The content of `size` bytes at `offset`.
std::optional<Bytes> ReadPart(ListSource& source, std::uint64_t offset, std::size_t size) {
  Bytes part(size);
  return source.Read(offset, part) ? std::optional(std::move(part)) : std::nullopt;
}

/// The entries of one index. What it says is checked each time it is read: nullopt where it cannot
/// be that of a list.
class EntryFinder {
 public:
  using Offsets = std::vector<std::uint32_t>;

  /// Both must outlive it.
  EntryFinder(ListSource& source, const Header& header) : source_(source), header_(header) {}

  /// The entry at an offset in the list. Views into what the next call overwrites.
  std::optional<RevokedEntry> At(std::uint32_t offset) {
    constexpr std::size_t kUsual = 64;  // read at once, because few are longer
    if (offset < header_.entries || offset >= header_.entries_end) return std::nullopt;
    const std::size_t rest = header_.entries_end - offset;
    if (!Read(offset, std::min(kUsual, rest))) return std::nullopt;
    const auto size = DerElementSize(entry_);
    if (!size || *size > kMaxRevokedEntry || *size > rest) return std::nullopt;
    if (*size > entry_.size() && !Read(offset, *size)) return std::nullopt;
    return ReadRevokedEntry(ByteView(entry_).first(*size));
  }

  /// Where the entries with this serial number are, and for each that names no issuer the nearest
  /// one before it that does. In no order, and some may be there twice. Nullopt, too, when they
  /// are more than an excerpt may hold.
  std::optional<Offsets> Find(ByteView serial_number) {
    const auto is_before = [&](std::uint32_t offset) -> std::optional<bool> {
      const auto entry = At(offset);
      if (!entry) return std::nullopt;
      return SerialLess(entry->serial_number, serial_number);
    };
    const auto first = PartitionPoint(0, header_.entry_count, is_before);
    if (!first) return std::nullopt;
    Offsets found;
    std::size_t size = 0;
    for (std::uint32_t i = *first; i < header_.entry_count; ++i) {
      const auto offset = Number(i);
      const auto entry = offset ? At(*offset) : std::nullopt;
      if (!entry) return std::nullopt;
      if (AsText(entry->serial_number) != AsText(serial_number)) break;
      size += entry->whole.size();
      if (size > kMaxExcerptEntries) return std::nullopt;
      found.push_back(*offset);
      if (!entry->names_issuer && !AddNamingIssuer(*offset, found)) return std::nullopt;
    }
    return found;
  }

 private:
  /// Fills entry_.
  bool Read(std::uint32_t offset, std::size_t size) {
    entry_.resize(size);
    return source_.Read(std::uint64_t{kHeaderSize} + offset, entry_);
  }

  /// A number of the tables.
  std::optional<std::uint32_t> Number(std::uint32_t index) {
    std::array<std::byte, kNumberSize> bytes{};
    const std::uint64_t offset =
        std::uint64_t{kHeaderSize} + header_.list_size + std::uint64_t{index} * kNumberSize;
    return source_.Read(offset, bytes) ? std::optional(NumberAt(bytes, 0)) : std::nullopt;
  }

  /// The first of the numbers from index `begin` to `end` for which `is_before` is false; `end` if
  /// there is none.
  template <typename IsBefore>
  std::optional<std::uint32_t> PartitionPoint(std::uint32_t begin, std::uint32_t end,
                                              const IsBefore& is_before) {
    while (begin < end) {
      const std::uint32_t middle = begin + (end - begin) / 2;
      const auto number = Number(middle);
      const std::optional<bool> before = number ? is_before(*number) : std::nullopt;
      if (!before) return std::nullopt;
      if (*before) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    return begin;
  }

  bool AddNamingIssuer(std::uint32_t offset, Offsets& found) {
    const std::uint32_t begin = header_.entry_count;
    const auto is_before = [&](std::uint32_t other) { return std::optional(other < offset); };
    const auto end = PartitionPoint(begin, begin + header_.naming_issuer_count, is_before);
    if (!end) return false;
    if (*end == begin) return true;  // the CRL's issuer issued it
    const auto nearest = Number(*end - 1);
    if (nearest) found.push_back(*nearest);
    return nearest.has_value();
  }

  ListSource& source_;
  const Header& header_;
  Bytes entry_;
};

Bytes Concatenate(std::initializer_list<ByteView> views) {
  std::size_t size = 0;
  for (const ByteView view : views) size += view.size();
  Bytes all;
  all.reserve(size);
  for (const ByteView view : views) all.insert(all.end(), view.begin(), view.end());
  return all;
}

/// The list with these instead of its entries.
Bytes WithEntries(const RevocationListParts& parts, ByteView entries) {
  Bytes revoked;
  if (!entries.empty()) AppendDer(der::kSequence, entries, revoked);
  Bytes content;
  AppendDer(der::kSequence, Concatenate({parts.before, revoked, parts.after}), content);
  content.insert(content.end(), parts.behind.begin(), parts.behind.end());
  Bytes list;
  AppendDer(der::kSequence, content, list);
  return list;
}

/// Guards State::found of all lists: a ForkSafeMutex lives as long as the process, a list does not.
constinit MadeOnce<ForkSafeMutex> found_mutex;

ForkSafeMutex& FoundMutex() {
  return found_mutex.Get(mutex_rank::kRevocationList);
}

}  // namespace

struct RevocationList::State {
  /// Null when the index is not what it was.
  std::unique_ptr<ListSource> OpenIndex() const {
    std::unique_ptr<ListSource> source =
        memory != nullptr ? std::make_unique<MemorySource>(memory) : open();
    return source != nullptr && source->Size() == index_size ? std::move(source) : nullptr;
  }

  /// Whether the index is that of the list in it. Its size is index_size, here and below.
  bool IsIndexOf(ByteView index, ByteView list) const;
  bool IsSigned(ByteView index, const SignatureCheck& check) const;

  Open open;                            // null where `memory` is not
  std::shared_ptr<const Bytes> memory;  // the index
  std::uint64_t index_size = 0;
  Header header;
  Bytes without_entries;      // the list, as it is for a serial number that is not in it
  RevocationListParts parts;  // of that
  std::vector<Bytes> believed;
  struct Found {
    Bytes key;
    std::string verifier;
    bool is_signed = false;
    std::chrono::steady_clock::time_point when;
  };
  std::vector<Found> found;  // by IsSignedBy(), the oldest first
};

std::optional<Bytes> IndexRevocationList(ByteView der) {
  const auto around = Surround(der);
  if (!around) return std::nullopt;
  return Concatenate({around->header, der, around->tables});
}

RevocationList::RevocationList(std::unique_ptr<State> state) : state_(std::move(state)) {}

RevocationList::~RevocationList() = default;

std::shared_ptr<const RevocationList> RevocationList::FromDer(ByteView der) {
  auto index = IndexRevocationList(der);
  if (!index) return nullptr;
  auto state = std::make_unique<State>();
  state->memory = std::make_shared<const Bytes>(std::move(*index));
  state->index_size = state->memory->size();
  return FromState(std::move(state));
}

std::shared_ptr<const RevocationList> RevocationList::FromIndex(Open open,
                                                                std::vector<Bytes> believed) {
  const auto source = open();
  if (source == nullptr) return nullptr;
  auto state = std::make_unique<State>();
  state->open = std::move(open);
  state->index_size = source->Size();
  state->believed = std::move(believed);
  return FromState(std::move(state));
}

std::shared_ptr<const RevocationList> RevocationList::FromState(std::unique_ptr<State> state) {
  const auto source = state->OpenIndex();
  if (source == nullptr) return nullptr;
  const auto start = ReadPart(*source, 0, kHeaderSize);
  const auto header = start ? DecodeHeader(*start, state->index_size) : std::nullopt;
  if (!header) return nullptr;
  state->header = *header;
  const auto before =
      ReadPart(*source, kHeaderSize + header->before, header->before_end - header->before);
  const auto rest =
      ReadPart(*source, kHeaderSize + header->entries_end, header->list_size - header->entries_end);
  if (!before || !rest) return nullptr;
  const ByteView after_and_behind(*rest);
  const std::size_t after_size = header->after_end - header->entries_end;
  RevocationListParts parts;
  parts.before = *before;
  parts.after = after_and_behind.first(after_size);
  parts.behind = after_and_behind.subspan(after_size);
  state->without_entries = WithEntries(parts, {});
  const auto read = ReadRevocationListParts(state->without_entries);
  if (!read) return nullptr;
  state->parts = *read;
  return std::shared_ptr<const RevocationList>(new RevocationList(std::move(state)));
}

ByteView RevocationList::Issuer() const {
  return state_->parts.fields.issuer;
}

std::int64_t RevocationList::ThisUpdate() const {
  return state_->parts.fields.this_update;
}

std::optional<std::int64_t> RevocationList::NextUpdate() const {
  return state_->parts.fields.next_update;
}

ByteView RevocationList::Number() const {
  return state_->parts.fields.number;
}

bool RevocationList::IsDelta() const {
  return state_->parts.fields.is_delta;
}

std::optional<Bytes> RevocationList::ExcerptFor(ByteView serial_number) const {
  const auto source = state_->OpenIndex();
  if (source == nullptr) return std::nullopt;
  const Header& header = state_->header;
  EntryFinder finder(*source, header);
  auto offsets = finder.Find(serial_number);
  if (!offsets) return std::nullopt;
  if (header.not_understood != 0) offsets->push_back(header.not_understood);
  std::sort(offsets->begin(), offsets->end());
  offsets->erase(std::unique(offsets->begin(), offsets->end()), offsets->end());

  Bytes entries;
  std::size_t end = 0;
  for (const std::uint32_t offset : *offsets) {
    const auto entry = finder.At(offset);
    // Those of a list do not overlap; so all of them are no longer than it is.
    if (!entry || offset < end) return std::nullopt;
    if (entries.size() + entry->whole.size() > kMaxExcerptEntries) return std::nullopt;
    entries.insert(entries.end(), entry->whole.begin(), entry->whole.end());
    end = offset + entry->whole.size();
  }
  return WithEntries(state_->parts, entries);
}

std::shared_ptr<const Bytes> RevocationList::Index() const {
  if (state_->memory != nullptr) return state_->memory;
  const auto source = state_->OpenIndex();
  if (source == nullptr) return nullptr;
  auto index = ReadPart(*source, 0, static_cast<std::size_t>(state_->index_size));
  return index ? std::make_shared<const Bytes>(std::move(*index)) : nullptr;
}

std::size_t RevocationList::MemorySize() const {
  return state_->without_entries.size() + (state_->memory != nullptr ? state_->memory->size() : 0);
}

bool RevocationList::State::IsIndexOf(ByteView index, ByteView list) const {
  const auto around = Surround(list);
  if (!around) return false;
  const ByteView tables = index.subspan(kHeaderSize + list.size());
  return AsText(around->header) == AsText(index.first(kHeaderSize)) &&
         AsText(around->header) == AsText(EncodeHeader(header)) &&
         AsText(around->tables) == AsText(tables);
}

bool RevocationList::State::IsSigned(ByteView index, const SignatureCheck& check) const {
  const ByteView list = index.subspan(kHeaderSize, header.list_size);
  // What was made here is what it is.
  if (memory == nullptr && !IsIndexOf(index, list)) return false;
  const auto whole = ReadRevocationListParts(list);
  // What was read first is of this list, too.
  if (!whole || AsText(whole->before) != AsText(parts.before) ||
      AsText(whole->after) != AsText(parts.after) ||
      AsText(whole->behind) != AsText(parts.behind)) {
    return false;
  }
  const RevocationListFields& fields = whole->fields;
  return check(fields.to_be_signed, fields.signature_algorithm, fields.signature);
}

bool RevocationList::IsSignedBy(ByteView public_key, const SignatureCheck& check, bool strict,
                                std::string_view verifier,
                                std::chrono::steady_clock::time_point now) const {
  const auto is_key = [&](const Bytes& key) { return AsText(key) == AsText(public_key); };
  const std::vector<Bytes>& believed = state_->believed;
  if (!strict && state_->header.list_size > kCheckedAgain &&
      std::any_of(believed.begin(), believed.end(), is_key)) {
    return true;
  }
  const auto is_same = [&](const State::Found& one) {
    return is_key(one.key) && one.verifier == verifier;
  };
  {
    const std::lock_guard lock(FoundMutex());
    std::erase_if(state_->found, [now](const State::Found& one) {
      return !one.is_signed && now - one.when >= kNoHolds;
    });
    for (const State::Found& one : state_->found) {
      if (is_same(one)) return one.is_signed;
    }
  }
  const auto index = Index();
  if (index == nullptr) return false;
  const bool is_signed = state_->IsSigned(*index, check);

  State::Found found{Bytes(public_key.begin(), public_key.end()), std::string(verifier), is_signed,
                     now};
  const std::lock_guard lock(FoundMutex());
  auto& all = state_->found;
  // Another thread may have found the same meanwhile.
  if (std::none_of(all.begin(), all.end(), is_same)) {
    if (all.size() == kMaxKeys) all.erase(all.begin());
    all.push_back(std::move(found));
  }
  return is_signed;
}

std::vector<Bytes> RevocationList::SignedBy() const {
  std::vector<Bytes> keys;
  const std::lock_guard lock(FoundMutex());
  for (const State::Found& one : state_->found) {
    if (!one.is_signed || std::find(keys.begin(), keys.end(), one.key) != keys.end()) continue;
    keys.push_back(one.key);
  }
  return keys;
}

}  // namespace ostrust::platform
