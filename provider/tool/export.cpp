#include "provider/tool/export.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

#include "platform/linux/locations.hpp"
#include "platform/sha1.hpp"
#include "platform/system_bundle.hpp"
#include "platform/trust_source.hpp"
#include "provider/config.hpp"
#include "provider/host/file.hpp"
#include "provider/tool/escaped.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/exported_bundle.hpp"
#include "provider/tool/exported_file.hpp"
#include "provider/tool/probe.hpp"
#include "provider/tool/program.hpp"
#include "provider/tool/run.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

constexpr int kWritten = 0;
constexpr int kNothingWritten = 1;

int Fail(int status, const std::string& sentence) {
  PrintError("ostrust export: " + Escaped(sentence) + "\n");
  return status;
}

/// The configuration file that `program` reads; nullopt when there is none to be found.
std::optional<Probe> ScanFor(const Program& program) {
  ProbeQuestion question;
  question.set_user_id = program.set_user_id;
  question.libcrypto = program.libcrypto;
  if (program.openssl != Program::OpenSsl::kShared) {
    // Known to the program alone, unless the environment names it.
    question.file = program.set_user_id ? std::nullopt : GetVariable("OPENSSL_CONF");
    question.libcrypto = AnyLibcrypto();
    if (!question.file || question.libcrypto.empty()) return std::nullopt;
  }
  return ScanConfiguration(question);
}

/// What a governed program would read. Nullopt, with a sentence in `why`, when it would read
/// nothing; `status` is what to end with then, if it is changed.
std::optional<Config> ConfigFor(const ExportOptions& options, std::string& why, int& status) {
  std::map<std::string, std::string> keys;
  if (!options.trust_source.empty()) {
    const bool is_path =
        options.trust_source != "auto" && !options.trust_source.starts_with("p11-kit");
    keys["trust-source"] = is_path ? Absolute(options.trust_source) : options.trust_source;
  } else {
    const Program program = FindProgram(options.program);
    if (program.openssl == Program::OpenSsl::kNotFound && options.program != "openssl") {
      why = program.because;
      status = kUsageError;
      return std::nullopt;
    }
    if (const auto probe = ScanFor(program); probe && probe->failure.empty()) {
      const Configuration& file = probe->configuration;
      if (!file.error.empty()) {
        why =
            file.file + ": " + file.error + "; correct it, or name the source with --trust-source";
        return std::nullopt;
      }
      const bool is_nodes = program.is_node && file.openssl.ostrust_section.empty();
      keys = (is_nodes ? file.nodejs : file.openssl).ostrust_keys;
    } else if (probe) {
      why = probe->failure + "; name the source with --trust-source";
      return std::nullopt;
    }
  }
  Config config = ReadConfig([&](const char* key) -> std::optional<std::string> {
    const auto found = keys.find(key);
    return found == keys.end() ? std::nullopt : std::optional(found->second);
  });
  if (config.errors.empty()) return config;
  why = config.ErrorText() + "; until that is corrected nothing is served";
  return std::nullopt;
}

/// Whether a file there would be part of what is exported, or take its place.
bool IsPartOfSource(const std::string& output, const std::string& trust_source) {
  const std::string directory = DirectoryOf(output);
  const std::string real = host::RealPath(directory.empty() ? "." : directory);
  const auto lies_in = [&](const std::string& place) {
    const std::string there = host::RealPath(place);
    return real == there || real.starts_with(there + "/");
  };
  const auto policy = platform::PolicyDirectories();
  const bool is_path = !trust_source.empty() && trust_source.front() == '/';
  return platform::IsSystemBundle(output) || platform::IsSystemDirectory(real) ||
         (is_path && host::RealPath(output) == host::RealPath(trust_source)) ||
         (is_path && KindOf(trust_source) == FileKind::kDirectory && lies_in(trust_source)) ||
         (trust_source.starts_with("p11-kit:") && lies_in(trust_source.substr(8))) ||
         std::any_of(policy.begin(), policy.end(),
                     [&](const char* place) { return IsThere(place) && lies_in(place); });
}

/// https://reproducible-builds.org/specs/source-date-epoch/. False when it is set to nonsense.
bool ReadSourceDate(std::optional<std::int64_t>& date) {
  const auto text = GetVariable("SOURCE_DATE_EPOCH");
  if (!text || text->empty()) return true;
  std::int64_t seconds = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, seconds);
  constexpr std::int64_t kLast = 253'402'300'799;  // of the year 9999
  if (error != std::errc() || rest != end || seconds < 0 || seconds > kLast) return false;
  date = seconds;
  return true;
}

