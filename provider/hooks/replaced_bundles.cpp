#include "provider/hooks/replaced_bundles.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "platform/bundle.hpp"
#include "platform/fork_safe_mutex.hpp"
#include "platform/live_trust_store.hpp"
#include "platform/made_once.hpp"
#include "provider/hooks/package_record.hpp"
#include "provider/host/file.hpp"

namespace ostrust::hooks {
namespace {

constexpr std::size_t kMaxBundleSize = std::size_t{4} * 1024 * 1024;
// Decisions are kept for this many files; a program that loads more has each looked at again.
constexpr std::size_t kMaxDecisions = 64;

/// What was decided, by trust source, because the answer depends on what the system trusts.
struct Decisions {
  using Key = std::tuple<std::string, std::string, host::FileState>;
  platform::ForkSafeMutex mutex{platform::mutex_rank::kErrors};
  std::map<Key, bool> by_file;
};
constinit platform::MadeOnce<Decisions> process_decisions;

bool MatchesPattern(const std::vector<std::string>& patterns, const std::string& path) {
  const std::string real = host::RealPath(path);
  for (const std::string& pattern : patterns) {
    if (host::MatchesShellPattern(pattern, path) || host::MatchesShellPattern(pattern, real)) {
      return true;
    }
  }
  return false;
}

/// Looks into the file and says what is to be known about it. Nullopt where that cannot be decided
/// now.
std::optional<bool> Decide(const host::Symbols& symbols, const ProviderContext& context,
                           const std::string& path) {
  Unavailable why;
  const auto store = context.CurrentStore(why);
  const auto text = host::ReadRegularFile(path, kMaxBundleSize);
  if (store == nullptr || !text) return std::nullopt;

  const platform::Bundle bundle = platform::ReadBundle(platform::AsBytes(*text), path);
  std::size_t anchors = 0;
  for (const platform::TrustedCertificate& certificate : bundle.certificates) {
    if (store->TrustOf(certificate.der).IsAnchor()) ++anchors;
  }
  const std::size_t count = bundle.certificates.size();
  const std::string counts = std::to_string(anchors) + " of its " + std::to_string(count) +
                             " certificates are the operating system's";
  if (!IsPublicBundle(count, anchors)) {
    context.log().Write(LogLevel::kError,
                        "not replaced: " + path + " is no public bundle: " + counts);
    return false;
  }
  context.log().Write(LogLevel::kInfo, "replaced: " + path + ": " + counts);
  if (DiffersFromPackage(symbols, path, *text)) {
    context.log().Write(LogLevel::kError,
                        "replaced: " + path +
                            " was changed after its package was installed; what was "
                            "added to it is not served: add it to the operating system's store");
  }
  return true;
}

}  // namespace

bool IsReplacedBundle(const host::Symbols& symbols, const ProviderContext& context,
                      const std::string& path) {
  const auto& patterns = context.config().replace_bundles;
  if (patterns.empty() || !MatchesPattern(patterns, path)) return false;
  const auto state = host::RegularFileState(path);
  if (!state) return false;

  Decisions& decisions = process_decisions.Get();
  Decisions::Key key(context.config().trust_source, path, *state);
  {
    const std::lock_guard lock(decisions.mutex);
    const auto known = decisions.by_file.find(key);
    if (known != decisions.by_file.end()) return known->second;
  }
  const auto replaced = Decide(symbols, context, path);
  if (!replaced) return false;
  const std::lock_guard lock(decisions.mutex);
  if (decisions.by_file.size() >= kMaxDecisions) decisions.by_file.clear();
  decisions.by_file.emplace(std::move(key), *replaced);
  return *replaced;
}

}  // namespace ostrust::hooks
