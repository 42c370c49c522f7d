#include <chrono>
#include <sstream>

#include <dlfcn.h>

#include "provider/tool/child_process.hpp"
#include "provider/tool/elf_file.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {
namespace {

constexpr std::chrono::seconds kLimit{10};

}  // namespace

bool IsForThisMachine(const std::string& file) {
  return ElfFile(file).IsOurs();
}

bool ExportsOpenSsl(const std::string& file) {
  return ElfFile(file).Exports("OPENSSL_init_crypto");
}

std::string HiddenOpenSslVersion(const std::string&) {
  return {};  // a file that has the words may link OpenSSL, mention it, or load it later
}

/// What the dynamic loader gives an ELF file for libcrypto, asked with --list: it maps what the
/// file needs and runs none of it.
Library LinkedLibcrypto(const std::string& file, const std::string&) {
  const std::string loader = OwnLoader();
  if (loader.empty()) return {{}, "this tool has no dynamic loader to ask"};
  const ChildOutcome listed = RunCommand({loader, "--list", file}, kLimit);
  std::istringstream lines(listed.out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t name = line.find_first_not_of(" \t");
    if (name == std::string::npos || line.compare(name, 13, "libcrypto.so.") != 0) continue;
    const std::size_t arrow = line.find(" => ");
    if (arrow == std::string::npos) continue;
    const std::string path = line.substr(arrow + 4, line.rfind(" (") - arrow - 4);
    if (path.empty() || path.front() != '/') return {{}, FirstLine(line.substr(name))};
    return {path, {}};
  }
  if (listed.Succeeded()) return {};
  const std::string error = FirstLine(listed.err);
  return {{}, error.empty() ? "the dynamic loader " + listed.Describe() : error};
}

std::string AnyLibcrypto() {
  const std::string openssl = FindExecutable("openssl");
  if (!openssl.empty()) {
    const Library library = LinkedLibcrypto(openssl, openssl);
    if (!library.path.empty()) return library.path;
  }
  for (const char* const name : {"libcrypto.so.4", "libcrypto.so.3"}) {
    const ChildOutcome loaded =
        RunForked([&] { return ::dlopen(name, RTLD_NOW) == nullptr ? "" : "yes"; }, kLimit);
    if (!loaded.out.empty()) return name;
  }
  return "libcrypto.so.3";  // whoever loads it says that there is none
}

}  // namespace ostrust::tool
