// What `ostrust enable` made, kept in a file so that `disable` takes away exactly that.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ostrust::tool {

struct RecordedFile {
  std::string path;
  bool block = false;               // the text is a part of a file that is another's
  std::string text;                 // what it has to say
  std::vector<std::string> before;  // what it may still say: of ours, from before a change
  bool environment = false;         // names the configuration file; written last, removed first

  bool operator==(const RecordedFile&) const = default;
};

/// The paths of those that are ours as a whole.
std::vector<std::string> PathsOf(const std::vector<RecordedFile>& files);

/// It is written before anything else, with `complete` false, and again when all is done: whoever
/// was killed meanwhile left nothing that it does not name.
struct EnableRecord {
  bool complete = false;
  std::vector<RecordedFile> files;   // in the order in which they are written
  std::vector<std::string> folders;  // that were made, the outermost first
  std::vector<std::pair<std::string, std::string>> settings;
};

/// Throws where a text is no UTF-8.
std::string RecordToJson(const EnableRecord& record);

/// Nullopt, with a clause in `why`, when it is not such a record.
std::optional<EnableRecord> RecordFromJson(const std::string& json, std::string& why);

enum class Standing {
  kAbsent,   // there is nothing of it
  kOurs,     // it is as we wrote it
  kEarlier,  // it is as we wrote it before
  kChanged,  // somebody else wrote it or changed it
};

/// `there`: whether there is a file, and `text` what it says.
Standing StandingOf(const RecordedFile& file, bool there, const std::string& text);

/// `text` without the block, whatever was changed in it since. Nullopt when there are not both of
/// its ends, once and in order.
std::optional<std::string> WithoutBlock(const std::string& text);

/// The lines that begin and end a block, each with its line feed.
extern const char* const kBlockBegin;
extern const char* const kBlockEnd;

}  // namespace ostrust::tool
