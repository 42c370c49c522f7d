#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "provider/tool/enable.hpp"
#include "provider/tool/enable_changes.hpp"
#include "provider/tool/enable_place.hpp"
#include "provider/tool/escaped.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

constexpr int kDone = 0;

void TakeAway(const Place& place, const std::vector<Change>& changes) {
  std::vector<Change> applied;
  std::string why;
  if (Apply(place, changes, applied, why)) return;
  TakeBack(place, applied, why);
  Refuse(why, "everything is as it was");
}

std::string Report(const Place& place, const std::vector<Change>& changes) {
  std::string text = "\nostrust is disabled for " + place.Whom() + "\n";
  const bool had_environment =
      std::any_of(changes.begin(), changes.end(),
                  [](const Change& change) { return change.file.environment && change.was.there; });
  if (!had_environment || !place.IsLive()) return text;
  return text + "\n  now          " +
         (place.home.empty() ? "systemctl daemon-reexec, and log in again" : "log in again") +
         ": what still has OPENSSL_CONF=" + place.OwnAsSeen() +
         " starts programs\n"
         "               without that file, and so without what the distribution's openssl.cnf "
         "says\n";
}

int DoDisable(const EnableOptions& options) {
  const Place place = PlaceFor(options);
  const bool may_write = !place.IsLive() || options.user || ::geteuid() == 0;
  std::optional<PlaceLock> lock;
  if (may_write && !options.print) {
    // Whoever enables makes the record's folder before anything else. One that cannot be reached is
    // missing, too: ReadRecord() refuses then.
    if (!place.tree.MissingFolders(place.record).empty() && !ReadRecord(place)) return kDone;
    lock.emplace(place);
  }
  const auto record = ReadRecord(place);
  if (!record) {
    if (lock) RemoveRecord(place, {});  // a beginning of it, which a kill may have left
    return kDone;
  }
  if (!may_write && !options.print) {
    Refuse("this changes files of the system, and you are not root",
           "sudo ostrust disable --system");
  }
  const std::vector<Change> changes = ChangesBack(place, *record, options.force);
  Print(EscapedLines(Difference(place, changes)));
  if (!lock) return kDone;
  TakeAway(place, changes);
  RemoveRecord(place, record->folders);
  lock->AlsoRemove(record->folders);
  Print(Report(place, changes));
  return kDone;
}

}  // namespace

int Disable(const EnableOptions& options) {
  return Guarded("disable", DoDisable, options);
}

}  // namespace ostrust::tool
