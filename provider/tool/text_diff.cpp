#include "provider/tool/text_diff.hpp"

#include <algorithm>
#include <vector>

namespace ostrust::tool {
namespace {

constexpr std::size_t kContext = 3;

/// Each with its line feed; only the last may have none.
std::vector<std::string> Lines(const std::string* text) {
  std::vector<std::string> lines;
  if (text == nullptr) return lines;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size() - 1) + 1;
    lines.push_back(text->substr(at, end - at));
    at = end;
  }
  return lines;
}

std::string Line(char mark, const std::string& line) {
  return mark + line + (line.back() == '\n' ? "" : "\n\\ No newline at end of file\n");
}

std::string Range(std::size_t first, std::size_t count) {
  return std::to_string(count == 0 ? first : first + 1) + "," + std::to_string(count);
}

}  // namespace

std::string UnifiedDiff(const std::string& name, const std::string* before,
                        const std::string* after) {
  const auto old_lines = Lines(before);
  const auto new_lines = Lines(after);
  if (old_lines == new_lines && (before == nullptr) == (after == nullptr)) return {};
  const auto [a, b] =
      std::mismatch(old_lines.begin(), old_lines.end(), new_lines.begin(), new_lines.end());
  const auto same = static_cast<std::size_t>(a - old_lines.begin());
  std::size_t tail = 0;
  while (tail < std::min(old_lines.size(), new_lines.size()) - same &&
         old_lines[old_lines.size() - 1 - tail] == new_lines[new_lines.size() - 1 - tail]) {
    ++tail;
  }
  const std::size_t from = same - std::min(same, kContext);
  const std::size_t after_it = std::min(tail, kContext);
  const std::size_t old_end = old_lines.size() - tail;
  const std::size_t new_end = new_lines.size() - tail;

  std::string text = "--- " + (before == nullptr ? "/dev/null" : name) + "\n";
  text += "+++ " + (after == nullptr ? "/dev/null" : name) + "\n";
  text += "@@ -" + Range(from, old_end + after_it - from) + " +" +
          Range(from, new_end + after_it - from) + " @@\n";
  for (std::size_t i = from; i < same; ++i) text += Line(' ', old_lines[i]);
  for (std::size_t i = same; i < old_end; ++i) text += Line('-', old_lines[i]);
  for (std::size_t i = same; i < new_end; ++i) text += Line('+', new_lines[i]);
  for (std::size_t i = 0; i < after_it; ++i) text += Line(' ', old_lines[old_end + i]);
  return text;
}

}  // namespace ostrust::tool