/// What the file does not say, for a person.
void Warn(const ExportedBundle& bundle, bool trust_settings) {
  constexpr std::size_t kMost = 10;  // of one kind; JSON has them all
  for (const std::string& problem : bundle.store->Problems()) {
    PrintError("ostrust export: of the trust store: " + Escaped(problem) + "\n");
  }
  if (bundle.unsaid.empty()) return;
  std::string text =
      "ostrust export: the file cannot say this, and programs that use it will not know:\n";
  for (const UnsaidKind& kind : kUnsaidKinds) {
    const auto is_of_kind = [&](const Unsaid& one) { return one.kind == kind.kind; };
    const auto count = std::count_if(bundle.unsaid.begin(), bundle.unsaid.end(), is_of_kind);
    if (count == 0) continue;
    text +=
        std::string("  ") + kind.kind + ": " + std::to_string(count) + ", " + kind.meaning + "\n";
    std::size_t named = 0;
    for (const Unsaid& one : bundle.unsaid) {
      if (!is_of_kind(one) || ++named > kMost) continue;
      text += "    " + one.subject + (one.detail.empty() ? "" : ": " + one.detail) + " (" +
              Escaped(one.rule) + ")\n";
    }
    if (named > kMost) {
      text += "    and " + std::to_string(named - kMost) + " more (--json names them all)\n";
    }
  }
  if (!trust_settings && std::any_of(bundle.unsaid.begin(), bundle.unsaid.end(),
                                     [](const Unsaid& one) { return one.kind == "purposes"; })) {
    text += "  --trust-settings says the purposes, to OpenSSL and nobody else\n";
  }
  PrintError(text);
}

std::string AsJson(const ExportOptions& options, const ExportedBundle& bundle) {
  using Json = nlohmann::ordered_json;
  Json certificates = Json::array();
  for (const ExportedCertificate& one : bundle.certificates) {
    certificates.push_back({{"subject", one.subject},
                            {"sha1", platform::Sha1Fingerprint(one.der)},
                            {"trust_settings", !one.settings.empty()}});
  }
  Json unsaid = Json::array();
  for (const Unsaid& one : bundle.unsaid) {
    unsaid.push_back({{"kind", one.kind},
                      {"subject", one.subject},
                      {"detail", one.detail.empty() ? Json(nullptr) : Json(one.detail)},
                      {"rule", one.rule}});
  }
  const Json json = {
      {"format", 1},
      {"tool", {{"version", OSTRUST_VERSION}, {"file", OwnPath()}}},
      {"output", options.output},
      {"purpose", options.purpose},
      {"trust_settings", options.trust_settings},
      {"source", bundle.store->Source()},
      {"problems", bundle.store->Problems()},
      {"left_out", bundle.left_out},
      {"certificates", certificates},
      {"unsaid", unsaid},
  };
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace

int Export(const ExportOptions& given) {
  ExportOptions options = given;
  if (options.output == "-") options.output.clear();
  const auto purpose = PurposeNamed(options.purpose);
  if (!purpose) {
    return Fail(kUsageError, "--purpose " + options.purpose +
                                 ": is one of server-auth, client-auth, email, code-signing");
  }
  if (options.json && options.output.empty()) {
    return Fail(kUsageError, "--json prints what was written, so it needs --output FILE");
  }
  std::optional<std::int64_t> date;
  if (!ReadSourceDate(date)) {
    return Fail(kUsageError, "SOURCE_DATE_EPOCH is no number of seconds since 1970: unset it");
  }
  std::string why;
  int status = kNothingWritten;
  const auto config = ConfigFor(options, why, status);
  if (!config) return Fail(status, why);
  if (!options.output.empty() && IsPartOfSource(options.output, config->trust_source)) {
    return Fail(kNothingWritten, options.output +
                                     " is part of the system's trust store, which is what is "
                                     "exported: name a file elsewhere");
  }
  const auto source = platform::MakeTrustSource(config->trust_source, config->cache_dir, why);
  if (source == nullptr) return Fail(kNothingWritten, why);
  platform::LoadResult loaded = source->Load();
  if (!loaded.error.empty() || loaded.store == nullptr) {
    return Fail(kNothingWritten, loaded.error + "; nothing is written");
  }
  const ExportedBundle bundle =
      SelectAnchors(std::move(loaded.store), *purpose, options.trust_settings);
  if (bundle.certificates.empty()) {
    return Fail(kNothingWritten, "no anchor of " + bundle.store->Source() + " is trusted for " +
                                     options.purpose + "; nothing is written");
  }
  const std::string pem = BundleAsPem(bundle, options.purpose, date);
  if (options.output.empty()) {
    std::cout << pem << std::flush;
    if (!std::cout) return Fail(kNothingWritten, "standard output cannot be written");
  } else if (why = ReplaceFile(options.output, pem); !why.empty()) {
    return Fail(kNothingWritten, why + "; nothing is written");
  }
  if (options.json) {
    Print(AsJson(options, bundle));
  } else {
    Warn(bundle, options.trust_settings);
    if (!options.output.empty()) {
      Print(Escaped(options.output) + ": " + std::to_string(bundle.certificates.size()) +
            " certificates of " + Escaped(bundle.store->Source()) + "\n");
    }
  }
  return kWritten;
}

}  // namespace ostrust::tool
