#include "provider/tool/probe.hpp"

#include <chrono>
#include <cstdlib>
#include <string_view>

#include <dlfcn.h>
#include <link.h>
#include <sys/stat.h>

#include <openssl/core_names.h>

#include "provider/standing.hpp"
#include "provider/tool/child_process.hpp"
#include "provider/tool/probe_json.hpp"

namespace ostrust::tool {
namespace {

constexpr std::chrono::seconds kLimit{10};
constexpr std::string_view kOurName = "ostrust";

struct Found {
  const Libcrypto* crypto;
  std::vector<std::string> names;
  OSSL_PROVIDER* ours = nullptr;
};

std::string TextParam(const Libcrypto& crypto, const OSSL_PROVIDER* provider, const char* key) {
  const char* text = nullptr;
  OSSL_PARAM params[] = {
      {key, OSSL_PARAM_UTF8_PTR, &text, sizeof(text), OSSL_PARAM_UNMODIFIED},
      {nullptr, 0, nullptr, 0, 0},
  };
  return crypto.OSSL_PROVIDER_get_params(provider, params) == 1 && text != nullptr
             ? std::string(text)
             : std::string();
}

int IntegerParam(const Libcrypto& crypto, const OSSL_PROVIDER* provider, const char* key) {
  int value = 0;
  OSSL_PARAM params[] = {
      {key, OSSL_PARAM_INTEGER, &value, sizeof(value), OSSL_PARAM_UNMODIFIED},
      {nullptr, 0, nullptr, 0, 0},
  };
  return crypto.OSSL_PROVIDER_get_params(provider, params) == 1 ? value : 0;
}

extern "C" int OstrustToolVisitProvider(OSSL_PROVIDER* provider, void* data) {
  auto& found = *static_cast<Found*>(data);
  const char* const name = found.crypto->OSSL_PROVIDER_get0_name(provider);
  found.names.emplace_back(name == nullptr ? "" : name);
  if (found.ours == nullptr &&
      (found.names.back() == kOurName ||
       TextParam(*found.crypto, provider, OSSL_PROV_PARAM_NAME) == kOurName)) {
    found.ours = provider;
  }
  return 1;
}

extern "C" int OstrustToolVisitImage(dl_phdr_info* info, std::size_t, void* data) {
  const std::string_view path = info->dlpi_name == nullptr ? "" : info->dlpi_name;
  if (path.substr(path.rfind('/') + 1) != "ostrust.so") return 0;
  *static_cast<std::string*>(data) = path;
  return 1;
}

LoadedModule Describe(const Libcrypto& crypto, const OSSL_PROVIDER* provider) {
  LoadedModule module;
  ::dl_iterate_phdr(OstrustToolVisitImage, &module.file);
  module.version = TextParam(crypto, provider, OSSL_PROV_PARAM_VERSION);
  module.build_info = TextParam(crypto, provider, OSSL_PROV_PARAM_BUILDINFO);
  module.reach = TextParam(crypto, provider, standing_params::kReach);
  module.limited_by = TextParam(crypto, provider, standing_params::kLimitedBy);
  module.verify = TextParam(crypto, provider, standing_params::kVerify);
  module.intermediates = TextParam(crypto, provider, standing_params::kIntermediates);
  module.revocation = TextParam(crypto, provider, standing_params::kRevocation);
  module.source = TextParam(crypto, provider, standing_params::kSource);
  module.anchors = IntegerParam(crypto, provider, standing_params::kAnchors);
  module.problems = TextParam(crypto, provider, standing_params::kProblems);
  module.error = TextParam(crypto, provider, standing_params::kError);
  module.bad_values = TextParam(crypto, provider, standing_params::kBadValues);
  return module;
}

/// Whether `fill` makes a new store governed. That shows: ostrust then answers as its get_issuer
/// (provider/hooks/load_hooks.cpp, Govern). In a libcrypto where it is limited to the marker file
/// every store carries its functions, and nothing shows: false.
template <typename Fill>
bool Governs(const Libcrypto& crypto, const Fill& fill) {
  X509_STORE* const store = crypto.X509_STORE_new();
  if (store == nullptr) return false;
  const auto before = crypto.X509_STORE_get_get_issuer(store);
  fill(store);
  const bool governed = crypto.X509_STORE_get_get_issuer(store) != before;
  crypto.X509_STORE_free(store);
  crypto.ERR_clear_error();
  return governed;
}

/// Gives `store` what a program gives it that is told to use the CA file or directory `path`.
void LoadCa(const Libcrypto& crypto, X509_STORE* store, const std::string& path) {
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    crypto.X509_STORE_load_path(store, path.c_str());
  } else if (!exists || S_ISREG(status.st_mode)) {  // a FIFO would hang us
    crypto.X509_STORE_load_file(store, path.c_str());
  }
}

/// Loads the configuration as the first use of OpenSSL in a program does.
void Initialize(const Libcrypto& crypto, const std::string& entry_point) {
  OPENSSL_INIT_SETTINGS* const settings = crypto.OPENSSL_INIT_new();
  if (entry_point != "openssl_conf" && settings != nullptr) {
    crypto.OPENSSL_INIT_set_config_appname(settings, entry_point.c_str());
    crypto.OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, settings);
  } else {
    crypto.OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
  }
  crypto.ERR_clear_error();
}

