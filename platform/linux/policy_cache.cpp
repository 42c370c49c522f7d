#include "platform/linux/policy_cache.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "platform/linux/cache_directory.hpp"

namespace ostrust::platform {
namespace {

// With the number of the format: what another version wrote is not read.
constexpr std::string_view kMagic = "ostrust trust policy 1\n";

/// FNV-1a over 8 bytes at a time, mixed so that high bits reach the low ones.
std::uint64_t Checksum(ByteView bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0x100000001b3U;
    hash ^= hash >> 29;
  };
  for (; bytes.size() >= sizeof(std::uint64_t); bytes = bytes.subspan(sizeof(std::uint64_t))) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    add(word);
  }
  std::uint64_t rest = bytes.size();  // not the same for zeros that are cut off
  for (const std::byte byte : bytes) rest = rest << 8 | std::to_integer<std::uint64_t>(byte);
  add(rest);
  return hash;
}

class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}

  // Read on the machine that wrote it: its own byte order.
  template <typename Number>
  void Put(Number number) {
    const auto bytes = std::as_bytes(std::span(&number, 1));
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void Put(ByteView bytes) {
    Put(static_cast<std::uint32_t>(bytes.size()));
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void Put(const Bytes& bytes) { Put(ByteView(bytes)); }
  void Put(const std::string& text) { Put(AsBytes(text)); }
  template <typename Item, typename PutItem>
  void PutAll(const std::vector<Item>& items, PutItem put_item) {
    Put(static_cast<std::uint32_t>(items.size()));
    for (const Item& item : items) put_item(item);
  }

 private:
  Bytes& out_;
};

/// What is missing reads as zero and fails at the end.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  template <typename Number>
  Number Get() {
    Number number{};
    const ByteView bytes = Take(sizeof number);
    if (!bytes.empty()) std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  }
  Bytes GetBytes() {
    const ByteView bytes = Take(Get<std::uint32_t>());
    return Bytes(bytes.begin(), bytes.end());
  }
  /// A byte of which only bits of `known` are ever set.
  std::uint8_t GetFlags(std::uint8_t known) {
    const auto flags = Get<std::uint8_t>();
    if ((flags & ~known) != 0) failed_ = true;
    return flags;
  }
  std::string GetText() { return std::string(AsText(Take(Get<std::uint32_t>()))); }
  template <typename Item, typename GetItem>
  void GetAll(std::vector<Item>& items, GetItem get_item) {
    const auto count = Get<std::uint32_t>();
    // Each item takes a byte at least.
    if (count > rest_.size()) failed_ = true;
    for (std::uint32_t i = 0; i < count && !failed_; ++i) items.push_back(get_item());
  }
  bool Complete() const { return !failed_ && rest_.empty(); }

 private:
  ByteView Take(std::size_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  ByteView rest_;
  bool failed_ = false;
};

constexpr std::uint8_t kTrusted = 1;
constexpr std::uint8_t kDistrusted = 2;
constexpr std::uint8_t kAuthority = 4;

std::string FileName(const std::string& setting) {
  if (setting.empty()) return "trust-policy";
  std::array<char, 32> number{};
  static_cast<void>(std::snprintf(number.data(), number.size(), "trust-policy-%016llx",
                                  static_cast<unsigned long long>(Checksum(AsBytes(setting)))));
  return number.data();
}

}  // namespace

Bytes EncodeKeptPolicy(const KeptPolicy& kept) {
  const TrustPolicy& policy = kept.policy;
  Bytes body;
  Writer writer(body);
  const auto put_text = [&](const std::string& text) { writer.Put(text); };
  writer.Put(kept.setting);
  writer.PutAll(kept.stamps, [&](const FileStamp& stamp) {
    writer.Put(stamp.Path());
    const auto identity = stamp.GetIdentity();
    writer.Put(static_cast<std::uint8_t>(identity.has_value()));
    if (!identity) return;
    writer.Put(identity->device);
    writer.Put(identity->inode);
    writer.Put(identity->size);
    writer.Put(identity->modified);
    writer.Put(identity->changed);
  });
  writer.PutAll(policy.certificates, [&](const TrustPolicy::Certificate& item) {
    writer.Put(static_cast<std::uint8_t>((item.trusted ? kTrusted : 0) |
                                         (item.distrusted ? kDistrusted : 0) |
                                         (item.authority ? kAuthority : 0)));
    writer.Put(item.certificate);
    writer.Put(item.public_key_info);
    writer.Put(item.issuer);
    writer.Put(item.serial_number);
    writer.Put(item.server_distrust_after);
    writer.Put(item.email_distrust_after);
    writer.Put(item.origin);
  });
  writer.PutAll(policy.extensions, [&](const TrustPolicy::StapledExtension& item) {
    writer.Put(item.extension);
    writer.Put(item.public_key_info);
    writer.Put(item.origin);
  });
  writer.PutAll(policy.origins, put_text);
  writer.PutAll(policy.paths, put_text);
  writer.PutAll(policy.problems, put_text);

  return WithPolicyHeader(body);
}

