// What several parts of the tool do with texts, and the standard library has not. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/bytes.hpp"

namespace ostrust::tool {

bool Has(const std::vector<std::string>& all, std::string_view one);

/// Without its line feed.
std::string FirstLine(const std::string& text);

/// From its first to its last character that is no blank and ends no line; a part of `text`.
std::string_view Trimmed(std::string_view text);

/// The letters of ASCII alone, whatever the locale is.
std::string Lower(std::string_view text);

/// Two digits for each byte, the letters small or capital.
std::string Hex(platform::ByteView bytes);
std::string CapitalHex(platform::ByteView bytes);

}  // namespace ostrust::tool
