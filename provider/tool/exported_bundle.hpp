// What `ostrust export` writes, and what it cannot write.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/bytes.hpp"
#include "platform/certificate_trust.hpp"
#include "platform/trust_store.hpp"

namespace ostrust::tool {

struct ExportedCertificate {
  std::string subject;     // NameText()
  platform::ByteView der;  // in the TrustStore
  platform::Bytes settings;
};

/// Something that the system says and the file does not.
struct Unsaid {
  std::string kind;     // stable, for programs: the words of kUnsaidKinds
  std::string subject;  // of the certificate, or what else it is about
  std::string detail;   // a clause; may be empty
  std::string rule;     // the file that says it
};

struct UnsaidKind {
  const char* kind;
  const char* meaning;  // a clause about certificates
};
/// In the order in which they are told: what makes the file accept more comes first.
inline constexpr UnsaidKind kUnsaidKinds[] = {
    {"distrusted", "distrusted by the system wherever they stand in a chain"},
    {"distrusted-key", "whatever has the key, or issuer and serial number, is distrusted"},
    {"limited-key", "whatever has the key is limited"},
    {"distrust-after", "not trusted for certificates issued after a date"},
    {"name-constraints", "trusted for certain names only"},
    {"path-length", "trusted for chains of a certain length only"},
    {"not-a-ca", "trusted as themselves, and not to issue certificates"},
    {"purposes", "not trusted for purposes that a plain CERTIFICATE does not deny"},
    {"not-self-signed",
     "trusted without being self-signed, which OpenSSL needs a partial chain for"},
};

struct ExportedBundle {
  std::shared_ptr<const platform::TrustStore> store;  // what the views point into
  std::vector<ExportedCertificate> certificates;      // by subject, then by DER
  std::size_t left_out = 0;                           // anchors that are for other purposes only
  std::vector<Unsaid> unsaid;                         // by kind, then by subject
};

/// "server-auth", "client-auth", "email" or "code-signing"; nullopt for anything else.
std::optional<platform::Purpose> PurposeNamed(const std::string& name);

/// The anchors that are trusted for `purpose`; `trust_settings`: with what EncodeTrustSettings()
/// says of them. Reads all of the store.
ExportedBundle SelectAnchors(std::shared_ptr<const platform::TrustStore> store,
                             platform::Purpose purpose, bool trust_settings);

/// The file, in ASCII, of the bundle and nothing else: the same anchors make the same bytes.
/// `purpose`: as it was named. `date`: seconds since 1970, for reproducible builds that want one.
std::string BundleAsPem(const ExportedBundle& bundle, const std::string& purpose,
                        std::optional<std::int64_t> date);

}  // namespace ostrust::tool
