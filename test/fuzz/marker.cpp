// A CA file that may hold the marker: it is found exactly where taking the file apart in the slow
// way finds it. Three bytes stand for the parts that a fuzzer would have to guess,
// and one takes away the character before it.
#include "provider/hooks/marker.hpp"

#include <fstream>
#include <iterator>

#include "fuzz_target.hpp"

using ostrust::fuzz::Require;

namespace {

constexpr std::string_view kBegin = "-----BEGIN X509 CRL-----";
constexpr std::string_view kEnd = "-----END X509 CRL-----";

const std::string& MarkerBody() {
  static const std::string& body = *new std::string([] {
    std::ifstream file(MARKER_FILE);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const std::size_t begin = text.find(kBegin) + kBegin.size();
    return text.substr(begin, text.find(kEnd) - begin);
  }());
  Require(body.size() > 300);
  return body;
}

std::string WithoutSpace(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') out += c;
  }
  return out;
}

// From the last BEGIN before each END, and from every other one, too.
bool SlowlyHoldsMarker(const std::string& text) {
  const std::string marker = WithoutSpace(MarkerBody());
  for (std::size_t begin = text.find(kBegin); begin != std::string::npos;
       begin = text.find(kBegin, begin + kBegin.size())) {
    const std::size_t body = begin + kBegin.size();
    const std::size_t end = text.find(kEnd, body);
    if (end != std::string::npos && WithoutSpace(text.substr(body, end - body)) == marker) {
      return true;
    }
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;  // the slow way is
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    const char c = static_cast<char>(data[i]);
    // A few bytes stand for what the parts of a file are.
    if (c == '\1') {
      text += kBegin;
    } else if (c == '\2') {
      text += kEnd;
    } else if (c == '\3') {
      text += MarkerBody();
    } else if (c == '\4' && !text.empty()) {
      text.pop_back();
    } else {
      text += c;
    }
  }
  Require(ostrust::hooks::TextHoldsMarker(text) == SlowlyHoldsMarker(text));
  return 0;
}
