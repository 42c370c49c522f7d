// The keys of ostrust's section, lines of KEY=VALUE: a value is refused in a sentence that names
// its key, or it is within what the manual says.
#include "provider/config.hpp"

#include <algorithm>
#include <map>

#include "fuzz_target.hpp"

using namespace ostrust;
using ostrust::fuzz::Require;

namespace {

bool IsAbsolute(const std::string& path) {
  return !path.empty() && path.front() == '/';
}

void RequireWithinTheManual(const Config& config) {
  using std::chrono::milliseconds;
  Require(config.refresh >= milliseconds(0) && config.refresh <= milliseconds(86'400'000));
  Require(config.network.timeout >= milliseconds(1000) &&
          config.network.timeout <= milliseconds(600'000));
  for (const std::string& pattern : config.replace_bundles) {
    Require(pattern.front() == '*' || pattern.front() == '/');
  }
  for (const std::string& program : config.preload.programs) {
    Require(!program.empty() && program.find('/') == std::string::npos);
    Require(config.preload.AppliesTo(program));
  }
  Require(config.log.path.empty() || IsAbsolute(config.log.path));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::map<std::string, std::string, std::less<>> values;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    values.insert_or_assign(std::string(line.substr(0, equals)), line.substr(equals + 1));
  }
  const auto lookup = [&](const char* key) -> std::optional<std::string> {
    const auto found = values.find(key);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
  const Config config = ReadConfig(lookup);
  RequireWithinTheManual(config);
  Require(config.errors.size() <= values.size());
  for (const std::string& error : config.errors) {
    Require(std::any_of(values.begin(), values.end(), [&](const auto& value) {
      return IsKnownInSection(value.first) && error.starts_with(value.first);
    }));
  }
  Require(config.ErrorText().empty() == config.errors.empty());
  // What was read, written again, is read the same.
  if (!config.errors.empty()) return 0;
  const std::map<std::string_view, std::string> written = {
      {"verify", NameOf(config.verify)},
      {"revocation", NameOf(config.network.revocation)},
      {"intermediates", NameOf(config.network.intermediates)},
      {"default-paths", config.default_paths ? "yes" : "no"}};
  const Config again = ReadConfig([&](const char* key) -> std::optional<std::string> {
    const auto found = written.find(key);
    if (found == written.end()) return std::nullopt;
    return found->second;
  });
  Require(again.errors.empty() && again.verify == config.verify &&
          again.network.revocation == config.network.revocation &&
          again.network.intermediates == config.network.intermediates &&
          again.default_paths == config.default_paths);
  return 0;
}
