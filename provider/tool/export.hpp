// `ostrust export`: the system's anchors as a PEM file, for programs that ostrust cannot reach.
//
// It reads the trust source with the module's own code (platform/, linked into the tool), named by
// the same keys of the same configuration file. Asking the module through os:// would be the same
// anchors, but only these: OSSL_STORE hands over certificates and trust settings, and what a file
// leaves out, dates, constraints and the blocklist, could then not be said.
#pragma once

#include <string>

namespace ostrust::tool {

struct ExportOptions {
  std::string output;                   // a file to replace; empty: standard output
  std::string purpose = "server-auth";  // only anchors that are trusted for it
  bool trust_settings = false;          // limits as OpenSSL's trust settings (TRUSTED CERTIFICATE)
  std::string program = "openssl";      // whose configuration names the trust source
  std::string trust_source;             // in place of that configuration; empty: none
  bool json = false;
};

/// Writes, and says on standard error what the format cannot carry. Returns the exit status: 0
/// written, 1 nothing was, kUsageError, or kRunFailed where there is no such verb.
int Export(const ExportOptions& options);

}  // namespace ostrust::tool
