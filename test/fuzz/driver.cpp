// Runs a fuzz target over files, without libFuzzer: so that every compiler and sanitizer runs the
// corpus as a test. Each as it is, and those with a name also cut at every length; what libFuzzer
// found is named by its SHA-1.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz_target.hpp"

namespace {

bool HasName(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return name.size() != 40 || name.find_first_not_of("0123456789abcdef") != std::string::npos;
}

int RunFile(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::vector<char> content((std::istreambuf_iterator<char>(stream)), {});
  for (std::size_t size = HasName(path) ? 0 : content.size(); size <= content.size(); ++size) {
    // A copy of exactly this size, so that AddressSanitizer sees a read behind it.
    const std::vector<std::uint8_t> input(content.begin(),
                                          content.begin() + static_cast<std::ptrdiff_t>(size));
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      files += RunFile(argv[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      files += RunFile(entry.path());
    }
  }
  std::cout << files << " files\n";
  return files != 0 ? 0 : 1;
}
