// `ostrust explain`: why a server's certificate is accepted or refused.
#pragma once

#include "provider/tool/explanation.hpp"

namespace ostrust::tool {

/// Finds out and prints. Returns the exit status: 0 accepted, 1 refused, kUsageError, or kRunFailed
/// (run.hpp) when it could not be asked; the reason is then on standard error. Must be called while
/// this process has one thread.
int Explain(const ExplainOptions& options);

}  // namespace ostrust::tool
