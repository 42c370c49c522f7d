#include "provider/tool/export.hpp"
#include "provider/tool/run.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {

int Export(const ExportOptions&) {
  PrintError(
      "ostrust export: is for Linux so far; here the system itself judges chains, and no file can "
      "say what it would\n");
  return kRunFailed;
}

}  // namespace ostrust::tool
