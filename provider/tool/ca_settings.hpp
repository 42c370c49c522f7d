// The CA files that configuration files of well-known programs name, past the environment.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ostrust::tool {

struct CaSetting {
  std::string program;  // curl, git, pip, npm: also what its command is called
  std::string file;
  std::size_t line = 0;  // from 1
  std::string key;       // as the program's manual spells it
  std::string value;     // a path; ~ is replaced
  /// Whether the program gives it to OpenSSL as a CA file or directory. npm does not: Node.js reads
  /// it itself.
  bool by_openssl = true;
};

/// What the configuration files of this user and of the system say, read as far as 256 KiB each and
/// never written: pip.conf (cert), .curlrc (cacert, capath), gitconfig (http.sslCAInfo,
/// http.sslCAPath, without what it includes) and .npmrc (cafile). A file that is no regular one or
/// cannot be read says nothing. In the order of the programs and their files; of several that
/// overrule each other all. Empty on systems where this was not tried.
std::vector<CaSetting> CaSettings();

/// Whether `command`, the name of a program's file, is this one, or its name with a version.
bool IsCommandOf(const std::string& program, const std::string& command);

}  // namespace ostrust::tool
