#include "platform/revocation_store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "platform/fork_safe_mutex.hpp"
#include "platform/linux/cache_directory.hpp"
#include "platform/linux/file_io.hpp"
#include "platform/linux/locations.hpp"
#include "platform/linux/revocation_files.hpp"
#include "platform/made_once.hpp"
#include "platform/name.hpp"
#include "platform/pem.hpp"

namespace ostrust::platform {
namespace {

using ListPtr = RevocationStore::ListPtr;
using Lists = std::vector<ListPtr>;
using Directories = std::vector<std::string>;

// In memory.
constexpr std::size_t kMaxHeld = 64;  // files of lists
constexpr std::size_t kMaxHeldSize = std::size_t{16} << 20;
constexpr std::size_t kMaxResponses = 1024;
constexpr std::size_t kMaxResponseSize = std::size_t{64} << 10;
constexpr std::size_t kMaxResponsesSize = std::size_t{4} << 20;

// In a cache directory.
constexpr std::string_view kListPrefix = "crl-";
constexpr std::string_view kResponsePrefix = "ocsp-";
constexpr std::string_view kTurnPrefix = "turn-";

// In a hashed directory. Of a list longer than this the index is in a cache directory, not in
// memory.
constexpr std::size_t kMaxSmallList = std::size_t{1} << 20;
// PEM makes 4 bytes of 3, and lines.
constexpr std::size_t kMaxListFile = 2 * kMaxRevocationList;

/// Values by name; when there are too many, or too large ones, the oldest go. One always stays.
template <typename Value>
class Newest {
 public:
  Newest(std::size_t max_count, std::size_t max_size)
      : max_count_(max_count), max_size_(max_size) {}

  /// Null when there is none.
  const Value* Find(const std::string& name) const {
    const auto found = items_.find(name);
    return found != items_.end() ? &found->second.value : nullptr;
  }

  void Remove(const std::string& name) {
    const auto found = items_.find(name);
    if (found == items_.end()) return;
    size_ -= found->second.size;
    items_.erase(found);
  }

  template <typename Matches>
  std::optional<Value> FindIf(const Matches& matches) const {
    const auto found = std::find_if(items_.begin(), items_.end(), [&](const auto& item) {
      return matches(item.first, item.second.value);
    });
    return found != items_.end() ? std::optional(found->second.value) : std::nullopt;
  }

  template <typename Matches>
  void RemoveIf(const Matches& matches) {
    std::erase_if(items_, [&](const auto& item) {
      if (!matches(item.second.value)) return false;
      size_ -= item.second.size;
      return true;
    });
  }

  /// In place of what there was.
  void Put(const std::string& name, Value value, std::size_t size) {
    Remove(name);
    items_.emplace(name, Item{std::move(value), size, ++puts_});
    size_ += size;
    while (items_.size() > max_count_ || (size_ > max_size_ && items_.size() > 1)) {
      const auto oldest = std::min_element(
          items_.begin(), items_.end(),
          [](const auto& a, const auto& b) { return a.second.number < b.second.number; });
      size_ -= oldest->second.size;
      items_.erase(oldest);
    }
  }

 private:
  struct Item {
    Value value;
    std::size_t size = 0;
    std::uint64_t number = 0;
  };

  const std::size_t max_count_;
  const std::size_t max_size_;
  std::map<std::string, Item> items_;
  std::size_t size_ = 0;
  std::uint64_t puts_ = 0;
};

/// What was read of a file, or is in memory only.
struct Held {
  FileStamp stamp;
  Lists lists;
};

/// False when that much is not there.
bool ReadAt(int fd, std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t count = pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return true;
}

/// A file behind its head. Read, not mapped: who truncates a mapped file ends the program.
class FileSource : public ListSource {
 public:
  FileSource(CachedFile file, std::size_t head)
      : fd_(std::move(file.fd)),
        head_(head),
        size_(static_cast<std::uint64_t>(file.identity.size) - head) {}

  std::uint64_t Size() const override { return size_; }
  bool Read(std::uint64_t offset, std::span<std::byte> out) override {
    return offset <= size_ && out.size() <= size_ - offset &&
           ReadAt(fd_.Get(), head_ + offset, out);
  }

