#include "provider/tool/enable_texts.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "provider/tool/system.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {
namespace {

constexpr const char* kSystemDropIn = "/etc/systemd/system.conf.d/ostrust.conf";
constexpr const char* kSessionDropIn = "/etc/environment.d/ostrust.conf";
constexpr const char* kShellDropIn = "/etc/profile.d/ostrust.sh";
constexpr const char* kUserDropIn = "/.config/environment.d/ostrust.conf";
constexpr const char* kMadeBy = "# Made by ostrust enable(1); ostrust disable removes it.\n";

std::string InDirectory(const std::string& directory, const std::string& name) {
  return directory + (directory.ends_with("/") ? "" : "/") + name;
}

/// The path in an .include line; empty when it is none, or not a plain absolute path.
std::string IncludedPath(const std::string& line) {
  constexpr std::string_view kInclude = ".include";
  if (!line.starts_with(kInclude)) return {};
  std::size_t at = line.find_first_not_of(" \t", kInclude.size());
  if (at == std::string::npos || (at == kInclude.size() && line[at] != '=')) return {};
  if (line[at] == '=') at = line.find_first_not_of(" \t", at + 1);
  if (at == std::string::npos || line[at] != '/') return {};
  const std::string path = line.substr(at);
  return path.find_first_of("$\\'\"`#") == std::string::npos ? path : std::string();
}

bool NamesTheVariable(const std::string& line) {
  constexpr std::string_view kName = "OPENSSL_CONF";
  const auto is_word = [&](std::size_t at) {
    const char c = at < line.size() ? line[at] : ' ';
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  if (Trimmed(line).starts_with("#")) return false;
  for (std::size_t at = line.find(kName); at != std::string::npos; at = line.find(kName, at + 1)) {
    if ((at == 0 || !is_word(at - 1)) && !is_word(at + kName.size())) return true;
  }
  return false;
}

}  // namespace

std::vector<IncludeLine> IncludeLines(const std::string& text) {
  std::vector<IncludeLine> includes;
  bool is_pending = false;  // the last one waits for what comes after it
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string line(Trimmed(std::string_view(text).substr(at, end - at)));
    if (!line.empty() && line[0] != '#') {
      if (is_pending) includes.back().may_open_sections = line[0] == '[';
      is_pending = false;
      if (const std::string path = IncludedPath(line); !path.empty()) {
        includes.push_back({at, end, path, true});
        is_pending = true;
      }
    }
    at = end;
  }
  return includes;
}

std::vector<std::string> IncludedFiles(const FileTree& tree, const std::string& directory) {
  auto files = tree.FilesIn(directory, ".cnf");
  const auto others = tree.FilesIn(directory, ".conf");
  files.insert(files.end(), others.begin(), others.end());
  std::sort(files.begin(), files.end());
  return files;
}

std::string WithoutOurs(const std::string& text, const FileTree& tree,
                        const std::vector<std::string>& ours, const std::string& dropped_in,
                        const std::string& added) {
  std::string result;
  std::size_t at = 0;
  for (const IncludeLine& include : IncludeLines(text)) {
    const auto is_in_it = [&](const std::string& path) {
      return path == InDirectory(include.path, FileNameOf(path));
    };
    const bool gets_added = !dropped_in.empty() && is_in_it(dropped_in);
    if (!gets_added && std::none_of(ours.begin(), ours.end(), is_in_it)) continue;
    result += text.substr(at, include.begin - at);
    for (const std::string& file : IncludedFiles(tree, include.path)) {
      if (file != dropped_in && !Has(ours, file)) result += ".include " + file + "\n";
    }
    if (gets_added) result += added + "\n";
    at = include.end;
  }
  return result + text.substr(at);
}

std::string DropInPath(const std::string& text, const FileTree& tree) {
  for (const IncludeLine& include : IncludeLines(text)) {
    if (include.may_open_sections && tree.IsDirectory(include.path)) {
      return InDirectory(include.path, "ostrust.cnf");
    }
  }
  return {};
}

std::string NotUnderstood(const Sections& sections, const std::string& file) {
  const EntryPoint entry = EntryPointIn(sections, "openssl_conf");
  if (entry.init.empty()) {
    for (const auto& [name, lines] : sections) {
      for (const auto& [key, value] : lines) {
        if (key != "openssl_conf") continue;
        return file + " sets openssl_conf in [" + name +
               "], where it does not count: it belongs at the top, before any section";
      }
    }
    return {};
  }
  for (const std::string& name : {entry.init, entry.providers}) {
    if (!name.empty() && sections.count(name) == 0) {
      return file + " names the section [" + name + "], which it does not have";
    }
  }
  return {};
}

