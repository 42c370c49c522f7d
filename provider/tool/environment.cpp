#include "provider/tool/environment.hpp"

#include <cstdlib>

#include <sys/stat.h>

#include "provider/host/file.hpp"

namespace ostrust::tool {
namespace {

struct KnownVariable {
  const char* name;
  Variable::Effect effect;
  const char* whose;
};

constexpr KnownVariable kKnown[] = {
    {"SSL_CERT_FILE", Variable::Effect::kDefaults, ""},
    {"SSL_CERT_DIR", Variable::Effect::kDefaults, ""},
    {"REQUESTS_CA_BUNDLE", Variable::Effect::kReplaces, "Python's requests"},
    {"CURL_CA_BUNDLE", Variable::Effect::kReplaces, "curl and Python's requests"},
    {"PIP_CERT", Variable::Effect::kReplaces, "pip"},
    {"AWS_CA_BUNDLE", Variable::Effect::kReplaces, "the AWS tools and botocore"},
    {"GIT_SSL_CAINFO", Variable::Effect::kReplaces, "git"},
    {"NIX_SSL_CERT_FILE", Variable::Effect::kReplaces, "programs of Nix"},
    {"NODE_EXTRA_CA_CERTS", Variable::Effect::kAdds, "Node.js"},
};

}  // namespace

std::vector<Variable> CaVariables() {
  std::vector<Variable> variables;
  for (const KnownVariable& known : kKnown) {
    const char* const value = std::getenv(known.name);
    if (value == nullptr) continue;
    // Set to nothing, SSL_CERT_FILE still replaces the default; the others count as not set.
    if (*value == '\0' && known.effect != Variable::Effect::kDefaults) continue;
    variables.push_back({known.name, value, known.effect, known.whose});
  }
  return variables;
}

WorkingDirectory LookAtWorkingDirectory() {
  WorkingDirectory found;
  struct stat status {};
  found.os_file = ::lstat("os:", &status) == 0;
  found.os_directory = ::stat("os", &status) == 0 && S_ISDIR(status.st_mode);
  const std::string digit = "[0-9a-f]";
  std::string hash = "os/";
  for (int i = 0; i < 8; ++i) hash += digit;
  found.os_directory_has_certificates =
      found.os_directory && !host::FilesMatching(hash + ".[0-9]*").empty();
  return found;
}

}  // namespace ostrust::tool