 private:
  const UniqueFd fd_;
  const std::size_t head_;
  const std::uint64_t size_;
};

/// A file of a cache directory, and what it must say that it is of.
struct Place {
  std::string_view prefix;
  std::string name;
  std::string about;
};

Place PlaceOf(std::string_view prefix, std::string_view about) {
  return {prefix, CachedName(prefix, AsBytes(about)), std::string(about)};
}

/// Of the index of a file of a hashed directory. Once that has changed the next one takes its
/// place.
Place PlaceOfFile(const std::string& path, const FileStamp::Identity& identity) {
  Place place = PlaceOf(kListPrefix, path);
  for (const std::uint64_t number :
       {identity.device, identity.inode, static_cast<std::uint64_t>(identity.size),
        static_cast<std::uint64_t>(identity.modified),
        static_cast<std::uint64_t>(identity.changed)}) {
    place.about += ' ' + std::to_string(number);
  }
  return place;
}

/// The list in a file of a cache directory; null when it is none, or not of what it should be.
ListPtr LoadCached(const std::string& directory, const Place& place, const CachedFile& file) {
  const auto file_size = static_cast<std::uint64_t>(file.identity.size);
  Bytes start(std::min<std::uint64_t>(kMaxRevocationHead, file_size));
  if (!ReadAt(file.fd.Get(), 0, start)) return nullptr;
  auto head = DecodeRevocationHead(start);
  if (!head || head->about != place.about) return nullptr;
  // The file has been opened once, so this is the one that was there then, or none.
  const auto open = [directory, name = place.name, identity = file.identity,
                     size = head->size]() -> std::unique_ptr<ListSource> {
    CachedFile again = OpenCached(directory, name);
    if (!again.IsOpen() || again.identity != identity) return nullptr;
    return std::make_unique<FileSource>(std::move(again), size);
  };
  if (!file.is_machines) head->keys.clear();
  return RevocationList::FromIndex(open, std::move(head->keys));
}

/// Whether what is kept stays, although `added` was fetched now: see RevocationStore::Keep().
bool IsNewer(const RevocationList& kept, const RevocationList& added) {
  using namespace std::chrono;
  const std::int64_t now = floor<seconds>(system_clock::now()).time_since_epoch() / seconds(1);
  return kept.ThisUpdate() > added.ThisUpdate() && kept.ThisUpdate() <= now &&
         AsText(kept.Issuer()) == AsText(added.Issuer());
}

/// Returns why not, as a clause.
std::string Write(const std::string& directory, const Place& place, const std::vector<Bytes>& keys,
                  ByteView content) {
  const auto head = EncodeRevocationHead(place.about, keys);
  if (!head) return "its name is too long";
  if (!OpenCached(directory, place.name).IsOpen()) {
    if (std::string why = MakeRoom(directory, place.prefix); !why.empty()) return why;
  }
  if (WriteCachedParts(directory, place.name, {*head, content})) return {};
  return directory + " cannot be written";
}

/// The lists in a file, DER or PEM.
std::vector<Bytes> ListsIn(Bytes content) {
  std::vector<Bytes> lists;
  if (ReadRevocationList(content)) {
    lists.push_back(std::move(content));
    return lists;
  }
  PemReader reader(AsText(content), PemContent::kCrls);
  while (auto block = reader.Next()) {
    if (block->problem == nullptr) lists.push_back(std::move(block->data));
  }
  return lists;
}

bool IsResponse(ByteView bytes) {
  return !bytes.empty() && bytes.size() <= kMaxResponseSize;
}

/// What a file of a cache directory is held by.
constexpr std::string_view kCacheName = "cache ";

/// What a fetched list that is in memory only is held by.
std::string MemoryName(std::string_view url) {
  return "memory " + std::string(url);
}

std::string DiscardedName(const std::string& path, std::string_view verifier) {
  return path + '\0' + std::string(verifier);
}

Directories HashedDirectories(const std::string& trust_source) {
  constexpr std::string_view kP11Kit = "p11-kit";
  Directories directories;
  if (trust_source.starts_with('/')) {
    for (const BundleLocation& location : SystemBundles()) {
      if (trust_source != location.bundle) continue;
      if (location.hashed_directory != nullptr) directories.emplace_back(location.hashed_directory);
      return directories;
    }
    directories.push_back(trust_source);  // of a file nothing is found
    return directories;
  }
  if (!trust_source.empty() && trust_source != "auto" && !trust_source.starts_with(kP11Kit)) {
    return directories;
  }
  std::set<std::pair<dev_t, ino_t>> seen;
  const auto add = [&](const char* directory) {
    struct stat status {};
    if (directory != nullptr && stat(directory, &status) == 0 && S_ISDIR(status.st_mode) &&
        seen.emplace(status.st_dev, status.st_ino).second) {
      directories.emplace_back(directory);
    }
  };
  for (const BundleLocation& location : SystemBundles()) add(location.hashed_directory);
  for (const char* const directory : SystemDirectories()) add(directory);
  return directories;
}

/// Which turns threads of this process have: all stores together, because FileLock tells
/// processes apart and nothing else.
class Turns {
 public:
  static Turns& Get() {
    static constinit MadeOnce<Turns> turns;
    return turns.Get();
  }

