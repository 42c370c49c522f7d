// What stands beside the anchors and decides with them: the system's policy, the caches, and
// CRLite's filters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ostrust::tool {

/// How much the trust source distrusts or limits, in certificates.
struct PolicyCounts {
  std::size_t distrusted = 0;
  std::size_t rules = 0;  // by key, or by issuer and serial number, of what is not listed
  // Of anchors:
  std::size_t by_purpose = 0;
  std::size_t by_date = 0;
  std::size_t by_constraints = 0;  // names, path length, or no CA
};

/// A directory of what was found out before (platform/linux/cache_directory.hpp).
struct Cache {
  std::string directory;
  bool exists = false;
  std::string not_used;  // why what is in it is not believed, a clause; empty when it is
  // Files; each holds one policy, the certificates of one subject, one CRL or OCSP response.
  std::size_t policies = 0;
  std::size_t intermediates = 0;
  std::size_t revocation = 0;
  std::size_t not_read = 0;            // files that somebody else could have written
  std::optional<std::int64_t> newest;  // seconds since 1970
};

/// libupki, which asks CRLite's filters.
struct Filter {
  std::string file;           // the library; a path; empty when there is none
  std::string why;            // then
  std::string configuration;  // the file it reads; empty when there is none
};

struct Layers {
  std::optional<PolicyCounts> policy;  // nullopt when the source could not be read
  std::vector<Cache> caches;
  Filter filter;
};

/// Reads the trust source, with the module's own code, in a child process of at most 10 seconds,
/// and looks at the caches. `keys`: ostrust's section; nothing of them is bad. Must be called while
/// this process has one thread. Nullopt on systems that have no such layers.
std::optional<Layers> LookAtLayers(const std::map<std::string, std::string>& keys);

/// In one line each, for a person; empty when there is nothing to say. `now`: seconds since 1970.
std::string DescribePolicy(const PolicyCounts& policy);
std::string DescribeCaches(const std::vector<Cache>& caches, std::int64_t now);
std::string DescribeFilter(const Filter& filter);

}  // namespace ostrust::tool
