#include "platform/linux/layered_trust_store.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "platform/bundle.hpp"
#include "platform/certificate_fields.hpp"
#include "platform/linux/file_io.hpp"
#include "platform/name.hpp"

namespace ostrust::platform {

namespace {

// The certificates in these files as far as their subjects have the hash that the names promise:
// X509_LOOKUP_hash_dir would find no other.
std::vector<TrustedCertificate> ReadHashedFiles(const std::string& directory,
                                                const HashedFiles& files,
                                                std::chrono::nanoseconds racy_window,
                                                std::vector<FileStamp>& stamps,
                                                std::vector<std::string>& problems) {
  std::vector<TrustedCertificate> certificates;
  for (const std::string& name : files.names) {
    const std::string path = PathIn(directory, name);
    OpenedPath file = OpenPath(path, racy_window);
    stamps.push_back(file.stamp);
    if (file.IsDirectory()) continue;
    std::string error = std::move(file.error);
    bool lacking = file.lacking;
    const auto content = file.IsOpen() ? ReadContent(file, error, &lacking) : std::nullopt;
    if (lacking) throw LackOfMeans(path + " cannot be read: " + error);
    if (!content) {
      if (file.IsOpen()) stamps.push_back(FileStamp::OfUnread(path));
      problems.push_back(path + " is not read: ");
      problems.back() += error;
      continue;
    }
    Bundle bundle = ReadBundle(*content, path);
    std::move(bundle.problems.begin(), bundle.problems.end(), std::back_inserter(problems));
    for (TrustedCertificate& certificate : bundle.certificates) {
      if (NameHash(certificate.canonical_subject) == files.hash) {
        certificates.push_back(std::move(certificate));
      }
    }
  }
  return certificates;
}

}  // namespace

LayeredTrustStore::LayeredTrustStore(std::unique_ptr<const MemoryTrustStore> base,
                                     Directory directory)
    : base_(std::move(base)),
      directory_(std::move(directory.path)),
      directory_stamp_(std::move(directory.stamp)),
      racy_window_(directory.racy_window),
      cells_(directory.files.size()) {
  for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i].files = std::move(directory.files[i]);
  const std::vector<TrustedCertificate>& certificates = base_->Certificates();
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    Cell* cell = CellOf(NameHash(certificates[i].canonical_subject));
    if (cell != nullptr) cell->in_bundle.push_back(i);
  }
}

LayeredTrustStore::~LayeredTrustStore() {
  for (const Cell& cell : cells_) delete cell.content.load(std::memory_order_acquire);
  const ProblemList* list = problems_.load(std::memory_order_acquire);
  while (list != nullptr) delete std::exchange(list, list->previous);
}

const LayeredTrustStore::Cell* LayeredTrustStore::CellOf(std::uint32_t name_hash) const {
  const auto place = std::lower_bound(
      cells_.begin(), cells_.end(), name_hash,
      [](const Cell& cell, std::uint32_t wanted) { return cell.files.hash < wanted; });
  return place != cells_.end() && place->files.hash == name_hash ? &*place : nullptr;
}

LayeredTrustStore::Cell* LayeredTrustStore::CellOf(std::uint32_t name_hash) {
  return const_cast<Cell*>(std::as_const(*this).CellOf(name_hash));
}

void LayeredTrustStore::ReadAddedFiles() const {
  for (const Cell& cell : cells_) {
    if (cell.files.names.size() > cell.in_bundle.size()) ContentOf(cell);
  }
}

std::unique_ptr<LayeredTrustStore::Content> LayeredTrustStore::ReadCell(
    const Cell& cell, std::vector<std::string>& problems) const {
  auto content = std::make_unique<Content>();
  // The path must still lead to the directory that was listed. After a chroot() or in another mount
  // namespace it may not, and one found there by chance is no part of this snapshot;
  // TrustSource::Changed() deals with it. One that was changed is the same: what it held may
  // distrust somebody before and after.
  if (const int why = directory_stamp_.WhyNotTheSame(); why != 0) {
    const std::string reason = directory_ + " cannot be read: " + ErrorText(why);
    if (IsLackOfMeans(why)) throw LackOfMeans(reason);
    if (why != ENOENT) problems.push_back(reason);
    content->stamps.push_back(FileStamp::OfUnread(directory_));
    return content;
  }
  std::vector<TrustedCertificate> certificates =
      ReadHashedFiles(directory_, cell.files, racy_window_, content->stamps, problems);
  const bool all_known = std::all_of(
      certificates.begin(), certificates.end(), [&](const TrustedCertificate& certificate) {
        const CertificateTrust known = base_->TrustOf(certificate.der);
        return known.MergedWith(certificate.trust) == known;
      });
  if (all_known) return content;

  std::vector<TrustedCertificate> merged;
  std::ptrdiff_t base_anchors = 0;
  for (const std::size_t i : cell.in_bundle) {
    merged.push_back(base_->Certificates()[i]);
    if (merged.back().trust.IsAnchor()) ++base_anchors;
  }
  std::move(certificates.begin(), certificates.end(), std::back_inserter(merged));
  auto store = std::make_unique<const MemoryTrustStore>(std::move(merged), std::string(),
                                                        std::vector<std::string>());
  content->more_anchors = static_cast<std::ptrdiff_t>(store->AnchorCount()) - base_anchors;
  content->store = std::move(store);
  return content;
}

