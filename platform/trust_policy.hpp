// TrustPolicy: what a system says about certificates and keys beyond a list of anchors, as it was
// read and not yet interpreted. policy_trust_store.hpp applies it.
//
// The vocabulary is that of "Storing Trust Policy" (p11-glue), which Fedora, RHEL, Arch and
// openSUSE keep theirs in: certificates that are trusted or distrusted, and certificate extensions
// that are stapled to a public key.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/bytes.hpp"

namespace ostrust::platform {

struct TrustPolicy {
  /// What is said about a certificate, or about whatever has a public key, or an issuer and serial
  /// number. DER; empty where nothing is given.
  struct Certificate {
    Bytes certificate;
    Bytes public_key_info;  // SubjectPublicKeyInfo
    Bytes issuer;           // Name
    Bytes serial_number;    // INTEGER
    bool trusted = false;
    bool distrusted = false;  // beats trusted
    bool authority = false;   // a CA, for its own basic constraints or stapled ones
    /// An end entity certificate issued later does not end a chain here: the content of a UTCTime
    /// or GeneralizedTime.
    Bytes server_distrust_after;
    Bytes email_distrust_after;
    std::uint32_t origin = 0;  // in `origins`
  };
  /// An extension (RFC 5280 section 4.1) that holds for every certificate with this key, in place
  /// of the certificate's own.
  struct StapledExtension {
    Bytes extension;
    Bytes public_key_info;
    std::uint32_t origin = 0;
  };

  std::vector<Certificate> certificates;
  std::vector<StapledExtension> extensions;
  /// The files it was read from, for a person. What has an origin that is not there comes from none
  /// of them that is known.
  std::vector<std::string> origins;
  /// The directories and files that the system looks through.
  std::vector<std::string> paths;
  /// What was skipped and why, one sentence each.
  std::vector<std::string> problems;
};

}  // namespace ostrust::platform