  bool Enter(const std::string& name) {
    const std::lock_guard lock(mutex_);
    pid_t& process = by_name_[name];
    // What a thread of the parent had when this process was forked, nobody here will give back.
    if (process == getpid()) return false;
    process = getpid();
    return true;
  }
  void Leave(const std::string& name) {
    const std::lock_guard lock(mutex_);
    by_name_.erase(name);
  }

 private:
  ForkSafeMutex mutex_{mutex_rank::kRevocation};
  std::map<std::string, pid_t> by_name_;
};

class OneTurn : public RevocationStore::Turn {
 public:
  explicit OneTurn(std::string name) : name_(std::move(name)) {}
  OneTurn(const OneTurn&) = delete;
  OneTurn& operator=(const OneTurn&) = delete;
  ~OneTurn() override {
    lock_.reset();
    if (process_ == getpid()) Turns::Get().Leave(name_);
  }

  /// Once.
  bool Take(const Directories& directories) {
    if (!Turns::Get().Enter(name_)) return false;
    process_ = getpid();
    std::string ignored;
    for (const std::string& directory : directories) {
      if (!PrepareCacheDirectory(directory, ignored)) continue;
      const FileLock::Result result = LockCached(directory, name_, lock_.emplace());
      if (result != FileLock::Result::kImpossible) return result == FileLock::Result::kTaken;
    }
    return true;
  }

 private:
  const std::string name_;
  std::optional<FileLock> lock_;
  pid_t process_ = 0;  // which entered; 0 when it did not
};

}  // namespace

struct RevocationStore::State {
  State(std::function<Directories()> cache, Directories hashed)
      : cache_directories(std::move(cache)), hashed_directories(std::move(hashed)) {}

  std::optional<Held> FindHeld(const std::string& name) const {
    const std::lock_guard lock(mutex);
    const Held* const found = held.Find(name);
    return found != nullptr ? std::optional(*found) : std::nullopt;
  }
  void Hold(const std::string& name, Held value) {
    std::size_t size = 0;
    for (const ListPtr& list : value.lists) size += list->MemorySize();
    const std::lock_guard lock(mutex);
    held.Put(name, std::move(value), size);
  }

  ListPtr InCache(const std::string& directory, const Place& place, std::string_view verifier);
  std::optional<Lists> InFile(const std::string& path, std::string_view verifier);
  /// `unread`: nothing could be read, for now.
  Lists Load(const std::string& path, const OpenedPath& file, std::string_view verifier,
             bool& unread);