Bytes WithPolicyHeader(ByteView body) {
  Bytes encoded(AsBytes(kMagic).begin(), AsBytes(kMagic).end());
  Writer(encoded).Put(Checksum(body));
  encoded.insert(encoded.end(), body.begin(), body.end());
  return encoded;
}

std::optional<KeptPolicy> DecodeKeptPolicy(ByteView bytes) {
  constexpr std::size_t kHeaderSize = kMagic.size() + sizeof(std::uint64_t);
  if (bytes.size() < kHeaderSize || AsText(bytes.first(kMagic.size())) != kMagic) {
    return std::nullopt;
  }
  const ByteView body = bytes.subspan(kHeaderSize);
  if (Reader(bytes.subspan(kMagic.size())).Get<std::uint64_t>() != Checksum(body)) {
    return std::nullopt;
  }

  KeptPolicy kept;
  TrustPolicy& policy = kept.policy;
  Reader reader(body);
  const auto get_text = [&] { return reader.GetText(); };
  kept.setting = reader.GetText();
  reader.GetAll(kept.stamps, [&] {
    std::string path = reader.GetText();
    if (reader.GetFlags(1) == 0) return FileStamp::Kept(std::move(path), std::nullopt);
    FileStamp::Identity identity;
    identity.device = reader.Get<std::uint64_t>();
    identity.inode = reader.Get<std::uint64_t>();
    identity.size = reader.Get<std::int64_t>();
    identity.modified = reader.Get<std::int64_t>();
    identity.changed = reader.Get<std::int64_t>();
    return FileStamp::Kept(std::move(path), identity);
  });
  reader.GetAll(policy.certificates, [&] {
    TrustPolicy::Certificate item;
    const auto flags = reader.GetFlags(kTrusted | kDistrusted | kAuthority);
    item.trusted = (flags & kTrusted) != 0;
    item.distrusted = (flags & kDistrusted) != 0;
    item.authority = (flags & kAuthority) != 0;
    item.certificate = reader.GetBytes();
    item.public_key_info = reader.GetBytes();
    item.issuer = reader.GetBytes();
    item.serial_number = reader.GetBytes();
    item.server_distrust_after = reader.GetBytes();
    item.email_distrust_after = reader.GetBytes();
    item.origin = reader.Get<std::uint32_t>();
    return item;
  });
  reader.GetAll(policy.extensions, [&] {
    TrustPolicy::StapledExtension item;
    item.extension = reader.GetBytes();
    item.public_key_info = reader.GetBytes();
    item.origin = reader.Get<std::uint32_t>();
    return item;
  });
  reader.GetAll(policy.origins, get_text);
  reader.GetAll(policy.paths, get_text);
  reader.GetAll(policy.problems, get_text);
  if (!reader.Complete()) return std::nullopt;
  return kept;
}

std::optional<KeptPolicy> PolicyCache::Find(const std::string& setting) const {
  for (const std::string& directory : directories_) {
    const auto content = ReadCached(directory, FileName(setting));
    auto kept = content ? DecodeKeptPolicy(*content) : std::nullopt;
    if (kept && kept->setting == setting && !kept->stamps.empty() &&
        std::none_of(kept->stamps.begin(), kept->stamps.end(),
                     [](const FileStamp& stamp) { return stamp.Differs(); })) {
      return kept;
    }
  }
  return std::nullopt;
}

std::string PolicyCache::Keep(const KeptPolicy& kept) const {
  return WriteInFirst(directories_, [&](const std::string& directory) -> std::string {
    const bool written = WriteCached(directory, FileName(kept.setting), EncodeKeptPolicy(kept));
    return written ? "" : directory + " cannot be written";
  });
}

}  // namespace ostrust::platform
