#include "provider/tool/enable_plan.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "provider/tool/enable_changes.hpp"
#include "provider/tool/enable_proof.hpp"
#include "provider/tool/enable_texts.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/module_file.hpp"
#include "provider/tool/probe.hpp"
#include "provider/tool/run.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

/// What was set before stays set, and what is set now wins.
std::vector<std::pair<std::string, std::string>> Keys(const EnableOptions& options,
                                                      const EnableRecord& record) {
  std::map<std::string, std::string> keys(record.settings.begin(), record.settings.end());
  std::vector<std::pair<std::string, std::string>> now;
  if (const std::string wrong = ReadSettings(options.settings, now); !wrong.empty()) {
    RefuseUsage(wrong);
  }
  for (const auto& [key, value] : now) keys[key] = value;
  return {keys.begin(), keys.end()};
}

std::string FindLibcrypto() {
  const std::string usual = "/usr/bin/openssl";  // not one that somebody has put before it on PATH
  if (KindOf(usual) == FileKind::kRegular) {
    const Library library = LinkedLibcrypto(usual, usual);
    if (!library.path.empty()) return library.path;
  }
  std::string any = AnyLibcrypto();
  if (any.empty()) Refuse("there is no libcrypto here to read openssl.cnf with", "install openssl");
  return any;
}

/// The file that a program of the distribution reads when nothing else is said.
std::string DistributionFile(const Place& place, const std::string& crypto) {
  std::vector<std::string> usual = {"/etc/pki/tls/openssl.cnf", "/etc/ssl/openssl3.cnf",
                                    "/etc/ssl/openssl.cnf"};
  if (!place.IsLive()) {
    for (const std::string& file : usual) {
      if (place.system.IsFile(file)) return file;
    }
    return {};
  }
  ProbeQuestion question;
  question.libcrypto = crypto;
  question.set_user_id = true;  // that is: without OPENSSL_CONF
  const Probe probe = ScanConfiguration(question);
  if (!probe.failure.empty()) Refuse(probe.failure, "install OpenSSL 3 or later");
  if (!probe.has_providers) {
    Refuse(crypto + " is " + probe.version + ": only OpenSSL 3 and later has providers",
           "install OpenSSL 3 or later");
  }
  const std::string& file = probe.configuration.file;
  if (!place.system.IsFile(file)) return {};
  for (const std::string& name : usual) {
    if (place.system.Target(name) == place.system.Target(file)) return name;
  }
  return file;
}

std::string InstalledModule(const EnableOptions& options, const Place& place) {
  std::string module = options.module;
  if (module.empty() && place.root.empty()) module = FindModule(OwnPath()).path;
  for (const char* const tool : {"/usr/bin/ostrust", "/usr/local/bin/ostrust"}) {
    if (!module.empty() || place.root.empty()) break;
    const std::string found = FindModule(place.root + tool).path;
    if (found.starts_with(place.root + "/")) module = found.substr(place.root.size());
  }
  if (module.empty()) {
    Refuse("the module " + std::string(kModuleName) + " is not where an installation has it",
           "install it, or name it with --module");
  }
  if (module[0] != '/') RefuseUsage("--module: an absolute path is wanted");
  if (!place.system.IsFile(module)) {
    Refuse("there is no module " + place.system.Shown(module),
           "install it, or name it with --module");
  }
  if (module.find_first_of("\r\n") != std::string::npos) RefuseUsage("--module: not such a path");
  std::string why;
  if (!place.system.IsSafe(place.system.Target(module), why)) {
    Refuse("every program would load " + place.system.Shown(module) + ", and " + why,
           "install it where only root can write");
  }
  return module;
}

void CheckIncludes(const Place& place, const std::string& file, const std::string& text) {
  for (const IncludeLine& include : IncludeLines(text)) {
    if (place.system.IsDirectory(include.path) || place.system.Read(include.path) ||
        errno == ENOENT)
      continue;
    Refuse(file + " includes " + include.path + ", which cannot be read: " + std::strerror(errno),
           kByHand);
  }
}

/// Its text, without a block of ours that an --edit has put there.
std::string DistributionText(const Place& place, const Plan& plan, const EnableRecord& record,
                             bool force) {
  if (plan.distribution.empty()) return {};
  const std::string shown = place.system.Shown(plan.distribution);
  const auto text = place.system.Read(plan.distribution);
  if (!text) Refuse(shown + ": " + std::strerror(errno), kByHand);
  CheckIncludes(place, shown, *text);
  for (const RecordedFile& file : record.files) {
    if (!file.block || file.path != plan.distribution_path) continue;
    return TextWithout(place, file, LookAt(place, file.path), force).value_or("");
  }
  return *text;
}

Sections Understand(const Place& place, const Plan& plan) {
  const std::string shown = place.system.Shown(plan.distribution);
  std::string why;
  const auto sections = ParseConfiguration(plan.libcrypto, place.root, plan.before, why);
  if (!sections) Refuse(shown + ": " + why, "mend it first");
  if (why = NotUnderstood(*sections, shown); !why.empty()) Refuse(why, "mend it first");
  return *sections;
}