  const std::function<Directories()> cache_directories;
  const Directories hashed_directories;
  // Guards the members below.
  mutable ForkSafeMutex mutex{mutex_rank::kRevocation};
  Newest<Held> held{kMaxHeld, kMaxHeldSize};
  Newest<Bytes> responses{kMaxResponses, kMaxResponsesSize};
  Newest<FileStamp::Identity> discarded{kMaxHeld, kMaxHeld};  // by DiscardedName()
};

RevocationStore::RevocationStore(const std::string& cache_dir, const std::string& trust_source)
    : RevocationStore([cache_dir] { return CacheDirectories(cache_dir); },
                      HashedDirectories(trust_source)) {}

RevocationStore::RevocationStore(std::function<Directories()> cache_directories,
                                 Directories hashed_directories)
    : state_(std::make_unique<State>(std::move(cache_directories), std::move(hashed_directories))) {
}

RevocationStore::~RevocationStore() = default;

/// Null when there is none.
ListPtr RevocationStore::State::InCache(const std::string& directory, const Place& place,
                                        std::string_view verifier) {
  const CachedFile file = OpenCached(directory, place.name);
  if (!file.IsOpen()) return nullptr;
  const std::string path = PathIn(directory, place.name);
  {
    const std::lock_guard lock(mutex);
    const FileStamp::Identity* const bad = discarded.Find(DiscardedName(path, verifier));
    if (bad != nullptr && *bad == file.identity) return nullptr;
  }
  const std::string name = std::string(kCacheName) + path + ' ' + place.about;
  const auto known = FindHeld(name);
  if (known && known->stamp.GetIdentity() == file.identity) return known->lists.front();
  ListPtr list = LoadCached(directory, place, file);
  if (list != nullptr) Hold(name, {FileStamp::Kept(path, file.identity), {list}});
  return list;
}

/// The lists in a file of a hashed directory; nullopt when there is no such file, or none is known.
std::optional<Lists> RevocationStore::State::InFile(const std::string& path,
                                                    std::string_view verifier) {
  const std::string name = "file " + path;
  const auto known = FindHeld(name);
  if (known && !known->stamp.MayHaveChanged()) return known->lists;
  const OpenedPath file = OpenPath(path, FileStamp::kRacyWindow, kMaxListFile);
  if (file.stamp.IsMissing()) return std::nullopt;
  // No descriptor or memory is left, so whether there is a file is not known: what was read last
  // stays, and of a directory with nothing in it the first name is the last.
  if (!file.stamp.GetIdentity()) return known ? std::optional(known->lists) : std::nullopt;
  bool unread = false;
  Lists lists = file.IsOpen() && !file.IsDirectory() ? Load(path, file, verifier, unread) : Lists();
  if (unread && known) lists = known->lists;
  Hold(name, {unread ? FileStamp::OfUnread(path) : file.stamp, lists});
  return lists;
}

Lists RevocationStore::State::Load(const std::string& path, const OpenedPath& file,
                                   std::string_view verifier, bool& unread) {
  const auto identity = file.stamp.GetIdentity();
  if (!identity) return {};
  const Place place = PlaceOfFile(path, *identity);
  const Directories directories =
      static_cast<std::uint64_t>(identity->size) > kMaxSmallList && file.stamp.CanBeKept()
          ? cache_directories()
          : Directories();
  const auto in_cache = [&]() -> ListPtr {
    for (const std::string& directory : directories) {
      if (ListPtr list = InCache(directory, place, verifier)) return list;
    }
    return nullptr;
  };
  if (ListPtr list = in_cache()) return {list};

  std::string ignored;
  auto content = ReadContent(file, ignored);
  unread = !content;
  if (unread) return {};
  const std::vector<Bytes> in_file = ListsIn(std::move(*content));
  if (in_file.size() == 1 && in_file.front().size() > kMaxSmallList && !directories.empty()) {
    const auto index = IndexRevocationList(in_file.front());
    if (!index) return {};
    // Nobody has verified its signature yet, so it is kept without a key. If it cannot be kept it
    // is in memory.
    static_cast<void>(WriteInFirst(directories, [&](const std::string& directory) {
      return Write(directory, place, {}, *index);
    }));
    if (ListPtr list = in_cache()) return {list};
  }
  Lists lists;
  for (const Bytes& der : in_file) {
    if (ListPtr list = RevocationList::FromDer(der)) lists.push_back(std::move(list));
  }
  return lists;
}

Lists RevocationStore::InDirectories(ByteView issuer, std::string_view verifier) {
  Lists found;
  const auto canonical = CanonicalName(issuer);
  if (!canonical) return found;
  std::array<char, sizeof "01234567.r"> hash{};
  static_cast<void>(std::snprintf(hash.data(), hash.size(), "%08x.r",
                                  static_cast<unsigned>(NameHash(*canonical))));
  for (const std::string& directory : state_->hashed_directories) {
    for (int number = 0;; ++number) {
      const auto lists =
          state_->InFile(PathIn(directory, hash.data() + std::to_string(number)), verifier);
      if (!lists) break;
      std::copy_if(lists->begin(), lists->end(), std::back_inserter(found),
                   [&](const ListPtr& list) { return CanonicalName(list->Issuer()) == canonical; });
    }
  }
  return found;
}

Lists RevocationStore::Fetched(std::string_view url, std::string_view verifier) {
  Lists found;
  const Place place = PlaceOf(kListPrefix, url);
  if (const auto known = state_->FindHeld(MemoryName(url))) found = known->lists;
  for (const std::string& directory : state_->cache_directories()) {
    if (ListPtr list = state_->InCache(directory, place, verifier))
      found.push_back(std::move(list));
  }
  return found;
}

std::string RevocationStore::Keep(std::string_view url, const ListPtr& list) {
  const Place place = PlaceOf(kListPrefix, url);
  const Directories directories = state_->cache_directories();
  std::string why = WriteInFirst(directories, [&](const std::string& directory) {
    const ListPtr kept = state_->InCache(directory, place, {});
    if (kept != nullptr && IsNewer(*kept, *list)) return std::string();
    const auto index = list->Index();
    if (index == nullptr) return std::string("it is no longer there");
    return Write(directory, place, list->SignedBy(), *index);
  });
  const std::string name = MemoryName(url);
  if (why.empty() && !directories.empty()) {
    const std::lock_guard lock(state_->mutex);
    state_->held.Remove(name);
    return {};
  }
  const auto known = state_->FindHeld(name);
  if (!known || !IsNewer(*known->lists.front(), *list)) {
    state_->Hold(name, {FileStamp::OfUnread(name), {list}});
  }
  return why;
}

bool RevocationStore::Discard(const ListPtr& list, std::string_view verifier) {
  const auto holds_it = [&](const Held& held) {
    return std::find(held.lists.begin(), held.lists.end(), list) != held.lists.end();
  };
  const std::lock_guard lock(state_->mutex);
  const auto file = state_->held.FindIf([&](const std::string& name, const Held& held) {
    return name.starts_with(kCacheName) && holds_it(held);
  });
  const auto identity = file ? file->stamp.GetIdentity() : std::nullopt;
  if (!identity) return false;
  const std::string discarded = DiscardedName(file->stamp.Path(), verifier);
  if (state_->discarded.Find(discarded) != nullptr) return false;
  state_->discarded.Put(discarded, *identity, 1);
  // A file of a hashed directory is held by its index in a cache directory, too.
  state_->held.RemoveIf(holds_it);
  return true;
}

std::vector<Bytes> RevocationStore::Responses(std::string_view about) {
  std::vector<Bytes> found;
  {
    const std::lock_guard lock(state_->mutex);
    const Bytes* const known = state_->responses.Find(std::string(about));
    if (known != nullptr) found.push_back(*known);
  }
  const Place place = PlaceOf(kResponsePrefix, about);
  for (const std::string& directory : state_->cache_directories()) {
    const auto content = ReadCached(directory, place.name);
    const auto head = content ? DecodeRevocationHead(*content) : std::nullopt;
    if (!head || head->about != about) continue;
    const ByteView response = ByteView(*content).subspan(head->size);
    if (!IsResponse(response)) continue;
    Bytes kept(response.begin(), response.end());
    if (std::find(found.begin(), found.end(), kept) == found.end()) {
      found.push_back(std::move(kept));
    }
  }
  return found;
}

std::string RevocationStore::KeepResponse(std::string_view about, ByteView response, bool to_disk) {
  if (!IsResponse(response)) return "it is empty or longer than 64 KiB";
  {
    const std::lock_guard lock(state_->mutex);
    state_->responses.Put(std::string(about), Bytes(response.begin(), response.end()),
                          response.size());
  }
  if (!to_disk) return {};
  const Place place = PlaceOf(kResponsePrefix, about);
  return WriteInFirst(state_->cache_directories(), [&](const std::string& directory) {
    return Write(directory, place, {}, response);
  });
}

std::unique_ptr<RevocationStore::Turn> RevocationStore::TakeTurn(std::string_view what) {
  auto turn = std::make_unique<OneTurn>(CachedName(kTurnPrefix, AsBytes(what)));
  if (!turn->Take(state_->cache_directories())) return nullptr;
  return turn;
}

}  // namespace ostrust::platform
