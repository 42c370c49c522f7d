#include "platform/linux/p11_kit_configuration.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "platform/linux/file_io.hpp"
#include "platform/trust_store.hpp"

namespace ostrust::platform {
namespace {

constexpr std::string_view kModuleName = "p11-kit-trust.so";
constexpr std::string_view kSpace = " \t\r\v\f";

using Settings = std::map<std::string, std::string, std::less<>>;

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// Lines of `name: value`. The last one with a name counts, as in p11-kit (p11_dict_set()).
Settings ReadSettings(std::string_view content) {
  Settings settings;
  while (!content.empty()) {
    const auto end = std::min(content.find('\n'), content.size());
    const std::string_view line = Trim(content.substr(0, end));
    content.remove_prefix(std::min(end + 1, content.size()));
    const auto colon = line.find(':');
    if (line.empty() || line.front() == '#' || colon == std::string_view::npos) continue;
    settings.insert_or_assign(std::string(Trim(line.substr(0, colon))),
                              Trim(line.substr(colon + 1)));
  }
  return settings;
}

/// As p11-kit takes them for configuration files (calc_name_from_filename() in p11-kit/conf.c).
bool IsModuleConfiguration(std::string_view name) {
  constexpr std::string_view kSuffix = ".module";
  return name.size() > kSuffix.size() && name.substr(name.size() - kSuffix.size()) == kSuffix;
}

std::string_view Value(const Settings& settings, std::string_view name) {
  const auto found = settings.find(name);
  return found == settings.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

P11KitLocations P11KitLocations::OfThisSystem() {
  return {{"/etc/pkcs11/modules", "/usr/share/p11-kit/modules"},
          {
#ifdef OSTRUST_LIBRARY_ARCHITECTURE
              // Debian, Ubuntu
              "/usr/lib/" OSTRUST_LIBRARY_ARCHITECTURE "/pkcs11",
#endif
              // Fedora, RHEL, openSUSE
              "/usr/lib64/pkcs11",
              // Arch, Alpine, and Fedora on 32 bits
              "/usr/lib/pkcs11",
              // FreeBSD
              "/usr/local/lib/pkcs11"}};
}

std::optional<P11KitModuleConfiguration> FindP11KitModule(const P11KitLocations& locations,
                                                          std::chrono::nanoseconds racy_window,
                                                          std::vector<FileStamp>& stamps,
                                                          std::string& error) {
  // What cannot be read may say that the module is not to be used. p11-kit loads none then.
  const auto fail = [&](const std::string& path, const std::string& why, bool lacking) {
    error = path + " cannot be read: " + why;
    if (lacking) throw LackOfMeans(error);
    return std::nullopt;
  };
  std::map<std::string, Settings> modules;  // by the name of their files
  std::string looked_in;
  for (const std::string& directory : locations.configurations) {
    looked_in += (looked_in.empty() ? "" : ", ") + directory;
    OpenedPath opened = OpenPath(directory, racy_window);
    stamps.push_back(opened.stamp);
    if (opened.stamp.IsMissing()) continue;
    if (!opened.IsOpen()) return fail(directory, opened.error, opened.lacking);
    if (!opened.IsDirectory()) continue;
    std::string why;
    bool lacking = false;
    const auto names = ListNames(opened, why, &lacking);
    if (!names) {
      stamps.push_back(FileStamp::OfUnread(directory));
      return fail(directory, why, lacking);
    }
    for (const std::string& name : *names) {
      if (!IsModuleConfiguration(name)) continue;
      const OpenedPath file = OpenPath(PathIn(directory, name), racy_window);
      stamps.push_back(file.stamp);
      if (file.IsDirectory()) continue;
      if (!file.IsOpen()) return fail(file.stamp.Path(), file.error, file.lacking);
      const auto content = ReadContent(file, why, &lacking);
      if (!content) {
        stamps.push_back(FileStamp::OfUnread(file.stamp.Path()));
        return fail(file.stamp.Path(), why, lacking);
      }
      modules[name].merge(ReadSettings(AsText(*content)));
    }
  }

  for (const auto& [name, settings] : modules) {
    const std::string_view module = Value(settings, "module");
    const auto slash = module.rfind('/');
    const std::string_view file_name =
        slash == std::string_view::npos ? module : module.substr(slash + 1);
    if (file_name != kModuleName || Value(settings, "trust-policy") != "yes") continue;
    P11KitModuleConfiguration found;
    found.arguments = Value(settings, "x-init-reserved");
    if (module.front() == '/') {
      found.files.emplace_back(module);
    } else {
      for (const std::string& directory : locations.modules) {
        found.files.push_back(PathIn(directory, module));
      }
    }
    return found;
  }
  error = "p11-kit's trust module is not installed: no file in " + looked_in +
          " names p11-kit-trust.so with trust-policy: yes";
  return std::nullopt;
}

}  // namespace ostrust::platform
