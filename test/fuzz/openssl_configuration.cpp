// openssl.cnf, as the tool reads it and as `ostrust run` writes it: what is written there is read
// as it was meant.
//
// Up to a NUL a value for ostrust's section; then the file of the command. OpenSSL's own parser is
// in between.
#include "provider/tool/configuration.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz_target.hpp"
#include "provider/tool/explain_libraries.hpp"
#include "provider/tool/run_configuration.hpp"

using namespace ostrust::tool;
using ostrust::fuzz::Require;

namespace {

const Libcrypto& Linked() {
  static const Libcrypto& linked = [&]() -> const Libcrypto& {
    auto* const made = new Libcrypto;
#define OSTRUST_TAKE(name) made->name = &::name;
    OSTRUST_TOOL_SYMBOLS(OSTRUST_TAKE)
#undef OSTRUST_TAKE
    return *made;
  }();
  return linked;
}

Configuration ReadText(const std::string& text) {
  const int fd = memfd_create("cnf", MFD_CLOEXEC);
  Require(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  const Configuration read = ReadConfiguration(Linked(), "/proc/self/fd/" + std::to_string(fd));
  close(fd);
  Require(ERR_peek_error() == 0);
  return read;
}

// What OpenSSL's format can hold: one line, which does not begin or end with space.
bool CanBeWritten(const std::string& value) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  return !value.empty() && value.size() < 256 && value.find_first_of("\n\r") == std::string::npos &&
         kSpace.find(value.front()) == std::string_view::npos &&
         kSpace.find(value.back()) == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\0'), size);
  const std::string value = text.substr(0, end);
  const std::string file = text.substr(std::min(end + 1, size));
  // What it includes may be anything on this machine.
  if (file.find("include") == std::string::npos && file.find('\0') == std::string::npos) {
    const Configuration read = ReadText(file);
    Require(read.exists);
    if (read.error.empty()) {
      Require(read.openssl.providers.empty() || !read.openssl.init.empty());
      Require(!read.openssl.ostrust_section.empty() || read.openssl.ostrust_keys.empty());
    }
  }
  if (!CanBeWritten(value)) return 0;
  RunConfiguration run;
  run.module = "/lib/ostrust.so";
  run.keys = {{"log", value}};
  const Configuration read = ReadText(RunConfigurationText(run));
  Require(read.error.empty());
  Require(read.openssl.ostrust_keys.at("log") == value);
  Require(read.openssl.Activates("ostrust") && read.openssl.Activates("default"));
  return 0;
}
