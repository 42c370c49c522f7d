// What `ostrust explain` found out, as values: how a chain was verified, by whom, and what is in
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "provider/tool/status.hpp"

namespace ostrust::tool {

/// A certificate of a chain. Texts are UTF-8 as the certificate has them and may hold anything:
/// whoever prints one escapes it. Long ones are cut off.
struct ChainCertificate {
  std::string subject;  // as RFC 4514 has it
  std::string issuer;
  std::string serial;           // hexadecimal digits
  std::string key;              // "EC 256 bits, prime256v1"; empty when it cannot be read
  std::string sha256;           // of the whole certificate, hexadecimal digits
  std::int64_t not_before = 0;  // seconds since 1970
  std::int64_t not_after = 0;
  bool self_issued = false;
  std::vector<std::string> names;       // host names and addresses (subjectAltName), at most 50
  std::vector<std::string> ca_issuers;  // URLs of the issuer's certificate, at most 4

  // Filled in by the tool from what it knows of the whole verification.
  enum class From { kSent, kUnknownHere, kKnownHere, kFetched, kSystem, kCaFile };
  From from = From::kSent;
  std::string from_where;  // a URL, or the file that says that it is an anchor
};

/// What one X509_verify_cert() came to.
struct Verified {
  bool accepted = false;
  int error = 0;  // X509_V_ERR_*
  int depth = 0;
  std::string text;  // what OpenSSL calls the error
  std::vector<ChainCertificate> chain;
  int untrusted = 0;  // how many of these did not come from the trust store

  /// Each call of the verify callback with an error, as a program's would get it.
  struct Event {
    int error;
    int depth;
    std::string text;
    std::string subject;
  };
  std::vector<Event> events;  // at most 100
};

/// A line of ostrust's log.
struct LogLine {
  std::string level;
  std::string text;
};

/// The answer of the child process that is governed.
struct Governed {
  std::string failure;    // why there is no verdict, a sentence; empty otherwise
  bool is_usage = false;  // and what was asked for is to blame: the file, not the network
  bool verified = false;  // there is a verdict
  Verified result;
  std::string errors;     // OpenSSL's error queue afterwards
  bool governed = false;  // the store of the connection is the system's
  std::string ca_error;   // why the CA file could not be loaded; a program would end here
  std::string name;       // the host name or address that was verified
  std::string libssl;     // a path; empty without a connection
  // With a connection:
  std::string address;
  std::string protocol;
  std::string handshake;       // why it failed although the certificate was accepted
  bool stapled = false;        // the server sent an OCSP response beside its certificate (TLS 1.3)
  std::size_t sent_count = 0;  // of the certificates that the peer sent, or of the file
  std::vector<std::string> sent;   // the peer's, the leaf first: DER
  std::vector<std::string> chain;  // DER of result.chain
  // The parameters of the verification, for the next one.
  int auth_level = -1;
  std::uint64_t flags = 0;
  std::vector<LogLine> log;
};

/// The answer of the child process without ostrust.
struct Stock {
  std::string failure;
  bool verified = false;
  Verified result;
  std::string anchors;             // the CA file and directory it used, for a person
  std::optional<Verified> strict;  // the accepted chain again, as Python 3.13 and later verify
};

/// A piece of advice.
struct Advice {
  std::string id;    // stable, for programs
  std::string text;  // what is so
  std::string fix;   // what to do; empty for a note
};

struct ExplainOptions {
  std::string target;  // HOST[:PORT]; empty with a chain
  std::string chain;   // a file; empty with a target
  std::string name;    // with a chain: the host name; empty: the certificate's own
  std::string time;    // with a chain: when
  std::string program = "openssl";
  std::string ca;       // the CA file that the program names; empty: the default paths
  bool strict = false;  // X509_V_FLAG_X509_STRICT and PARTIAL_CHAIN, as Python 3.13 and later
  int timeout = 10;     // seconds
  bool json = false;
};

/// What the child processes are asked.
struct ChainQuestion {
  std::string libcrypto;
  bool set_user_id = false;
  std::string host;  // to connect to; empty: verify `pem`
  std::string port;
  bool host_is_address = false;
  std::string pem;   // the chain: PEM or one certificate in DER
  std::string name;  // empty: the certificate's own
  std::optional<std::int64_t> time;
  std::string ca;
  bool strict = false;
  int timeout = 10;
};

/// Whether a host is named by its IPv4 or IPv6 address, without brackets. Thread-safe.
bool IsAddress(const std::string& host);

struct Explanation {
  ExplainOptions options;
  ChainQuestion question;
  Status status;  // of the program, as `ostrust status` says it
  Governed governed;
  Stock stock;
  std::string decided_by;  // "ostrust", "OpenSSL"
  std::string rule;        // ostrust's sentence about the refused certificate, or about the anchor
  bool reports_only = false;   // verify = report: `rule` would refuse
  std::vector<Advice> advice;  // the most likely cause first

  /// The thing to do; null when there is none.
  const Advice* Next() const;
};

/// Derives everything that follows from the answers: where each certificate came from, who decided,
/// and the advice.
void Conclude(Explanation& explanation);

/// `width`: columns. `colour`: with the escapes of ECMA-48.
std::string ExplanationAsText(const Explanation& explanation, std::size_t width, bool colour);
/// One object, in ASCII. The keys are documented in ostrust(1).
std::string ExplanationAsJson(const Explanation& explanation);

/// Seconds since 1970 as "2026-11-23T01:02:03Z".
std::string UtcText(std::int64_t seconds);

/// The answers on their way from the child process. Nullopt when it is not the whole text.
std::string GovernedToJson(const Governed& governed);
std::optional<Governed> GovernedFromJson(const std::string& text);
std::string StockToJson(const Stock& stock);
std::optional<Stock> StockFromJson(const std::string& text);

/// The answers, found in this very process, which is the child: they load the libraries, the
/// configuration and the module. AskGoverned() takes standard error for the module's log.
Governed AskGoverned(const ChainQuestion& question);
/// What the same certificates come to in a process without ostrust; `governed` is what was found
/// with it. No configuration is loaded, nobody is connected to.
Stock AskStock(const ChainQuestion& question, const Governed& governed);

}  // namespace ostrust::tool
