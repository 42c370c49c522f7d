#include "provider/tool/enable.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <optional>
#include <utility>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/host/file.hpp"
#include "provider/tool/enable_files.hpp"
#include "provider/tool/enable_plan.hpp"
#include "provider/tool/enable_proof.hpp"
#include "provider/tool/enable_record.hpp"
#include "provider/tool/escaped.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/module_file.hpp"
#include "provider/tool/probe.hpp"
#include "provider/tool/run.hpp"
#include "provider/tool/system.hpp"
#include "provider/tool/text_diff.hpp"

namespace ostrust::tool {
namespace {

constexpr int kDone = 0;
constexpr int kRefused = 1;
constexpr const char* kSystemRecord = "/var/lib/ostrust/enabled.json";
constexpr const char* kByHand =
    "what to write by hand is in ostrust(1) under BY HAND; ostrust run -- COMMAND needs no file";

/// Thrown where it ends with nothing changed: a sentence, and what to do.
struct Refusal {
  std::string text;
  int status = kRefused;
};

[[noreturn]] void Refuse(const std::string& what, const std::string& todo) {
  throw Refusal{what + "\nnext: " + todo};
}

[[noreturn]] void RefuseUsage(const std::string& what) {
  throw Refusal{what, kUsageError};
}

/// Whose files are changed, and where they are.
struct Place {
  std::string root;  // in front of all paths; empty: this system
  std::string home;  // the same of a user; empty: it is about the system
  FileTree tree;     // what is written to: the root, or the home
  std::string own;   // the configuration file, in `tree`
  std::string record;

