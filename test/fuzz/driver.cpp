// Runs a fuzz target over files, each as it is and cut at every length, without libFuzzer: so that
// every compiler and sanitizer runs the corpus as a test.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "fuzz_target.hpp"

namespace {

int RunFile(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::vector<char> content((std::istreambuf_iterator<char>(stream)), {});
  for (std::size_t size = 0; size <= content.size(); ++size) {
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
