#include "p11_kit_system.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "platform/certificate_fields.hpp"
#include "platform/der.hpp"

namespace ostrust::platform {
namespace {

namespace fs = std::filesystem;

void ReadFiles(const std::string& directory, bool trusted, TrustPolicy& policy) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    std::string error;
    const OpenedPath file = OpenPath(entry.path(), std::chrono::seconds(0));
    const auto content =
        file.IsOpen() && !file.IsDirectory() ? ReadContent(file, error) : std::nullopt;
    if (!content) continue;
    TrustPolicy::Certificate certificate;
    certificate.trusted = trusted;
    certificate.distrusted = !trusted;
    const auto fields = ReadCertificateFields(*content);
    if (trusted || !fields) {
      certificate.certificate = *content;
    } else {  // not by key: the certificates of the tests have all the same
      certificate.issuer.assign(fields->issuer.begin(), fields->issuer.end());
      AppendDer(der::kInteger, fields->serial_number, certificate.serial_number);
    }
    certificate.authority = true;
    certificate.origin = static_cast<std::uint32_t>(policy.origins.size());
    policy.origins.push_back(entry.path());
    policy.certificates.push_back(std::move(certificate));
  }
}

}  // namespace

P11KitSystem::P11KitSystem() {
  root.Write("modules/p11-kit-trust.module", "module: p11-kit-trust.so\ntrust-policy: yes\n");
  root.Write("lib/p11-kit-trust.so", "module");
  root.MakeDirectory("cache");
  chmod(Path("cache").c_str(), 0755);
}

P11KitOptions P11KitSystem::Options() const {
  P11KitOptions options;
  options.locations = {{Path("overrides"), Path("modules")}, {Path("lib")}};
  options.policy_directories = {Path("source")};
  options.cache_directories = {Path("cache")};
  options.racy_window = std::chrono::seconds(0);
  options.retry = std::chrono::hours(1);
  options.read = [this](const P11KitModule& module, const BeforeReading& before_reading) {
    return Read(module, before_reading);
  };
  return options;
}

std::size_t P11KitSystem::KeptFiles() const {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(Path("cache")), {}));
}

P11KitReading P11KitSystem::Read(const P11KitModule& module,
                                 const BeforeReading& before_reading) const {
  ++reads;
  P11KitReading reading;
  reading.shared = shared;
  reading.incomplete = incomplete;
  reading.lacking = lacking;
  if (!failure.empty()) {
    reading.error = failure;
    return reading;
  }
  TrustPolicy policy;
  policy.paths = module.paths.empty() ? paths : module.paths;
  before_reading(policy.paths);
  for (const std::string& path : policy.paths) {
    ReadFiles(PathIn(path, "anchors"), true, policy);
    ReadFiles(PathIn(path, "blocklist"), false, policy);
  }
  if (while_reading) while_reading();
  std::erase_if(policy.certificates, [&](const TrustPolicy::Certificate& certificate) {
    return policy.origins[certificate.origin] == passed_over;
  });
  std::replace(policy.origins.begin(), policy.origins.end(), passed_over, std::string());
  reading.policy = std::move(policy);
  return reading;
}

}  // namespace ostrust::platform
