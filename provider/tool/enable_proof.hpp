// What a libcrypto makes of a configuration, before and after ostrust is added to it. Every
// question is asked in a child process. Only while this process has one thread.
#pragma once

#include <optional>
#include <string>

#include "provider/tool/configuration.hpp"

namespace ostrust::tool {

/// The sections of a configuration file with this text, includes followed as a program would that
/// has `root` as its root directory; empty: this one. Nullopt, with a sentence in `why`, when it
/// does not parse or `root` cannot be entered.
std::optional<Sections> ParseConfiguration(const std::string& libcrypto, const std::string& root,
                                           const std::string& text, std::string& why);

/// What a new TLS context has after the configuration `file` was loaded: protocols, options,
/// security level and cipher suites, of clients and servers. Nullopt, with a sentence in `why`,
/// when there is no libssl beside this libcrypto or it makes no context.
std::optional<std::string> TlsSettings(const std::string& libcrypto, const std::string& file,
                                       std::string& why);

/// A text that this process and its forks can open as a file, while the object lives.
class TextAsFile {
 public:
  explicit TextAsFile(const std::string& text);
  ~TextAsFile();
  TextAsFile(const TextAsFile&) = delete;
  TextAsFile& operator=(const TextAsFile&) = delete;

  const std::string& Path() const { return path_; }

 private:
  int fd_;
  std::string path_;
};

}  // namespace ostrust::tool