const LayeredTrustStore::Content& LayeredTrustStore::ContentOf(const Cell& cell) const {
  const Content* published = cell.content.load(std::memory_order_acquire);
  if (published != nullptr) return *published;

  std::vector<std::string> problems;
  std::unique_ptr<Content> content = ReadCell(cell, problems);
  if (!cell.content.compare_exchange_strong(published, content.get(), std::memory_order_acq_rel,
                                            std::memory_order_acquire)) {
    return *published;  // another thread was first; ours is deleted
  }
  published = content.release();
  if (!problems.empty()) AddProblems(problems);
  return *published;
}

void LayeredTrustStore::AddProblems(const std::vector<std::string>& problems) const {
  auto list = std::make_unique<ProblemList>();
  list->previous = problems_.load(std::memory_order_acquire);
  do {
    list->all = list->previous != nullptr ? list->previous->all : base_->Problems();
    list->all.insert(list->all.end(), problems.begin(), problems.end());
  } while (!problems_.compare_exchange_weak(list->previous, list.get(), std::memory_order_acq_rel,
                                            std::memory_order_acquire));
  static_cast<void>(list.release());
}

const std::vector<std::string>& LayeredTrustStore::Problems() const {
  const ProblemList* list = problems_.load(std::memory_order_acquire);
  return list != nullptr ? list->all : base_->Problems();
}

const MemoryTrustStore& LayeredTrustStore::StoreFor(std::uint32_t name_hash) const {
  const Cell* cell = CellOf(name_hash);
  if (cell == nullptr) return *base_;
  const Content& content = ContentOf(*cell);
  return content.store != nullptr ? *content.store : *base_;
}

std::vector<const StoreEntry*> LayeredTrustStore::FindBySubject(ByteView subject) const {
  const auto canonical = CanonicalName(subject);
  if (!canonical) return {};
  return StoreFor(NameHash(*canonical)).FindByCanonicalSubject(*canonical);
}

CertificateTrust LayeredTrustStore::TrustOf(ByteView certificate) const {
  const auto fields = ReadCertificateFields(certificate);
  const auto canonical = fields ? CanonicalName(fields->subject) : std::nullopt;
  if (!canonical) return CertificateTrust::Unspecified();
  return StoreFor(NameHash(*canonical)).TrustOf(certificate);
}

bool LayeredTrustStore::MayLimit(const CertificateFields& fields) const {
  const auto canonical = CanonicalName(fields.subject);
  return !canonical || StoreFor(NameHash(*canonical)).MayLimit(fields);
}

std::vector<const StoreEntry*> LayeredTrustStore::Entries() const {
  std::vector<const StoreEntry*> all = base_->Entries();
  for (const Cell& cell : cells_) {
    const Content& content = ContentOf(cell);
    if (content.store == nullptr) continue;
    // It begins with the bundle's certificates, in their order.
    const std::vector<const StoreEntry*> entries = content.store->Entries();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i < cell.in_bundle.size()) {
        all[cell.in_bundle[i]] = entries[i];
      } else {
        all.push_back(entries[i]);
      }
    }
  }
  return all;
}

std::size_t LayeredTrustStore::AnchorCount() const {
  auto count = static_cast<std::ptrdiff_t>(base_->AnchorCount());
  for (const Cell& cell : cells_) {
    const Content* content = cell.content.load(std::memory_order_acquire);
    if (content != nullptr) count += content->more_anchors;
  }
  return static_cast<std::size_t>(count);
}

bool LayeredTrustStore::ReadFilesMayHaveChanged() const {
  return std::any_of(cells_.begin(), cells_.end(), [](const Cell& cell) {
    const Content* content = cell.content.load(std::memory_order_acquire);
    return content != nullptr &&
           std::any_of(content->stamps.begin(), content->stamps.end(),
                       [](const FileStamp& stamp) { return stamp.MayHaveChanged(); });
  });
}

}  // namespace ostrust::platform
