// What a child process answered the tool: a libcrypto and a module of anybody's are in it. What is
// taken is written again as it was, and what a person sees of it drives no terminal.
//
// The first byte: which answer. The rest: JSON. An answer of `explain` has a second one behind a
// NUL.
#include <nlohmann/json.hpp>

#include "fuzz_target.hpp"
#include "provider/tool/explanation.hpp"
#include "provider/tool/node_witness.hpp"
#include "provider/tool/probe_json.hpp"

using namespace ostrust::tool;
using ostrust::fuzz::Require;

namespace {

void RequirePlain(const std::string& text) {
  for (const char c : text)
    Require(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
}

void Explain(const std::string& text) {
  const std::size_t end = std::min(text.find('\0'), text.size());
  const auto governed = GovernedFromJson(text.substr(0, end));
  if (!governed) return;
  const std::string written = GovernedToJson(*governed);
  const auto again = GovernedFromJson(written);
  Require(again && GovernedToJson(*again) == written);
  Require(again->sent == governed->sent && again->chain == governed->chain);

  Explanation explanation;
  explanation.options.target = "host";
  explanation.governed = *governed;
  const auto stock = StockFromJson(text.substr(std::min(end + 1, text.size())));
  if (stock) {
    const std::string stock_written = StockToJson(*stock);
    const auto stock_again = StockFromJson(stock_written);
    Require(stock_again && StockToJson(*stock_again) == stock_written);
    explanation.stock = *stock;
  }
  Conclude(explanation);
  RequirePlain(ExplanationAsText(explanation, 80, false));
  ExplanationAsText(explanation, 1, true);
  Require(nlohmann::json::accept(ExplanationAsJson(explanation)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0:
      Explain(text);
      break;
    case 1:
      if (const auto probe = ProbeFromJson(text)) {
        const std::string written = ProbeToJson(*probe);
        const auto again = ProbeFromJson(written);
        Require(again && ProbeToJson(*again) == written);
        Status status;
        status.configuration = probe->configuration;
        status.module = probe->module;
        status.providers = probe->providers;
        status.served = probe->served;
        Judge(status);
        Require(nlohmann::json::accept(StatusAsJson(status)));
        StatusAsText(status);
      }
      break;
    case 2:
      if (const auto question = QuestionFromJson(text)) {
        const std::string written = QuestionToJson(*question);
        const auto again = QuestionFromJson(written);
        Require(again && QuestionToJson(*again) == written);
      }
      break;
    default: {
      const Witness witness = ReadWitness(text);
      Require(witness.loaded || witness.reach.empty());
      Require(witness.source.find('\n') == std::string::npos);
    }
  }
  return 0;
}
