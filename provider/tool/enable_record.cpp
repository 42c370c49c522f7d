#include "provider/tool/enable_record.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace ostrust::tool {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RecordedFile, path, block, text, before, environment)

const char* const kBlockBegin = "# BEGIN ostrust enable: ostrust disable removes what follows\n";
const char* const kBlockEnd = "# END ostrust enable\n";

namespace {

constexpr int kFormat = 1;

std::size_t CountOf(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace

std::vector<std::string> PathsOf(const std::vector<RecordedFile>& files) {
  std::vector<std::string> paths;
  for (const RecordedFile& file : files) {
    if (!file.block) paths.push_back(file.path);
  }
  return paths;
}

std::string RecordToJson(const EnableRecord& record) {
  const nlohmann::json json = {
      {"format", kFormat},     {"version", OSTRUST_VERSION}, {"complete", record.complete},
      {"files", record.files}, {"folders", record.folders},  {"settings", record.settings},
  };
  return json.dump(2) + "\n";
}

std::optional<EnableRecord> RecordFromJson(const std::string& text, std::string& why) {
  try {
    const auto json = nlohmann::json::parse(text);
    if (json.at("format") != kFormat) {
      why = "it was written by another version of ostrust";
      return std::nullopt;
    }
    EnableRecord record;
    json.at("complete").get_to(record.complete);
    json.at("files").get_to(record.files);
    json.at("folders").get_to(record.folders);
    json.at("settings").get_to(record.settings);
    const auto is_path = [](const std::string& path) {
      return path.starts_with("/") && (path + "/").find("/../") == std::string::npos;
    };
    const bool good = std::all_of(record.files.begin(), record.files.end(),
                                  [&](const RecordedFile& file) {
                                    return is_path(file.path) && !file.text.empty();
                                  }) &&
                      std::all_of(record.folders.begin(), record.folders.end(), is_path);
    if (good) return record;
    why = "it names what is no path";
  } catch (const nlohmann::json::exception& error) {
    why = error.what();
  }
  return std::nullopt;
}

Standing StandingOf(const RecordedFile& file, bool there, const std::string& text) {
  if (!there) return Standing::kAbsent;
  const auto says = [&](const std::string& ours) {
    return file.block ? CountOf(text, ours) == 1 : text == ours;
  };
  if (says(file.text)) return Standing::kOurs;
  if (std::any_of(file.before.begin(), file.before.end(), says)) return Standing::kEarlier;
  const bool touched = !file.block || CountOf(text, "ostrust enable") != 0;
  return touched ? Standing::kChanged : Standing::kAbsent;
}

std::optional<std::string> WithoutBlock(const std::string& text) {
  const std::string begin = kBlockBegin;
  const std::string end = kBlockEnd;
  if (CountOf(text, begin) != 1 || CountOf(text, end) != 1) return std::nullopt;
  std::size_t from = text.find(begin);
  const std::size_t to = text.find(end);
  if (to < from) return std::nullopt;
  return text.substr(0, from) + text.substr(to + end.size());
}

}  // namespace ostrust::tool
