#include "platform/linux/p11_kit_trust_source.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "platform/linux/cache_directory.hpp"
#include "platform/linux/locations.hpp"
#include "platform/policy_trust_store.hpp"

namespace ostrust::platform {
namespace {

constexpr const char* kAnchors = "anchors";
constexpr const char* kBlocklist = "blocklist";
// Fedora has one in directories that are otherwise empty.
constexpr std::string_view kReadme = "README";

/// The module says what it looks through in CK_SLOT_INFO::slotDescription, which cuts it off.
constexpr std::size_t kMaxPathSize = 64;

std::string Joined(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "" : " + ") + path;
  return text;
}

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};

/// Calls `visit` with the name of everything in the directory, hidden files included: the module
/// reads them, too. Stops where `visit` returns false. The errno when it cannot be listed, else 0.
template <typename Visit>
int ForEachName(const std::string& directory, Visit visit) {
  const std::unique_ptr<DIR, DirectoryCloser> stream(opendir(directory.c_str()));
  if (stream == nullptr) return errno;
  for (;;) {
    errno = 0;
    const struct dirent* const entry = readdir(stream.get());
    if (entry == nullptr) return errno;
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !visit(name)) return 0;
  }
}

bool IsDirectory(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// What cannot be listed may.
bool HoldsFile(const std::string& directory) {
  bool found = false;
  const int error = ForEachName(directory, [&](std::string_view name) {
    found = name != kReadme && !IsDirectory(PathIn(directory, name));
    return !found;
  });
  return found || error != 0;
}

/// The module says nothing of a file that it does not understand, and of one it cannot take as a
/// whole, also where only memory or a descriptor was short. A blocklist that is not applied must
/// not go unnoticed. True where there are none.
bool ReportFilesWithoutObjects(const std::vector<std::string>& files, TrustPolicy& policy) {
  const std::set<std::string> origins(policy.origins.begin(), policy.origins.end());
  const auto is_used = [&](const std::string& path) { return origins.count(path) != 0; };
  // A module may not say where its objects come from.
  if (!origins.empty() && std::none_of(files.begin(), files.end(), is_used)) return true;
  bool all = true;
  for (const std::string& path : files) {
    if (is_used(path) || path.substr(path.rfind('/') + 1) == kReadme) continue;
    policy.problems.push_back(path + " holds nothing that p11-kit understands");
    all = false;
  }
  return all;
}

/// Whether a file in p11-kit's own format says that something is distrusted.
bool SaysDistrusted(const OpenedPath& file) {
  std::string ignored;
  const auto content = ReadContent(file, ignored);
  if (!content) return false;
  const std::string_view text = AsText(*content);
  return text.find("[p11-kit-object-v1]") != std::string_view::npos &&
         text.find("x-distrusted: true") != std::string_view::npos;
}

/// Where the module does not understand one line of such a file, or has no memory for it, it takes
/// the certificates in it and none of what is said of them. True where there is no such file.
bool ReportUnheardDistrust(const std::vector<std::string>& files, TrustPolicy& policy) {
  std::set<std::string> distrusting;
  for (const TrustPolicy::Certificate& certificate : policy.certificates) {
    if (certificate.distrusted) distrusting.insert(policy.origins[certificate.origin]);
  }
  bool all = true;
  for (const std::string& path : files) {
    if (distrusting.count(path) != 0 ||
        !std::count(policy.origins.begin(), policy.origins.end(), path))
      continue;
    policy.problems.push_back(path +
                              " says that something is distrusted, and p11-kit takes no notice: "
                              "see which line of it p11-kit does not understand");
    all = false;
  }
  return all;
}

/// The paths in the arguments of the module, `paths=A:B`, in quotes or not (p11-kit/argv.c).
std::vector<std::string> PathsIn(std::string_view arguments) {
  std::vector<std::string> paths;
  constexpr std::string_view kName = "paths=";
  const auto at = arguments.find(kName);
  if (at == std::string_view::npos) return paths;
  arguments.remove_prefix(at + kName.size());
  const bool quoted = !arguments.empty() && (arguments.front() == '\'' || arguments.front() == '"');
  const auto end = quoted ? arguments.find(arguments.front(), 1) : arguments.find_first_of(" \t");
  std::string_view list = arguments.substr(quoted ? 1 : 0, quoted ? end - 1 : end);
  while (!list.empty()) {
    const auto colon = std::min(list.find(':'), list.size());
    paths.emplace_back(list.substr(0, colon));
    list.remove_prefix(std::min(colon + 1, list.size()));
  }
  return paths;
}

}  // namespace