/// The text of the whole configuration with what is added, for a trial.
bool Try(const Place& place, Plan& plan, const std::string& text, std::string& why) {
  plan.after = text;
  const auto sections = ParseConfiguration(plan.libcrypto, place.root, text, why);
  if (!sections) return false;
  why = WhatChanged(plan.sections, *sections, plan.run);
  return why.empty();
}

/// What is added where others have written, too.
std::string Block(const Plan& plan) {
  return kBlockBegin + AddedText(plan.run).substr(1) + kBlockEnd;
}

/// A file in a folder that is for such, if there is one and it works.
bool ChooseDropIn(const Place& place, const EnableRecord& record, Plan& plan) {
  const std::string path = DropInPath(plan.raw, place.system);
  const std::string text = Block(plan);
  std::string ignored;
  if (path.empty() ||
      !Try(place, plan, WithoutOurs(plan.raw, place.system, PathsOf(record.files), path, text),
           ignored)) {
    return false;
  }
  plan.method = Method::kDropIn;
  plan.files = {{path, false, text, {}, false}};
  return true;
}

void ChooseEdit(const std::string& block, Plan& plan) {
  if (plan.distribution.empty()) {
    Refuse("there is no openssl.cnf of the distribution's to edit", "leave out --edit");
  }
  plan.method = Method::kEdit;
  plan.files = {{plan.distribution_path, true, block, {}, false}};
}

/// A file of our own, and those that name it.
void ChooseEnvironment(const Place& place, Plan& plan) {
  const std::string seen = place.OwnAsSeen();
  if (seen.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@-") !=
      std::string::npos) {
    Refuse(seen + " cannot be written into all files that set variables", kByHand);
  }
  const auto environment = place.home.empty() ? SystemEnvironment(place.system, seen)
                                              : UserEnvironment(place.system, seen);
  if (environment.empty() && place.home.empty()) {
    Refuse("there is neither systemd nor /etc/profile.d here: nothing would set OPENSSL_CONF",
           "ostrust enable --system --edit, or set OPENSSL_CONF where programs are started (in a "
           "container's image: ENV OPENSSL_CONF=" +
               seen + ")");
  }
  plan.method = Method::kEnvironment;
  plan.files = {{place.own, false, OwnConfigurationText(plan.run), {}, false}};
  plan.files.insert(plan.files.end(), environment.begin(), environment.end());
}

void CheckOtherSettings(const Place& place, const EnableRecord& record, Plan& plan) {
  std::vector<std::string> ours = PathsOf(plan.files);
  const auto old = PathsOf(record.files);
  ours.insert(ours.end(), old.begin(), old.end());
  if (!place.home.empty()) {
    for (std::string& path : ours) path.insert(0, place.home);
  }
  const auto places = WhoSetsOpensslConf(place.system, place.home, ours);
  if (places.empty()) return;
  if (plan.method != Method::kEnvironment) {
    plan.notes.push_back("not reached are programs for which OPENSSL_CONF is set, as in" +
                         Listed(places));
    return;
  }
  Refuse("OPENSSL_CONF is already set, in" + Listed(places),
         "remove that, or write what follows into the file that it names" +
             std::string(plan.distribution.empty()
                             ? ""
                             : " (and \".include " + plan.distribution + "\" before it)") +
             "\n" + AddedText(plan.run));
}

}  // namespace

Plan Gather(const EnableOptions& options, const Place& place, const EnableRecord& record) {
  Plan plan;
  plan.run.keys = Keys(options, record);
  plan.run.prefix = "ostrust";
  plan.run.only_additions = true;
  plan.libcrypto = FindLibcrypto();
  plan.distribution = DistributionFile(place, plan.libcrypto);
  plan.distribution_path = place.system.Target(plan.distribution);
  plan.run.module = InstalledModule(options, place);
  plan.raw = DistributionText(place, plan, record, options.force);
  plan.before = WithoutOurs(plan.raw, place.system, PathsOf(record.files));
  plan.sections = Understand(place, plan);
  plan.run.original.file = plan.distribution;
  plan.run.original.exists = !plan.distribution.empty();
  plan.run.original.openssl = EntryPointIn(plan.sections, "openssl_conf");
  plan.run.original.nodejs = EntryPointIn(plan.sections, "nodejs_conf");
  return plan;
}

void Choose(const EnableOptions& options, const Place& place, const EnableRecord& record,
            Plan& plan) {
  if (!place.home.empty() || options.edit || !ChooseDropIn(place, record, plan)) {
    const bool is_whole = plan.before.empty() || plan.before.ends_with("\n");
    const std::string block = (is_whole ? "" : "\n") + Block(plan);
    std::string why;
    if (!Try(place, plan, plan.before + block, why)) {
      Refuse(plan.distribution + ": with ostrust in it, " + why, kByHand);
    }
    if (options.edit) {
      ChooseEdit(block, plan);
    } else {
      ChooseEnvironment(place, plan);
    }
  }
  CheckOtherSettings(place, record, plan);
}

}  // namespace ostrust::tool
