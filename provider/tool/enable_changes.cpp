#include "provider/tool/enable_changes.hpp"

#include <algorithm>

#include "provider/tool/text_diff.hpp"

namespace ostrust::tool {
namespace {

bool IsSameFile(const RecordedFile& a, const RecordedFile& b) {
  return a.path == b.path && a.block == b.block;
}

/// What `file` was when it was recorded; null: it is new.
const RecordedFile* FindIn(const EnableRecord& record, const RecordedFile& file) {
  const auto found = std::find_if(record.files.begin(), record.files.end(),
                                  [&](const RecordedFile& one) { return IsSameFile(one, file); });
  return found == record.files.end() ? nullptr : &*found;
}

Change ChangeBack(const Place& place, const RecordedFile& file, bool force) {
  Change change{file, LookAt(place, file.path), std::nullopt};
  change.text = TextWithout(place, file, change.was, force);
  return change;
}

Change ChangeTo(RecordedFile& file, const Place& place, const EnableRecord& record, bool force) {
  const FileTree::Found was = LookAt(place, file.path);
  std::optional<std::string> rest;  // of others
  if (const RecordedFile* const old = FindIn(record, file); old != nullptr) {
    rest = TextWithout(place, *old, was, force);
    file.before = old->before;
    if (old->text != file.text) file.before.insert(file.before.begin(), old->text);
  } else if (file.block) {
    rest = was.text;
  } else if (was.there && was.text != file.text) {
    Refuse(place.tree.Shown(file.path) + " is there and was not written by ostrust enable",
           "move it away, or keep it and " + std::string(kByHand));
  }
  return {file, was, file.block ? rest.value_or("") + file.text : file.text};
}

std::string ChangedMeanwhile(const FileTree& tree, const Change& change) {
  return tree.Shown(change.Path()) + " was changed by somebody else meanwhile";
}

bool ApplyOne(const FileTree& tree, const Change& change, std::string& why) {
  FileTree::Found now;
  if (!tree.Look(change.Path(), now, why)) return false;
  if (now != change.was) {
    why = ChangedMeanwhile(tree, change);
    return false;
  }
  if (!change.text) return tree.Remove(change.Path(), why);
  tree.RemoveLeftover(change.Path());
  if (change.was.there && change.was.text == *change.text) return true;
  return tree.Write(change.Path(), *change.text, change.file.block ? &change.was : nullptr, why);
}

/// False, with a sentence in `why`, where it cannot be.
bool TakeBackOne(const FileTree& tree, const Change& change, std::string& why) {
  FileTree::Found now;
  if (!tree.Look(change.Path(), now, why)) return false;
  if (now == change.was) return true;
  const bool is_ours = change.text ? now.there && now.text == *change.text : !now.there;
  if (!is_ours) {
    why = ChangedMeanwhile(tree, change);
    return false;
  }
  return change.was.there ? tree.Write(change.Path(), change.was.text, &change.was, why)
                          : tree.Remove(change.Path(), why);
}

}  // namespace

FileTree::Found LookAt(const Place& place, const std::string& path) {
  FileTree::Found found;
  std::string why;
  if (!place.tree.Look(path, found, why)) {
    Refuse(why, "put a file or folder of root's there that nobody else can write to, or " +
                    std::string(kByHand));
  }
  return found;
}

std::optional<std::string> TextWithout(const Place& place, const RecordedFile& file,
                                       const FileTree::Found& found, bool force) {
  const Standing standing = StandingOf(file, found.there, found.text);
  const std::string shown = place.tree.Shown(file.path);
  if (standing == Standing::kChanged && !force) {
    Refuse(shown + " was changed since ostrust enable wrote it",
           "undo that change, or repeat this with --force, which " +
               std::string(file.block ? "removes all from \"# BEGIN ostrust\" to \"# END ostrust\""
                                      : "loses it"));
  }
  if (!found.there) return std::nullopt;
  if (standing == Standing::kAbsent) return found.text;
  if (!file.block) return std::nullopt;
  if (standing == Standing::kChanged) {
    auto cut = WithoutBlock(found.text);
    if (!cut) {
      Refuse(shown + ": its block of ostrust's has not both of its ends", "mend it by hand");
    }
    return cut;
  }
  std::string text = found.text;
  std::vector<std::string> said = file.before;
  said.insert(said.begin(), file.text);
  for (const std::string& ours : said) {
    if (const std::size_t at = text.find(ours); at != std::string::npos) {
      return text.erase(at, ours.size());
    }
  }
  return text;
}

std::vector<Change> ChangesTo(std::vector<RecordedFile>& files, const Place& place,
                              const EnableRecord& record, bool force) {
  std::vector<Change> changes;
  changes.reserve(files.size() + record.files.size());
  for (RecordedFile& file : files) changes.push_back(ChangeTo(file, place, record, force));
  for (auto old = record.files.rbegin(); old != record.files.rend(); ++old) {
    const bool stays = std::any_of(files.begin(), files.end(),
                                   [&](const RecordedFile& one) { return IsSameFile(one, *old); });
    if (!stays) changes.push_back(ChangeBack(place, *old, force));
  }
  return changes;
}

std::vector<Change> ChangesBack(const Place& place, const EnableRecord& record, bool force) {
  std::vector<Change> changes;
  changes.reserve(record.files.size());
  for (auto file = record.files.rbegin(); file != record.files.rend(); ++file) {
    changes.push_back(ChangeBack(place, *file, force));
  }
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return a.file.environment > b.file.environment;
  });
  return changes;
}

std::string Difference(const Place& place, const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes) {
    text +=
        UnifiedDiff(place.tree.Shown(change.Path()), change.was.there ? &change.was.text : nullptr,
                    change.text ? &*change.text : nullptr);
  }
  return text;
}

bool Apply(const Place& place, const std::vector<Change>& changes, std::vector<Change>& applied,
           std::string& why) {
  for (const Change& change : changes) {
    if (!ApplyOne(place.tree, change, why)) return false;
    applied.push_back(change);
  }
  return true;
}

void TakeBack(const Place& place, const std::vector<Change>& applied, const std::string& because) {
  std::vector<std::string> left;
  for (auto change = applied.rbegin(); change != applied.rend(); ++change) {
    std::string why;
    if (!TakeBackOne(place.tree, *change, why)) left.push_back(why);
  }
  if (left.empty()) return;
  Refuse(because + "\nnot everything could be put back:" + Listed(left),
         "mend that, and then ostrust disable for " + place.Whom());
}

void RemoveRecord(const Place& place, const std::vector<std::string>& folders) {
  std::string why;
  RemoveFolders(place.tree, folders);
  if (!place.tree.Remove(place.record, why)) Refuse(why, "mend that, and repeat this");
}

}  // namespace ostrust::tool
