// p11-kit's *.module files, whatever is in them: what is loaded is its trust module, by an absolute
// path.
//
// Of each file: a byte that says which, and its content with its length.
#include "platform/linux/p11_kit_configuration.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "fuzz_target.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

namespace {

// In memory where there is such a file system.
const std::string& Directory() {
  static const std::string& directory = *new std::string([] {
    char in_memory[] = "/dev/shm/ostrust-fuzz-XXXXXX";
    char elsewhere[] = "/tmp/ostrust-fuzz-XXXXXX";
    const char* const made = mkdtemp(in_memory) != nullptr ? in_memory : mkdtemp(elsewhere);
    Require(made != nullptr);
    return std::string(made == nullptr ? "" : made);
  }());
  return directory;
}

const std::array<std::string, 5>& Files() {
  static const auto& files = [&]() -> const auto& {
    const std::string& top = Directory();
    Require(mkdir((top + "/etc").c_str(), 0700) == 0 && mkdir((top + "/usr").c_str(), 0700) == 0);
    auto* const names = new std::array<std::string, 5>{
        top + "/etc/p11-kit-trust.module", top + "/etc/other.module", top + "/etc/file.conf",
        top + "/usr/p11-kit-trust.module", top + "/usr/other.module"};
    std::atexit([] {
      for (const std::string& file : Files()) unlink(file.c_str());
      for (const char* const part : {"/etc", "/usr", ""}) rmdir((Directory() + part).c_str());
    });
    return *names;
  }
  ();
  return files;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ostrust::fuzz::Pieces pieces(data, size);
  for (const std::string& file : Files()) unlink(file.c_str());
  bool says_so = false;
  while (!pieces.AtEnd()) {
    const std::size_t which = pieces.Byte() % Files().size();
    const std::string content = pieces.TextChunk();
    const int fd = open(Files()[which].c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    Require(fd >= 0 &&
            write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    close(fd);
    says_so |= which != 2 && content.find("trust-policy") != std::string::npos;
  }
  const P11KitLocations locations{{Directory() + "/etc", Directory() + "/usr"}, {"/lib/pkcs11"}};
  std::vector<FileStamp> stamps;
  std::string error;
  const auto found = FindP11KitModule(locations, std::chrono::nanoseconds(0), stamps, error);
  Require(stamps.size() >= 2);
  Require(found.has_value() == error.empty());
  if (!found) return 0;
  Require(says_so && found->files.size() == 1 && found->files.front().front() == '/');
  Require(found->files.front().ends_with("/p11-kit-trust.so"));
  return 0;
}
