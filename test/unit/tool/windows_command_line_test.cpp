#include <gtest/gtest.h>
#include <windows.h>
// After windows.h.
#include <shellapi.h>

#include <memory>

#include "provider/host/wide.hpp"
#include "provider/tool/command_line.hpp"

namespace ostrust::tool {
namespace {

std::vector<std::string> TakenApart(const std::string& line) {
  int count = 0;
  const std::unique_ptr<LPWSTR, decltype(&::LocalFree)> words(
      ::CommandLineToArgvW(host::WidePath(line).c_str(), &count), &::LocalFree);
  std::vector<std::string> arguments;
  for (int i = 0; i < count; ++i) arguments.push_back(host::Narrow(words.get()[i]));
  return arguments;
}

TEST(CommandLine, IsTakenApartIntoTheSameArguments) {
  // Everything that three of these characters make, twice.
  constexpr char kCharacters[] = {'a', ' ', '"', '\\', '\t', '%'};
  for (const char first : kCharacters) {
    for (const char second : kCharacters) {
      for (const char third : kCharacters) {
        const std::string argument = {first, second, third};
        const std::vector<std::string> arguments = {"C:\\a b\\p.exe", argument, "", argument};
        EXPECT_EQ(TakenApart(CommandLine(arguments)), arguments) << argument;
      }
    }
  }
}

}  // namespace
}  // namespace ostrust::tool
