#include "platform/linux/file_trust_source.hpp"

#include <algorithm>
#include <iterator>

#include "platform/bundle.hpp"
#include "platform/linux/hashed_directory.hpp"
#include "platform/linux/locations.hpp"
#include "platform/memory_trust_store.hpp"

namespace ostrust::platform {
namespace {

void Append(std::vector<std::string>& problems, std::vector<std::string>& more) {
  std::move(more.begin(), more.end(), std::back_inserter(problems));
}

LoadResult Failure(std::string error) {
  return {nullptr, std::move(error)};
}

// The first of a file's or directory's own problems, most likely the reason when it has no anchor.
std::string FirstOf(const std::vector<std::string>& problems) {
  return problems.empty() ? std::string() : problems.front();
}

// `store` has no anchor.
LoadResult NoAnchor(const std::string& path, std::shared_ptr<const TrustStore> store,
                    const std::string& reason) {
  std::string error = path + " holds no certificate that is trusted";
  if (!reason.empty()) error += " (" + reason + ")";
  if (store->Entries().empty()) store = nullptr;
  return {std::move(store), std::move(error)};
}

}  // namespace

LoadResult FileTrustSource::LoadAfter(std::vector<std::string> unusable) {
  root_.Remember();
  interrupted_ = true;
  stamps_.clear();
  lack_.clear();
  layered_ = nullptr;
  LoadResult result;
  try {
    result = path_.empty() ? LoadAuto(std::move(unusable)) : LoadPath(path_);
    interrupted_ = false;
  } catch (const LackOfMeans& lack) {
    if (lack_.empty()) lack_ = lack.what();
  }
  if (!lack_.empty()) return {nullptr, lack_, true};
  return result;
}

bool FileTrustSource::Changed() {
  if (!root_.IsTheSame()) return false;
  return interrupted_ ||
         std::any_of(stamps_.begin(), stamps_.end(),
                     [](const FileStamp& stamp) { return stamp.MayHaveChanged(); }) ||
         (layered_ != nullptr && layered_->ReadFilesMayHaveChanged());
}

OpenedPath FileTrustSource::Open(const std::string& path) {
  OpenedPath opened = OpenPath(path, options_.racy_window);
  stamps_.push_back(opened.stamp);
  if (opened.lacking && lack_.empty()) lack_ = path + " cannot be read: " + opened.error;
  return opened;
}

void FileTrustSource::NoteUnread(const std::string& path, const std::string& error, bool lacking) {
  stamps_.push_back(FileStamp::OfUnread(path));
  if (lacking && lack_.empty()) lack_ = path + " cannot be read: " + error;
}

LoadResult FileTrustSource::LoadPath(const std::string& path) {
  OpenedPath opened = Open(path);
  if (!opened.IsOpen()) return Failure(path + " cannot be read: " + opened.error);
  if (opened.IsDirectory()) return LoadDirectory(opened, path, {});
  return LoadBundle(opened, path, nullptr, {});
}

LoadResult FileTrustSource::LoadAuto(std::vector<std::string> unusable) {
  std::string absent;
  std::shared_ptr<const TrustStore> only_distrusts;
  const auto keep_distrusts = [&](LoadResult& result) {
    if (only_distrusts == nullptr) only_distrusts = std::move(result.store);
  };
  const auto note_unopened = [&](const std::string& path, const OpenedPath& opened) {
    if (opened.stamp.IsMissing()) {
      absent += absent.empty() ? path : ", " + path;
    } else {
      const char* kind = opened.IsDirectory() ? "is a directory" : "is no directory";
      unusable.push_back(path + " cannot be read: " + (opened.IsOpen() ? kind : opened.error));
    }
  };

  for (const BundleLocation& location : SystemBundles()) {
    const std::string path = options_.root + location.bundle;
    const OpenedPath opened = Open(path);
    if (!opened.IsOpen() || opened.IsDirectory()) {
      note_unopened(path, opened);
      continue;
    }
    LoadResult result = LoadBundle(opened, path, location.hashed_directory, unusable);
    if (result.error.empty()) return result;
    keep_distrusts(result);
    unusable.push_back(std::move(result.error));
  }
  for (const char* location : SystemDirectories()) {
    const std::string path = options_.root + location;
    OpenedPath opened = Open(path);
    if (!opened.IsDirectory()) {
      note_unopened(path, opened);
      continue;
    }
    LoadResult result = LoadDirectory(opened, path, unusable);
    if (result.error.empty()) return result;
    keep_distrusts(result);
    unusable.push_back(std::move(result.error));
  }

  std::string error = "no trust store was found on this system";
  for (const std::string& reason : unusable) error += "; " + reason;
  if (!absent.empty()) error += "; not there: " + absent;
  return {std::move(only_distrusts), std::move(error)};
}

LoadResult FileTrustSource::LoadBundle(const OpenedPath& file, const std::string& path,
                                       const char* hashed_directory,
                                       std::vector<std::string> problems) {
  std::string error;
  bool lacking = false;
  const auto content = ReadContent(file, error, &lacking);
  if (!content) {
    NoteUnread(path, error, lacking);
    return Failure(path + " cannot be read: " + error);
  }
  Bundle bundle = ReadBundle(*content, path);
  const std::string reason = FirstOf(bundle.problems);
  Append(problems, bundle.problems);

  std::string source = path;
  std::optional<LayeredTrustStore::Directory> directory;
  if (hashed_directory != nullptr) {
    directory = ListHashedDirectory(options_.root + hashed_directory, problems);
    if (directory) source += " + " + directory->path;
  }
  auto store = std::make_unique<const MemoryTrustStore>(std::move(bundle.certificates),
                                                        std::move(source), std::move(problems));
  if (store->AnchorCount() == 0) return NoAnchor(path, std::move(store), reason);
  if (!directory) return {std::move(store), {}};

  auto layered = std::make_shared<const LayeredTrustStore>(std::move(store), std::move(*directory));
  layered->ReadAddedFiles();
  layered_ = layered;
  // They can distrust what the bundle trusts.
  if (layered->AnchorCount() == 0) return NoAnchor(layered->Source(), layered, reason);
  return {std::move(layered), {}};
}

std::optional<LayeredTrustStore::Directory> FileTrustSource::ListHashedDirectory(
    const std::string& path, std::vector<std::string>& problems) {
  OpenedPath opened = Open(path);
  if (opened.stamp.IsMissing()) return std::nullopt;
  std::string error = opened.IsOpen() ? "not a directory" : opened.error;
  if (opened.IsDirectory()) {
    bool lacking = false;
    if (const auto names = ListNames(opened, error, &lacking)) {
      return LayeredTrustStore::Directory{path, opened.stamp, GroupByHash(*names),
                                          options_.racy_window};
    }
    NoteUnread(path, error, lacking);
  }
  problems.push_back(path + " is not looked at: " + error);
  return std::nullopt;
}

LoadResult FileTrustSource::LoadDirectory(OpenedPath& directory, const std::string& path,
                                          std::vector<std::string> problems) {
  std::string error;
  bool lacking = false;
  const auto names = ListNames(directory, error, &lacking);
  if (!names) {
    NoteUnread(path, error, lacking);
    return Failure(path + " cannot be read: " + error);
  }

  std::vector<TrustedCertificate> certificates;
  std::vector<std::string> own_problems;
  std::set<FileIdentity> seen;
  for (const std::string& name : *names) {
    if (IsHashedCrlName(name)) continue;
    ReadDirectoryFile(PathIn(path, name), seen, certificates, own_problems);
  }
  const std::string reason = FirstOf(own_problems);
  Append(problems, own_problems);
  auto store =
      std::make_shared<const MemoryTrustStore>(std::move(certificates), path, std::move(problems));
  if (store->AnchorCount() == 0) return NoAnchor(path, std::move(store), reason);
  return {std::move(store), {}};
}

void FileTrustSource::ReadDirectoryFile(const std::string& path, std::set<FileIdentity>& seen,
                                        std::vector<TrustedCertificate>& certificates,
                                        std::vector<std::string>& problems) {
  const OpenedPath file = Open(path);
  if (file.IsDirectory()) return;
  std::string error = file.error;
  if (file.IsOpen()) {
    // Debian has each certificate under three names, two of them links.
    if (!seen.emplace(file.status.st_dev, file.status.st_ino).second) return;
    bool lacking = false;
    if (const auto content = ReadContent(file, error, &lacking)) {
      Bundle bundle = ReadBundle(*content, path);
      if (bundle.certificates.empty() && bundle.problems.empty()) {
        problems.push_back(path + " holds no certificate");
      }
      Append(problems, bundle.problems);
      std::move(bundle.certificates.begin(), bundle.certificates.end(),
                std::back_inserter(certificates));
      return;
    }
    NoteUnread(path, error, lacking);
  }
  problems.push_back(path + " is not read: " + error);
}

std::unique_ptr<TrustSource> MakeFileTrustSource(std::string_view trust_source,
                                                 FileTrustOptions options, std::string& error) {
  constexpr std::string_view kAllowed =
      "allowed are auto, p11-kit, p11-kit:DIR, or the absolute path of a file or directory";
  error.clear();
  if (trust_source.empty() || trust_source == "auto") {
    return std::make_unique<FileTrustSource>(std::string(), std::move(options));
  }
  if (trust_source.front() != '/' || trust_source.find('\0') != std::string_view::npos) {
    error = "trust-source: \"" + std::string(trust_source) + "\" is not possible; ";
    error += kAllowed;
    return nullptr;
  }
  return std::make_unique<FileTrustSource>(std::string(trust_source), std::move(options));
}

}  // namespace ostrust::platform
