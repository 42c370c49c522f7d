#include "provider/tool/python_bundles.hpp"

#include <chrono>
#include <sstream>

#include "provider/tool/child_process.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

constexpr std::chrono::seconds kLimit{10};

constexpr const char* kCode =
    "import os\n"
    "from importlib.util import find_spec\n"
    "for name, below in (('certifi', ''), ('pip', '_vendor/certifi')):\n"
    "    found = find_spec(name)\n"
    "    for place in found and found.submodule_search_locations or ():\n"
    "        print(os.path.join(place, below, 'cacert.pem'))\n";

}  // namespace

std::vector<std::string> PythonBundles(const Program& program) {
  std::vector<std::string> bundles;
  if (!program.is_python) return bundles;
  const ChildOutcome answer = RunCommand({program.path, "-I", "-c", kCode}, kLimit);
  if (!answer.Succeeded()) return bundles;
  std::istringstream lines(answer.out);
  for (std::string line; std::getline(lines, line);) {
    if (KindOf(line) == FileKind::kRegular) bundles.push_back(line);
  }
  return bundles;
}

}  // namespace ostrust::tool
