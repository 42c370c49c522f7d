// A double of libupki, with the interface of upki.h of 1.0.0-beta.3. What it answers is in the file
// that the real one would take for its configuration: the one it is given, or else
// $XDG_CONFIG_HOME/upki/config.toml, or .config/upki/config.toml in the home, or the system's. One
// of these a line, where N is a upki_result or any other number:
//
//     config N        what upki_config_new() returns; with 0 and none of the following: nothing
//     else null            upki_config_new() returns UPKI_OK and no configuration check N TEXT what
//     upki_check_revocation() returns about a certificate that holds TEXT, or
//                     about any if there is no TEXT. The first that fits; 1 without one
//     asked FILE      where to write what it was asked: a line for each call
//
// It is strict where the real one is kind: a pointer that cannot be good ends the process.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr unsigned kOk = 0;
[[maybe_unused]] constexpr unsigned kNotCovered = 1;
constexpr unsigned kConfigRead = 33;
[[maybe_unused]] constexpr unsigned kNoIssuer = 78;

struct Answer {
  unsigned result = 0;
  std::string text;
};

void Must(bool good) {
  if (!good) std::abort();  // a test that would test nothing, or a caller that is wrong
}

}  // namespace

struct upki_config {
  std::string self;  // its address, until it is freed
  unsigned result = kOk;
  bool is_null = false;
  std::vector<Answer> answers;
  std::string asked;
};

struct upki_certificate_der {
  const std::uint8_t* data;
  std::uintptr_t len;
};

namespace {

std::string AddressOf(const upki_config* config) {
  return std::to_string(reinterpret_cast<std::uintptr_t>(config));
}

std::string Search() {
  const char* const xdg = std::getenv("XDG_CONFIG_HOME");
  const char* const home = std::getenv("HOME");
  Must(home != nullptr && *home != '\0');  // the real one would ask the name service
  for (const std::string& base :
       {xdg != nullptr ? std::string(xdg) : std::string(home) + "/.config", std::string("/etc")}) {
    if (std::ifstream(base + "/upki/config.toml")) return base + "/upki/config.toml";
  }
  return {};
}

std::unique_ptr<upki_config> Read(const std::string& path) {
  std::ifstream in(path);
  if (!in) return nullptr;
  auto config = std::make_unique<upki_config>();
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string word;
    if (!(words >> word)) continue;
    if (word == "null") {
      config->is_null = true;
    } else if (word == "asked") {
      Must(static_cast<bool>(words >> config->asked));
    } else {
      Must(word == "config" || word == "check");
      Answer answer;
      Must(static_cast<bool>(words >> answer.result));
      std::getline(words >> std::ws, answer.text);
      if (word == "config") {
        config->result = answer.result;
      } else {
        config->answers.push_back(answer);
      }
    }
  }
  return config;
}

void Note(const upki_config& config, const std::string& line) {
  if (config.asked.empty()) return;
  std::ofstream out(config.asked, std::ios::app);
  out << line << std::endl;
  Must(static_cast<bool>(out));
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT unsigned upki_config_new(const char* path, upki_config** out) {
  Must(out != nullptr);
  *out = reinterpret_cast<upki_config*>(1);  // not to be looked at, unless this succeeds
  auto config = Read(path != nullptr ? path : Search());
  if (config == nullptr) return kConfigRead;
  if (config->result != kOk) return config->result;
  config->self = AddressOf(config.get());
  Note(*config, path != nullptr ? std::string("config ") + path : "config");
  *out = config->is_null ? nullptr : config.release();
  return kOk;
}

EXPORT void upki_config_free(upki_config* config) {
  if (config == nullptr) return;
  Must(config->self == AddressOf(config));
  Note(*config, "free");
  config->self.clear();
  delete config;
}

#ifndef OSTRUST_UPKI_DOUBLE_LACKS_CHECK
EXPORT unsigned upki_check_revocation(const upki_config* config,
                                      const upki_certificate_der* certificates,
                                      std::uintptr_t count) {
  Must(config != nullptr && config->self == AddressOf(config) && certificates != nullptr);
  std::string line = "check";
  for (std::uintptr_t i = 0; i < count; ++i) {
    Must(certificates[i].data != nullptr && certificates[i].len > 0);
    line += " " + std::to_string(certificates[i].len);
  }
  Note(*config, line);
  if (count < 2) return kNoIssuer;
  const std::string_view certificate(reinterpret_cast<const char*>(certificates[0].data),
                                     certificates[0].len);
  for (const Answer& answer : config->answers) {
    if (certificate.find(answer.text) != std::string_view::npos) return answer.result;
  }
  return kNotCovered;
}
#endif
