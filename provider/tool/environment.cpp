#include "provider/tool/environment.hpp"

#include <algorithm>
#include <string_view>

#include "provider/host/file.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

struct KnownVariable {
  const char* name;
  Variable::Effect effect;
  const char* whose;
  const char* command = "";
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
    {"GIT_SSL_CAPATH", Variable::Effect::kReplaces, "git", "git"},
    {"BUNDLE_SSL_CA_CERT", Variable::Effect::kReplaces, "Ruby's Bundler", "bundle"},
    {"PGSSLROOTCERT", Variable::Effect::kReplaces, "PostgreSQL's clients", "psql"},
    {"CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", Variable::Effect::kReplaces, "gcloud", "gcloud"},
    {"HTTPLIB2_CA_CERTS", Variable::Effect::kReplaces, "Python's httplib2", "httplib2"},
    {"npm_config_cafile", Variable::Effect::kPast, "npm", "npm"},
    {"NPM_CONFIG_CAFILE", Variable::Effect::kPast, "npm", "npm"},
    {"CARGO_HTTP_CAINFO", Variable::Effect::kPast, "cargo", "cargo"},
    {"DENO_CERT", Variable::Effect::kPast, "Deno", "deno"},
    {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", Variable::Effect::kPast, "gRPC", "grpc_cli"},
};

}  // namespace

std::vector<Variable> CaVariables() {
  std::vector<Variable> variables;
  for (const KnownVariable& known : kKnown) {
    const auto value = GetVariable(known.name);
    if (!value) continue;
    // Set to nothing, SSL_CERT_FILE still replaces the default; the others count as not set.
    if (value->empty() && known.effect != Variable::Effect::kDefaults) continue;
    // libpq's word for OpenSSL's default paths.
    if (known.name == std::string_view("PGSSLROOTCERT") && *value == "system") continue;
    variables.push_back({known.name, *value, known.effect, known.whose, known.command});
  }
  return variables;
}

WorkingDirectory LookAtWorkingDirectory() {
  WorkingDirectory found;
  found.os_file = IsThere("os:");
  found.os_directory = KindOf("os") == FileKind::kDirectory;
  const auto is_hashed = [](const std::string& path) {  // "os/", 8 digits, ".", a number
    constexpr std::size_t kName = 3;
    constexpr std::size_t kDot = kName + 8;
    return path.size() > kDot + 1 && path[kDot] == '.' && path[kDot + 1] >= '0' &&
           path[kDot + 1] <= '9' && path.find_first_not_of("0123456789abcdef", kName) == kDot;
  };
  const auto files = host::FilesMatching("os/", "");
  found.os_directory_has_certificates =
      found.os_directory && std::any_of(files.begin(), files.end(), is_hashed);
  return found;
}

}  // namespace ostrust::tool
