#include "provider/tool/enable.hpp"

#include <algorithm>
#include <exception>
#include <optional>

#include <unistd.h>

#include "provider/tool/enable_changes.hpp"
#include "provider/tool/enable_place.hpp"
#include "provider/tool/enable_plan.hpp"
#include "provider/tool/enable_proof.hpp"
#include "provider/tool/enable_record.hpp"
#include "provider/tool/enable_texts.hpp"
#include "provider/tool/enable_trial.hpp"
#include "provider/tool/escaped.hpp"
#include "provider/tool/system.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {
namespace {

constexpr int kDone = 0;

void CheckMayWrite(const EnableOptions& options, const Place& place) {
  if (!place.IsLive() || options.user || options.print || ::geteuid() == 0) return;
  Refuse("this changes files of the system, and you are not root",
         "sudo ostrust enable --system, or ostrust enable --user, or --print to see it");
}

/// Empty, or where ostrust is configured so that it is not for us to change.
std::string ConfiguredElsewhere(const EnableOptions& options, const Place& place,
                                const Plan& plan) {
  if (options.user && place.system.IsFile(kSystemRecord) &&
      place.system.IsFile(CustomaryFile("openssl.cnf"))) {
    return "for the system (ostrust enable --system)";
  }
  if (plan.run.original.openssl.ostrust_section.empty()) return {};
  const std::string where = "in " + place.system.Shown(plan.distribution);
  if (place.IsLive()) {
    if (const std::string why = WhyNotServed(plan, plan.distribution); !why.empty()) {
      Refuse("ostrust is already configured " + where + ", and does not work: " + why,
             "ostrust status says what to mend");
    }
  }
  return where + ", not by this command, which leaves it as it is";
}

void AddMissing(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& one : more) {
    if (!Has(all, one)) all.push_back(one);
  }
}

/// The record while `changes` are made: the next one, and what there is no longer when it is.
EnableRecord RecordMeanwhile(EnableRecord record, const std::vector<Change>& changes) {
  record.complete = false;
  for (const Change& change : changes) {
    const bool is_known =
        std::any_of(record.files.begin(), record.files.end(), [&](const RecordedFile& file) {
          return change.file.block ? file == change.file
                                   : !file.block && file.path == change.Path();
        });
    if (!is_known) record.files.push_back(change.file);
  }
  return record;
}

struct RecordTexts {
  std::string meanwhile;
  std::string after;
};

RecordTexts TextsOf(EnableRecord record, const std::vector<Change>& changes) {
  try {
    RecordTexts texts;
    texts.meanwhile = RecordToJson(RecordMeanwhile(record, changes));
    for (RecordedFile& file : record.files) file.before.clear();
    texts.after = RecordToJson(record);
    return texts;
  } catch (const std::exception&) {
    Refuse("a value or a path in what would be written is no UTF-8",
           "write it in UTF-8, or without such characters");
  }
}

/// With the files themselves. Empty, or what is not as it was tried.
std::string WhatIsWrong(const Place& place, const Plan& plan, const StockAnswers& stock,
                        Probe& probe) {
  const bool is_own = plan.method == Method::kEnvironment;
  const auto text = is_own ? place.tree.Read(place.own) : place.system.Read(plan.distribution);
  std::string why;
  const auto seen = ParseConfiguration(plan.libcrypto, place.root, text.value_or(""), why);
  if (seen) why = WhatChanged(plan.sections, *seen, plan.run);
  if (!why.empty() || !place.IsLive()) return why;
  probe = TryConfiguration(plan, stock, is_own ? place.OwnAsSeen() : plan.distribution, why);
  return why;
}

/// The record first: from then on a kill leaves nothing that it does not name. Returns what the
/// libcrypto says in the end. Otherwise throws a Refusal; what is not as it was then, it says.
Probe Carry(const Place& place, const Plan& plan, const StockAnswers& stock,
            const EnableRecord& record, const std::vector<Change>& changes, const PlaceLock& lock) {
  std::vector<std::string> made;
  for (const Change& change : changes) {
    AddMissing(made, place.tree.MissingFolders(change.Path()));
  }
  EnableRecord next{true, plan.files, record.folders, plan.run.keys};
  AddMissing(next.folders, lock.Folders());
  AddMissing(next.folders, made);
  const RecordTexts texts = TextsOf(next, changes);
  const FileTree::Found old_record = LookAt(place, place.record);

  Probe probe;
  std::string why;
  std::vector<Change> applied;
  const auto write_all = [&] {
    if (!place.tree.Write(place.record, texts.meanwhile, nullptr, why)) return false;
    for (const std::string& folder : made) {
      if (!place.tree.MakeFolder(folder, why)) return false;
    }
    if (!Apply(place, changes, applied, why)) return false;
    why = WhatIsWrong(place, plan, stock, probe);
    return why.empty() && place.tree.Write(place.record, texts.after, nullptr, why);
  };
  if (write_all()) return probe;
  TakeBack(place, applied, why);
  if (old_record.there) {
    std::string ignored;
    RemoveFolders(place.tree, made);
    place.tree.Write(place.record, old_record.text, &old_record, ignored);
  } else {
    RemoveRecord(place, made);
  }
  Refuse(why, "everything is as it was; " + std::string(kByHand));
}

