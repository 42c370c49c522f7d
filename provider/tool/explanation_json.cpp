// The answers of the child processes on their way to the tool, and `ostrust explain --json`. The
// keys of the latter are documented in ostrust(1): none is renamed or dropped without a new value
// of "format".
#include <nlohmann/json.hpp>

#include "provider/tool/explanation.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ChainCertificate, subject, issuer, serial, key, sha256,
                                   not_before, not_after, self_issued, names, ca_issuers, from,
                                   from_where)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Verified::Event, error, depth, text, subject)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Verified, accepted, error, depth, text, chain, untrusted, events)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LogLine, level, text)

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

std::vector<std::vector<std::uint8_t>> Octets(const std::vector<std::string>& texts) {
  std::vector<std::vector<std::uint8_t>> octets;
  octets.reserve(texts.size());
  for (const std::string& text : texts) octets.emplace_back(text.begin(), text.end());
  return octets;
}

std::vector<std::string> Texts(const nlohmann::json& json) {
  std::vector<std::string> texts;
  for (const auto& octets : json.get<std::vector<std::vector<std::uint8_t>>>()) {
    texts.emplace_back(octets.begin(), octets.end());
  }
  return texts;
}

std::string Dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string GovernedToJson(const Governed& governed) {
  return Dump({
      {"failure", governed.failure},
      {"is_usage", governed.is_usage},
      {"verified", governed.verified},
      {"result", governed.result},
      {"errors", governed.errors},
      {"governed", governed.governed},
      {"ca_error", governed.ca_error},
      {"name", governed.name},
      {"libssl", governed.libssl},
      {"address", governed.address},
      {"protocol", governed.protocol},
      {"handshake", governed.handshake},
      {"stapled", governed.stapled},
      {"sent_count", governed.sent_count},
      {"sent", Octets(governed.sent)},
      {"chain", Octets(governed.chain)},
      {"auth_level", governed.auth_level},
      {"flags", governed.flags},
      {"log", governed.log},
  });
}

