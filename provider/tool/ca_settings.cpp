#include "provider/tool/ca_settings.hpp"

#include <algorithm>
#include <string_view>

#include "provider/host/file.hpp"
#include "provider/tool/system.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {

bool IsCommandOf(const std::string& program, const std::string& command) {
  return command.starts_with(program) &&
         command.find_first_not_of("0123456789.-", program.size()) == std::string::npos;
}

#ifndef __linux__
std::vector<CaSetting> CaSettings() {
  return {};
}
#else
namespace {

constexpr std::size_t kMaxSize = std::size_t{256} << 10;
constexpr std::size_t kMaxSettings = 20;  // as many as a person reads

std::string Home() {
  const std::string home = GetVariable("HOME").value_or("");
  return host::IsAbsolute(home) ? home : std::string();
}

/// Where the user's configuration is; empty when there is no telling.
std::string ConfigHome() {
  std::string set = GetVariable("XDG_CONFIG_HOME").value_or("");
  if (host::IsAbsolute(set)) return set;
  const std::string home = Home();
  return home.empty() ? home : home + "/.config";
}

/// `name` in `directory`; nothing when that is unknown.
void AddPath(std::vector<std::string>& paths, const std::string& directory, const char* name) {
  if (!directory.empty()) paths.push_back(directory + name);
}

/// Without quotes and comments behind it, and with the user's home for ~.
std::string PathIn(std::string_view value) {
  value = Trimmed(value);
  std::string path;
  if (!value.empty() && (value.front() == '"' || value.front() == '\'')) {
    path = value.substr(1, value.find(value.front(), 1) - 1);
  } else {
    path = Trimmed(value.substr(0, std::min(value.find(" #"), value.find(" ;"))));
  }
  if (path.starts_with("~/")) path.replace(0, 1, Home());
  constexpr std::string_view kHome = "${HOME}";
  if (path.starts_with(kHome)) path.replace(0, kHome.size(), Home());
  return path;
}

struct Format {
  const char* program;
  std::vector<std::string_view> keys;  // in lower case
  std::vector<std::string_view> spelt;
  const char* comments;      // what lines that say nothing begin with
  const char* separators;    // behind a key
  std::string_view section;  // that has to begin so, in lower case; empty: any
  bool dashes = false;       // before a key
};

class Reader {
 public:
  void Read(const Format& format, const std::string& file) {
    const auto text = host::ReadRegularFile(file, kMaxSize);
    if (!text) return;
    std::string section;
    std::size_t number = 0;
    for (std::string_view rest = *text; !rest.empty() && settings_.size() < kMaxSettings;) {
      const std::size_t end = rest.find('\n');
      const std::string_view line = Trimmed(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      ++number;
      if (line.empty() || std::string_view(format.comments).find(line[0]) != line.npos) continue;
      if (line[0] == '[') {
        section = Lower(Trimmed(line.substr(1, line.find_first_of("]\" \t") - 1)));
        continue;
      }
      if (format.section.empty() || section == format.section) {
        ReadLine(format, file, number, line);
      }
    }
  }

  std::vector<CaSetting> Take() { return std::move(settings_); }

 private:
  void ReadLine(const Format& format, const std::string& file, std::size_t number,
                std::string_view line) {
    if (format.dashes && line.starts_with("--")) line.remove_prefix(2);
    const std::size_t end = std::min(line.find_first_of(format.separators), line.size());
    const std::string key = Lower(Trimmed(line.substr(0, end)));
    const auto known = std::find(format.keys.begin(), format.keys.end(), key);
    if (known == format.keys.end()) return;
    std::string_view value = Trimmed(line.substr(end));
    if (!value.empty() && (value[0] == '=' || value[0] == ':')) value.remove_prefix(1);
    const std::string path = PathIn(value);
    if (path.empty()) return;
    settings_.push_back(
        {format.program, file, number,
         std::string(format.spelt[static_cast<std::size_t>(known - format.keys.begin())]), path,
         format.program != std::string_view("npm")});
  }

  std::vector<CaSetting> settings_;
};

/// pip(1), "Configuration Files".
void ReadPip(Reader& reader) {
  const Format format = {"pip", {"cert"}, {"cert"}, "#;", "=:", {}};
  const auto named = GetVariable("PIP_CONFIG_FILE");
  if (named == "/dev/null") return;  // its way to say "none"
  std::vector<std::string> paths = {"/etc/xdg/pip/pip.conf", "/etc/pip.conf"};
  AddPath(paths, Home(), "/.pip/pip.conf");
  AddPath(paths, ConfigHome(), "/pip/pip.conf");
  AddPath(paths, GetVariable("VIRTUAL_ENV").value_or(""), "/pip.conf");
  if (named) paths.push_back(*named);
  for (const std::string& path : paths) reader.Read(format, path);
}

/// curl(1), --config: the first one that is there.
void ReadCurl(Reader& reader) {
  const Format format = {"curl", {"cacert", "capath"}, {"cacert", "capath"}, "#", "=: \t", {},
                         true};
  std::vector<std::string> paths;
  AddPath(paths, GetVariable("CURL_HOME").value_or(""), "/.curlrc");
  AddPath(paths, GetVariable("XDG_CONFIG_HOME").value_or(""), "/curlrc");
  AddPath(paths, Home(), "/.curlrc");
  AddPath(paths, Home(), "/.config/curlrc");
  const auto first = std::find_if(paths.begin(), paths.end(), IsThere);
  if (first != paths.end()) reader.Read(format, *first);
}

/// git-config(1), FILES. [http "https://..."] counts, too.
void ReadGit(Reader& reader) {
  const Format format = {
      "git", {"sslcainfo", "sslcapath"}, {"http.sslCAInfo", "http.sslCAPath"}, "#;", "=", "http"};
  const std::string no_system = GetVariable("GIT_CONFIG_NOSYSTEM").value_or("");
  if (no_system.empty() || no_system == "0" || no_system == "false") {
    reader.Read(format, GetVariable("GIT_CONFIG_SYSTEM").value_or("/etc/gitconfig"));
  }
  std::vector<std::string> paths;
  if (const auto global = GetVariable("GIT_CONFIG_GLOBAL")) {
    paths.push_back(*global);
  } else {
    AddPath(paths, ConfigHome(), "/git/config");
    AddPath(paths, Home(), "/.gitconfig");
  }
  for (const std::string& path : paths) reader.Read(format, path);
}

/// npmrc(5), FILES.
void ReadNpm(Reader& reader) {
  const Format format = {"npm", {"cafile"}, {"cafile"}, "#;[", "=", {}};
  std::vector<std::string> paths;
  if (const auto global = GetVariable("npm_config_globalconfig")) {
    paths.push_back(*global);
  } else {
    paths = {"/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc"};
  }
  if (const auto user = GetVariable("npm_config_userconfig")) {
    paths.push_back(*user);
  } else {
    AddPath(paths, Home(), "/.npmrc");
  }
  for (const std::string& path : paths) reader.Read(format, path);
}

}  // namespace

std::vector<CaSetting> CaSettings() {
  Reader reader;
  ReadCurl(reader);
  ReadGit(reader);
  ReadNpm(reader);
  ReadPip(reader);
  return reader.Take();
}
#endif

}  // namespace ostrust::tool