std::string WhyNoPolicyDirectory(std::string_view directory) {
  if (directory.empty() || directory.front() != '/') return "an absolute path must follow p11-kit:";
  const auto bad = std::find_if(directory.begin(), directory.end(), [](char c) {
    return c == '\'' || c == '"' || c == '\\' || c == ':' || static_cast<unsigned char>(c) < ' ';
  });
  return bad == directory.end()
             ? std::string()
             : "p11-kit's module cannot be given a path with quotes, \\, : or control characters";
}

LoadResult P11KitTrustSource::Load() {
  root_.Remember();
  try_again_ = std::chrono::steady_clock::now() + options_.retry;
  read_policy_directories_ = false;
  stamps_.clear();
  const PolicyCache cache(options_.cache_directories.empty() ? CacheDirectories(options_.cache_dir)
                                                             : options_.cache_directories);
  auto kept = cache.Find(options_.directory);
  if (!kept) {
    try {
      return LoadThroughModule(cache);
    } catch (const LackOfMeans& lack) {
      try_again_ = std::chrono::steady_clock::now();
      LoadResult result = Fail(lack.what());
      result.lacking = true;
      return result;
    }
  }
  stamps_ = std::move(kept->stamps);
  try_again_.reset();
  return MakeStore(std::move(kept->policy), {});
}

bool P11KitTrustSource::Changed() {
  if (!root_.IsTheSame()) return false;
  const auto changed = [](const std::vector<FileStamp>& stamps) {
    return std::any_of(stamps.begin(), stamps.end(),
                       [](const FileStamp& stamp) { return stamp.MayHaveChanged(); });
  };
  const bool try_again = try_again_ && std::chrono::steady_clock::now() >= *try_again_;
  return try_again || changed(stamps_) || changed(policy_stamps_);
}

bool P11KitTrustSource::SystemKeepsPolicy() {
  root_.Remember();
  // What an earlier Load() was made from is of no interest if none follows.
  stamps_.clear();
  policy_stamps_.clear();
  try_again_ = std::chrono::steady_clock::now() + options_.retry;
  bool found = false;
  for (const std::string& directory : options_.policy_directories) {
    for (const std::string& place :
         {directory, PathIn(directory, kAnchors), PathIn(directory, kBlocklist)}) {
      policy_stamps_.push_back(FileStamp::OfPath(place, options_.racy_window));
      found = found || (!policy_stamps_.back().IsMissing() && HoldsFile(place));
    }
  }
  try_again_.reset();
  return found;
}

LoadResult P11KitTrustSource::LoadThroughModule(const PolicyCache& cache) {
  if (!FirstRoot().IsTheSame())
    return Fail("no module is loaded in a process that called chroot()");
  std::string error;
  const auto configuration =
      FindP11KitModule(options_.locations, options_.racy_window, stamps_, error);
  if (!configuration) {
    try_again_.reset();
    return Fail(error);
  }
  P11KitModule module{configuration->files, configuration->arguments, {}};
  if (!options_.directory.empty()) {
    module.arguments = "paths='" + options_.directory + "'";
    module.paths = {options_.directory};
  }
  for (const std::string& file : module.files) {
    stamps_.push_back(FileStamp::OfPath(file, options_.racy_window));
  }

  Inputs inputs;
  P11KitReading reading =
      options_.read(module, [&](const std::vector<std::string>& paths) { inputs = Look(paths); });
  stamps_.insert(stamps_.end(), inputs.stamps.begin(), inputs.stamps.end());
  if (!inputs.lack.empty()) throw LackOfMeans(inputs.lack);
  if (reading.lacking) throw LackOfMeans(reading.error);
  if (!reading.policy) return Fail(reading.error);
  TrustPolicy& policy = *reading.policy;

  // The arguments of whoever initialized the module first hold for all in the process. An
  // application that let it look through a directory of its own has not made that the system's.
  if (reading.shared && options_.directory.empty()) {
    std::vector<std::string> known = PathsIn(module.arguments);
    known.insert(known.end(), options_.policy_directories.begin(),
                 options_.policy_directories.end());
    for (const BundleLocation& location : SystemBundles()) known.emplace_back(location.bundle);
    for (const std::string& path : policy.paths) {
      if (std::find(known.begin(), known.end(), path) != known.end()) continue;
      return Fail("another user of p11-kit in this process made it look through " + path);
    }
  }
  const bool all_used = ReportFilesWithoutObjects(inputs.files, policy);
  const bool complete =
      ReportUnheardDistrust(inputs.distrusting, policy) && all_used && !reading.incomplete;
  policy.problems.insert(policy.problems.end(), inputs.problems.begin(), inputs.problems.end());
  const auto cut =
      std::find_if(policy.paths.begin(), policy.paths.end(), [this](const std::string& path) {
        return options_.directory.empty() && path.size() >= kMaxPathSize;
      });
  const bool watched = cut == policy.paths.end();
  if (watched && complete) try_again_.reset();
  if (!watched) {
    policy.problems.push_back("p11-kit looks through " + *cut +
                              "..., of which it tells the beginning only: it is read again from "
                              "time to time, and by every process");
  }

  const bool lasting = watched && inputs.readable && complete &&
                       std::all_of(stamps_.begin(), stamps_.end(),
                                   [](const FileStamp& stamp) { return stamp.CanBeKept(); });
  std::string note;
  if (lasting && !reading.shared) {
    const std::string why = cache.Keep({options_.directory, stamps_, policy});
    if (!why.empty()) note = " (read anew by every process: " + why + ")";
  }
  return MakeStore(std::move(policy), note);
}

