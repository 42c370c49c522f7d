#include <cstddef>
#include <string_view>

#include <link.h>

#include "provider/tool/library.hpp"

namespace ostrust::tool {
namespace {

struct Search {
  const std::string& name;
  std::string path;
};

extern "C" int OstrustToolVisitImage(dl_phdr_info* info, std::size_t, void* data) {
  const std::string_view path = info->dlpi_name == nullptr ? "" : info->dlpi_name;
  auto& search = *static_cast<Search*>(data);
  if (path.substr(path.rfind('/') + 1) != search.name) return 0;
  search.path = path;
  return 1;
}

}  // namespace

std::string LoadedFile(const std::string& name) {
  Search search{name, {}};
  ::dl_iterate_phdr(OstrustToolVisitImage, &search);
  return search.path;
}

}  // namespace ostrust::tool
