#include "provider/tool/probe.hpp"

#include <chrono>
#include <string_view>

#include <openssl/core_names.h>

#include "provider/standing.hpp"
#include "provider/tool/library.hpp"
#include "provider/tool/probe_child.hpp"
#include "provider/tool/probe_json.hpp"
#include "provider/tool/system.hpp"

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

LoadedModule Describe(const Libcrypto& crypto, const OSSL_PROVIDER* provider) {
  LoadedModule module;
  module.file = LoadedFile(kModuleName);
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
  const FileKind kind = KindOf(path);
  if (kind == FileKind::kDirectory) {
    crypto.X509_STORE_load_path(store, path.c_str());
  } else if (kind != FileKind::kOther) {  // a FIFO would hang us
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

/// OpenSSL can be built without the loading of modules (no-module, no-dso), and says so nowhere. A
/// provider that is not there is then an error without one of the functions that open files.
bool LoadsModules(const Libcrypto& crypto) {
  crypto.ERR_clear_error();
  crypto.OSSL_PROVIDER_load(crypto.OSSL_LIB_CTX_new(), "ostrust-asks-for-no-such-provider");
  bool tried = false;
  unsigned long code = 0;
  while ((code = crypto.ERR_get_error_all(nullptr, nullptr, nullptr, nullptr, nullptr)) != 0) {
    tried = tried || ERR_GET_LIB(code) == ERR_LIB_DSO;
  }
  return tried;
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
    probe.loads_modules = LoadsModules(crypto);
    return;
  }
  probe.module = Describe(crypto, found.ours);
  probe.serves_default_paths =
      Governs(crypto, [&](X509_STORE* store) { crypto.X509_STORE_set_default_paths(store); });
  for (const std::string& path : question.ca_paths) {
    probe.served[path] = Governs(crypto, [&](X509_STORE* store) { LoadCa(crypto, store, path); });
  }
}

}  // namespace

Probe Answer(const ProbeQuestion& question, bool load) {
  Probe probe;
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

namespace {

Probe Ask(const ProbeQuestion& question, bool load) {
  const ChildOutcome outcome = AnswerInChild(question, load, kLimit);
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