P11KitTrustSource::Inputs P11KitTrustSource::Look(const std::vector<std::string>& paths) const {
  Inputs inputs;
  for (const std::string& path : paths) {
    LookAt(path, inputs);
    if (!IsDirectory(path)) continue;
    LookAt(PathIn(path, kAnchors), inputs);
    LookAt(PathIn(path, kBlocklist), inputs);
  }
  return inputs;
}

void P11KitTrustSource::LookAt(const std::string& path, Inputs& inputs) const {
  const OpenedPath opened = OpenPath(path, options_.racy_window);
  if (opened.stamp.IsMissing()) {
    inputs.stamps.push_back(opened.stamp);
    return;
  }
  inputs.Add(opened);
  if (!opened.IsDirectory()) return;
  const int error = ForEachName(path, [&](std::string_view name) {
    const OpenedPath file = OpenPath(PathIn(path, name), options_.racy_window);
    // The module looks into no directory below these.
    if (!file.IsDirectory()) inputs.Add(file);
    return true;
  });
  if (error != 0) inputs.AddUnlisted(path, error);
}

void P11KitTrustSource::Inputs::Add(const OpenedPath& opened) {
  stamps.push_back(opened.stamp);
  if (opened.IsOpen()) {
    if (opened.IsDirectory()) return;
    files.push_back(opened.stamp.Path());
    if (SaysDistrusted(opened)) distrusting.push_back(files.back());
    return;
  }
  if (opened.lacking) lack = opened.stamp.Path() + " cannot be read: " + opened.error;
  problems.push_back(opened.stamp.Path() + " cannot be read (" + opened.error +
                     "): nothing it says is applied");
  readable = readable && opened.stamp.IsMissing();
}

void P11KitTrustSource::Inputs::AddUnlisted(const std::string& path, int error) {
  const std::string problem = path + " cannot be read: " + ErrorText(error);
  stamps.push_back(FileStamp::OfUnread(path));
  problems.push_back(problem);
  if (IsLackOfMeans(error)) lack = problem;
  readable = false;
}

LoadResult P11KitTrustSource::MakeStore(TrustPolicy policy, const std::string& note) {
  read_policy_directories_ =
      std::any_of(policy.paths.begin(), policy.paths.end(), [this](const std::string& path) {
        return std::find(options_.policy_directories.begin(), options_.policy_directories.end(),
                         path) != options_.policy_directories.end();
      });
  std::string source = "p11-kit: " + Joined(policy.paths) + note;
  auto store = std::make_shared<const PolicyTrustStore>(std::move(policy), source);
  if (store->AnchorCount() > 0) return {std::move(store), {}};
  std::string error = source + " holds no certificate that is trusted";
  if (!store->Problems().empty()) error += " (" + store->Problems().front() + ")";
  if (store->Empty()) store = nullptr;
  return {std::move(store), std::move(error)};
}

LoadResult P11KitTrustSource::Fail(const std::string& why) const {
  return {nullptr, "p11-kit cannot be used: " + why};
}

}  // namespace ostrust::platform