std::string WhatChanged(const Sections& before, const Sections& after,
                        const RunConfiguration& run) {
  using Keys = std::set<std::string>;
  const std::string any = "*";
  std::map<std::string, Keys> added;
  for (const char* const name : {"openssl_conf", "nodejs_conf"}) {
    const EntryPoint entry = EntryPointIn(after, name);
    added["default"].insert(name);
    added[entry.init].insert("providers");
    added[entry.providers].insert("default");
    added[entry.providers].insert(entry.ostrust_key);
    if (!entry.default_section.empty()) added[entry.default_section].insert("activate");
    added[entry.ostrust_section].insert(any);
    const auto module = entry.ostrust_keys.find("module");
    if (module == entry.ostrust_keys.end() || module->second != run.module) {
      return std::string(name) + " does not lead to " + run.module;
    }
    for (const std::string& provider : EntryPointIn(before, name).activated) {
      if (!entry.Activates(provider)) return "the provider " + provider + " is not active any more";
    }
  }
  for (const auto& [name, lines] : after) {
    const auto old = before.find(name);
    const auto may = added.find(name);
    if (old == before.end() && may == added.end()) return "[" + name + "] is new";
    Sections::mapped_type rest;
    for (const auto& line : lines) {
      const bool was = old != before.end() &&
                       std::any_of(old->second.begin(), old->second.end(),
                                   [&](const auto& one) { return one.first == line.first; });
      if (was) {
        rest.push_back(line);
      } else if (may == added.end() ||
                 (may->second.count(line.first) == 0 && may->second.count(any) == 0)) {
        return line.first + " in [" + name + "] is new";
      }
    }
    if (old != before.end() && rest != old->second) return "[" + name + "] says something else";
  }
  for (const auto& [name, lines] : before) {
    if (after.count(name) == 0) return "[" + name + "] is gone";
  }
  return {};
}

std::vector<std::string> WhoSetsOpensslConf(const FileTree& tree, const std::string& home,
                                            const std::vector<std::string>& ours) {
  std::vector<std::string> files = {
      "/etc/environment",
      "/etc/profile",
      "/etc/bash.bashrc",
      "/etc/bashrc",
      "/etc/zsh/zshenv",
      "/etc/zshenv",
      "/etc/security/pam_env.conf",
      "/etc/systemd/system.conf",
      "/etc/systemd/user.conf",
  };
  const auto add = [&](const std::string& directory, const std::string& end) {
    const auto found = tree.FilesIn(directory, end);
    files.insert(files.end(), found.begin(), found.end());
  };
  add("/etc/profile.d", "sh");
  for (const std::string base : {"/etc", "/run", "/usr/local/lib", "/usr/lib"}) {
    add(base + "/environment.d", ".conf");
    add(base + "/systemd/system.conf.d", ".conf");
    add(base + "/systemd/user.conf.d", ".conf");
  }
  if (!home.empty()) {
    for (const char* const name : {"/.profile", "/.bash_profile", "/.bash_login", "/.bashrc",
                                   "/.zshenv", "/.zprofile", "/.zshrc", "/.pam_environment"}) {
      files.push_back(home + name);
    }
    add(home + "/.config/environment.d", ".conf");
  }
  std::vector<std::string> places;
  for (const std::string& file : files) {
    if (Has(ours, file)) continue;
    const std::string text = tree.Read(file).value_or("");
    int number = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      ++number;
      if (NamesTheVariable(text.substr(at, end - at))) {
        places.push_back(tree.Shown(file) + ":" + std::to_string(number));
      }
      at = end + 1;
    }
  }
  return places;
}

std::string OwnConfigurationText(const RunConfiguration& run) {
  std::string text = kMadeBy;
  text += "# Do not edit: enable --set KEY=VALUE writes it again. ostrust(7) has the keys.\n";
  if (run.original.exists) {
    text += "\n# The distribution's own file: what it says stays in force.\n";
    text += ".include " + EscapeConfigValue(InConfiguration(run.original.file)) + "\n";
  }
  return text + AddedText(run);
}

std::vector<RecordedFile> SystemEnvironment(const FileTree& tree,
                                            const std::string& configuration) {
  const auto file = [](const char* path, const std::string& text) {
    return RecordedFile{path, false, kMadeBy + text, {}, true};
  };
  std::vector<RecordedFile> files;
  if (tree.IsFile("/usr/lib/systemd/systemd") || tree.IsFile("/lib/systemd/systemd")) {
    files.push_back(
        file(kSystemDropIn, "[Manager]\nDefaultEnvironment=OPENSSL_CONF=" + configuration + "\n"));
    files.push_back(file(kSessionDropIn, "OPENSSL_CONF=" + configuration + "\n"));
  }
  if (tree.IsDirectory("/etc/profile.d")) {
    files.push_back(file(kShellDropIn, "if [ -z \"${OPENSSL_CONF+set}\" ] && [ -r " +
                                           configuration + " ]; then\n    OPENSSL_CONF=" +
                                           configuration + "\n    export OPENSSL_CONF\nfi\n"));
  }
  return files;
}

std::vector<RecordedFile> UserEnvironment(const FileTree& tree, const std::string& configuration) {
  if (!tree.IsFile("/usr/lib/systemd/systemd") && !tree.IsFile("/lib/systemd/systemd")) return {};
  return {{kUserDropIn,
           false,
           kMadeBy + std::string("OPENSSL_CONF=") + configuration + "\n",
           {},
           true}};
}

}  // namespace ostrust::tool
