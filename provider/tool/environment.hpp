// What the shell's environment and working directory do to programs that look for CA certificates.
#pragma once

#include <string>
#include <vector>

namespace ostrust::tool {

struct Variable {
  enum class Effect {
    kDefaults,  // replaces OpenSSL's default paths (SSL_CERT_FILE, SSL_CERT_DIR)
    kReplaces,  // replaces the CA file of the programs `whose`
    kAdds,      // adds to theirs
    kPast,      // replaces that of programs that read it without OpenSSL's CA files
  };
  std::string name;
  std::string value;
  Effect effect;
  std::string whose;  // for a sentence; empty for kDefaults
  /// The command that is affected and nothing else; empty when there are several.
  std::string command = {};
};

/// The well-known variables that are set, to something, in this process's environment.
std::vector<Variable> CaVariables();

struct WorkingDirectory {
  bool os_file = false;       // a file "os:", which the name os: means where ostrust is not loaded
  bool os_directory = false;  // a directory "os", in which certificates would be looked for
  bool os_directory_has_certificates = false;  // with a name as openssl rehash gives
};

WorkingDirectory LookAtWorkingDirectory();

}  // namespace ostrust::tool