/// The same configuration again, in a library context of its own and with errors kept: programs
/// throw them away. A provider that cannot be activated leaves none even so (provider_conf.c: "non-
/// fatal activation failure"), so the module is then loaded by itself.
std::string WhyNotLoaded(const Libcrypto& crypto, const Configuration& configuration,
                         const std::string& entry_point) {
  crypto.OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr);
  crypto.ERR_clear_error();
  crypto.CONF_modules_load_file_ex(crypto.OSSL_LIB_CTX_new(), configuration.file.c_str(),
                                   entry_point.c_str(), 0);
  std::string errors = crypto.TakeErrors();
  const EntryPoint& entry =
      entry_point == "nodejs_conf" ? configuration.nodejs : configuration.openssl;
  if (!errors.empty() || entry.ostrust_section.empty()) return errors;
  const auto module = entry.ostrust_keys.find("module");
  const std::string name =
      module == entry.ostrust_keys.end() ? std::string(kOurName) : module->second;
  crypto.OSSL_PROVIDER_load(crypto.OSSL_LIB_CTX_new(), name.c_str());
  return crypto.TakeErrors();
}

void AskAll(const Libcrypto& crypto, const ProbeQuestion& question, Probe& probe) {
  Initialize(crypto, question.entry_point);
  Found found{&crypto, {}, nullptr};
  crypto.OSSL_PROVIDER_do_all(nullptr, OstrustToolVisitProvider, &found);
  probe.providers = found.names;
  EVP_MD* const digest = crypto.EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  probe.has_algorithms = digest != nullptr;
  crypto.EVP_MD_free(digest);
  if (found.ours == nullptr) {
    probe.why_not_loaded = WhyNotLoaded(crypto, probe.configuration, question.entry_point);
    return;
  }
  probe.module = Describe(crypto, found.ours);
  probe.serves_default_paths =
      Governs(crypto, [&](X509_STORE* store) { crypto.X509_STORE_set_default_paths(store); });
  for (const std::string& path : question.ca_paths) {
    probe.served[path] = Governs(crypto, [&](X509_STORE* store) { LoadCa(crypto, store, path); });
  }
}

Probe InChild(const ProbeQuestion& question, bool load) {
  Probe probe;
  if (question.set_user_id) {
    for (const char* name : {"OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_CONF_INCLUDE",
                             "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
      ::unsetenv(name);
    }
  }
  if (question.file) ::setenv("OPENSSL_CONF", question.file->c_str(), 1);
  const auto crypto = Libcrypto::Load(question.libcrypto, probe.failure);
  if (!crypto) return probe;
  probe.version = crypto->Version();
  std::string missing;
  probe.has_providers = crypto->Complete(missing);
  if (!probe.has_providers) return probe;
  probe.configuration = ReadConfiguration(*crypto, question.file);
  if (load) AskAll(*crypto, question, probe);
  return probe;
}

Probe Ask(const ProbeQuestion& question, bool load) {
  const ChildOutcome outcome =
      RunForked([&] { return ProbeToJson(InChild(question, load)); }, kLimit);
  if (outcome.Succeeded()) {
    if (const auto probe = ProbeFromJson(outcome.out)) return *probe;
  }
  Probe failed;
  failed.failure = "the process that asked " + question.libcrypto + " " + outcome.Describe();
  return failed;
}

}  // namespace

Probe AskLibcrypto(const ProbeQuestion& question) {
  return Ask(question, true);
}

Probe ScanConfiguration(const ProbeQuestion& question) {
  return Ask(question, false);
}

}  // namespace ostrust::tool
