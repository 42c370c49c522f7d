// The one string that Windows starts a program with.
#pragma once

#include <string>
#include <vector>

namespace ostrust::tool {

/// The command line that CommandLineToArgvW() and Microsoft's C runtime take apart into just these.
/// cmd.exe has other rules. The first one, the program, cannot hold a quotation mark: no file name
/// does.
std::string CommandLine(const std::vector<std::string>& arguments);

}  // namespace ostrust::tool