std::string HowReached(const Place& place, const Plan& plan) {
  std::string text;
  if (plan.method != Method::kEnvironment) {
    text += "  reached      every program that reads " + plan.distribution +
            ", when it is started the next time\n"
            "  not reached  containers, and programs with an OpenSSL of their own that reads "
            "another file\n";
    if (plan.method == Method::kEdit) {
      text += "  upgrades     when the package that owns " + plan.distribution +
              " is upgraded, dpkg asks which file to keep (rpm leaves the new one\n"
              "               beside it as .rpmnew): keep yours, or take the new one and repeat "
              "this command\n";
    }
    return text;
  }
  for (const RecordedFile& file : plan.files) {
    const std::string& path = file.path;
    if (path.find("/system.conf.d/") != std::string::npos) {
      text += "  reached      services, when they are restarted after: systemctl daemon-reexec\n";
    } else if (path.find("/environment.d/") != std::string::npos) {
      text += "  reached      services and desktop sessions of users, from the next login on\n";
    } else if (file.environment) {
      text += "  reached      login shells, from the next login on\n";
    }
  }
  if (!place.home.empty()) {
    return text +
           "  shells       put this line into ~/.profile, or what your shell reads:\n"
           "               export OPENSSL_CONF=" +
           place.OwnAsSeen() + "\n";
  }
  return text +
         "  not reached  cron, commands of sudo and of ssh HOST COMMAND, containers, set-user-ID "
         "programs,\n"
         "               what sets OPENSSL_CONF itself; ostrust enable --system --edit reaches all "
         "of them but\n"
         "               containers and the last\n";
}

std::string Report(const Place& place, const Plan& plan, const StockAnswers& stock,
                   const Probe& probe) {
  std::string text = "\nostrust is enabled for " + place.Whom() +
                     (place.IsLive() ? "" : " below " + place.root) + "\n\n";
  if (place.IsLive()) {
    text += "  proven       " + probe.version + " loads it with " +
            std::to_string(probe.module->anchors) + " anchors, and " +
            (stock.tls ? "TLS settings are" : "what the configuration says is") +
            " as before, also where it cannot load\n";
    if (!stock.tls) text += "  not proven   TLS settings: " + stock.why_no_tls + "\n";
    if (!probe.module->limited_by.empty()) {
      text +=
          "  limited      it cannot do all that it does elsewhere: " + probe.module->limited_by +
          ".\n               ostrust status says what follows\n";
    }
  } else {
    text +=
        "  not proven   whether it loads: the OpenSSL of another root is not asked. Run ostrust "
        "status there\n";
  }
  text += HowReached(place, plan);
  for (const std::string& note : plan.notes) text += "  note         " + note + "\n";
  return text;
}

int DoEnable(const EnableOptions& options) {
  const Place place = PlaceFor(options);
  if (options.user && options.edit) RefuseUsage("--edit is for the system, not for a user");
  CheckMayWrite(options, place);
  std::optional<PlaceLock> lock;
  if (!options.print) lock.emplace(place);
  const EnableRecord record = ReadRecord(place).value_or(EnableRecord());

  Plan plan = Gather(options, place, record);
  if (const std::string where = ConfiguredElsewhere(options, place, plan); !where.empty()) {
    Print("ostrust is already configured " + where + "\n");
    return kDone;
  }
  const StockAnswers stock = place.IsLive() ? AskStock(plan) : StockAnswers();
  CheckFips(options, place.IsLive(), stock, plan);
  Choose(options, place, record, plan);
  if (place.IsLive()) TryPlan(plan, stock);

  const std::vector<Change> changes = ChangesTo(plan.files, place, record, options.force);
  const std::string difference = Difference(place, changes);
  Print(EscapedLines(difference));
  if (!lock) return kDone;
  if (difference.empty() && record.complete && record.settings == plan.run.keys) {
    Print("ostrust is already enabled for " + place.Whom() + "\n");
    return kDone;
  }
  const Probe probe = Carry(place, plan, stock, record, changes, *lock);
  Print(EscapedLines(Report(place, plan, stock, probe)));
  return kDone;
}

}  // namespace

int Enable(const EnableOptions& options) {
  return Guarded("enable", DoEnable, options);
}

}  // namespace ostrust::tool
