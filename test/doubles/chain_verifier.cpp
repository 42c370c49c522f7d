// An operating system's verifier for tests: it takes its verdict from the peer's certificate. A
// subject that holds "os verdict E D." makes it answer with ChainError number E about depth D, and
// say what it was asked; with more pairs before the full stop it has more against the chain. What
// it accepts, it accepts with the chain of the peer's certificate and the certificates of the PEM
// file $OSTRUST_TEST_SYSTEM_CHAIN, and with none where that is not set. The module ostrust-verifier
// is the module with this in it.
#include "platform/chain_verifier.hpp"

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "platform/bundle.hpp"

namespace ostrust::platform {
namespace {

class Scripted final : public ChainVerifier {
 public:
  ChainVerdict Verify(const ChainQuestion& question) const override {
    constexpr std::string_view kMark = "os verdict ";
    const std::string_view leaf = AsText(question.chain.front());
    const std::size_t mark = leaf.find(kMark);
    if (mark == std::string_view::npos) {
      return {ChainError::kNone, 0, {}, SystemChain(question.chain.front())};
    }
    const char* text = leaf.data() + mark + kMark.size();
    const char* const end = leaf.data() + leaf.size();
    const ChainFinding first = ReadFinding(text, end);
    std::vector<ChainFinding> others;
    while (text != end && *text == ' ') others.push_back(ReadFinding(++text, end));
    return {first.error,
            first.depth,
            "asked about " + std::to_string(question.chain.size()) + " certificates, purpose " +
                std::to_string(static_cast<int>(question.purpose)) + ", name " + question.name +
                ", time " + std::to_string(question.time) + ", intermediates " +
                std::to_string(static_cast<int>(question.network.intermediates)) + ", fetch " +
                std::to_string(static_cast<int>(question.network.may_fetch)) + ", revocation " +
                std::to_string(static_cast<int>(question.network.revocation)) + ", stapled " +
                std::to_string(question.stapled_response.size()) + " within " +
                std::to_string(question.network.timeout.count()) + " ms",
            {},
            std::move(others)};
  }

 private:
  static ChainFinding ReadFinding(const char*& text, const char* end) {
    int error = 0;
    std::size_t depth = 0;
    text = std::from_chars(text, end, error).ptr;
    text = std::from_chars(text + 1, end, depth).ptr;
    return {static_cast<ChainError>(error), depth, "another finding"};
  }

  static std::vector<Bytes> SystemChain(ByteView leaf) {
    const char* const path = std::getenv("OSTRUST_TEST_SYSTEM_CHAIN");
    if (path == nullptr) return {};
    std::vector<Bytes> chain = {Bytes(leaf.begin(), leaf.end())};
    std::ifstream file(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    for (TrustedCertificate& certificate : ReadBundle(AsBytes(text), path).certificates) {
      chain.push_back(std::move(certificate.der));
    }
    return chain;
  }
};

}  // namespace

std::unique_ptr<ChainVerifier> MakeChainVerifier() {
  return std::make_unique<Scripted>();
}

}  // namespace ostrust::platform