std::optional<Governed> GovernedFromJson(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    Governed governed;
    json.at("failure").get_to(governed.failure);
    json.at("is_usage").get_to(governed.is_usage);
    json.at("verified").get_to(governed.verified);
    json.at("result").get_to(governed.result);
    json.at("errors").get_to(governed.errors);
    json.at("governed").get_to(governed.governed);
    json.at("ca_error").get_to(governed.ca_error);
    json.at("name").get_to(governed.name);
    json.at("libssl").get_to(governed.libssl);
    json.at("address").get_to(governed.address);
    json.at("protocol").get_to(governed.protocol);
    json.at("handshake").get_to(governed.handshake);
    json.at("stapled").get_to(governed.stapled);
    json.at("sent_count").get_to(governed.sent_count);
    governed.sent = Texts(json.at("sent"));
    governed.chain = Texts(json.at("chain"));
    json.at("auth_level").get_to(governed.auth_level);
    json.at("flags").get_to(governed.flags);
    json.at("log").get_to(governed.log);
    return governed;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::string StockToJson(const Stock& stock) {
  nlohmann::json json = {
      {"failure", stock.failure},
      {"verified", stock.verified},
      {"result", stock.result},
      {"anchors", stock.anchors},
  };
  if (stock.strict) json["strict"] = *stock.strict;
  return Dump(json);
}

std::optional<Stock> StockFromJson(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    Stock stock;
    json.at("failure").get_to(stock.failure);
    json.at("verified").get_to(stock.verified);
    json.at("result").get_to(stock.result);
    json.at("anchors").get_to(stock.anchors);
    if (json.contains("strict")) stock.strict = json.at("strict").get<Verified>();
    return stock;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

namespace {

Json OrNull(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

const char* NameOf(ChainCertificate::From from) {
  switch (from) {
    case ChainCertificate::From::kSent:
      return "sent";
    case ChainCertificate::From::kKnownHere:
      return "known-here";
    case ChainCertificate::From::kFetched:
      return "fetched";
    case ChainCertificate::From::kSystem:
      return "system";
    case ChainCertificate::From::kCaFile:
      return "ca-file";
    case ChainCertificate::From::kUnknownHere:
      break;
  }
  return "unknown";
}

Json ChainOf(const Verified& result) {
  Json chain = Json::array();
  for (std::size_t depth = 0; depth < result.chain.size(); ++depth) {
    const ChainCertificate& one = result.chain[depth];
    chain.push_back({
        {"depth", depth},
        {"subject", one.subject},
        {"issuer", one.issuer},
        {"serial", OrNull(one.serial)},
        {"not_before", UtcText(one.not_before)},
        {"not_after", UtcText(one.not_after)},
        {"key", OrNull(one.key)},
        {"sha256", OrNull(one.sha256)},
        {"names", one.names},
        {"ca_issuers", one.ca_issuers},
        {"from", NameOf(one.from)},
        {"where", OrNull(one.from_where)},
    });
  }
  return chain;
}

Json Short(const Verified& result) {
  return {
      {"accepted", result.accepted},
      {"error", result.error},
      {"depth", result.depth},
      {"text", result.text},
  };
}

Json DescribeModule(const Status& status) {
  const LoadedModule module = status.module.value_or(LoadedModule{});
  return {
      {"loaded", status.loaded ? Json(*status.loaded) : Json(nullptr)},
      {"file", OrNull(module.file)},
      {"version", OrNull(module.version)},
      {"verify", OrNull(module.verify)},
      {"intermediates", OrNull(module.intermediates)},
      {"revocation", OrNull(module.revocation)},
      {"source", OrNull(module.source)},
  };
}

Json DescribeConnection(const Explanation& explanation) {
  const Governed& governed = explanation.governed;
  if (governed.address.empty()) return nullptr;
  return {
      {"address", governed.address},           {"port", explanation.question.port},
      {"protocol", OrNull(governed.protocol)}, {"stapled", governed.stapled},
      {"error", OrNull(governed.handshake)},
  };
}

Json DescribeStock(const Stock& stock) {
  Json json = Short(stock.result);
  if (!stock.verified) {
    for (auto& [key, value] : json.items()) value = nullptr;
  }
  json["anchors"] = OrNull(stock.anchors);
  json["failure"] = OrNull(stock.failure);
  return json;
}

}  // namespace

std::string ExplanationAsJson(const Explanation& explanation) {
  const Governed& governed = explanation.governed;
  const Verified& result = governed.result;
  Json events = Json::array();
  for (const Verified::Event& event : result.events) {
    events.push_back({{"error", event.error},
                      {"depth", event.depth},
                      {"text", event.text},
                      {"subject", OrNull(event.subject)}});
  }
  Json log = Json::array();
  for (const LogLine& line : governed.log) {
    log.push_back({{"level", line.level}, {"text", line.text}});
  }
  Json advice = Json::array();
  for (const Advice& one : explanation.advice) {
    advice.push_back({{"id", one.id}, {"text", one.text}, {"fix", OrNull(one.fix)}});
  }
  const Advice* const next = explanation.Next();
  const char* const verdict = result.accepted ? "accepted" : "refused";
  const Json json = {
      {"format", kFormat},
      {"verdict", governed.verified ? Json(verdict) : Json(nullptr)},
      {"failure", OrNull(governed.failure)},
      {"error", result.error},
      {"depth", result.depth},
      {"text", OrNull(result.text)},
      {"decided_by", OrNull(explanation.decided_by)},
      {"rule", OrNull(explanation.rule)},
      {"report_only", explanation.reports_only},
      {"next", next == nullptr ? Json(nullptr) : Json(next->fix)},
      {"tool", {{"version", OSTRUST_VERSION}, {"file", OwnPath()}}},
      {"question",
       {{"target", OrNull(explanation.options.target)},
        {"chain", OrNull(explanation.options.chain)},
        {"name", OrNull(governed.name)},
        {"time",
         explanation.question.time ? Json(UtcText(*explanation.question.time)) : Json(nullptr)},
        {"ca", OrNull(explanation.options.ca)},
        {"strict", explanation.options.strict}}},
      {"program",
       {{"name", explanation.status.program.name},
        {"file", OrNull(explanation.status.program.path)},
        {"libcrypto", OrNull(explanation.status.program.libcrypto)},
        {"libssl", OrNull(governed.libssl)},
        {"version", OrNull(explanation.status.openssl_version)}}},
      {"configuration", OrNull(explanation.status.configuration.file)},
      {"module", DescribeModule(explanation.status)},
      {"governed", governed.governed},
      {"connection", DescribeConnection(explanation)},
      {"sent", governed.sent_count},
      {"chain", ChainOf(result)},
      {"events", events},
      {"openssl_errors", OrNull(governed.errors)},
      {"log", log},
      {"stock", DescribeStock(explanation.stock)},
      {"strict", explanation.stock.strict ? Short(*explanation.stock.strict) : Json(nullptr)},
      {"advice", advice},
  };
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace ostrust::tool
