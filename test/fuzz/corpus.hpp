// What make_corpus is made of.
#pragma once

#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

namespace ostrust::fuzz {

/// The directory of one target.
class Corpus {
 public:
  explicit Corpus(std::filesystem::path directory) : directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
  }
  void Add(const char* name, std::string_view content) const {
    std::ofstream(directory_ / name, std::ios::binary) << content;
  }

 private:
  const std::filesystem::path directory_;
};

/// Below `top`, for the targets of provider/.
void AddCorporaOfPeers(const std::filesystem::path& top);
/// Below `top`, for the targets of provider/tool/.
void AddCorporaOfTheTool(const std::filesystem::path& top);

}  // namespace ostrust::fuzz
