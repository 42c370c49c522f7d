#include "provider/tool/node_witness.hpp"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <sstream>

#include "provider/standing.hpp"
#include "provider/tool/child_process.hpp"

namespace ostrust::tool {
namespace {

constexpr std::chrono::seconds kLimit{20};

/// What stands after `words` in `line`; false when they are not there.
bool After(const std::string& line, const std::string& words, std::string& rest) {
  const std::size_t at = line.find(words);
  if (at == std::string::npos) return false;
  rest = line.substr(at + words.size());
  return true;
}

/// The one word that stands there.
std::string ValueAfter(const std::string& line, const std::string& words) {
  std::string value;
  After(line, words, value);
  return value.substr(0, value.find_first_of(",;"));
}

void AddTo(std::string& sentences, const std::string& more) {
  sentences += (sentences.empty() ? "" : "; ") + more;
}

}  // namespace

Witness ReadWitness(const std::string& log) {
  Witness witness;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    std::string rest;
    if (!line.starts_with("ostrust[")) continue;
    if (After(line, "] info: loaded; layers: ", rest)) {
      witness.loaded = true;
      witness.reach = standing_params::kReachFull;
      After(rest, "; verify: ", witness.verify);
      witness.intermediates = ValueAfter(rest, "; intermediates: ");
      witness.revocation = ValueAfter(rest, "; revocation: ");
      const std::size_t reason = rest.find('(');
      if (reason != std::string::npos) {
        witness.limited_by = rest.substr(reason + 1, rest.rfind(')') - reason - 1);
        witness.reach = rest.find(", no binding") != std::string::npos
                            ? standing_params::kReachNone
                            : standing_params::kReachMarker;
      }
    } else if (After(line, "] info: serving ", rest)) {
      witness.serves_default_paths = true;
      std::from_chars(rest.data(), rest.data() + rest.size(), witness.anchors);
      After(rest, " anchors from ", witness.source);
    } else if (After(line, "] error: trust source: ", rest)) {
      AddTo(witness.problems, rest);
    } else if (After(line, "] error: ", rest)) {
      AddTo(witness.error, rest);
    }
  }
  return witness;
}

std::string AskNodeForVersion(const std::string& node) {
  const ChildOutcome answer = RunCommand({node, "-p", "process.versions.openssl"}, kLimit);
  return answer.Succeeded() ? answer.out.substr(0, answer.out.find('\n')) : std::string();
}

Witness WatchNode(const std::string& node) {
  const ChildOutcome outcome =
      RunCommand({node, "--use-openssl-ca", "-e", "require('tls').createSecureContext()"}, kLimit,
                 {{"OSTRUST_LOG", "info"}});
  Witness witness = ReadWitness(outcome.err);
  if (!outcome.Succeeded()) {
    witness.failure = "Node.js " + outcome.Describe();
    const std::string said = outcome.err.substr(0, outcome.err.find('\n'));
    if (!said.empty()) witness.failure += ": " + said;
  }
  return witness;
}

}  // namespace ostrust::tool
