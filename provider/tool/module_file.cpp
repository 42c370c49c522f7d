#include "provider/tool/module_file.hpp"

#include "provider/host/file.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
ModuleFile FindModule(const std::string& tool) {
  ModuleFile found;
  const std::string directory = DirectoryOf(tool);
  const std::string prefix = directory + "../";
  const std::string in_folder = std::string("/ostrust/") + kModuleName;
  std::vector<std::string> candidates = {
      directory + kModuleName,
      prefix + OSTRUST_LIBDIR + in_folder,
      prefix + "lib" + in_folder,
      prefix + "lib64" + in_folder,
  };
  found.tried = candidates;
  found.tried.push_back(prefix + "lib/*" + in_folder);
  for (const std::string& path : host::FilesMatching(prefix + "lib/", in_folder)) {
    candidates.push_back(path);
  }
  for (const std::string& path : candidates) {
    if (!IsForThisMachine(path)) continue;
    found.path = host::RealPath(path);
    break;
  }
  return found;
}

}  // namespace ostrust::tool