  std::string Whom() const { return home.empty() ? "the system" : "this user"; }
};

std::string Home() {
  const char* const variable = std::getenv("HOME");
  if (variable != nullptr && *variable == '/') return host::RealPath(variable);
  const passwd* const account = ::getpwuid(::geteuid());
  return account == nullptr || account->pw_dir == nullptr ? "" : host::RealPath(account->pw_dir);
}

FileTree OpenTree(const std::string& directory) {
  std::string why;
  auto tree = FileTree::Open(directory, why);
  if (!tree) throw Refusal{why};
  return std::move(*tree);
}

Place PlaceFor(const EnableOptions& options) {
  std::string root;
  if (!options.root.empty()) {
    if (options.user) RefuseUsage("--root is for the system, not for a user");
    if (KindOf(options.root) != FileKind::kDirectory) RefuseUsage("--root: no such directory");
    root = host::RealPath(options.root);
    if (root == "/") root.clear();
  }
  if (!options.user) {
    return {root, "", OpenTree(root.empty() ? "/" : root), CustomaryFile("openssl.cnf"),
            kSystemRecord};
  }
  const std::string home = Home();
  if (home.empty() || home == "/") Refuse("this user has no home", "set HOME");
  struct stat status {};
  if (::stat(home.c_str(), &status) == 0 && status.st_uid != ::geteuid() && status.st_uid != 0) {
    Refuse(home + ", which HOME names, is another user's home",
           "repeat this as that user, without sudo; or use --system");
  }
  return {"", home, OpenTree(home), "/.config/ostrust/openssl.cnf",
          "/.local/state/ostrust/enabled.json"};
}

/// Before anything is read that a change depends on.
void Lock(Place& place, const EnableOptions& options) {
  if (options.print || place.tree.Lock("/")) return;
  Refuse(
      "another ostrust enable or disable is running",
      "wait for it; if there is none, lslocks says who keeps a lock on " + place.tree.Shown("/"));
}

std::optional<EnableRecord> ReadRecord(const Place& place) {
  FileTree::Found found;
  std::string why;
  if (!place.tree.Look(place.record, found, why)) throw Refusal{why};
  if (!found.there) return std::nullopt;
  auto record = RecordFromJson(found.text, why);
  if (!record) {
    Refuse(place.tree.Shown(place.record) + " cannot be read: " + why,
           "remove what it names by hand, then this file");
  }
  return record;
}

std::string Listed(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

// --- what is to be done to the files
// ----------------------------------------------------------------

struct Change {
  RecordedFile file;
  FileTree::Found was;
  std::optional<std::string> text;  // what it is to be; nullopt: it is to go
  std::string path() const { return file.path; }
};

FileTree::Found LookAt(const Place& place, const std::string& path) {
  FileTree::Found found;
  std::string why;
  if (!place.tree.Look(path, found, why)) {
    Refuse(why, "put a file or folder of root's there that nobody else can write to, or " +
                    std::string(kByHand));
  }
  return found;
}

/// The text without what is ours in it. Nullopt: nothing is left. Refuses where it was changed.
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
  if (!file.block) return standing == Standing::kAbsent ? found.text : std::optional<std::string>();
  if (standing == Standing::kAbsent) return found.text;
  if (standing == Standing::kChanged) {
    auto cut = WithoutBlock(found.text);
    if (!cut)
      Refuse(shown + ": its block of ostrust's has not both of its ends", "mend it by hand");
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

std::string Difference(const Place& place, const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes) {
    text +=
        UnifiedDiff(place.tree.Shown(change.path()), change.was.there ? &change.was.text : nullptr,
                    change.text ? &*change.text : nullptr);
  }
  return text;
}

/// Makes one file what it is to be, if it still is what it was: a package may be installed now.
bool Apply(const FileTree& tree, const Change& change, std::string& why) {
  FileTree::Found now;
  if (!tree.Look(change.path(), now, why)) return false;
  if (now != change.was) {
    why = tree.Shown(change.path()) + " was changed by somebody else meanwhile";
    return false;
  }
  if (!change.text) return tree.Remove(change.path(), why);
  tree.RemoveLeftover(change.path());
  if (change.was.there && change.was.text == *change.text) return true;
  return tree.Write(change.path(), *change.text, change.file.block ? &change.was : nullptr, why);
}

/// Takes back what was applied. Refuses where that fails; the record then says what is left to do.
void RestoreAll(const Place& place, const std::vector<Change>& applied,
                const std::string& because) {
  const FileTree& tree = place.tree;
  std::vector<std::string> left;
  for (auto change = applied.rbegin(); change != applied.rend(); ++change) {
    std::string why;
    FileTree::Found now;
    const bool seen = tree.Look(change->path(), now, why);
    if (seen && now == change->was) continue;
    const bool is_ours = change->text ? now.there && now.text == *change->text : !now.there;
    if (seen && !is_ours) {
      why = tree.Shown(change->path()) + " was changed by somebody else meanwhile";
    } else if (seen &&
               (change->was.there ? tree.Write(change->path(), change->was.text, &change->was, why)
                                  : tree.Remove(change->path(), why))) {
      continue;
    }
    left.push_back(why);
  }
  if (left.empty()) return;
  Refuse(because + "\nnot everything could be put back:" + Listed(left),
         "mend that, and then ostrust disable for " + place.Whom());
}

/// Those that are empty. The record, as long as it is there, keeps its own.
void RemoveFolders(const FileTree& tree, const std::vector<std::string>& folders) {
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    tree.RemoveFolder(*folder);
  }
}

/// The last step: until then the record says what is left to do. Also after a kill that left
/// nothing but a beginning of it.
void RemoveRecord(const Place& place, const std::vector<std::string>& folders) {
  std::string why;
  RemoveFolders(place.tree, folders);
  if (!place.tree.Remove(place.record, why)) throw Refusal{why};
  RemoveFolders(place.tree, folders);
}

// --- enable
// -----------------------------------------------------------------------------------------

enum class Method { kDropIn, kEnvironment, kEdit };

struct Plan {
  Method method = Method::kEnvironment;
  std::string libcrypto;
  std::string distribution;       // its configuration file, as programs name it; empty: none
  std::string distribution_path;  // the same without links, in the root
  RunConfiguration run;
  std::string before;  // the distribution's text without anything of ours
  std::string after;   // the same with it, for a trial
  Sections sections;   // what `before` says
  std::vector<RecordedFile> files;
  std::vector<std::string> notes;
};

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
std::string DistributionFile(const Place& place, const FileTree& root, const std::string& crypto) {
  std::vector<std::string> usual = {"/etc/pki/tls/openssl.cnf", "/etc/ssl/openssl3.cnf",
                                    "/etc/ssl/openssl.cnf"};
  if (!place.root.empty()) {
    for (const std::string& file : usual) {
      if (root.IsFile(file)) return file;
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
  if (!root.IsFile(file)) return {};
  for (const std::string& name : usual) {
    if (root.Target(name) == root.Target(file)) return name;
  }
  return file;
}

std::string InstalledModule(const EnableOptions& options, const Place& place,
                            const FileTree& root) {
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
  if (!root.IsFile(module)) {
    Refuse("there is no module " + root.Shown(module), "install it, or name it with --module");
  }
  if (module.find_first_of("\r\n") != std::string::npos) RefuseUsage("--module: not such a path");
  std::string why;
  if (!root.IsSafe(root.Target(module), why)) {
    Refuse("every program would load " + root.Shown(module) + ", and " + why,
           "install it where only root can write");
  }
  return module;
}

void CheckIncludes(const FileTree& root, const std::string& file, const std::string& text) {
  for (const IncludeLine& include : IncludeLines(text)) {
    if (root.IsDirectory(include.path) || root.Read(include.path) || errno == ENOENT) continue;
    Refuse(file + " includes " + include.path + ", which cannot be read: " + std::strerror(errno),
           kByHand);
  }
}

bool KernelIsFips() {
  const std::string text = host::ReadRegularFile("/proc/sys/crypto/fips_enabled", 16).value_or("");
  return text.starts_with("1");
}

Probe Load(const Plan& plan, const std::string& file) {
  ProbeQuestion question;
  question.libcrypto = plan.libcrypto;
  question.file = file;
  return AskLibcrypto(question);
}

bool Has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// What programs have without ostrust, to compare with.
struct Stock {
  Probe probe;
  std::optional<std::string> tls;
  std::string why_no_tls;
};

Stock AskStock(const Plan& plan) {
  const TextAsFile file(plan.before);
  Stock stock{Load(plan, file.Path()), std::nullopt, ""};
  stock.tls = TlsSettings(plan.libcrypto, file.Path(), stock.why_no_tls);
  return stock;
}

/// Empty, or what programs lose that have this configuration. `loads`: whether ostrust must load.
std::string WhatIsLost(const Plan& plan, const Stock& stock, const std::string& file, bool loads,
                       Probe* seen = nullptr) {
  const Probe probe = Load(plan, file);
  if (seen != nullptr) *seen = probe;
  if (!probe.failure.empty()) return probe.failure;
  if (loads) {
    if (std::string why = WhyNotGoverned(probe); !why.empty()) return why;
    if (!probe.serves_default_paths && !GetVariable("SSL_CERT_FILE") &&
        !GetVariable("SSL_CERT_DIR") && probe.module->reach == "full" &&
        std::none_of(plan.run.keys.begin(), plan.run.keys.end(),
                     [](const auto& key) { return key.first == "default-paths"; })) {
      return "OpenSSL's default paths are not served";
    }
  }
  for (const std::string& provider : stock.probe.providers) {
    if (!Has(probe.providers, provider))
      return "the provider " + provider + " is not active any more";
  }
  if (stock.probe.has_algorithms && !probe.has_algorithms) return "no provider has algorithms";
  if (!stock.tls) return {};
  std::string why;
  const auto tls = TlsSettings(plan.libcrypto, file, why);
  if (!tls) return "TLS contexts: " + why;
  return *tls == *stock.tls
             ? ""
             : "protocols, security level or cipher suites of TLS would not be what they were";
}

/// A process of another architecture, or an OpenSSL that cannot load the module, must go on.
std::string WhatIsLostWithoutModule(const Plan& plan, const Stock& stock) {
  std::string text = plan.after;
  const std::string line = "module = " + EscapeConfigValue(plan.run.module) + "\n";
  for (std::size_t at = text.find(line); at != std::string::npos; at = text.find(line, at + 1)) {
    text.replace(at, line.size(), "module = /ostrust-asks-for-no-such-module\n");
  }
  const TextAsFile file(text);
  return WhatIsLost(plan, stock, file.Path(), false);
}

/// The text of the whole configuration with what is added, for a trial.
bool Try(const Place& place, Plan& plan, const std::string& text, std::string& why) {
  plan.after = text;
  const auto sections = ParseConfiguration(plan.libcrypto, place.root, text, why);
  if (!sections) return false;
  why = WhatChanged(plan.sections, *sections, plan.run);
  return why.empty();
}

std::vector<std::string> PathsOf(const std::vector<RecordedFile>& files) {
  std::vector<std::string> paths;
  for (const RecordedFile& file : files) {
    if (!file.block) paths.push_back(file.path);
  }
  return paths;
}

/// Where and how; fills in files and what is tried.
void Choose(const Place& place, const FileTree& root, const EnableOptions& options,
            const EnableRecord& record, const std::string& raw, Plan& plan) {
  const std::string added = AddedText(plan.run);
  std::string why;
  if (place.home.empty() && !options.edit) {
    const std::string path = DropInPath(raw, root);
    const std::string text = kBlockBegin + added.substr(1) + kBlockEnd;
    if (!path.empty() &&
        Try(place, plan, WithoutOurs(raw, root, PathsOf(record.files), path, text), why)) {
      plan.method = Method::kDropIn;
      plan.files = {{path, false, text, {}, false}};
      return;
    }
  }
  const std::string block = (plan.before.empty() || plan.before.ends_with("\n") ? "" : "\n") +
                            std::string(kBlockBegin) + added.substr(1) + kBlockEnd;
  if (!Try(place, plan, plan.before + block, why)) {
    Refuse(plan.distribution + ": with ostrust in it, " + why, kByHand);
  }
  if (options.edit) {
    if (plan.distribution.empty()) {
      Refuse("there is no openssl.cnf of the distribution's to edit", "leave out --edit");
    }
    plan.method = Method::kEdit;
    plan.files = {{plan.distribution_path, true, block, {}, false}};
    return;
  }
  const std::string seen = place.home + place.own;
  if (seen.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@-") !=
      std::string::npos) {
    Refuse(seen + " cannot be written into all files that set variables", kByHand);
  }
  plan.files = {{place.own, false, OwnConfigurationText(plan.run), {}, false}};
  const auto environment =
      place.home.empty() ? SystemEnvironment(root, seen) : UserEnvironment(root, seen);
  if (environment.empty() && place.home.empty()) {
    Refuse("there is neither systemd nor /etc/profile.d here: nothing would set OPENSSL_CONF",
           "ostrust enable --system --edit, or set OPENSSL_CONF where programs are started (in a "
           "container's image: ENV OPENSSL_CONF=" +
               seen + ")");
  }
  plan.files.insert(plan.files.end(), environment.begin(), environment.end());
}

void CheckOtherSettings(const Place& place, const FileTree& root, const EnableRecord& record,
                        Plan& plan) {
  std::vector<std::string> ours = PathsOf(plan.files);
  const auto old = PathsOf(record.files);
  ours.insert(ours.end(), old.begin(), old.end());
  if (!place.home.empty()) {
    for (std::string& path : ours) path.insert(0, place.home);
  }
  const auto places = WhoSetsOpensslConf(root, place.home, ours);
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

std::vector<Change> ChangesOf(const Place& place, const EnableRecord& record, Plan& plan,
                              bool force) {
  std::vector<Change> changes;
  for (RecordedFile& file : plan.files) {
    Change change{file, LookAt(place, file.path), std::nullopt};
    const auto old = std::find_if(
        record.files.begin(), record.files.end(),
        [&](const RecordedFile& one) { return one.path == file.path && one.block == file.block; });
    std::optional<std::string> rest;
    if (old != record.files.end()) {
      rest = TextWithout(place, *old, change.was, force);
      file.before = old->before;
      if (old->text != file.text) file.before.insert(file.before.begin(), old->text);
    } else if (file.block) {
      rest = change.was.text;
    } else if (change.was.there && change.was.text != file.text) {
      Refuse(place.tree.Shown(file.path) + " is there and was not written by ostrust enable",
             "move it away, or keep it and " + std::string(kByHand));
    }
    change.file = file;
    change.text = file.block ? rest.value_or("") + file.text : file.text;
    changes.push_back(change);
  }
  for (auto old = record.files.rbegin(); old != record.files.rend(); ++old) {
    const bool stays = std::any_of(
        plan.files.begin(), plan.files.end(),
        [&](const RecordedFile& one) { return one.path == old->path && one.block == old->block; });
    if (stays) continue;
    Change change{*old, LookAt(place, old->path), std::nullopt};
    change.text = TextWithout(place, *old, change.was, force);
    changes.push_back(change);
  }
  return changes;
}

std::string HowReached(const Place& place, const Plan& plan) {
  std::string text;
  const std::string seen = place.home + place.own;
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
           seen + "\n";
  }
  return text +
         "  not reached  cron, commands of sudo and of ssh HOST COMMAND, containers, set-user-ID "
         "programs,\n"
         "               what sets OPENSSL_CONF itself; ostrust enable --system --edit reaches all "
         "of them but\n"
         "               containers and the last\n";
}

void CheckFips(const EnableOptions& options, bool live, const Stock& stock, Plan& plan) {
  const EntryPoint& entry = plan.run.original.openssl;
  const bool loaded = live && (Has(stock.probe.providers, "fips") || KernelIsFips());
  const bool fips = entry.Activates("fips") || loaded;
  const bool needs_default = entry.activated.empty();
  if (fips && needs_default && !options.with_default) {
    Refuse("FIPS is active on this system, and " +
               (plan.distribution.empty() ? "no file" : plan.distribution) +
               " activates no provider. Once a configuration activates one, as this one would, "
               "OpenSSL loads no other by itself",
           "activate fips and base there as your FIPS documentation says; or repeat this with "
           "--with-default, which activates the default provider, whose algorithms are not "
           "validated, for every program");
  }
  plan.run.with_default = fips && options.with_default;
}

int DoEnable(const EnableOptions& options) {
  Place place = PlaceFor(options);
  if (options.user && options.edit) RefuseUsage("--edit is for the system, not for a user");
  const bool live = place.root.empty();
  const std::optional<FileTree> other =
      options.user ? std::optional<FileTree>(OpenTree("/")) : std::nullopt;
  const FileTree& root = other ? *other : place.tree;
  if (live && !options.user && !options.print && ::geteuid() != 0) {
    Refuse("this changes files of the system, and you are not root",
           "sudo ostrust enable --system, or ostrust enable --user, or --print to see it");
  }
  Lock(place, options);
  const EnableRecord record = ReadRecord(place).value_or(EnableRecord());

  Plan plan;
  // What was set before stays set, and what is set now comes later and wins.
  std::map<std::string, std::string> keys(record.settings.begin(), record.settings.end());
  std::vector<std::pair<std::string, std::string>> now;
  if (const std::string wrong = ReadSettings(options.settings, now); !wrong.empty()) {
    RefuseUsage(wrong);
  }
  for (const auto& [key, value] : now) keys[key] = value;
  plan.run.keys.assign(keys.begin(), keys.end());
  plan.run.prefix = "ostrust";
  plan.run.only_additions = true;

  plan.libcrypto = FindLibcrypto();
  plan.distribution = DistributionFile(place, root, plan.libcrypto);
  plan.distribution_path = root.Target(plan.distribution);
  plan.run.module = InstalledModule(options, place, root);

  std::string raw;
  if (!plan.distribution.empty()) {
    const auto text = root.Read(plan.distribution);
    if (!text) {
      Refuse(root.Shown(plan.distribution) + ": " + std::strerror(errno), kByHand);
    }
    raw = *text;
    CheckIncludes(root, root.Shown(plan.distribution), raw);
  }
  for (const RecordedFile& file : record.files) {
    if (!file.block || file.path != plan.distribution_path) continue;
    raw = TextWithout(place, file, LookAt(place, file.path), options.force).value_or("");
  }
  plan.before = WithoutOurs(raw, root, PathsOf(record.files));

  std::string why;
  const auto sections = ParseConfiguration(plan.libcrypto, place.root, plan.before, why);
  if (!sections) Refuse(root.Shown(plan.distribution) + ": " + why, "mend it first");
  plan.sections = *sections;
  if (why = NotUnderstood(plan.sections, root.Shown(plan.distribution)); !why.empty()) {
    Refuse(why, "mend it first");
  }
  plan.run.original.file = plan.distribution;
  plan.run.original.exists = !plan.distribution.empty();
  plan.run.original.openssl = EntryPointIn(plan.sections, "openssl_conf");
  plan.run.original.nodejs = EntryPointIn(plan.sections, "nodejs_conf");

  const bool system_has_it =
      options.user && root.IsFile(kSystemRecord) && root.IsFile(CustomaryFile("openssl.cnf"));
  if (system_has_it || !plan.run.original.openssl.ostrust_section.empty()) {
    const std::string where = system_has_it ? "for the system (ostrust enable --system)"
                                            : "in " + root.Shown(plan.distribution);
    if (!system_has_it && live) {
      why = WhyNotGoverned(Load(plan, plan.distribution));
      if (!why.empty()) {
        Refuse("ostrust is already configured " + where + ", and does not work: " + why,
               "ostrust status says what to mend");
      }
    }
    Print("ostrust is already configured " + where +
          (system_has_it ? "" : ", not by this command, which leaves it as it is") + "\n");
    return kDone;
  }

  Stock stock;
  if (live) stock = AskStock(plan);
  if (!stock.probe.failure.empty()) Refuse(stock.probe.failure, "mend that first");
  CheckFips(options, live, stock, plan);
  Choose(place, root, options, record, raw, plan);
  CheckOtherSettings(place, root, record, plan);
  Probe probe;
  if (live) {
    const TextAsFile file(plan.after);
    why = WhatIsLost(plan, stock, file.Path(), true, &probe);
    if (why.empty()) {
      why = WhatIsLostWithoutModule(plan, stock);
      if (!why.empty()) why += " where the module cannot be loaded";
    }
    if (!why.empty()) Refuse("tried with " + plan.libcrypto + ": " + why, kByHand);
  }

  const std::vector<Change> changes = ChangesOf(place, record, plan, options.force);
  const std::string difference = Difference(place, changes);
  Print(EscapedLines(difference));
  if (options.print) return kDone;
  EnableRecord next{true, plan.files, record.folders, plan.run.keys};
  if (difference.empty() && record.complete && record.settings == plan.run.keys) {
    Print("ostrust is already enabled for " + place.Whom() + "\n");
    return kDone;
  }

  // The record first: from now on a kill leaves nothing that it does not name.
  EnableRecord during = next;
  during.complete = false;
  std::vector<std::string> paths = {place.record};
  for (const Change& change : changes) {
    paths.push_back(change.path());
    if (!Has(PathsOf(during.files), change.path()) && !change.file.block) {
      during.files.push_back(change.file);
    } else if (std::find(during.files.begin(), during.files.end(), change.file) ==
               during.files.end()) {
      during.files.push_back(change.file);
    }
  }
  std::vector<std::string> made;
  for (const std::string& path : paths) {
    for (const std::string& folder : place.tree.MissingFolders(path)) {
      if (!Has(made, folder)) made.push_back(folder);
    }
  }
  // Its own folder may be there because of a kill before there was a record.
  const std::string first = place.record.substr(0, place.record.rfind('/'));
  if (!Has(made, first) && !Has(next.folders, first)) {
    next.folders.insert(next.folders.begin(), first);
  }
  for (const std::string& folder : made) {
    if (!Has(next.folders, folder)) next.folders.push_back(folder);
  }
  during.folders = next.folders;
  std::string during_text;
  std::string next_text;
  try {
    during_text = RecordToJson(during);
    for (RecordedFile& file : next.files) file.before.clear();
    next_text = RecordToJson(next);
  } catch (const std::exception&) {
    Refuse("a value or a path in what would be written is no UTF-8",
           "write it in UTF-8, or without such characters");
  }

  FileTree::Found old_record;
  place.tree.Look(place.record, old_record, why);
  why.clear();
  const auto make_folders = [&](bool of_record) {
    for (const std::string& folder : made) {
      if (place.record.starts_with(folder + "/") != of_record) continue;
      if (!place.tree.MakeFolder(folder, why)) return false;
    }
    return true;
  };
  bool done = make_folders(true) && place.tree.Write(place.record, during_text, nullptr, why) &&
              make_folders(false);
  std::vector<Change> applied;
  for (const Change& change : changes) {
    done = done && Apply(place.tree, change, why);
    if (done) applied.push_back(change);
  }
  if (done) {  // and now with the files themselves
    const std::string file =
        plan.method == Method::kEnvironment ? place.home + place.own : plan.distribution;
    const std::string text =
        (options.user ? place.tree.Read(place.own) : root.Read(file)).value_or("");
    const auto seen = ParseConfiguration(plan.libcrypto, place.root, text, why);
    if (seen) why = WhatChanged(plan.sections, *seen, plan.run);
    if (why.empty() && live) why = WhatIsLost(plan, stock, file, true, &probe);
    done = why.empty();
  }
  done = done && place.tree.Write(place.record, next_text, nullptr, why);
  if (!done) {
    RestoreAll(place, applied, why);
    if (old_record.there) {
      std::string ignored;
      RemoveFolders(place.tree, made);
      place.tree.Write(place.record, old_record.text, &old_record, ignored);
    } else {
      RemoveRecord(place, made);
    }
    Refuse(why, "everything is as it was; " + std::string(kByHand));
  }

  std::string text =
      "\nostrust is enabled for " + place.Whom() + (live ? "" : " below " + place.root) + "\n\n";
  if (live) {
    text += "  proven       " + probe.version + " loads it with " +
            std::to_string(probe.module->anchors) + " anchors, and " +
            (stock.tls ? "TLS settings are" : "what the configuration says is") +
            " as before, also where it cannot load\n";
    if (!stock.tls) text += "  not proven   TLS settings: " + stock.why_no_tls + "\n";
  } else {
    text +=
        "  not proven   whether it loads: the OpenSSL of another root is not asked. Run ostrust "
        "status there\n";
  }
  text += HowReached(place, plan);
  for (const std::string& note : plan.notes) text += "  note         " + note + "\n";
  Print(EscapedLines(text));
  return kDone;
}

// --- disable
// ----------------------------------------------------------------------------------------

int DoDisable(const EnableOptions& options) {
  Place place = PlaceFor(options);
  const bool may_write = !place.root.empty() || options.user || ::geteuid() == 0;
  if (may_write) Lock(place, options);
  const auto record = ReadRecord(place);
  if (!record) {
    // What a kill may have left before there was a record.
    if (may_write && !options.print) {
      RemoveRecord(place, {place.record.substr(0, place.record.rfind('/'))});
    }
    return kDone;
  }
  if (!may_write && !options.print) {
    Refuse("this changes files of the system, and you are not root",
           "sudo ostrust disable --system");
  }
  std::vector<Change> changes;
  bool had_environment = false;
  for (auto file = record->files.rbegin(); file != record->files.rend(); ++file) {
    Change change{*file, LookAt(place, file->path), std::nullopt};
    change.text = TextWithout(place, *file, change.was, options.force);
    had_environment = had_environment || (file->environment && change.was.there);
    changes.push_back(change);
  }
  // What sets OPENSSL_CONF goes before the file that it names.
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return a.file.environment > b.file.environment;
  });
  Print(EscapedLines(Difference(place, changes)));
  if (options.print) return kDone;
  std::string why;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (Apply(place.tree, changes[i], why)) continue;
    changes.resize(i);
    RestoreAll(place, changes, why);
    Refuse(why, "everything is as it was");
  }
  RemoveRecord(place, record->folders);
  std::string text = "\nostrust is disabled for " + place.Whom() + "\n";
  if (had_environment && place.root.empty()) {
    text += std::string("\n  now          ") +
            (options.user ? "log in again" : "systemctl daemon-reexec, and log in again") +
            ": what still has OPENSSL_CONF=" + place.home + place.own +
            " starts programs\n"
            "               without that file, and so without what the distribution's openssl.cnf "
            "says\n";
  }
  Print(text);
  return kDone;
}

int Guarded(const std::string& verb, int (*work)(const EnableOptions&),
            const EnableOptions& options) {
  try {
    return work(options);
  } catch (const Refusal& refusal) {
    PrintError("ostrust " + verb + ": " + EscapedLines(refusal.text) + "\n");
    return refusal.status;
  }
}

}  // namespace

int Enable(const EnableOptions& options) {
  return Guarded("enable", DoEnable, options);
}

int Disable(const EnableOptions& options) {
  return Guarded("disable", DoDisable, options);
}

}  // namespace ostrust::tool
