// What is different between two texts, as diff -u shows it.
#pragma once

#include <string>

namespace ostrust::tool {

/// A unified diff with three lines of context and one hunk, which patch(1) takes; empty when there
/// is no difference. `before` or `after` is null where there is no such file.
std::string UnifiedDiff(const std::string& name, const std::string* before,
                        const std::string* after);

}  // namespace ostrust::tool
