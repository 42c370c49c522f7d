// Names of files: the URI of the system's store, and those in a hashed directory. What is said of
// one is said by another way of looking at it, too.
#include <algorithm>
#include <cstdio>
#include <vector>

#include <strings.h>

#include "fuzz_target.hpp"
#include "platform/linux/hashed_directory.hpp"
#include "provider/uri.hpp"

using namespace ostrust;
using ostrust::fuzz::Require;

namespace {

UriKind Slowly(const std::string& name) {
  if (strncasecmp(name.c_str(), "os:", 3) != 0) return UriKind::kForeign;
  const std::string rest = name.substr(3);
  return rest.empty() || rest == "//" ? UriKind::kOsStore : UriKind::kMalformed;
}

void CheckHashed(const std::string& name) {
  const auto hash = platform::HashOfCertificateName(name);
  const bool is_list = platform::IsHashedCrlName(name);
  Require(!hash || !is_list);
  if (!hash && !is_list) return;
  // As X509_LOOKUP_hash_dir writes it: "%08lx.%s%d"; zeros before the number are let through.
  const std::string number = name.substr(is_list ? 10 : 9);
  Require(!number.empty() && number.size() < 10 &&
          number.find_first_not_of("0123456789") == std::string::npos);
  if (hash) {
    char written[16];
    std::snprintf(written, sizeof written, "%08lx.", static_cast<unsigned long>(*hash));
    Require(name.starts_with(written));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    names.emplace_back(line);
    Require(ClassifyUri(line) == Slowly(names.back()));
    CheckHashed(names.back());
  }
  std::sort(names.begin(), names.end());
  std::size_t grouped = 0;
  const auto groups = platform::GroupByHash(names);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    Require(i == 0 || groups[i - 1].hash < groups[i].hash);
    Require(!groups[i].names.empty());
    for (const std::string& name : groups[i].names) {
      Require(platform::HashOfCertificateName(name) == groups[i].hash);
    }
    grouped += groups[i].names.size();
  }
  Require(static_cast<std::size_t>(std::count_if(names.begin(), names.end(), [](const auto& name) {
            return platform::HashOfCertificateName(name).has_value();
          })) == grouped);
  return 0;
}
