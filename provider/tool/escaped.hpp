// Texts of others on a person's terminal.
#pragma once

#include <string>

namespace ostrust::tool {

/// `text` with everything escaped as \u{HEX} that could drive a terminal or change the order of
/// what is read: control characters, bidirectional and invisible ones; \xHEX for what is not UTF-8.
std::string Escaped(const std::string& text);

/// The same of a text of lines: line feeds, with a carriage return before them or not, and tabs
/// stay.
std::string EscapedLines(const std::string& text);

}  // namespace ostrust::tool
