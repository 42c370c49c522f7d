// The changes that `ostrust enable` and `ostrust disable` make to files: all of them, or none. For
// one thread; a PlaceLock is held from before they are looked for until they are done.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "provider/tool/enable_place.hpp"
#include "provider/tool/enable_record.hpp"

namespace ostrust::tool {

struct Change {
  RecordedFile file;
  FileTree::Found was;
  std::optional<std::string> text;  // what the file is to be; nullopt: it is to go

  const std::string& Path() const { return file.path; }
};

/// What makes `record` into `files`, each of which learns what it said before. Throws a Refusal
/// where a file is not ours or was changed since, in the latter case not with `force`.
std::vector<Change> ChangesTo(std::vector<RecordedFile>& files, const Place& place,
                              const EnableRecord& record, bool force);

/// What takes away all that `record` names; what names another file before that. Throws as above.
std::vector<Change> ChangesBack(const Place& place, const EnableRecord& record, bool force);

/// The text of `place` at `file.path` without what is ours in it. Nullopt: nothing is left. Throws
/// as above.
std::optional<std::string> TextWithout(const Place& place, const RecordedFile& file,
                                       const FileTree::Found& found, bool force);

/// What is there now. Throws a Refusal where it may not be touched.
FileTree::Found LookAt(const Place& place, const std::string& path);

/// As diff -u shows it; empty when nothing is to be done.
std::string Difference(const Place& place, const std::vector<Change>& changes);

/// Makes each file what it is to be, if it still is what it was: a package may be installed now.
/// False, with a sentence in `why`, where that fails; what was done until then is in `applied`.
bool Apply(const Place& place, const std::vector<Change>& changes, std::vector<Change>& applied,
           std::string& why);

/// Takes back what was applied. Throws a Refusal where that fails, too; the record then says what
/// is left to do.
void TakeBack(const Place& place, const std::vector<Change>& applied, const std::string& because);

/// The last step: until then the record says what is left to do. Also after a kill that left
/// nothing but a beginning of it. Of `folders` those that are empty go, too, but the record's own.
void RemoveRecord(const Place& place, const std::vector<std::string>& folders);

}  // namespace ostrust::tool
