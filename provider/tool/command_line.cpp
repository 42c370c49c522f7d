#include "provider/tool/command_line.hpp"

#include <cstddef>

namespace ostrust::tool {
namespace {

std::string Quoted(const std::string& argument) {
  std::string text = "\"";
  std::size_t backslashes = 0;  // at the end of `text`
  for (const char c : argument) {
    // Backslashes mean themselves, but for those before a quotation mark.
    if (c == '"') text.append(backslashes + 1, '\\');
    backslashes = c == '\\' ? backslashes + 1 : 0;
    text += c;
  }
  text.append(backslashes, '\\');
  return text + "\"";
}

}  // namespace

std::string CommandLine(const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments) {
    if (line.empty()) {
      line = "\"" + argument + "\"";  // other rules: it ends at the next quotation mark
      continue;
    }
    const bool plain =
        !argument.empty() && argument.find_first_of(" \t\n\v\"") == std::string::npos;
    line += " " + (plain ? argument : Quoted(argument));
  }
  return line;
}

}  // namespace ostrust::tool
