#include "provider/tool/explain.hpp"
#include "provider/tool/run.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {

int Explain(const ExplainOptions&) {
  PrintError(
      "ostrust explain: is for Linux so far; openssl s_client -connect HOST:443 shows what "
      "OpenSSL says, and OSTRUST_LOG=debug what ostrust does\n");
  return kRunFailed;
}

}  // namespace ostrust::tool
