// A program with OpenSSL inside cannot be asked from outside for its providers. Node.js can be
// watched: started for a moment with ostrust's log on standard error.
#pragma once

#include <string>

namespace ostrust::tool {

struct Witness {
  std::string
      failure;  // why Node.js did not start; with a configuration that OpenSSL refuses it does not
  bool loaded = false;
  std::string reach;  // as LoadedModule::reach
  std::string limited_by;
  std::string verify;                 // as LoadedModule::verify
  std::string intermediates;          // as LoadedModule::intermediates
  std::string revocation;             // as LoadedModule::revocation
  bool serves_default_paths = false;  // with --use-openssl-ca
  std::string source;
  int anchors = 0;
  std::string problems;  // of the source, as LoadedModule::problems
  std::string error;     // what else ostrust logged as an error
};

/// The version of the OpenSSL inside, as process.versions.openssl has it; empty when `node` does
/// not say.
std::string AskNodeForVersion(const std::string& node);

/// Starts `node` with --use-openssl-ca and makes one TLS context, in this process's environment.
Witness WatchNode(const std::string& node);

/// Reads ostrust's log lines.
Witness ReadWitness(const std::string& log);

}  // namespace ostrust::tool
