#include "provider/tool/layers.hpp"

#include <algorithm>
#include <utility>

namespace ostrust::tool {
namespace {

void Append(std::string& text, const char* separator, const std::string& part) {
  if (!part.empty()) text += (text.empty() ? "" : separator) + part;
}

std::string Counted(std::size_t count, const char* what) {
  return count == 0 ? std::string() : std::to_string(count) + " " + what;
}

std::string AgeText(std::int64_t seconds) {
  constexpr std::pair<std::int64_t, const char*> kUnits[] = {
      {86400, "days"}, {3600, "hours"}, {60, "minutes"}};
  for (const auto& [size, name] : kUnits) {
    if (seconds >= 2 * size) return std::to_string(seconds / size) + " " + name + " old";
  }
  return seconds < 0 ? "from the future" : std::to_string(seconds) + " seconds old";
}

}  // namespace

std::string DescribePolicy(const PolicyCounts& policy) {
  std::string text;
  Append(text, ", ", Counted(policy.distrusted, "certificates distrusted"));
  Append(text, ", ", Counted(policy.rules, "rules about others"));
  std::string limited;
  Append(limited, ", ", Counted(policy.by_purpose, "by purpose"));
  Append(limited, ", ", Counted(policy.by_date, "by date"));
  Append(limited, ", ", Counted(policy.by_constraints, "by constraints"));
  Append(text, "; ", limited.empty() ? limited : "anchors limited: " + limited);
  return text;
}

std::string DescribeCaches(const std::vector<Cache>& caches, std::int64_t now) {
  std::string text;
  for (const Cache& cache : caches) {
    std::string content;
    if (!cache.exists) {
      content = "not there";
    } else if (!cache.not_used.empty()) {
      content = "not used: " + cache.not_used;
    } else {
      Append(content, ", ", Counted(cache.policies, "of policy"));
      Append(content, ", ", Counted(cache.intermediates, "of intermediates"));
      Append(content, ", ", Counted(cache.revocation, "of revocation"));
      Append(content, ", ", Counted(cache.not_read, "not read: others could have written them"));
      if (content.empty()) content = "empty";
      if (cache.newest) content += ", the newest " + AgeText(now - *cache.newest);
    }
    Append(text, "; ", cache.directory + ": " + content);
  }
  return text;
}

std::string DescribeFilter(const Filter& filter) {
  if (filter.file.empty()) return {};
  return filter.file + (filter.configuration.empty() ? ", without a configuration"
                                                     : ", configured by " + filter.configuration);
}

}  // namespace ostrust::tool
